"""Loss and score by epoch: every fold thin; as long as all folds train, their range a band, their mean bold."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import PARTS, QUANTITIES, band, curve_axes, label_ends
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import figure, heading
from stages.core.pictures.wording import count


def draw(found: Findings, config: PlotConfig) -> Figure:
    """Of a single epoch there are no lines: every fold is a dot, training beside validation, their mean a dash."""
    table = found.tables["cross_validate"]
    fig = figure(3.8)
    folds = [rows for _, rows in table.groupby("fold", sort=False)]
    shared = min(folds, key=len)["epoch"].to_numpy()
    single = table["epoch"].max() == 1
    aside = dict(zip(PARTS, (-0.15, 0.15) if single else (0, 0), strict=True))
    dots: dict[str, Any] = {"marker": "o", "markersize": 4} if single else {}
    for axes, quantity in zip(fig.subplots(1, 2), QUANTITIES, strict=True):
        columns = {part: f"{part}_{quantity}" for part in PARTS}
        curve_axes(axes, table["epoch"], quantity, table[list(columns.values())].to_numpy(np.float64), found)
        ends = {}
        for part, column in columns.items():
            for fold in folds:
                axes.plot(
                    fold["epoch"] + aside[part], fold[column], color=PARTS[part], linewidth=0.7, alpha=0.6, **dots
                )
            together = np.array([fold[column].to_numpy()[: len(shared)] for fold in folds])
            ends[part] = band(axes, shared + aside[part], together, PARTS[part])
        label_ends(axes, ends)
    how = "as dots, their mean a dash" if single else "thin, their range shaded, their mean bold"
    heading(fig, f"Cross-validation: {len(folds)} folds {how}")
    return fig


def describe(found: Findings) -> str:
    table = found.tables["cross_validate"]
    last = table.groupby("fold")["validation_score"].last()
    mean = found.metrics["cross_validate"][found.score]
    low, high, middle = (found.text(found.score, value) for value in (last.min(), last.max(), mean))
    score = found.label(found.score)
    return (
        f"Loss and {score} over {count(int(table['epoch'].max()), 'epoch')} of {count(len(last), 'fold')}, each fold "
        f"and their mean. At the end validation {score} is {low} to {high}, its mean {middle}."
    )


PICTURE = Picture(
    "training", 20, "The recipe, trained anew on all folds but one and scored on that one.", draw, describe
)
