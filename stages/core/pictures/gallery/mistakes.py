"""A gallery of the worst mistakes on the test set, as many as section `plot` says."""

from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import shortened, show_image
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import BLUE, VERMILLION, figure, heading
from stages.core.pictures.wording import count, percent

_COLUMNS = 5


def draw(found: Findings, config: PlotConfig) -> Figure:
    assert found.inputs is not None
    images, classes = found.inputs, found.classes
    worst, total = found.mistakes[: config.mistakes], len(found.mistakes)
    rows = -(-len(worst) // _COLUMNS)
    fig = figure(0.5 + 2.05 * rows if worst else 1.2)
    if not worst:
        heading(fig, f"No mistakes on {len(images):,} test images")
        return fig
    heading(fig, f"The {len(worst)} most confident of {total:,} mistakes on {len(images):,} test images")
    for axes in fig.subplots(rows, _COLUMNS, squeeze=False).flat:
        axes.set_axis_off()
    for axes, mistake in zip(fig.axes, worst, strict=False):
        show_image(axes, images[mistake.index], found.as_ink)
        axes.set_title(f"true: {shortened(classes[mistake.actual])}", fontsize=9, loc="center", color=BLUE, pad=3)
        said = f"predicted: {shortened(classes[mistake.predicted])}\n{100 * mistake.probability:.1f}%"
        axes.text(0.5, -0.03, said, color=VERMILLION, fontsize=9, ha="center", va="top", transform=axes.transAxes)
    return fig


def describe(found: Findings) -> str:
    first = ", ".join(
        f"{found.classes[one.actual]} as {found.classes[one.predicted]} at {percent(one.probability, 1)}"
        for one in found.mistakes[:3]
    )
    if not first:
        return "There is no mistake."
    return (
        f"The most confident of {count(len(found.mistakes), 'mistake')}, each image with its true and its predicted "
        f"class. The first: {first}."
    )


def shown(found: Findings) -> bool:
    """Of images alone: rows of a table are in a table."""
    return found.data.kind == "image" and bool(found.classes)


PICTURE = Picture("mistakes", 10, "The mistakes of which the model was most sure.", draw, describe, shown)
