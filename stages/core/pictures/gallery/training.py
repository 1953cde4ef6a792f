"""Loss and accuracy by epoch."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import PARTS, QUANTITIES, epoch_axes, label_ends, numbers
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import GREY, figure
from stages.core.pictures.wording import count


def training(table: pd.DataFrame, best_epoch: int, score: str) -> Figure:
    """Loss and accuracy by epoch, training against validation where there is one, and the epoch that was chosen."""
    fig = figure(3.8)
    for axes, quantity in zip(fig.subplots(1, 2), QUANTITIES, strict=True):
        lines = {part: numbers(table[f"{part}_{quantity}"]) for part in PARTS}
        epoch_axes(axes, table["epoch"], quantity, np.concatenate(list(lines.values())), score)
        for part, colour in PARTS.items():
            axes.plot(table["epoch"], lines[part], color=colour, marker="o", markersize=3)
        label_ends(axes, {part: (table["epoch"].iloc[-1], values[-1]) for part, values in lines.items()})
        _mark_epoch(axes, best_epoch, table["epoch"].iloc[-1], at_top=quantity == "loss")
    return fig


def _mark_epoch(axes: Axes, epoch: int, last: int, at_top: bool) -> None:
    axes.axvline(epoch, color=GREY, linewidth=1, linestyle=":", zorder=1)
    on_left = epoch > last / 2
    axes.annotate(
        f"epoch {epoch} chosen",
        (epoch, int(at_top)),
        (-4 if on_left else 4, -3 if at_top else 3),
        ("data", "axes fraction"),
        "offset points",
        color=GREY,
        fontsize=9,
        ha="right" if on_left else "left",
        va="top" if at_top else "bottom",
    )


def _describe(found: Findings) -> str:
    training = found.tables["training"]
    return (
        f"Two line charts over {count(len(training), 'epoch')}. {_curve(training, 'loss', 'Loss')} "
        f"{_curve(training, 'score', 'Accuracy')} Epoch {found.selected_epoch} is marked as chosen."
    )


def _curve(table: pd.DataFrame, quantity: str, label: str) -> str:
    digits = "{:.4f}" if quantity == "loss" else "{:.2%}"
    parts = []
    for part in ("training", "validation"):
        values = table[f"{'train' if part == 'training' else part}_{quantity}"]
        if values.notna().all():
            parts.append(f"{part} from {digits.format(values.iloc[0])} to {digits.format(values.iloc[-1])}")
    return f"{label}: {', '.join(parts)}."


def _draw(found: Findings, _: PlotConfig) -> Figure:
    return training(found.tables["training"], found.selected_epoch, found.score)


PICTURE = Picture(
    "training",
    1,
    "Loss (without temperature scaling) and accuracy; the weights of the chosen epoch are the model.",
    _draw,
    _describe,
)
