"""ROC and precision-recall curves, one class against the rest: the worst classes in colour, areas listed beside."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.pictures.axes import HIGHLIGHTS, numbers, shortened
from stages.core.pictures.style import GREY, INK, PALE, figure
from stages.core.scores.curves import Curve

ERROR_AXES = "Axes are logarithmic in the errors: false positives, and positives missed."
_LISTED = 18  # classes beside a curve plot, at most


def curves_by_class(table: pd.DataFrame, x: str, y: str) -> dict[str, Curve]:
    """The curves of a table, by class, in its order; the last is the macro average."""
    return {
        str(name): Curve(rows[x].to_numpy(np.float64), rows[y].to_numpy(np.float64))
        for name, rows in table.groupby("class", sort=False)
    }


def curve_plot(lines: Mapping[str, Curve], scores: pd.DataFrame, area: str, area_name: str) -> tuple[Figure, Axes]:
    """Curves beside a list of the areas under them: the macro average in black, the worst classes in colour."""
    areas = dict(zip(scores["class"].astype(str), numbers(scores[area]), strict=True))
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


def area_range(table: pd.DataFrame, area: str) -> str:
    """The smallest and the largest `area` of the classes, in words; `table` is plots/classes.csv."""
    values = numbers(table[area])
    least = table["class"].iloc[int(np.nanargmin(values))]
    return f"{np.nanmin(values):.5f} (class {least}) to {np.nanmax(values):.5f}"


def lowest(lines: Mapping[str, Curve]) -> float:
    """Where the y axis of a curve plot starts: it is no close-up of perfect curves."""
    return min(0.9, *(float(line.y.min()) for line in lines.values()))
