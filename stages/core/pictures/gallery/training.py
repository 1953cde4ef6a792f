"""Loss and score by epoch, training against validation where there is one, and the epoch that was chosen."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import PARTS, QUANTITIES, curve_axes, label_ends, score_label
from stages.core.pictures.findings import Findings, numbers
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import GREY, figure
from stages.core.pictures.wording import count


def draw(found: Findings, config: PlotConfig) -> Figure:
    table, best_epoch = found.tables["training"], found.selected_epoch
    fig = figure(3.8)
    for axes, quantity in zip(fig.subplots(1, 2), QUANTITIES, strict=True):
        lines = {part: numbers(table[f"{part}_{quantity}"]) for part in PARTS}
        curve_axes(axes, table["epoch"], quantity, np.concatenate(list(lines.values())), found)
        for part, colour in PARTS.items():
            axes.plot(table["epoch"], lines[part], color=colour, marker="o", markersize=3)
        label_ends(axes, {part: (table["epoch"].iloc[-1], values[-1]) for part, values in lines.items()})
        _mark_epoch(axes, best_epoch, table["epoch"].iloc[-1], at_top=quantity == "loss" or not found.rises)
    return fig


def describe(found: Findings) -> str:
    table = found.tables["training"]

    def score(value: float) -> str:
        return found.text(found.score, value)

    return (
        f"Two line charts over {count(len(table), 'epoch')}. {_course(table, 'loss', 'Loss', '{:.4f}'.format)} "
        f"{_course(table, 'score', score_label(found, found.score), score)} "
        f"Epoch {found.selected_epoch} is marked as chosen."
    )


def _course(table: pd.DataFrame, quantity: str, label: str, form: Callable[[float], str]) -> str:
    columns = {"training": table[f"train_{quantity}"], "validation": table[f"validation_{quantity}"]}
    parts = [
        f"{part} from {form(values.iloc[0])} to {form(values.iloc[-1])}"
        for part, values in columns.items()
        if values.notna().all()
    ]
    return f"{label}: {', '.join(parts)}."


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


def caption(found: Findings) -> str:
    loss = "Loss (without temperature scaling)" if found.classes else "Loss"
    return f"{loss} and {found.label(found.score)}; the weights of the chosen epoch are the model."


PICTURE = Picture("training", 10, caption, draw, describe)
