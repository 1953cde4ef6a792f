"""What several pictures draw: curves of training and validation, curves beside a list, and labels."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from stages.core.pictures.findings import Findings, numbers
from stages.core.pictures.findings.regression import ends
from stages.core.pictures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    TRAIN,
    VALIDATION,
    VERMILLION,
    Floats,
    accuracy_scale,
    drawable,
    figure,
    loss_scale,
    title,
)
from stages.core.pictures.wording import ticked
from stages.core.scores.curves import Curve

PARTS = {"train": TRAIN, "validation": VALIDATION}
QUANTITIES: tuple[Literal["loss", "score"], ...] = ("loss", "score")
HIGHLIGHTS = (VERMILLION, BLUE, GREEN, PURPLE)  # for the classes a reader should look at: the worst ones
ERROR_AXES = "Axes are logarithmic in the errors: false positives, and positives missed."
_LOSSES = {
    "classification": "cross-entropy",
    "regression": "absolute error of the scaled target",
}  # of the curves, whatever loss is trained on
_LISTED = 18  # classes beside a curve plot, at most
_NAME = 16  # characters of a class name where there is little room


def score_label(found: Findings, score: str) -> str:
    """`macro_f1` as "Macro F1"."""
    label = found.label(score)
    return label[:1].upper() + label[1:]


def show_image(
    axes: Axes, image: NDArray[np.uint8], as_ink: bool, extent: tuple[float, float, float, float] | None = None
) -> AxesImage:
    """An image (C, H, W): in colour where there are three channels, else the first alone, `as_ink` with 0 as white."""
    shown = np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
    return axes.imshow(shown, cmap="gray_r" if as_ink else "gray", vmin=0, vmax=255, extent=extent)


def shortened(name: str, most: int = _NAME, end: int = 0) -> str:
    """A name in one line, cut where there is little room; what the font lacks as a code, `\\n` or `\\u6570`.

    The last `end` characters stay, by which long names may differ.
    """
    signs = drawable()
    name = "".join(sign if sign in signs else sign.encode("unicode_escape").decode() for sign in name)
    return name if len(name) <= most else name[: most - 1 - end].rstrip() + "…" + name[len(name) - end :]


def curve_axes(axes: Axes, x: pd.Series, quantity: Literal["loss", "score"], values: Floats, found: Findings) -> None:
    """Axes for curves over epochs: the loss logarithmic where it spans much, the score by its error.

    A score that is no share, as an error in the target's unit, is shown as losses are.
    """
    low, high = np.nanmin(values), np.nanmax(values)
    label = "Loss" if quantity == "loss" else score_label(found, found.score)
    if quantity == "score" and found.is_share(found.score):
        note = "logarithmic in the error" if accuracy_scale(axes, "y", low, high) else " "
    else:
        note = _LOSSES[found.data.task] if quantity == "loss" else f"of {shortened(found.target)}"
        if loss_scale(axes, low, high):
            note += ", logarithmic"
        elif quantity == "score":
            axes.yaxis.set_major_formatter(FuncFormatter(ticked))
    title(axes, label, note)
    axes.set_xlabel("epoch")
    axes.set_xlim(x.min() - 0.5, x.max() + 0.5)
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


def curves_by_class(table: pd.DataFrame, x: str, y: str) -> dict[str, Curve]:
    """The curves of a table, by class, in its order; the last is the macro average."""
    return {
        str(name): Curve(numbers(rows[x]), numbers(rows[y])) for name, rows in table.groupby("class", sort=False)
    }  # fmt: skip


def curve_plot(lines: Mapping[str, Curve], scores: pd.DataFrame, area: str, area_name: str) -> tuple[Figure, Axes]:
    """Curves beside a list of the areas under them: the macro average in black, the worst classes in colour."""
    areas = dict(zip(scores["class"], numbers(scores[area]), strict=True))
    ranked = sorted((name for name in areas if np.isfinite(areas[name])), key=lambda name: areas[name])
    macro = list(lines)[-1]
    colours = dict(zip(ranked, HIGHLIGHTS, strict=False))

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
        listing.text(0, row, shortened(name), color=colour, fontsize=9, fontweight=weight)
        listing.text(1, row, f"{value:.5f}", color=colour, fontsize=9, ha="right")
    if len(entries) > _LISTED + 1:
        listing.text(0, _LISTED + 2, f"and {len(entries) - _LISTED - 1} more", color=GREY, fontsize=9)
    return fig, axes


def lowest(lines: Mapping[str, Curve]) -> float:
    """Where the y axis of a curve plot starts: it is no close-up of perfect curves."""
    return min(0.9, *(float(line.y.min()) for line in lines.values()))


def areas_in_words(scores: pd.DataFrame, area: str) -> str:
    """The lowest area of a class, whose it is, and the highest; `scores` is plots/classes.csv."""
    values = numbers(scores[area])
    least = scores["class"].iloc[int(np.nanargmin(values))]
    return f"{np.nanmin(values):.5f} (class {least}) to {np.nanmax(values):.5f}"


def value_scale(axes: Axes, which: Literal["x", "y"], values: Floats) -> bool:
    """An axis for values of the target: logarithmic where all are positive and most are small beside the largest.

    Returns whether it is.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    logarithmic = bool(values.min() > 0 and values.max() > 20 * np.median(values))
    if logarithmic:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(ticked))
    return logarithmic


def scatter(axes: Axes, table: pd.DataFrame, x: Floats, y: Floats) -> str:
    """A dot for each row of plots/predictions.csv, those outside of their interval in orange; what is said of them."""
    outside = ((table["actual"] < table["low"]) | (table["actual"] > table["high"])).to_numpy()
    for colour, own in ((BLUE, ~outside), (VERMILLION, outside)):
        axes.plot(x[own], y[own], color=colour, marker="o", markersize=3, alpha=0.5, linestyle="none", mew=0)
    return "Orange: outside its 90% interval." if table["low"].notna().any() else ""


def bars_of_tenths(axes: Axes, found: Findings, table: pd.DataFrame, low: str, high: str) -> None:
    """Name the rows of horizontal bars by their predictions, the smallest at the top."""
    names = [ends(found, row, low, high) for _, row in table.iterrows()]
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params("y", length=0)
