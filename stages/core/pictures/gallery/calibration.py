"""Reliability diagram: accuracy by confidence with 95% intervals, and under it how many examples each bin has."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.findings.classification import confidence
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, GREY, figure, short_percent, title
from stages.core.pictures.wording import count, percent


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["calibration"]
    filled = table[table["examples"] > 0]
    examples, middle = numbers(filled["examples"]), numbers(filled["confidence"])
    accuracy = numbers(filled["accuracy"])
    ends = np.array([accuracy - numbers(filled["accuracy_low"]), numbers(filled["accuracy_high"]) - accuracy])
    right = float(np.average(accuracy, weights=examples))

    fig = figure(5.6)
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    above.annotate(
        "as confident as right", (0.1, 0.1), (8, 0), textcoords="offset points", color=GREY, fontsize=9, va="top"
    )
    above.errorbar(
        middle, accuracy, yerr=np.maximum(ends, 0), color=BLUE, ecolor=BLUE, elinewidth=1.2, fmt="o", clip_on=False
    )
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.03))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(value)))
    title(
        above,
        f"Reliability: {short_percent(confidence(found), 2)} confident on average, {short_percent(right, 2)} right",
        "Above the dotted line it is right more often than it says, below it less. Upright lines: 95% intervals.",
    )

    starts, stops = numbers(filled["confidence_from"]), numbers(filled["confidence_to"])
    below.bar(starts, examples, width=0.94 * (stops - starts), align="edge", color=BLUE)
    for start, stop, number in zip(starts, stops, examples, strict=True):
        below.annotate(
            f"{number:,.0f}", ((start + stop) / 2, number), (0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    below.set(xlabel="confidence: probability of the predicted class", ylim=(0, 1.2 * examples.max()))
    below.yaxis.set_visible(False)
    below.spines["left"].set_visible(False)
    below.grid(False)
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(value)))
    title(below, "Test examples in each bin")
    return fig


def describe(found: Findings) -> str:
    bins = int((found.tables["calibration"]["examples"] > 0).sum())
    return (
        f"Accuracy against confidence in {count(bins, 'bin')}, with the examples of each under it. Confidence "
        f"is {percent(confidence(found))} on average, accuracy {percent(found.metrics['evaluate']['accuracy'])}."
    )


PICTURE = Picture(
    "confidence", 10, "Whether the model is right as often as it says.", draw, describe, has("calibration")
)
