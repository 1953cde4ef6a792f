"""ROC curves, with the false positive rate on a logarithmic axis: a good classifier lives in its first percent."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import ERROR_AXES, areas_in_words, curve_plot, curves_by_class, lowest
from stages.core.pictures.findings import Findings, has
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import accuracy_scale, short_percent, title
from stages.core.scores.curves import Curve, height


def draw(found: Findings, config: PlotConfig) -> Figure:
    table, scores = found.tables["roc"], found.tables["classes"]
    read = curves_by_class(table, "false_positive_rate", "true_positive_rate")
    least = 10.0 ** np.floor(-np.log10(scores["support"].sum()))  # no false positive rate but 0 lies below this
    grid = np.geomspace(least, 1, 1000)  # a straight line in the table is none on this axis
    lines = {name: Curve(grid, height(curve, grid)) for name, curve in read.items()}

    fig, axes = curve_plot(lines, scores, "roc_auc", "AUC")
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    accuracy_scale(axes, "y", lowest(lines), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    title(axes, "ROC, one class against the rest", ERROR_AXES)
    return fig


def describe(found: Findings) -> str:
    areas, mean = areas_in_words(found.tables["classes"], "roc_auc"), found.metrics["evaluate"]["roc_auc"]
    return f"ROC curves of each class and their mean. The areas under them are {areas}, on average {mean:.5f}."


PICTURE = Picture(
    "ranking", 10, "Ranking: true against false positives, one class against the rest.", draw, describe, has("roc")
)
