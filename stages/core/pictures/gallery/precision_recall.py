"""Precision-recall curves of each class against the rest."""

from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import ERROR_AXES, areas_in_words, curve_plot, curves_by_class, lowest
from stages.core.pictures.findings import Findings, has
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import accuracy_scale, title


def draw(found: Findings, config: PlotConfig) -> Figure:
    table, scores = found.tables["precision_recall"], found.tables["classes"]
    lines = curves_by_class(table, "recall", "precision")
    fig, axes = curve_plot(lines, scores, "average_precision", "AP")
    accuracy_scale(axes, "x", 0, 1, finest=1 / scores["support"].max())
    accuracy_scale(axes, "y", lowest(lines), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="recall", ylabel="precision")
    title(axes, "Precision and recall, one class against the rest", ERROR_AXES)
    return fig


def describe(found: Findings) -> str:
    areas = areas_in_words(found.tables["classes"], "average_precision")
    return f"Precision-recall curves of each class and their mean. The average precision is {areas}."


PICTURE = Picture(
    "ranking",
    20,
    "Ranking: precision against recall, one class against the rest.",
    draw,
    describe,
    has("precision_recall"),
)
