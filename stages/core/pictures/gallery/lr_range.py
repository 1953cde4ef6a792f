"""Loss by learning rate, step by step and smoothed, and the suggested rate."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter

from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, PALE, VERMILLION, figure, title


def draw(found: Findings, config: PlotConfig) -> Figure:
    table, suggested = found.tables["lr_range"], found.metrics["lr_range"]["suggested_lr"]
    rates, smoothed = table["learning_rate"], table["smoothed_loss"]
    fall = max(smoothed.iloc[0] - smoothed.min(), 0.1 * smoothed.min())

    fig = figure(4.0)
    axes = fig.subplots()
    axes.plot(rates, table["loss"], color=PALE, linewidth=1)
    axes.plot(rates, smoothed, color=BLUE)
    axes.axvline(suggested, color=VERMILLION, linewidth=1.2, linestyle=":", zorder=1)
    axes.annotate(
        f"{suggested:g} suggested", (suggested, 1), (5, -5), ("data", "axes fraction"), "offset points",
        color=VERMILLION, fontsize=9, va="top",
    )  # fmt: skip
    axes.set(xlabel="learning rate", xscale="log", xlim=(rates.min(), rates.max()))
    axes.set_ylim(smoothed.min() - 0.25 * fall, smoothed.iloc[0] + 0.25 * fall)  # where it explodes it leaves
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(LogFormatter())  # not the default one: it writes mathematics
    title(
        axes,
        "Learning-rate range test: loss while the rate grows",
        "Pale: each step's. Blue: smoothed. The suggested rate has nine tenths of the fall behind it.",
    )
    return fig


def describe(found: Findings) -> str:
    table = found.tables["lr_range"]
    lowest = table.iloc[int(table["smoothed_loss"].to_numpy().argmin())]
    return (
        f"Loss against the learning rate. The smoothed loss is lowest, {lowest['smoothed_loss']:.3f}, at "
        f"{lowest['learning_rate']:g}; the suggested rate {found.metrics['lr_range']['suggested_lr']:g} is marked."
    )


PICTURE = Picture(
    "training", 40, "The learning-rate range test; it suggests a rate and changes nothing.", draw, describe
)
