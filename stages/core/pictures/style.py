"""The one look of all pictures: colours the colour-blind tell apart, few lines, axes that open up the last percents.

Everything starts from Matplotlib's own defaults and its own font, so that no settings file and no environment variable
changes a picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from stages.core.pictures.wording import ticked

Floats = NDArray[np.float64]

# Okabe and Ito's colours, "Color Universal Design" (2008).
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
INK, GREY, PALE = "#222222", "#6B6B6B", "#C4C4C4"
TRAIN, VALIDATION = BLUE, VERMILLION
WIDTH = 8.0  # inches; sizes are chosen for 100 pixels an inch, 800 in all, whatever the dpi

_RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.titlesize": 12,
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 10,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "image.interpolation": "nearest",
    "lines.linewidth": 1.8,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x$": names are drawn as written
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}
_ACCURACIES = (1, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5, 0)


@contextmanager
def house_style() -> Iterator[None]:
    """Figures made and saved inside this block have the one look."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)  # type: ignore[arg-type]
        yield


@cache
def drawable() -> frozenset[str]:
    """The characters that the pictures' font has; of others it draws an empty box, each with a warning."""
    return frozenset(map(chr, get_font(findfont(_RC["font.family"])).get_charmap()))


def figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of `width` x `height` inches, outside pyplot and its global state."""
    return Figure(figsize=(width, height))


def heading(fig: Figure, text: str) -> None:
    """A title over all of a figure's axes, at its left edge."""
    fig.suptitle(text, x=0.01, ha="left", fontweight="bold")


def title(axes: Axes, text: str, note: str = "") -> None:
    """A title at the left, and a grey line under it on how to read the picture."""
    axes.set_title(text, fontweight="bold", pad=22 if note else 8)
    if note:
        axes.annotate(note, (0, 1), (0, 6), "axes fraction", textcoords="offset points", color=GREY, fontsize=9)


def short_percent(value: float, digits: int = 6) -> str:
    """0.995 as "99.5%", without trailing zeros."""
    return f"{round(100 * value, digits):g}%"


def accuracy_scale(axes: Axes, which: Literal["x", "y"], low: float, high: float, finest: float = 1e-4) -> bool:
    """Let an axis show the accuracies [low, high], within [0, 1], on a logarithmic scale of the error.

    From 99% to 99.5% is then as far as from 80% to 90%: half the errors. Below the error `finest` the scale turns
    linear, so that 100% has a place on it. A range with fewer than three round numbers stays linear. Returns whether
    the scale is logarithmic.
    """

    def stretch(accuracy: Floats) -> Floats:
        return -np.log10(np.maximum(1 + finest - accuracy, 1e-12))

    def shrink(stretched: Floats) -> Floats:
        return 1 + finest - 10.0**-stretched

    axis = axes.xaxis if which == "x" else axes.yaxis
    bottom, top = stretch(np.array([low, high]))
    least_gap = (0.09 if which == "x" else 0.05) * (top - bottom)
    ticks: list[float] = []
    last_place = np.inf
    for tick, place in zip(_ACCURACIES, stretch(np.array(_ACCURACIES)), strict=True):
        if bottom <= place <= top and last_place - place >= least_gap:
            ticks.append(tick)
            last_place = place
    if logarithmic := len(ticks) >= 3:
        (axes.set_xscale if which == "x" else axes.set_yscale)("function", functions=(stretch, shrink))
        axis.set_major_locator(FixedLocator(ticks[::-1]))
        axis.set_minor_locator(NullLocator())
        margin = 0.04 * (top - bottom)
        (axes.set_xlim if which == "x" else axes.set_ylim)(*shrink(np.array([bottom - margin, top + margin])))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_percent(value, 4)))
    return logarithmic


def loss_scale(axes: Axes, low: float, high: float) -> bool:
    """A logarithmic y axis for losses in [low, high] if they span much. Returns whether they do."""
    if low <= 0 or high / low < 4:
        return False
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(ticked))
    axes.yaxis.set_minor_locator(NullLocator())
    return True
