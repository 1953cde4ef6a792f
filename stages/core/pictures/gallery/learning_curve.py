"""The folds' score by the number of training examples."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import PARTS, band, epoch_axes, label_ends
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import figure, heading
from stages.core.pictures.wording import percent


def learning_curve(table: pd.DataFrame, score: str) -> Figure:
    """Accuracy against the number of training examples: every fold thin, their range a band, their mean bold."""
    fig = figure(4.2)
    axes = fig.subplots()
    columns = {part: f"{part}_score" for part in PARTS}
    epoch_axes(axes, table["examples"], "score", table[list(columns.values())].to_numpy(np.float64), score)
    axes.set_xlabel("training examples")
    folds = [rows for _, rows in table.groupby("fold", sort=False)]
    examples = np.array([fold["examples"] for fold in folds]).mean(axis=0)
    ends = {}
    for part, column in columns.items():
        for fold in folds:
            axes.plot(fold["examples"], fold[column], color=PARTS[part], linewidth=0.7, alpha=0.6)
        ends[part] = band(axes, examples, np.array([fold[column] for fold in folds]), PARTS[part])
    label_ends(axes, ends)
    heading(fig, "Learning curve: accuracy of the folds by the number of training examples")
    return fig


def _describe(found: Findings) -> str:
    means = found.tables["learning_curve"].groupby("share")[["examples", "validation_score"]].mean()
    (few, low), (many, high) = means.iloc[0], means.iloc[-1]
    return (
        "Training and validation accuracy of the folds against the number of training images. Validation accuracy is "
        f"{percent(low)} with {few:,.0f} and {percent(high)} with {many:,.0f} of them, on average."
    )


def _asked_for(found: Findings) -> bool:
    return bool(found.tables["learning_curve"]["share"].nunique() > 1)


def _draw(found: Findings, _: PlotConfig) -> Figure:
    return learning_curve(found.tables["learning_curve"], found.score)


PICTURE = Picture(
    "training",
    3,
    "The same on parts of the training images: whether more of them would help.",
    _draw,
    _describe,
    shown=_asked_for,
)
