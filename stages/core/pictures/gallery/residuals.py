"""How far off predictions are, actual less predicted, against what was predicted."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import scatter, shortened, value_scale
from stages.core.pictures.findings import Findings, has, numbers
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import GREY, figure, title
from stages.core.pictures.wording import percent, ticked


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["predictions"]
    predicted = numbers(table["predicted"])
    fig = figure(4.2)
    axes = fig.subplots()
    noted = scatter(axes, table, predicted, numbers(table["residual"]))
    axes.axhline(0, color=GREY, linewidth=1, linestyle=":")
    value_scale(axes, "x", predicted)
    axes.yaxis.set_major_formatter(FuncFormatter(ticked))
    axes.set(xlabel=f"predicted {shortened(found.target)}", ylabel="actual less predicted")
    title(axes, "Residuals against predictions", f"Above the dotted line predictions are too small. {noted}")
    return fig


def describe(found: Findings) -> str:
    table = found.tables["predictions"]
    residual = table["residual"]
    return (
        f"Scatter plot of residuals, actual less predicted {found.target}, against predictions. Residuals reach from "
        f"{found.amount(residual.min())} to {found.amount(residual.max())}; {percent((residual > 0).mean(), 0)} are "
        "above 0."
    )


PICTURE = Picture(
    "errors",
    20,
    "Residuals, actual less predicted: a bend would say what the model has not learned, a funnel where it is unsure.",
    draw,
    describe,
    has("predictions"),
)
