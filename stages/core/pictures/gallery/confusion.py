"""Confusion counts with each row's shares; hits and mistakes in colours and on scales of their own."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import shortened
from stages.core.pictures.findings import Findings, has
from stages.core.pictures.findings.classification import confusions
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import INK, figure, short_percent, title

_TOLD = 5  # of the most frequent mistakes, in the description


def draw(found: Findings, config: PlotConfig) -> Figure:
    classes = found.classes
    counts = found.tables["confusion"]["count"].to_numpy().reshape(len(classes), len(classes))
    number = len(classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    hit = np.eye(number, dtype=bool)
    worst = float(shares[~hit].max(initial=0))
    cell = 6.4 / number  # inches, about

    fig = figure(7.2)
    axes = fig.subplots()
    for cells, colours, most in ((hit, "Blues", 1.3), (~hit, "Oranges", 1.6 * worst)):
        axes.imshow(np.where(cells & (counts > 0), shares, np.nan), cmap=colours, vmin=0, vmax=most, aspect="auto")
    if cell >= 0.25:
        for row, column in np.argwhere(counts):
            share = f"\n{100 * shares[row, column]:.1f}%" if cell >= 0.5 else ""
            on_dark = row == column and shares[row, column] > 0.6
            axes.text(
                column, row, f"{counts[row, column]}{share}", ha="center", va="center", fontsize=min(9, 22 * cell),
                linespacing=1.3, color="white" if on_dark else INK,
            )  # fmt: skip
    _label_cells(axes, classes, cell)

    right, total = int(np.trace(counts)), int(counts.sum())
    darkest = f", darkest at {short_percent(worst, 1)} of a row" if worst else ""
    note = f"Percentages are of the row. Blue: right. Orange: wrong{darkest}."
    title(axes, f"Confusion: {right:,} of {total:,} right, {short_percent(right / total, 2)}", note)
    return fig


def describe(found: Findings) -> str:
    rows = confusions(found, _TOLD)
    pairs = ", ".join(f"{actual} as {predicted} {times}" for actual, predicted, times in rows)
    right = found.examples - len(found.mistakes)
    return (
        f"Matrix of actual against predicted classes: {right:,} of {found.examples:,} {found.things} are on the "
        "diagonal. "
        + (f"The most frequent mistakes: {pairs}." if pairs else "There is no mistake.")
    )  # fmt: skip


def _label_cells(axes: Axes, classes: Sequence[str], cell: float) -> None:
    """Class names along both axes of a matrix whose cells are `cell` inches wide, and lines between the cells."""
    size = min(10.0, 40 * cell)
    names = [shortened(name) for name in classes]
    axes.set_xticks(range(len(names)), names, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    if max(map(len, names)) * size * 0.6 > 72 * cell:
        axes.tick_params("x", rotation=40, rotation_mode="xtick")
    axes.set(xlabel="predicted", ylabel="actual")
    between = np.arange(len(names) + 1) - 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(False)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def caption(found: Findings) -> str:
    return f"Actual against predicted classes on the test {found.things}."


PICTURE = Picture("classes", 20, caption, draw, describe, has("confusion"))
