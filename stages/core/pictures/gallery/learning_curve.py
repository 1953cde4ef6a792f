"""The score against the number of training examples: every fold thin, their range a band, their mean bold."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import PARTS, band, curve_axes, label_ends
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import figure, heading
from stages.core.pictures.wording import ticked


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["learning_curve"]
    fig = figure(4.2)
    axes = fig.subplots()
    columns = {part: f"{part}_score" for part in PARTS}
    curve_axes(axes, table["examples"], "score", table[list(columns.values())].to_numpy(np.float64), found)
    axes.set_xlabel("training examples")
    axes.xaxis.set_major_formatter(FuncFormatter(ticked))
    folds = [rows for _, rows in table.groupby("fold", sort=False)]
    examples = np.array([fold["examples"] for fold in folds]).mean(axis=0)
    ends = {}
    for part, column in columns.items():
        for fold in folds:
            axes.plot(fold["examples"], fold[column], color=PARTS[part], linewidth=0.7, alpha=0.6)
        ends[part] = band(axes, examples, np.array([fold[column] for fold in folds]), PARTS[part])
    label_ends(axes, ends)
    heading(fig, f"Learning curve: {found.label(found.score)} of the folds by the number of training examples")
    return fig


def describe(found: Findings) -> str:
    means = found.tables["learning_curve"].groupby("share")[["examples", "validation_score"]].mean()
    (few, low), (many, high) = means.iloc[0], means.iloc[-1]
    score = found.label(found.score)
    return (
        f"Training and validation {score} of the folds against the number of training {found.things}. "
        f"Validation {score} is {found.text(found.score, low)} with {few:,.0f} and "
        f"{found.text(found.score, high)} with {many:,.0f} of them, on average."
    )


def shown(found: Findings) -> bool:
    """Only if section `cross_validate` asks for parts of the training data: off by default."""
    return bool(found.tables["learning_curve"]["share"].nunique() > 1)


def caption(found: Findings) -> str:
    return f"The same on parts of the training {found.things}: whether more of them would help."


PICTURE = Picture("training", 30, caption, draw, describe, shown)
