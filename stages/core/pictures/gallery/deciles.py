"""The errors by tenths of the predictions, and on which side of the truth they are."""

import numpy as np
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import bars_of_tenths, shortened
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.findings.regression import ends, worst_decile
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, INK, VERMILLION, figure, title


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["deciles"]
    errors, means, bias = (numbers(table[column]) for column in ("rmse", "mae", "bias"))
    worst = int(errors.argmax())

    fig = figure(1.5 + 0.3 * len(table))
    left, right = fig.subplots(1, 2, sharey=True, width_ratios=[1.6, 1])
    bars_of_tenths(left, found, table, "from", "to")
    colours = [VERMILLION if place == worst and errors[worst] else BLUE for place in range(len(table))]
    left.barh(range(len(table)), errors, color=colours, height=0.7)
    left.plot(means, range(len(table)), color=INK, marker="|", markersize=11, markeredgewidth=2, linestyle="none")
    for place, value in enumerate(errors):
        left.annotate(
            found.amount(value), (value, place), (3, 0), textcoords="offset points", va="center", fontsize=9
        )  # fmt: skip
    left.set_xlim(0, 1.18 * errors.max() or 1)
    left.set_ylabel(f"predicted {shortened(found.target)}")
    title(left, "Error by tenths of the predictions", "Bar: RMSE, the largest in orange. Upright mark: MAE.")

    right.barh(range(len(table)), bias, color=BLUE, height=0.7)
    right.axvline(0, color=INK, linewidth=1)
    reach = 1.45 * np.abs(bias).max() or 1
    right.set_xlim(-reach, reach)
    for place, value in enumerate(bias):
        side = -1 if value < 0 else 1
        right.annotate(
            found.amount(value), (value, place), (3 * side, 0), textcoords="offset points", va="center",
            ha="left" if side > 0 else "right", fontsize=9,
        )  # fmt: skip
    right.tick_params("y", length=0)
    right.spines["left"].set_visible(False)
    title(right, "Mean error", "Right of the line: too large.")
    for axes in (left, right):
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.grid(False)
    return fig


def describe(found: Findings) -> str:
    table, worst = found.tables["deciles"], worst_decile(found)
    least = table.iloc[int(table["rmse"].to_numpy().argmin())]
    return (
        f"Bars of the RMSE in {len(table)} parts of the predictions by size, with the MAE and the mean error of each. "
        f"The largest RMSE, {found.amount(worst['rmse'])}, is that of predictions from {ends(found, worst)}, the "
        f"smallest, {found.amount(least['rmse'])}, that of predictions from {ends(found, least)}."
    )


PICTURE = Picture(
    "errors", 30, "Error by the size of the prediction, which is known when it is used.", draw, describe, has("deciles")
)
