"""The one place of this room that tells tasks apart: what is scored of each, and the tables behind its plots."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.base import schemas
from stages.core.base.declared import Record, Table
from stages.core.config.builtin import Task
from stages.core.scores import classification, regression, summary
from stages.core.scores import tables as of_classes
from stages.core.scores.calibration import reliability_table
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.scores.score import Score

SCORES: Mapping[Task, Mapping[str, Score]] = {
    "classification": classification.SCORES,
    "regression": regression.SCORES,
}
# The score that the verdict on two models is on: the first that is compared.
MAIN: Mapping[Task, Score] = {
    task: next(score for score in scores.values() if score.compared) for task, scores in SCORES.items()
}
# What each fold is scored by besides its objective's own score: targets (N,) and outputs, of classes (N, C), of values
# (N,) in the target's unit.
FOLD_SCORES: Mapping[Task, Mapping[str, Callable[[NDArray[Any], NDArray[np.float64]], float]]] = {
    "classification": {"macro_f1": classification.macro_f1},
    "regression": {"mae": regression.mae, "r2": regression.r2},
}
# The tables of every task, by the names of their files: those that a task has none of are written empty.
TABLES: Mapping[str, Table] = {
    "confusion": schemas.CONFUSION,
    "roc": schemas.ROC,
    "precision_recall": schemas.PRECISION_RECALL,
    "classes": schemas.CLASSES,
    "calibration": schemas.CALIBRATION,
    "predictions": schemas.PREDICTIONS,
    "deciles": schemas.DECILES,
    "coverage": schemas.COVERAGE,
}


def rounded(name: str, value: float) -> float:
    """A value of the score called `name`, whichever task it is of, or of a loss."""
    score = next((scores[name] for scores in SCORES.values() if name in scores), None)
    return score.rounded(value) if score else round(value, 6)


def scores_of(predictions: AnyPredictions) -> Mapping[str, Score]:
    """The scores that these predictions can be given."""
    scores = SCORES[predictions.task]
    if isinstance(predictions, ValuePredictions) and predictions.low is None:
        return {name: score for name, score in scores.items() if name not in regression.WITH_INTERVAL}
    return scores


def scores_with_intervals(predictions: AnyPredictions, resamples: int, generator: np.random.Generator) -> pd.DataFrame:
    """Every score with its 95% interval: rows (score, value, low, high), rounded. Raises if all are of one class."""
    return summary.with_intervals(
        *(scores_of(predictions), predictions.targets, predictions.outputs, predictions.strata),
        *(resamples, generator, predictions.groups),
    )


def headlines(task: Task, table: pd.DataFrame) -> dict[str, float]:
    """The headline values of a table of `scores_with_intervals`, as they go into metrics/evaluate.json."""
    return summary.headlines(SCORES[task], table)


def evaluate_metrics(task: Task) -> type[Record]:
    """The declaration of metrics/evaluate.json: a number for each headline, but where there are no intervals."""
    return summary.evaluate_metrics(SCORES[task], may_lack=regression.WITH_INTERVAL)


def tables(predictions: AnyPredictions, classes: Sequence[str], curve_points: int) -> dict[str, pd.DataFrame]:
    """All of `TABLES`, rounded, without rows where the task has none; curves of at most `curve_points` points.

    `classes` are the names of the classes; of values there are none.
    """
    if isinstance(predictions, Predictions):
        of = predictions.targets, predictions.probabilities
        found = of_classes.tables(*of, classes, curve_points) | {"calibration": reliability_table(*of)}
        found = {name: table.round(6) for name, table in found.items()}
    else:
        found = regression.tables(predictions)
    empty = {name: pd.DataFrame(columns=list(table.columns)) for name, table in TABLES.items()}
    return empty | found
