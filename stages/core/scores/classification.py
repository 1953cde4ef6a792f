"""Scores of a classifier: headline numbers, confusion counts, the tables behind the plots, and its worst mistakes.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. The predicted class is the most probable
one, the first of equals. Nothing depends on the order of the rows. What a class without examples leaves undefined is
0 where a ratio has no denominator (as scikit-learn with `zero_division=0`), and left out where there is no ranking:
no curve, an empty cell for its area, and no part in the macro area, which is the mean over the other classes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.scores import curves
from stages.core.scores.curves import Curve, Ranking
from stages.core.scores.score import Score

if TYPE_CHECKING:
    import pandas as pd  # loaded only where a table is made: a refused parameter need not wait for it

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MACRO = "macro"


class ClassScores(NamedTuple):
    """Scores per class, each of shape (..., C), in [0, 1]."""

    precision: Floats
    recall: Floats
    f1: Floats


@dataclass(frozen=True)
class Mistake:
    """Example number `index` of the test set is of class `actual`, but was called `predicted` with `probability`."""

    index: int
    actual: int
    predicted: int
    probability: float


def predict(probabilities: NDArray[np.floating]) -> Integers:
    """The most probable class of each row, (N,)."""
    predicted: Integers = np.argmax(probabilities, axis=1)
    return predicted


def confusion(targets: Integers, predicted: Integers, classes: int) -> Integers:
    """Counts (C, C): rows are actual classes, columns predicted ones."""
    return np.bincount(targets * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def class_scores(counts: Integers) -> ClassScores:
    """One-vs-rest scores from confusion counts (..., C, C)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    actual, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return ClassScores(_ratio(right, predicted), _ratio(right, actual), _ratio(2 * right, actual + predicted))


def example_losses(targets: Integers, probabilities: NDArray[np.float32]) -> Floats:
    """Each example's -log(probability of the actual class), in nats, (N,).

    Below float32's epsilon a probability counts as that epsilon, as in scikit-learn: softmax in float32 does reach an
    exact 0, and one example must not cost infinity.
    """
    actual = np.take_along_axis(probabilities, targets[:, None], axis=1)[:, 0].astype(np.float64)
    losses: Floats = -np.log(np.maximum(actual, np.finfo(np.float32).eps))
    return losses


def log_loss(targets: Integers, probabilities: NDArray[np.float32]) -> float:
    """The mean of `example_losses`."""
    return math.fsum(example_losses(targets, probabilities)) / len(targets)


def headline(targets: Integers, probabilities: NDArray[np.float32]) -> dict[str, float]:
    """The scores a reader compares runs by; all in [0, 1] but `log_loss`. Raises if all targets are of one class."""
    counts = confusion(targets, predict(probabilities), probabilities.shape[1])
    scores = class_scores(counts)
    areas = [curves.roc_auc(ranking) for ranking in _rankings(targets, probabilities) if not ranking.one_sided]
    if not areas:
        raise ValueError("targets of one class alone: there is nothing to rank it against")
    return {
        "accuracy": float(np.trace(counts) / len(targets)),
        "macro_precision": _mean(scores.precision),
        "macro_recall": _mean(scores.recall),
        "macro_f1": _mean(scores.f1),
        "roc_auc": _mean(areas),
        "log_loss": log_loss(targets, probabilities),
    }


def tables(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> dict[str, "pd.DataFrame"]:
    """The tables behind the plots; curves of at most `points` points."""
    return {
        "confusion": confusion_table(confusion(targets, predict(probabilities), len(classes)), classes),
        "roc": roc_table(targets, probabilities, classes, points),
        "precision_recall": precision_recall_table(targets, probabilities, classes, points),
        "classes": class_table(targets, probabilities, classes),
    }


def confusion_table(counts: Integers, classes: Sequence[str]) -> "pd.DataFrame":
    """Confusion counts as C * C rows (actual, predicted, count), in class order."""
    import pandas as pd

    return pd.DataFrame(
        {"actual": np.repeat(classes, len(classes)), "predicted": list(classes) * len(classes), "count": counts.ravel()}
    )


def top_confusions(counts: Integers, classes: Sequence[str], most: int) -> list[tuple[str, str, int]]:
    """The `most` frequent mistakes (actual, predicted, count), those that never happened left out; ties by class."""
    wrong = (counts - np.diag(np.diagonal(counts))).ravel()
    ranked = np.argsort(-wrong, kind="stable")[:most]
    pairs = ((*divmod(int(cell), len(classes)), int(wrong[cell])) for cell in ranked)
    return [(classes[actual], classes[predicted], count) for actual, predicted, count in pairs if count]


def class_table(targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str]) -> "pd.DataFrame":
    """One row per class: precision, recall, f1, support (examples), roc_auc, average_precision."""
    import pandas as pd

    counts = confusion(targets, predict(probabilities), len(classes))
    rankings = _rankings(targets, probabilities)
    return pd.DataFrame(
        {
            "class": list(classes),
            **class_scores(counts)._asdict(),
            "support": counts.sum(axis=1),
            "roc_auc": [None if ranking.one_sided else curves.roc_auc(ranking) for ranking in rankings],
            "average_precision": [
                None if ranking.one_sided else curves.average_precision(ranking) for ranking in rankings
            ],
        }
    )


def roc_table(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> "pd.DataFrame":
    """Rows (class, false_positive_rate, true_positive_rate): a curve of at most `points` per class, then the macro."""
    of_class = _one_vs_rest(curves.roc, targets, probabilities, classes)
    return _curve_table(of_class, points, "false_positive_rate", "true_positive_rate")


def precision_recall_table(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> "pd.DataFrame":
    """Rows (class, recall, precision): a curve of at most `points` per class, then the macro."""
    of_class = _one_vs_rest(curves.precision_recall, targets, probabilities, classes)
    return _curve_table(of_class, points, "recall", "precision")


def mistakes(targets: Integers, probabilities: NDArray[np.float32]) -> list[Mistake]:
    """The wrong predictions, the most confident first, and of equals the one that comes first in the test set."""
    predicted = predict(probabilities)
    wrong = np.flatnonzero(predicted != targets)
    confidence = probabilities[wrong, predicted[wrong]]
    worst_first = np.argsort(-confidence, kind="stable")
    rows = zip(wrong, targets[wrong], predicted[wrong], confidence, strict=True)
    found = [Mistake(int(index), int(actual), int(said), float(chance)) for index, actual, said, chance in rows]
    return [found[place] for place in worst_first]


def _rankings(targets: Integers, probabilities: NDArray[np.float32]) -> list[Ranking]:
    """Each class against the rest."""
    return [curves.rank(targets == index, column) for index, column in enumerate(probabilities.T)]


def _one_vs_rest(
    curve_of: Callable[[Ranking], Curve], targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str]
) -> dict[str, Curve]:
    """The curve of each class that has one, in class order, then their macro average."""
    ranked = zip(classes, _rankings(targets, probabilities), strict=True)
    found = {name: curve_of(ranking) for name, ranking in ranked if not ranking.one_sided}
    return {**found, MACRO: curves.macro(list(found.values()))}


def _curve_table(of_class: dict[str, Curve], points: int, x: str, y: str) -> "pd.DataFrame":
    import pandas as pd

    thinned = {name: curves.thin(curve, points) for name, curve in of_class.items()}
    return pd.concat(
        [pd.DataFrame({"class": name, x: curve.x, y: curve.y}) for name, curve in thinned.items()], ignore_index=True
    )


def _ratio(part: Integers, whole: Integers) -> Floats:
    """part / whole, 0 where whole is 0."""
    return part / np.maximum(whole, 1)


def _mean(values: Sequence[float] | Floats) -> float:
    """The mean that is the same in any order."""
    return math.fsum(values) / len(values)


SCORES = {
    score.name: score
    for score in (
        Score("accuracy", "accuracy", "share of the images recognised", True, True, True),
        Score(
            "macro_precision",
            "macro precision",
            "of those called a class, the share that is; mean of the classes",
            True,
            True,
            True,
        ),
        Score(
            "macro_recall",
            "macro recall",
            "of those of a class, the share called so; mean of the classes",
            True,
            True,
            True,
        ),
        Score("macro_f1", "macro F1", "harmonic mean of both; mean of the classes", True, True, True),
        Score(
            "roc_auc",
            "ROC AUC",
            "chance that a class's own image ranks above another's; mean of the classes",
            False,
            True,
            True,
        ),
        Score("log_loss", "log loss", "surprise at the true class, in nats; 0 is perfect", False, False, True),
        Score(
            "brier",
            "Brier score",
            "mean squared error of the probabilities; 0 is perfect, 2 the worst",
            False,
            False,
            False,
        ),
        Score(
            "ece",
            "calibration error",
            "mean distance of confidence and accuracy (ECE); 0 is perfect",
            False,
            False,
            True,
        ),
    )
}
