"""What a model got wrong on the test set, the worst first: a classifier's mistakes, a regression's largest errors."""

from dataclasses import dataclass

import numpy as np

from stages.core.scores.classification import Mistake, mistakes
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions

_MISSES = 100


@dataclass(frozen=True)
class Miss:
    """Example number `index` of the test set has the value `actual`, but was predicted as `predicted`.

    `low` and `high` are the ends of its 90% interval, None where there is none.
    """

    index: int
    actual: float
    predicted: float
    low: float | None
    high: float | None


def wrong(predictions: AnyPredictions) -> tuple[list[Mistake], list[Miss]]:
    """All mistakes of a classifier, or the largest errors of a regression; of the other there are none."""
    if isinstance(predictions, Predictions):
        return mistakes(predictions.targets, predictions.probabilities), []
    return [], misses(predictions, _MISSES)


def misses(predictions: ValuePredictions, most: int) -> list[Miss]:
    """The `most` largest errors or fewer; of equals the one that comes first in the test set."""
    targets, values = predictions.targets, predictions.values
    order = np.argsort(-np.abs(targets - values), kind="stable")[:most]
    ends = [None if each is None else each.tolist() for each in (predictions.low, predictions.high)]
    return [
        Miss(int(i), float(targets[i]), float(values[i]), *(None if each is None else each[i] for each in ends))
        for i in order
    ]
