"""How much worse the model does without each column of a table, the most important at the top."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import score_label, shortened
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, GREY, INK, figure, title

_MOST = 20  # columns drawn
_TOLD = 5  # in the description
_NAME = 32  # characters of a column's name


def ranked(found: Findings) -> pd.DataFrame:
    """plots/importance.csv, the most important column first, and of equals the first in the table."""
    return found.tables["importance"].sort_values("importance", ascending=False, kind="stable")


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = ranked(found).head(_MOST)
    values, low, high = (numbers(table[column]) for column in ("importance", "low", "high"))
    places = np.arange(len(table))

    fig = figure(1.3 + 0.3 * len(table))
    axes = fig.subplots()
    axes.barh(places, values, color=BLUE, height=0.7)
    axes.errorbar(
        values, places, xerr=np.maximum([values - low, high - values], 0), fmt="none", ecolor=INK, elinewidth=1.2
    )
    for place, value, end in zip(places, values, high, strict=True):
        axes.annotate(
            lost(found, value), (max(value, end), place), (5, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(places, [shortened(name, _NAME, end=12) for name in table["column"]], fontsize=9)
    top = max(high.max(), values.max(), 0)
    bottom = min(low.min(), values.min(), 0)
    axes.set(xlim=(bottom - 0.02 * (top - bottom), top + 0.14 * (top - bottom) or 1), ylim=(len(table) - 0.4, -0.6))
    axes.tick_params("y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.grid(False)
    left_out = len(found.tables["importance"]) - len(table)
    told = f": the {len(table)} most important of {len(table) + left_out}" if left_out else ""
    title(
        axes,
        f"{_CHANGE[found.data.task].format(score_label(found, found.main.name))} without a column{told}",
        "Thin lines: 95% intervals.",
    )
    return fig


def lost(found: Findings, value: float) -> str:
    """An importance as it is written: what is lost of a share in points, what is added in the target's unit."""
    return f"{100 * value:.2f} points" if found.main.share else f"{found.text(found.main.name, value)}"


def describe(found: Findings) -> str:
    table = ranked(found)
    most = ", ".join(f"{row['column']} {lost(found, row['importance'])}" for _, row in table.head(_TOLD).iterrows())
    return (
        f"Bars of how much {found.label(found.main.name)} gets worse when a column is shuffled among the rows, "
        f"with 95% intervals. The most important of {len(table)}: {most}."
    )


_CHANGE = {"classification": "{} lost", "regression": "{} added"}


PICTURE = Picture(
    "importance",
    10,
    "Which columns the model goes by: how much worse it does when the cells of one change places. Of two that say the "
    "same each may do without the other, and both look unimportant.",
    draw,
    describe,
    has("importance"),
)
