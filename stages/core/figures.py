"""The pictures: each function takes a tracked table or array and returns a figure. Call and save in `house_style`."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray
from pydantic import Field

from stages.core.curves import Curve, height
from stages.core.params import Section
from stages.core.scoring import Mistake
from stages.core.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    TRAIN,
    VALIDATION,
    VERMILLION,
    accuracy_scale,
    figure,
    heading,
    loss_scale,
    percent,
    title,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PARTS = {"train": TRAIN, "validation": VALIDATION}
_QUANTITIES: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
_HIGHLIGHTS = (VERMILLION, BLUE, GREEN, PURPLE)  # for the classes a reader should look at: the worst ones
_LISTED = 18  # classes beside a curve plot, at most
_ERROR_AXES = "Axes are logarithmic in the errors: false positives, and positives missed."
_GALLERY_COLUMNS = 5
_NAME = 16  # characters of a class name where there is little room


class PlotConfig(Section):
    """How `plot` draws its pictures."""

    dpi: int = Field(ge=50, le=600)
    mistakes: int = Field(ge=1, le=120)


def training(table: pd.DataFrame, best_epoch: int) -> Figure:
    """Loss and accuracy by epoch, training against validation where there is one, and the epoch that was chosen."""
    fig = figure(3.8)
    for axes, quantity in zip(fig.subplots(1, 2), _QUANTITIES, strict=True):
        lines = {part: _numbers(table[f"{part}_{quantity}"]) for part in _PARTS}
        _epochs(axes, table["epoch"], quantity, np.concatenate(list(lines.values())))
        for part, colour in _PARTS.items():
            axes.plot(table["epoch"], lines[part], color=colour, marker="o", markersize=3)
        _label_ends(axes, {part: (table["epoch"].iloc[-1], values[-1]) for part, values in lines.items()})
        _mark_epoch(axes, best_epoch, table["epoch"].iloc[-1], at_top=quantity == "loss")
    return fig


def cross_validate(table: pd.DataFrame) -> Figure:
    """Loss and accuracy by epoch: every fold a thin line, their mean a bold one for as long as all folds train."""
    fig = figure(3.8)
    folds = table["fold"].nunique()
    for axes, quantity in zip(fig.subplots(1, 2), _QUANTITIES, strict=True):
        columns = [f"{part}_{quantity}" for part in _PARTS]
        _epochs(axes, table["epoch"], quantity, table[columns].to_numpy(np.float64))
        ends = {}
        for (part, colour), column in zip(_PARTS.items(), columns, strict=True):
            of_fold = table.pivot_table(index="epoch", columns="fold", values=column)
            axes.plot(of_fold.index, of_fold, color=colour, linewidth=0.9, alpha=0.6)
            mean = of_fold.mean(axis=1, skipna=False).dropna()
            axes.plot(mean.index, mean, color=colour, linewidth=2.4, marker="o", markersize=3)
            ends[part] = (mean.index[-1], mean.iloc[-1])
        _label_ends(axes, ends)
    heading(fig, f"Cross-validation: {folds} folds thin, their mean bold")
    return fig


def confusion(counts: Integers, classes: Sequence[str]) -> Figure:
    """Confusion counts (C, C) with each row's shares; hits and mistakes in colours and on scales of their own."""
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
                column, row, f"{counts[row, column]}{share}", ha="center", va="center", fontsize=min(9, 15 * cell),
                linespacing=1.3, color="white" if on_dark else INK,
            )  # fmt: skip
    _label_cells(axes, classes, cell)

    right, total = int(np.trace(counts)), int(counts.sum())
    darkest = f", darkest at {percent(worst, 1)} of a row" if worst else ""
    note = f"Percentages are of the row. Blue: right. Orange: wrong{darkest}."
    title(axes, f"Confusion: {right:,} of {total:,} right, {percent(right / total, 2)}", note)
    return fig


def roc(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """ROC curves, with the false positive rate on a logarithmic axis: a good classifier lives in its first percent.

    `table` is plots/roc.csv, `scores` plots/classes.csv.
    """
    found = _curves(table, "false_positive_rate", "true_positive_rate")
    least = 10.0 ** np.floor(-np.log10(scores["support"].sum()))  # no false positive rate but 0 lies below this
    grid = np.geomspace(least, 1, 1000)  # a straight line in the table is none on this axis
    lines = {name: Curve(grid, height(curve, grid)) for name, curve in found.items()}

    fig, axes = _curve_plot(lines, scores, "roc_auc", "AUC")
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    accuracy_scale(axes, "y", _lowest(lines), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    title(axes, "ROC, one class against the rest", _ERROR_AXES)
    return fig


def precision_recall(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Precision-recall curves; `table` is plots/precision_recall.csv, `scores` plots/classes.csv."""
    found = _curves(table, "recall", "precision")
    fig, axes = _curve_plot(found, scores, "average_precision", "AP")
    accuracy_scale(axes, "x", 0, 1, finest=1 / scores["support"].max())
    accuracy_scale(axes, "y", _lowest(found), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="recall", ylabel="precision")
    title(axes, "Precision and recall, one class against the rest", _ERROR_AXES)
    return fig


def mistakes(worst: Sequence[Mistake], images: NDArray[np.uint8], classes: Sequence[str], total: int) -> Figure:
    """A gallery of the `worst` mistakes, of `total` made on the test set `images`, uint8 (N, C, H, W)."""
    rows = -(-len(worst) // _GALLERY_COLUMNS)
    fig = figure(0.5 + 2.05 * rows if worst else 1.2)
    if not worst:
        heading(fig, f"No mistakes on {len(images):,} test images")
        return fig
    heading(fig, f"The {len(worst)} most confident of {total:,} mistakes on {len(images):,} test images")
    for axes in fig.subplots(rows, _GALLERY_COLUMNS, squeeze=False).flat:
        axes.set_axis_off()
    for axes, mistake in zip(fig.axes, worst, strict=False):
        axes.imshow(_displayable(images[mistake.index]), cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(f"true: {_short(classes[mistake.actual])}", fontsize=9, loc="center", color=BLUE, pad=3)
        said = f"predicted: {_short(classes[mistake.predicted])}\n{100 * mistake.probability:.1f}%"
        axes.text(0.5, -0.03, said, color=VERMILLION, fontsize=9, ha="center", va="top", transform=axes.transAxes)
    return fig


def _numbers(column: pd.Series) -> Floats:
    """A column's values; NaN where the cell is empty, as validation's are where there is no validation part."""
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64)


def _epochs(axes: Axes, epochs: pd.Series, quantity: Literal["loss", "accuracy"], values: Floats) -> None:
    """Axes for curves over epochs: the loss logarithmic where it spans much, the accuracy by its error."""
    low, high = np.nanmin(values), np.nanmax(values)
    if quantity == "loss":
        title(axes, "Loss", "cross-entropy" + (", logarithmic" if loss_scale(axes, low, high) else ""))
    else:
        title(axes, "Accuracy", "logarithmic in the error" if accuracy_scale(axes, "y", low, high) else " ")
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _label_ends(axes: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Write each part's name at the end (x, y) of its line: the upper line's above it, the lower one's below."""
    drawn = sorted((y, x, part) for part, (x, y) in ends.items() if np.isfinite(y))
    for (y, x, part), side in zip(drawn, ("top", "bottom"), strict=False):
        axes.annotate(part, (x, y), (6, 0), textcoords="offset points", color=_PARTS[part], va=side)


def _mark_epoch(axes: Axes, epoch: int, last: int, at_top: bool) -> None:
    axes.axvline(epoch, color=GREY, linewidth=1, linestyle=":", zorder=1)
    on_left = epoch > last / 2
    axes.annotate(
        f"epoch {epoch} chosen",
        (epoch, int(at_top)),
        (-4 if on_left else 4, -3 if at_top else 3),
        ("data", "axes fraction"),
        "offset points",
        color=GREY,
        fontsize=9,
        ha="right" if on_left else "left",
        va="top" if at_top else "bottom",
    )


def _label_cells(axes: Axes, classes: Sequence[str], cell: float) -> None:
    """Class names along both axes of a matrix whose cells are `cell` inches wide, and lines between the cells."""
    size = min(10.0, 40 * cell)
    axes.set_xticks(range(len(classes)), classes, fontsize=size)
    axes.set_yticks(range(len(classes)), classes, fontsize=size)
    if max(map(len, classes)) * size * 0.6 > 72 * cell:
        axes.tick_params("x", rotation=40, rotation_mode="xtick")
    axes.set(xlabel="predicted", ylabel="actual")
    between = np.arange(len(classes) + 1) - 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(False)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _curves(table: pd.DataFrame, x: str, y: str) -> dict[str, Curve]:
    """The curves of a table, by class, in its order; the last is the macro average."""
    return {
        str(name): Curve(rows[x].to_numpy(np.float64), rows[y].to_numpy(np.float64))
        for name, rows in table.groupby("class", sort=False)
    }


def _curve_plot(lines: Mapping[str, Curve], scores: pd.DataFrame, area: str, area_name: str) -> tuple[Figure, Axes]:
    """Curves beside a list of the areas under them: the macro average in black, the worst classes in colour."""
    areas = dict(zip(scores["class"].astype(str), _numbers(scores[area]), strict=True))
    ranked = sorted((name for name in areas if np.isfinite(areas[name])), key=lambda name: areas[name])
    macro = list(lines)[-1]
    colours = dict(zip(ranked, _HIGHLIGHTS, strict=False))

    fig = figure(5.2)
    axes, listing = fig.subplots(1, 2, width_ratios=[3.6, 1])
    for name, line in lines.items():
        if name == macro:
            axes.plot(*line, color=INK, linewidth=2.4, zorder=4)
        else:
            axes.plot(*line, color=colours.get(name, PALE), linewidth=1.4, zorder=3 if name in colours else 2)

    listing.set_axis_off()
    listing.set(xlim=(0, 1), ylim=(_LISTED + 2, 0))
    entries = [(macro, np.mean([areas[name] for name in ranked]), INK)]
    entries += [(name, areas[name], colours.get(name, GREY)) for name in ranked]
    listing.text(1, 0, area_name, color=GREY, ha="right", fontsize=9)
    for row, (name, value, colour) in enumerate(entries[: _LISTED + 1], start=1):
        weight = "bold" if colour != GREY else "normal"
        listing.text(0, row, _short(name), color=colour, fontsize=9, fontweight=weight)
        listing.text(1, row, f"{value:.5f}", color=colour, fontsize=9, ha="right")
    if len(entries) > _LISTED + 1:
        listing.text(0, _LISTED + 2, f"and {len(entries) - _LISTED - 1} more", color=GREY, fontsize=9)
    return fig, axes


def _lowest(lines: Mapping[str, Curve]) -> float:
    """Where the y axis of a curve plot starts: it is no close-up of perfect curves."""
    return min(0.9, *(float(line.y.min()) for line in lines.values()))


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1].rstrip() + "…"


def _displayable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (C, H, W) as Matplotlib shows it: colour where there are three channels, else the first one alone."""
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
