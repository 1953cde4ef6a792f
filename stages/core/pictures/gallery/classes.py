"""Bars of what each class lacks in precision, recall and F1."""

from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import shortened
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, VERMILLION, figure, heading, title
from stages.core.pictures.wording import percent

_CLASS_SCORES = {
    "precision": ("Precision", "bar: predicted so, but wrong"),
    "recall": ("Recall", "bar: of the class, but missed"),
    "f1": ("F1", "bar: what is left to 100%"),
}


def draw(found: Findings, config: PlotConfig) -> Figure:
    """A bar from 0 to 99.3% looks like one to 99.9%; that of the missing 0.7% is seven times as long."""
    table = found.tables["classes"]
    names = [shortened(name) for name in table["class"]]
    lacking = {score: 1 - numbers(table[score]) for score in _CLASS_SCORES}
    longest = max(float(values.max()) for values in lacking.values()) or 1.0
    row = max(0.14, min(0.28, 12 / len(names)))  # inches
    size = min(9.0, 50 * row)

    fig = figure(1.5 + row * len(names))
    heading(fig, "What each class lacks to 100%; the worst in orange")
    for axes, (score, values) in zip(fig.subplots(1, 3, sharey=True), lacking.items(), strict=True):
        worst = int(values.argmax())
        colours = [VERMILLION if place == worst and values[worst] > 0 else BLUE for place in range(len(names))]
        axes.barh(range(len(names)), values, color=colours, height=0.7)
        for place, value in enumerate(values):
            axes.annotate(
                f"{100 * (1 - value):.1f}%", (value, place), (3, 0), textcoords="offset points", va="center",
                fontsize=size,
            )  # fmt: skip
        axes.set(xlim=(0, 1.3 * longest), ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(range(len(names)), names, fontsize=size)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params("y", length=0)
        axes.grid(False)
        title(axes, *_CLASS_SCORES[score])
    return fig


def describe(found: Findings) -> str:
    table = found.tables["classes"]
    weakest = {score: table.iloc[int(table[score].to_numpy().argmin())] for score in _CLASS_SCORES}
    bars = ", ".join(f"{score} {percent(row[score])} of class {row['class']}" for score, row in weakest.items())
    return f"Bars of what each class lacks to 100% in precision, recall and F1. The worst: {bars}."


PICTURE = Picture("classes", 10, "What each class lacks to 100%.", draw, describe, has("classes"))
