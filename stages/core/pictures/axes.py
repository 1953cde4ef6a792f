"""What several pictures draw: curves over epochs, their labels, bands of folds."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from stages.core.pictures.style import (
    BLUE,
    GREEN,
    PURPLE,
    TRAIN,
    VALIDATION,
    VERMILLION,
    accuracy_scale,
    loss_scale,
    title,
)

Floats = NDArray[np.float64]

PARTS = {"train": TRAIN, "validation": VALIDATION}
QUANTITIES: tuple[Literal["loss", "score"], ...] = ("loss", "score")
HIGHLIGHTS = (VERMILLION, BLUE, GREEN, PURPLE)  # for what a reader should look at: the worst
_NAME = 16  # characters of a name where there is little room


def numbers(column: pd.Series) -> Floats:
    """A column's values; NaN where the cell is empty, as validation's are where there is no validation part."""
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64)


def shortened(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1].rstrip() + "…"


def epoch_axes(axes: Axes, epochs: pd.Series, quantity: Literal["loss", "score"], values: Floats, score: str) -> None:
    """Axes for curves over epochs: the loss logarithmic where it spans much, an accuracy by its error."""
    low, high = np.nanmin(values), np.nanmax(values)
    if quantity == "loss":
        title(axes, "Loss", "cross-entropy" + (", logarithmic" if loss_scale(axes, low, high) else ""))
    else:
        title(axes, score.capitalize(), "logarithmic in the error" if accuracy_scale(axes, "y", low, high) else " ")
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def band(axes: Axes, x: Floats, values: Floats, colour: str) -> tuple[float, float]:
    """The range of the folds' `values` (K, N) at `x` (N,) shaded, their mean bold; where the mean ends."""
    mean = values.mean(axis=0)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.13, linewidth=0)
    if len(x) == 1:
        axes.hlines(mean, x - 0.05, x + 0.05, color=colour, linewidth=2.4)
        return float(x[0]) + 0.05, float(mean[0])
    axes.plot(x, mean, color=colour, linewidth=2.4, marker="o", markersize=3)
    return float(x[-1]), float(mean[-1])


def label_ends(axes: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Write each part's name at the end (x, y) of its line: the upper line's above it, the lower one's below."""
    drawn = sorted((y, x, part) for part, (x, y) in ends.items() if np.isfinite(y))
    for (y, x, part), side in zip(drawn, ("top", "bottom"), strict=False):
        axes.annotate(part, (x, y), (6, 0), textcoords="offset points", color=PARTS[part], va=side)
