"""Training networks of torchvision: a function of recipe and data, whoever computes and however often it is killed."""

from typing import Any

import numpy as np
import pytest
from torchvision.models import get_model

from stages.core.base.command import InputError
from stages.core.config.recipe import Recipe
from stages.core.data.examples import Examples
from stages.core.training.checkpoint import Checkpoint
from stages.core.training.fit import Fit, fit
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers

# Batch norm, depthwise convolutions, squeeze and excitation in both; dropout; stochastic depth in the second.
NAMES = ("mobilenet_v3_small", "efficientnet_b0")


def pictures(examples: int, channels: int = 3) -> Examples:
    """Made-up images (N, channels, 32, 32) of four classes: a bright bar at a height of the class's own."""
    targets = np.arange(examples, dtype=np.int64) % 4
    inputs = np.random.default_rng(0).integers(0, 60, (examples, channels, 32, 32), dtype=np.uint8)
    for image, target in zip(inputs, targets, strict=True):
        image[:, 8 * target : 8 * target + 6] = 200
    return Examples(inputs, targets)


def small(recipe, name: str, **train: Any) -> Recipe:
    keys = {"epochs": 2, "batch_size": 8, "shards": 4, "lr": 0.003} | train
    result: Recipe = recipe(model={"name": name}, augment={"shift": 0.05}, train=keys)
    return result


def train(recipe: Recipe, data: Examples, workers: int = 1, **options: Any) -> Fit:
    with Workers(workers) as pool:
        return fit(recipe, data, data, objective_of(recipe.train, "classification"), 4, pool, **options)


def said(fitted: Fit) -> list[bytes]:
    """What the run gave, to the bit: weights, buffers, outputs and curves."""
    arrays = [tensor.numpy() for tensor in fitted.model.state_dict().values()]
    return [*(array.tobytes() for array in arrays), fitted.validation_outputs.tobytes(), repr(fitted.history).encode()]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", NAMES)
def test_neither_workers_nor_a_kill_change_a_bit(recipe, name, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    data, recipe = pictures(16), small(recipe, name)
    alone = said(train(recipe, data))
    assert said(train(recipe, data, workers=3)) == alone

    def kill(history: Any) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(recipe, data, workers=2, checkpoint=Checkpoint("run"), on_epoch=kill)
    assert said(train(recipe, data, checkpoint=Checkpoint("run"))) == alone


def test_a_gray_picture_is_learned(recipe):
    fitted = train(small(recipe, "resnet18", batch_size=16, lr=0.001), pictures(32, channels=1), workers=2)
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss


def test_a_shard_too_small_for_batch_norm_is_refused_by_name(recipe):
    with pytest.raises(ValueError, match=r"train\.batch_size = 7: must be at least 8.*'resnet18' has batch norm"):
        small(recipe, "resnet18", batch_size=7)
    with pytest.raises(InputError, match=r"the smallest of 6; must be at least 8"):
        train(small(recipe, "resnet18"), pictures(12))


@pytest.mark.parametrize("freeze", ["none", "backbone"])
def test_a_run_that_starts_from_weights_is_as_repeatable(recipe, freeze):
    name, data = "mobilenet_v3_small", pictures(16)
    keys = {"name": name, "weights": "file", "weights_file": "a.pth", "freeze": freeze}
    again = recipe(model=keys, train={"epochs": 2, "batch_size": 4 if freeze == "backbone" else 8, "shards": 4})
    network = get_model(name, weights=None)
    start = {key: tensor.numpy() for key, tensor in network.state_dict().items() if "classifier.3" not in key}
    alone, shared = (train(again, data, workers, pretrained=start) for workers in (1, 3))
    assert said(alone) == said(shared)
    kept = [np.array_equal(alone.model[1].network.state_dict()[key].numpy(), array) for key, array in start.items()]
    assert all(kept) if freeze == "backbone" else not all(kept)
    assert alone.history[0].train_loss != alone.history[1].train_loss
