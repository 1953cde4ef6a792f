"""The networks of torchvision: theirs to the last weight, with draws of the run alone."""

from typing import get_args

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from stages.core.base.command import InputError
from stages.core.base.schemas import Normalisation
from stages.core.config.recipe import NORMALISES_BATCHES, Backbone
from stages.core.networks.bodies.backbone import HEADS
from stages.core.networks.layers import Dropout, StochasticDepth
from stages.core.networks.model import build_model, check_alike, check_draws, normalises_batches

NAMES = get_args(Backbone)
SHAPE = (3, 32, 32)


def build(recipe, name: str, seed: int = 0, shape=SHAPE, **keys) -> nn.Sequential:
    normalisation = Normalisation(mean=(0.0,) * shape[0], std=(1 / 255,) * shape[0])  # leaves pixels as they are
    generator = torch.Generator().manual_seed(seed)
    return build_model(recipe(model={"name": name, **keys}).model, shape, 4, normalisation, generator)


def test_there_is_a_head_for_each_name():
    assert HEADS.keys() == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_with_torchvisions_weights_they_give_what_torchvision_gives(recipe, name):
    model, theirs = build(recipe, name), get_model(name, weights=None, num_classes=4).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics other than the first ones
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    weights = theirs.state_dict()
    head = {part: weights.pop(f"{HEADS[name]}.{part}") for part in ("weight", "bias")}
    model[1].network.load_state_dict(weights)
    model[2].load_state_dict(head)
    images = torch.randint(0, 256, (3, *SHAPE), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), theirs(images.float()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_they_begin_as_torchvisions_do(recipe, name):
    ours, theirs = build(recipe, name)[1].network, get_model(name, weights=None)
    others = dict(theirs.named_parameters())
    for key, tensor in ours.named_parameters():
        if tensor.numel() < 10_000:  # those that are not drawn, and those too small to say
            assert tensor.std(correction=0) > 0 or torch.equal(tensor, others[key]), key
        else:
            assert tensor.std().item() == pytest.approx(others[key].std().item(), rel=0.05), key


@pytest.mark.parametrize("name", NAMES)
def test_all_draws_are_the_runs(recipe, name):
    model = build(recipe, name)
    check_alike(model, build(recipe, name))
    check_draws(model, SHAPE)
    assert not torch.equal(next(model.parameters()), next(build(recipe, name, seed=1).parameters()))
    assert normalises_batches(model) == (name in NORMALISES_BATCHES)


@pytest.mark.parametrize(
    ("name", "dropouts", "depths"),
    [("resnet18", 0, 0), ("mobilenet_v3_small", 1, 0), ("efficientnet_b0", 1, 15), ("convnext_tiny", 0, 17)],
)
def test_dropout_and_stochastic_depth_are_ours(recipe, name, dropouts, depths):
    layers = list(build(recipe, name).modules())
    assert sum(isinstance(layer, Dropout) for layer in layers) == dropouts
    assert sum(isinstance(layer, StochasticDepth) for layer in layers) == depths


def test_stochastic_depth_leaves_out_whole_examples_and_keeps_the_mean():
    layer = StochasticDepth(0.25)
    ones = torch.ones(20_000, 2, 3)
    with pytest.raises(AssertionError, match="generator"):
        layer(ones)
    layer.generator = torch.Generator().manual_seed(0)
    found = layer(ones)
    assert found.unique().tolist() == [0.0, torch.tensor(1 / 0.75).item()]
    assert torch.equal(found, found[:, :1, :1].expand_as(ones))
    assert found.mean().item() == pytest.approx(1, abs=0.02)
    assert layer.eval()(ones) is ones


def test_a_gray_image_is_one_of_three_equal_channels(recipe):
    gray = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    of_one, of_three = build(recipe, "resnet18", shape=(1, 32, 32)).eval(), build(recipe, "resnet18").eval()
    assert of_one.state_dict().keys() == of_three.state_dict().keys()
    torch.testing.assert_close(of_one(gray), of_three(gray.expand(-1, 3, -1, -1)))


def test_layers_of_hidden_may_follow(recipe):
    assert [type(layer).__name__ for layer in build(recipe, "resnet18", hidden=[8], dropout=0.5)[2:]] == [
        *("Linear", "ReLU", "Dropout", "Linear")
    ]


@pytest.mark.parametrize(
    ("name", "shape", "refusal"),
    [
        ("resnet18", (5,), "goes with images, found rows of a table"),
        ("resnet18", (2, 32, 32), "takes images of 1 or 3 channels, found 2"),
        ("convnext_tiny", (3, 40, 28), "takes images of 32 x 32 pixels or more, found 40 x 28"),
    ],
)
def test_images_that_do_not_go_with_the_network_are_refused_by_name(recipe, name, shape, refusal):
    with pytest.raises(InputError, match=rf"^params\.yaml: model\.name = '{name}': {refusal}$"):
        build(recipe, name, shape=shape)
