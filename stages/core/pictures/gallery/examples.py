"""A contact sheet: the first images of the first step of the training, as the network got them."""

from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import shortened, show_image
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import figure, heading
from stages.core.pictures.wording import count

_COLUMNS = 8


def draw(found: Findings, _: PlotConfig) -> Figure:
    assert found.first is not None
    images, targets = found.first
    height, width = images.shape[2:]
    tall, wide = height / max(height, width), width / max(height, width)
    rows = -(-len(images) // _COLUMNS)
    fig = figure(0.45 + (tall + 0.22) * rows)
    heading(fig, f"The first {len(images)} images of the training, as the network got them")
    axes = fig.subplots()  # one for all: each of many would cost a tenth of a second
    axes.set_axis_off()
    for place, (image, target) in enumerate(zip(images, targets, strict=True)):
        row, left = divmod(place, _COLUMNS)
        top = -row * (tall + 0.22)
        show_image(axes, image, found.as_ink, (left, left + 0.94 * wide, top - 0.94 * tall, top))
        named = shortened(found.classes[target], 14) if found.classes else found.amount(target)
        axes.text(left + 0.47 * wide, top + 0.03, named, fontsize=8, ha="center", va="bottom")
    axes.set(xlim=(0, _COLUMNS), ylim=(-rows * (tall + 0.22) + 0.2, 0.2), aspect="equal")
    return fig


def describe(found: Findings) -> str:
    images = count(found.metrics["prepare"]["train"]["examples"], "image")
    return (
        f"Of the training part's {images} the first that the network got: brought to one size and varied as section "
        "augment says, each with its class or number."
    )


def shown(found: Findings) -> bool:
    return found.data.kind == "image"


PICTURE = Picture(
    "data", 10, "What the network learns from: is it cut, turned or mirrored too far?", draw, describe, shown
)
