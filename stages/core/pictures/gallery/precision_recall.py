"""Precision-recall curves."""

import pandas as pd
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings
from stages.core.pictures.one_vs_rest import ERROR_AXES, area_range, curve_plot, curves_by_class, lowest
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import accuracy_scale, title


def precision_recall(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Precision-recall curves; `table` is plots/precision_recall.csv, `scores` plots/classes.csv."""
    found = curves_by_class(table, "recall", "precision")
    fig, axes = curve_plot(found, scores, "average_precision", "AP")
    accuracy_scale(axes, "x", 0, 1, finest=1 / scores["support"].max())
    accuracy_scale(axes, "y", lowest(found), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="recall", ylabel="precision")
    title(axes, "Precision and recall, one class against the rest", ERROR_AXES)
    return fig


def _describe(found: Findings) -> str:
    areas = area_range(found.tables["classes"], "average_precision")
    return f"Precision-recall curves of each class and their mean. The average precision is {areas}."


def _draw(found: Findings, _: PlotConfig) -> Figure:
    return precision_recall(found.tables["precision_recall"], found.tables["classes"])


PICTURE = Picture(
    "ranking",
    2,
    "Ranking: precision against recall, one class against the rest.",
    _draw,
    _describe,
)
