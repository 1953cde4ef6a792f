"""Predicted against actual values, with the line on which both are equal."""

import numpy as np
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import scatter, shortened, value_scale
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import GREY, figure, title


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["predictions"]
    actual, predicted = numbers(table["actual"]), numbers(table["predicted"])
    both = np.concatenate([actual, predicted])
    ends = [both.min(), both.max()]

    fig = figure(6.0)
    axes = fig.subplots()
    noted = scatter(axes, table, actual, predicted)
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle=":")
    value_scale(axes, "x", both)
    logarithmic = value_scale(axes, "y", both)
    target = shortened(found.target)
    axes.set(xlabel=f"actual {target}", ylabel=f"predicted {target}")
    how = " Both axes are logarithmic." if logarithmic else ""
    drawn = f"{len(table):,} of {found.examples:,} test {found.things}" if len(table) < found.examples else ""
    title(
        axes,
        f"Predicted against actual {target}{drawn and f': {drawn}'}",
        f"Dotted: where both are equal. {noted}{how}",
    )
    return fig


def describe(found: Findings) -> str:
    table = found.tables["predictions"]
    low, high = table["actual"].min(), table["actual"].max()
    return (
        f"Scatter plot of {len(table):,} of {found.examples:,} test {found.things}, predicted against actual "
        f"{found.target}, from {found.amount(low)} to {found.amount(high)}. The correlation is "
        f"{np.corrcoef(table['actual'], table['predicted'])[0, 1]:.3f}."
    )


def caption(found: Findings) -> str:
    return f"Predicted against actual {found.target}: the nearer to the line, the better."


PICTURE = Picture("errors", 10, caption, draw, describe, has("predictions"))
