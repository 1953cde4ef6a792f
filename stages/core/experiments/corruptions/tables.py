"""Rows of a table made worse in three ways and five severities: imprecise numbers, missing cells, wrong categories.

As with images (see images.py), every processor gets the same rows: random draws are whole numbers alone.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Flags = NDArray[np.bool_]

_QUARTILES_OF_NORMAL = 1.349  # standard deviations between the quartiles of a normal distribution


def corrupt(rows: Rows, corruption: str, severity: int, generator: np.random.Generator, categorical: Flags) -> Rows:
    """`rows` float64 (N, F) under one of `CORRUPTIONS` at a severity from 0 (as they are) to 5.

    `categorical` (F,) says which columns hold categories. Equal generators make equal draws at every severity: a cell
    that is missing at one is missing at all that are worse.
    """
    if severity == 0:
        return rows
    function, levels = CORRUPTIONS[corruption]
    assert 0 < severity <= len(levels)
    return function(rows, levels[severity - 1], generator, categorical)


def noise(rows: Rows, share: float, generator: np.random.Generator, categorical: Flags) -> Rows:
    """Add noise to the numbers, whose standard deviation is a `share` of the spread of their column.

    The sum of twelve random bytes stands in for a normal draw, as in images.py.
    """
    sums = generator.integers(0, 256, (12, *rows.shape), dtype=np.uint8).sum(axis=0, dtype=np.int64)
    return np.where(categorical, rows, rows + (sums - 1530) / 256 * (share * spread(rows)))


def missing_cells(rows: Rows, percent: float, generator: np.random.Generator, _: Flags) -> Rows:
    """Empty `percent` of the cells, of numbers and of categories."""
    return np.where(generator.integers(0, 100, rows.shape) < percent, np.nan, rows)


def shuffled_categories(rows: Rows, percent: float, generator: np.random.Generator, categorical: Flags) -> Rows:
    """Give `percent` of the cells the category of another row, drawn from all: common ones stay as common."""
    taken = (generator.integers(0, 100, rows.shape) < percent) & categorical
    return np.where(taken, generator.permuted(rows, axis=0), rows)


CORRUPTIONS: dict[str, tuple[Callable[[Rows, float, np.random.Generator, Flags], Rows], tuple[float, ...]]] = {
    "noise": (noise, (0.1, 0.2, 0.4, 0.7, 1.0)),
    "missing_cells": (missing_cells, (5, 10, 20, 35, 50)),
    "shuffled_categories": (shuffled_categories, (5, 10, 20, 50, 100)),
}


def spread(rows: Rows) -> Rows:
    """A standard deviation (F,) of each column, by its quartiles, which a few far-off values do not move.

    Where the quartiles are the same it is the deviation itself, and 0 where nothing varies or is there.
    """
    found = []
    for column in rows.T:
        values = column[~np.isnan(column)]
        low, high = np.quantile(values, [0.25, 0.75]) if len(values) else (0.0, 0.0)
        deviation = (high - low) / _QUARTILES_OF_NORMAL
        if deviation == 0 and len(values):
            centred = values - math.fsum(values) / len(values)
            deviation = math.sqrt(math.fsum(centred**2) / len(values))
        found.append(deviation)
    return np.array(found)
