"""Training: it learns, it selects on validation alone, and it is a function of recipe and data."""

import math
from typing import get_args

import pytest
import torch

from stages.core.base import stored
from stages.core.base.artifacts import read_rows, write_arrays
from stages.core.base.command import InputError
from stages.core.config.automatic import LOSSES, MODELS
from stages.core.config.recipe import Backbone, TrainConfig, steps_per_epoch
from stages.core.data.examples import Examples
from stages.core.training.fit import Fit, fit
from stages.core.training.objectives import objective_of
from stages.core.training.objectives.classification import loss_and_accuracy, predict_probabilities
from stages.core.training.optimizers import Optimizer
from stages.core.training.parallel import Workers
from stages.core.training.prediction import predict_outputs


def train(recipe, data, validation=None, workers: int = 1, **options) -> Fit:
    with Workers(workers) as pool:
        objective = objective_of(recipe.train, "classification")
        return fit(recipe, data, validation if validation is not None else data.take([]), objective, 4, pool, **options)


def weights(fitted: Fit) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in fitted.model.state_dict().items()}


LEARNERS = [("linear", "sgd", 0.05), ("mlp", "adam", 0.01), ("cnn", "adamw", 0.01), ("cnn", "rmsprop", 0.003)]


def test_every_network_and_optimiser_is_among_the_learners():
    networks, optimizers, _ = map(set, zip(*LEARNERS, strict=True))
    assert networks == set(MODELS["image"]) - set(get_args(Backbone))  # those have tests of their own
    assert optimizers == set(get_args(TrainConfig.model_fields["optimizer"].annotation))


@pytest.mark.parametrize(("model", "optimizer", "lr"), LEARNERS)
@pytest.mark.parametrize("loss", LOSSES["classification"])
def test_a_model_overfits_32_examples(recipe, digits, model, optimizer, lr, loss):
    data = digits(32)
    keys = {"epochs": 25, "optimizer": optimizer, "lr": lr, "loss": loss, "schedule": "constant"}
    fitted = train(recipe(model={"name": model, "hidden": [16]}, train=keys), data)
    assert fitted.history[-1].train_score == 1
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_number_of_workers_changes_no_bit(recipe, digits, workers):
    everything = recipe(
        model={"hidden": [8], "dropout": 0.3},
        augment={"shift": 0.05, "rotation": 10.0, "erase": 0.1},
        train={"shards": 4},
    )
    data = digits(100)
    alone, shared = train(everything, data), train(everything, data, workers=workers)
    assert weights(alone) == weights(shared)
    assert alone.history[-1].train_loss == shared.history[-1].train_loss


def test_images_that_stay_in_their_file_give_the_same_bits(recipe, digits, tmp_path, monkeypatch):
    varied, data = recipe(augment={"shift": 0.05, "flip": "both"}, train={"shards": 4}), digits(100)
    write_arrays(tmp_path / "inputs", {"inputs": data.inputs})
    monkeypatch.setattr(stored, "IN_MEMORY", 100)
    inputs = read_rows(tmp_path / "inputs")["inputs"]
    assert isinstance(inputs, stored.Stored)
    assert weights(train(varied, Examples(inputs, data.targets), workers=3)) == weights(train(varied, data))


def test_seed_and_fold_name_different_runs(recipe, digits):
    data = digits(64)
    runs = [train(recipe(seed), data, fold=fold) for seed, fold in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert weights(runs[0]) == weights(runs[1])
    assert len({weights(run)["1.weight"] for run in runs}) == 3


def test_global_random_state_has_no_say(recipe, digits):
    torch.manual_seed(1)
    first = train(recipe(model={"hidden": [8], "dropout": 0.5}), digits(40))
    torch.manual_seed(2)
    assert weights(train(recipe(model={"hidden": [8], "dropout": 0.5}), digits(40))) == weights(first)


def test_the_epoch_most_accurate_in_validation_is_kept_and_of_equals_that_with_the_lowest_loss(recipe, digits):
    wild = recipe(train={"epochs": 6, "lr": 0.5, "schedule": "constant", "optimizer": "sgd", "momentum": 0.0})
    validation = digits(40, seed=9)
    fitted = train(wild, digits(40), validation)
    best = max(fitted.history, key=lambda epoch: (epoch.validation_score, -epoch.validation_loss))
    assert fitted.best_epoch == best.epoch
    with Workers(1) as workers:
        logits = predict_outputs(fitted.model, validation.inputs, workers)
    assert logits.numpy().tobytes() == fitted.validation_outputs.tobytes()
    assert loss_and_accuracy(logits, validation.targets) == (best.validation_loss, best.validation_score)


def test_without_selection_the_last_epoch_is_kept_and_validation_decides_nothing(recipe, digits):
    keys = {"epochs": 5, "schedule": "plateau", "lr": 0.5, "optimizer": "sgd", "early_stopping": 1}
    fits = [train(recipe(train=keys), digits(40), digits(40, seed), select=False) for seed in (1, 2)]
    assert [fitted.best_epoch for fitted in fits] == [5, 5]
    assert weights(fits[0]) == weights(fits[1])
    assert fits[0].history[0].validation_loss != fits[1].history[0].validation_loss


def test_without_validation_its_scores_are_nan(recipe, digits):
    fitted = train(recipe(train={"val_fraction": 0.0}), digits(20))
    assert math.isnan(fitted.history[0].validation_loss) and fitted.best_epoch == 2


def test_early_stopping_ends_a_run_that_no_longer_improves(recipe, digits):
    keys = {"epochs": 50, "lr": 2.0, "schedule": "constant", "optimizer": "sgd", "early_stopping": 2}
    fitted = train(recipe(model={"name": "linear"}, train=keys), digits(40), digits(12, seed=3))
    assert len(fitted.history) == fitted.best_epoch + 2 < 50


def test_the_curves_follow_the_schedule(recipe, digits):
    keys = {"schedule": "step", "decay": 0.5, "decay_every": 1, "lr": 0.08, "epochs": 3}
    assert [epoch.learning_rate for epoch in train(recipe(train=keys), digits(20)).history] == [0.08, 0.04, 0.02]


def test_every_step_is_counted(recipe, digits):
    steps: list[int] = []
    train(recipe(train={"epochs": 3, "batch_size": 16}), digits(33), on_step=steps.append)
    assert sum(steps) == 3 * steps_per_epoch(recipe().train, 33) == 9


def test_a_loss_that_is_not_finite_stops_the_run(recipe, digits):
    # A step of 10 against a decay of 1 multiplies the weights by -9 every time.
    keys = {"lr": 10.0, "optimizer": "sgd", "weight_decay": 1.0, "schedule": "constant", "epochs": 200}
    wild = recipe(model={"name": "linear"}, train=keys)
    with pytest.raises(InputError, match=r"loss became (nan|inf) at epoch \d+, step \d of 3, with train\.lr = 10\.0"):
        train(wild, digits(40))


def test_a_last_step_after_which_the_loss_is_not_finite_stops_the_run(recipe, digits, monkeypatch):
    # One step an epoch: its own loss is that of the first weights, and finite.
    monkeypatch.setattr(Optimizer, "step", lambda self, gradient, rate: self.weights.fill_(math.inf))
    with pytest.raises(InputError, match=r"the loss became nan at the end of epoch 1, with train\.lr = "):
        train(recipe(train={"batch_size": 40}), digits(40))


def test_a_batch_larger_than_the_data_is_refused(recipe, digits):
    with pytest.raises(InputError, match=r"train\.batch_size = 16: must be at most 8"):
        train(recipe(), digits(8))


def test_a_shard_too_small_for_batch_norm_is_refused(recipe, digits):
    # 33 examples make 5 batches of 6 or 7; three blocks leave a single pixel, which batch norm cannot take alone.
    keys = {"model": {"channels": [4, 8, 8]}, "train": {"batch_size": 8, "epochs": 1}}
    with pytest.raises(InputError, match=r"train\.batch_size = 8: makes 5 batches of the 33 .* 6; must be at least 8"):
        train(recipe(**keys), digits(33))
    assert train(recipe(**keys), digits(40)).best_epoch == 1


def test_probabilities_are_those_of_a_softmax(recipe, digits):
    data = digits(700)  # more than a batch of predictions
    fitted = train(recipe(), digits(32))
    with Workers(2) as workers:
        probabilities = predict_probabilities(fitted.model, data.inputs, workers)
        loss, accuracy = loss_and_accuracy(predict_outputs(fitted.model, data.inputs, workers), data.targets)
    assert probabilities.shape == (700, 4) and probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert accuracy == (probabilities.argmax(axis=1) == data.targets).mean()
    true = probabilities[range(700), data.targets].astype(float)
    assert loss == pytest.approx(-sum(map(math.log, true)) / 700, rel=1e-5)
