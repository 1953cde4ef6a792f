"""Small recipes and small data for the unit tests."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

import stages  # noqa: F401 - pins the numerics before torch is imported
from stages.core.config.automatic import MANY, settled
from stages.core.config.params import PARAMS_FILE
from stages.core.config.recipe import Recipe
from stages.core.data.examples import Examples

OFF: dict[str, dict[str, Any]] = {
    "augment": {"shift": 0.0, "rotation": 0.0, "scale": 0.0, "erase": 0.0},
    "model": {"channels": [4, 8], "dropout": 0.0},
    "train": {"epochs": 2, "batch_size": 16, "weight_decay": 0.0, "label_smoothing": 0.0},
}


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """The default recipe, shrunk and without regularisation, with the given keys of its sections changed."""
    defaults = settled(yaml.safe_load(PARAMS_FILE.read_text()), "image", "classification", MANY)

    def make(seed: int = 0, **sections: dict[str, Any]) -> Recipe:
        values = {name: defaults[name] | OFF[name] | sections.get(name, {}) for name in OFF}
        return Recipe.model_validate({"seed": seed, **values})

    return make


@pytest.fixture
def digits() -> Callable[..., Examples]:
    """Made-up images (N, 1, 12, 12) of four classes: a bright bar at a place of the class's own, under noise."""

    def make(examples: int, seed: int = 0) -> Examples:
        generator = np.random.default_rng(seed)
        targets = np.arange(examples, dtype=np.int64) % 4
        inputs = generator.integers(0, 60, (examples, 1, 12, 12), dtype=np.uint8)
        for image, target in zip(inputs, targets, strict=True):
            image[0, 3 * target : 3 * target + 2] = 200
        return Examples(inputs, targets)

    return make
