"""Inputs made worse, to measure how gracefully a model fails: one file per kind of data, told apart here alone."""

from functools import partial
from typing import Protocol

import numpy as np

from stages.core.base.schemas import DataDescription
from stages.core.experiments.corruptions import images, tables

SEVERITIES = (1, 2, 3, 4, 5)  # each corruption has a level for each


class Corruption(Protocol):
    """Inputs as `Examples` holds them at a severity from 0 (as they are) to 5; equal generators make equal draws."""

    def __call__(self, inputs: np.ndarray, /, *, severity: int, generator: np.random.Generator) -> np.ndarray: ...


def corruptions_of(description: DataDescription) -> dict[str, Corruption]:
    """All that makes such inputs worse, by name."""
    if description.columns is None:
        colours = description.shape[0] == 3
        names = [name for name in images.CORRUPTIONS if colours or name not in images.OF_COLOURS]
        return {name: partial(images.corrupt, corruption=name) for name in names}
    categorical = np.array([column.categories is not None for column in description.columns])
    pointless = {"noise"} if categorical.all() else {"shuffled_categories"} if not categorical.any() else set()
    return {
        name: partial(tables.corrupt, corruption=name, categorical=categorical)
        for name in tables.CORRUPTIONS
        if name not in pointless
    }
