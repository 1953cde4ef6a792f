"""The engine on networks that are not ours: what it asks of them, and what it leaves alone."""

import pytest
import torch
from torch import nn

from stages.core.base.command import InputError
from stages.core.networks.fronts.pixels import Normalise
from stages.core.networks.layers import Dropout
from stages.core.networks.model import initialise
from stages.core.training.engine import Engine
from stages.core.training.fit import fit
from stages.core.training.objectives import Objective, objective_of
from stages.core.training.parallel import Workers


def objective(recipe) -> Objective:
    return objective_of(recipe().train, "classification")


@pytest.fixture
def given(monkeypatch):
    """Has the engine build the given network, whatever the recipe says."""

    def use(*layers: nn.Module) -> nn.Module:
        model = nn.Sequential(Normalise([0.5], [0.25]), nn.Flatten(), *layers)
        initialise(model, torch.Generator().manual_seed(0))
        monkeypatch.setattr("stages.core.training.engine.build_model", lambda *arguments: model)
        return model

    return use


def test_frozen_layers_stay_as_they_are_while_others_learn(recipe, digits, given):
    model = given(nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, 4))
    model[2].requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    keys = {"weight_decay": 0.5, "epochs": 12, "lr": 0.02, "shards": 2}
    with Workers(2) as workers:
        trained = fit(recipe(train=keys), digits(32), digits(8, seed=1), objective(recipe), 4, workers)
    after = trained.model.state_dict()
    assert torch.equal(after["2.weight"], before["2.weight"]) and torch.equal(after["2.bias"], before["2.bias"])
    assert not torch.equal(after["4.weight"], before["4.weight"])
    assert trained.history[-1].train_loss < trained.history[0].train_loss


def test_batch_norm_in_any_network_asks_for_two_examples_a_shard(recipe, digits, given):
    given(nn.BatchNorm1d(144), nn.Linear(144, 4))
    config = recipe(model={"name": "linear"}, train={"batch_size": 6, "shards": 4})
    with Workers(1) as workers:
        with pytest.raises(InputError, match=r"batch of 6, must be at least 8, 2 for each of the train\.shards = 4"):
            fit(config, digits(36), digits(8), objective(recipe), 4, workers)
        with pytest.raises(InputError, match=r"batch of 7, must be at least 8"):
            Engine(config, digits(36), objective(recipe), 4, workers).step(torch.arange(7), 0.1, ("range",))


def test_a_network_with_draws_of_its_own_is_refused(recipe, digits, given):
    given(nn.Dropout(0.5), nn.Linear(144, 4))
    with Workers(1) as workers, pytest.raises(InputError, match=r"layer 2 \(Dropout\): draws from torch's own"):
        Engine(recipe(), digits(32), objective(recipe), 4, workers)


def test_every_random_layer_has_a_stream_of_its_own(recipe, digits, given):
    given(Dropout(0.5), Dropout(0.5), nn.Linear(144, 4))
    with Workers(1) as workers:
        engine = Engine(recipe(), digits(32), objective(recipe), 4, workers)
        engine.step(torch.arange(32), 0.1, ("try", 1))
        seeds = [layer.generator.initial_seed() for layers in engine.random for layer in layers]
    assert len(seeds) == len(set(seeds)) == 8
