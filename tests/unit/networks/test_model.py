"""The networks: shapes, initial weights, dropout, and the way to files and back."""

import pkgutil
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import Normalisation, PrepareFacts
from stages.core.config.automatic import MODELS
from stages.core.config.recipe import Backbone, ModelConfig
from stages.core.networks import bodies
from stages.core.networks.fronts.pixels import Normalise
from stages.core.networks.layers import Dropout
from stages.core.networks.model import (
    build_model,
    check_alike,
    check_draws,
    describe_model,
    initialise,
    load_model,
    normalises_batches,
)

NORMALISATION = Normalisation(mean=(0.5,), std=(0.25,))
SHAPE = (1, 12, 12)
FACTS = PrepareFacts(
    task="classification",
    dataset="made up",
    classes=("a", "b", "c", "d"),
    input_shape=SHAPE,
    train_sha256="0" * 64,
)
NAMES = sorted(set(MODELS["image"]) - set(get_args(Backbone)))  # those have tests of their own
NEW = """
from torch import nn

def body(config, input_shape):
    return [nn.AvgPool2d(input_shape[-1]), nn.Flatten()], input_shape[0]
"""


def build(config, seed: int = 0) -> nn.Module:
    return build_model(config, SHAPE, 4, NORMALISATION, torch.Generator().manual_seed(seed))


def test_normalise_is_that_of_torchvision():
    from torchvision.transforms.v2.functional import normalize

    images = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    torch.testing.assert_close(Normalise([0.5], [0.25])(images), normalize(images / 255, [0.5], [0.25]))


@pytest.mark.parametrize(
    ("keys", "weights"),
    [
        ({"name": "linear", "hidden": [7]}, 144 * 4 + 4),
        ({"name": "mlp", "hidden": [7, 6]}, 144 * 7 + 7 + 7 * 6 + 6 + 6 * 4 + 4),
        # 12 x 12 -5x5-> 8 x 8 -pool-> 4 x 4 -3x3, padded-> 4 x 4 -pool-> 2 x 2
        ({"name": "cnn", "channels": [2, 3], "batch_norm": True}, 2 * 25 + 4 + 2 * 3 * 9 + 6 + 3 * 4 * 4 + 4),
        ({"name": "cnn", "channels": [2], "batch_norm": False, "hidden": [5]}, 52 + 2 * 16 * 5 + 5 + 5 * 4 + 4),
        ({"name": "cnn", "channels": [2], "batch_norm": False, "pooling": "average"}, 52 + 2 * 4 + 4),
        (
            {"name": "cnn", "channels": [2, 3], "batch_norm": True, "convolutions": 2},
            2 * 25 + 4 + 2 * 2 * 9 + 4 + 2 * 3 * 9 + 6 + 3 * 3 * 9 + 6 + 3 * 4 * 4 + 4,
        ),
    ],
)
def test_networks_have_the_layers_they_say(recipe, keys, weights):
    model = build(recipe(model=keys).model)
    assert sum(p.numel() for p in model.parameters()) == weights
    assert model.eval()(torch.zeros((3, *SHAPE), dtype=torch.uint8)).shape == (3, 4)


def test_a_block_is_halved_once_and_what_is_left_is_averaged(recipe):
    keys = {"name": "cnn", "channels": [2, 3], "batch_norm": True, "convolutions": 2, "pooling": "average"}
    model = build(recipe(model=keys).model)
    block = ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "MaxPool2d", "BatchNorm2d", "ReLU"]
    assert [type(layer).__name__ for layer in model][1:] == [*block, *block, "AdaptiveAvgPool2d", "Flatten", "Linear"]


@pytest.mark.parametrize(
    ("side", "channels", "blocks"), [(28, [4], 1), (64, [4, 8, 8], 3), (64, [4], 2), (224, [4, 8, 8], 4)]
)
def test_of_large_images_a_cnn_repeats_its_last_block(recipe, side, channels, blocks):
    config = recipe(model={"name": "cnn", "channels": channels}).model
    model = build_model(config, (1, side, side), 4, NORMALISATION, torch.Generator().manual_seed(0))
    filters = [layer.out_channels for layer in model if isinstance(layer, nn.Conv2d)]
    assert filters == [*channels, *channels[-1:] * (blocks - len(channels))]
    assert model[-1].in_features <= 16**2 * channels[-1]


def test_every_name_of_the_configuration_is_a_file_and_every_file_a_name():
    own = set(get_args(ModelConfig.model_fields["name"].annotation)) - set(get_args(Backbone))
    assert own | {"backbone"} == {module.name for module in pkgutil.iter_modules(bodies.__path__)}


def test_a_network_is_one_file_and_a_name(recipe, tmp_path, monkeypatch):
    (tmp_path / "a_new_network.py").write_text(NEW)
    monkeypatch.setattr(bodies, "__path__", [*bodies.__path__, str(tmp_path)])
    model = build(recipe().model.model_copy(update={"name": "a_new_network"}))
    assert sum(p.numel() for p in model.parameters()) == 4 + 4
    assert model(torch.zeros((3, *SHAPE), dtype=torch.uint8)).shape == (3, 4)


def test_weights_come_from_the_generator_alone(recipe):
    config = recipe().model
    torch.manual_seed(1)
    first = build(config).state_dict()
    torch.manual_seed(2)
    again, other = build(config).state_dict(), build(config, seed=5).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_weights_are_uniform_within_torchs_bounds(recipe):
    weight = build(recipe(model={"name": "mlp", "hidden": [400]}).model)[2].weight
    assert weight.abs().max() <= 1 / 12
    assert weight.std().item() == pytest.approx(1 / 12 / 3**0.5, rel=0.02)


def test_too_many_blocks_are_refused(recipe):
    with pytest.raises(InputError, match=r"model\.channels = \[4, 4, 4, 4\].*block 4 leaves nothing of 12 x 12"):
        build(recipe(model={"channels": [4, 4, 4, 4]}).model)


def test_dropout_keeps_the_mean_and_needs_a_generator():
    layer = Dropout(0.25)
    ones = torch.ones(100_000)
    with pytest.raises(AssertionError, match="generator"):
        layer(ones)
    layer.generator = torch.Generator().manual_seed(0)
    dropped = layer(ones)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(layer.eval()(ones), ones)


@pytest.mark.parametrize("name", NAMES)
def test_a_description_and_weights_give_the_same_model_back(recipe, name):
    config = recipe(model={"name": name, "hidden": [5], "dropout": 0.5}).model
    model = build(config)
    weights = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    loaded = load_model(describe_model(config, FACTS, NORMALISATION, 2.0, "accuracy", 1, "0" * 64), weights)
    images = torch.randint(0, 256, (5, *SHAPE), dtype=torch.uint8)
    assert not loaded.training
    assert torch.equal(loaded(images), model.eval()(images) / 2)


def test_foreign_weights_and_damaged_descriptions_are_refused(recipe):
    config = recipe(model={"name": "linear"}).model
    description = describe_model(config, FACTS, NORMALISATION, 2.0, "accuracy", 1, "0" * 64)
    with pytest.raises(InputError, match="do not belong together"):
        load_model(description, {"2.weight": np.zeros((4, 3), np.float32), "2.bias": np.zeros(4, np.float32)})
    with pytest.raises(InputError, match="do not belong together"):
        load_model(description.model_copy(update={"architecture": {"name": "linear"}}), {})


@pytest.mark.parametrize(
    "layer",
    [nn.Dropout(0.5), nn.Dropout2d(0.1), nn.AlphaDropout(0.1), nn.RReLU(), nn.FractionalMaxPool2d(2, 4)],
)
def test_a_layer_that_draws_from_torchs_own_generator_is_refused_by_name(layer):
    state = torch.get_rng_state()
    model = nn.Sequential(Normalise([0.5], [0.25]), nn.Sequential(nn.ReLU(), layer), nn.Flatten())
    with pytest.raises(InputError, match=rf"network: layer 1\.1 \({type(layer).__name__}\): draws from torch's own"):
        check_draws(model, SHAPE)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", NAMES)
def test_our_networks_draw_from_nothing_but_what_they_are_given_and_a_trial_leaves_no_trace(recipe, name):
    model = build(recipe(model={"name": name, "hidden": [5], "dropout": 0.5}).model)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    check_draws(model, SHAPE)
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


@pytest.mark.parametrize("make", [lambda: nn.Embedding(1, 1), lambda: nn.Conv1d(2, 3, 2), lambda: nn.GRU(3, 2)])
def test_a_layer_whose_weights_nobody_redraws_is_refused_by_name(make):
    model, again = (nn.Sequential(nn.Linear(2, 2), make()) for _ in range(2))
    for one in (model, again):
        initialise(one, torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=rf"network: layer 1 \({type(model[1]).__name__}\): its initial weights"):
        check_alike(model, again)


def test_layers_whose_weights_begin_alike_need_no_draws():
    initialise(nn.Sequential(nn.BatchNorm2d(3), nn.LayerNorm(4), nn.GroupNorm(1, 3), nn.PReLU()), torch.Generator())


def test_a_network_says_itself_whether_it_normalises_batches(recipe):
    assert normalises_batches(build(recipe(model={"name": "cnn", "batch_norm": True}).model))
    assert not normalises_batches(build(recipe(model={"name": "cnn", "batch_norm": False}).model))
    assert not normalises_batches(build(recipe(model={"name": "mlp", "batch_norm": True, "hidden": [3]}).model))
