"""How often the true value is inside its 90% interval, by tenths of the predictions, and how wide intervals are."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stages.core.base.schemas import NOMINAL_COVERAGE
from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import bars_of_tenths, shortened
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.findings.regression import covered, ends
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, GREY, VERMILLION, figure, short_percent, title
from stages.core.pictures.wording import percent


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["coverage"]
    share, low, high, width = (numbers(table[column]) for column in ("coverage", "low", "high", "mean_width"))
    meant = float(NOMINAL_COVERAGE)
    places = np.arange(len(table))
    off = (low > meant) | (high < meant)

    fig = figure(1.5 + 0.3 * len(table))
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=[1.6, 1])
    bars_of_tenths(left, found, table, "prediction_from", "prediction_to")
    left.axvline(meant, color=GREY, linewidth=1, linestyle=":")
    for colour, own in ((BLUE, ~off), (VERMILLION, off)):
        around = np.maximum([share[own] - low[own], high[own] - share[own]], 0)
        left.errorbar(share[own], places[own], xerr=around, color=colour, elinewidth=1.4, fmt="o", clip_on=False)
    left.set_xlim(min(0.8, low.min() - 0.02), 1)
    left.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(value)))
    left.set_ylabel(f"predicted {shortened(found.target)}")
    left.set_xlabel("actual values inside")
    title(
        left,
        f"Coverage of the {short_percent(meant)} intervals: {percent(covered(found), 1)}",
        "Orange: 90% is not in its 95% interval.",
    )

    right.barh(places, width, color=BLUE, height=0.7)
    for place, value in enumerate(width):
        right.annotate(found.amount(value), (value, place), (3, 0), textcoords="offset points", va="center", fontsize=9)
    right.set_xlim(0, 1.3 * width.max() or 1)
    right.tick_params("y", length=0)
    right.xaxis.set_visible(False)
    right.spines["bottom"].set_visible(False)
    right.grid(False)
    title(right, "Mean width", "from end to end")
    return fig


def describe(found: Findings) -> str:
    table = found.tables["coverage"]
    least = table.iloc[int(table["coverage"].to_numpy().argmin())]
    least_of = ends(found, least, "prediction_from", "prediction_to")
    return (
        f"The share of actual values inside their {short_percent(float(NOMINAL_COVERAGE))} interval, "
        f"{percent(covered(found), 1)} in all, in {len(table)} parts of the predictions by size, with the intervals' "
        f"mean width in each. The lowest share is {percent(least['coverage'], 1)}, of predictions from {least_of}."
    )


PICTURE = Picture(
    "confidence",
    20,
    "Whether the actual value is inside its 90% interval as often as it should be.",
    draw,
    describe,
    has("coverage"),
)
