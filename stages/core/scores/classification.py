"""Scores of a classifier, each with its interval in one entry of `SCORES`; confusion counts; its worst mistakes.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. The predicted class is the most probable
one, the first of equals. Nothing depends on the order of the rows. What a class without examples leaves undefined is
0 where a ratio has no denominator (as scikit-learn with `zero_division=0`), and left out where there is no ranking:
no curve, an empty cell for its area, and no part in the macro area, which is the mean over the other classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import roc_auc_score

from stages.core.scores.bootstrap import Floats, Integers, Sums, mean_sums, on_grid
from stages.core.scores.calibration import brier_score, brier_sums, calibration_interval, expected_calibration_error
from stages.core.scores.score import Score

Probabilities = NDArray[np.float32]


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
    """One-vs-rest scores from confusion counts (..., C, C): of all resamples at once, where scikit-learn takes one."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    actual, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return ClassScores(_ratio(right, predicted), _ratio(right, actual), _ratio(2 * right, actual + predicted))


def macro_f1(targets: Integers, outputs: Floats) -> float:
    """The mean of the classes' F1, of logits or probabilities (N, C) against `targets` (N,)."""
    return float(class_scores(confusion(targets, predict(outputs), outputs.shape[1])).f1.mean())


def example_losses(targets: Integers, probabilities: Probabilities) -> Floats:
    """Each example's -log(probability of the actual class), in nats, (N,).

    Below float32's epsilon a probability counts as that epsilon, as in scikit-learn: softmax in float32 does reach an
    exact 0, and one example must not cost infinity.
    """
    actual = np.take_along_axis(probabilities, targets[:, None], axis=1)[:, 0].astype(np.float64)
    losses: Floats = -np.log(np.maximum(actual, np.finfo(np.float32).eps))
    return losses


def log_loss(targets: Integers, probabilities: Probabilities) -> float:
    """The mean of `example_losses`, which the bootstrap needs one by one.

    scikit-learn's computes in float32, and of the same numbers in float64 says that they do not sum to one.
    """
    return math.fsum(example_losses(targets, probabilities)) / len(targets)


def mistakes(targets: Integers, probabilities: Probabilities) -> list[Mistake]:
    """The wrong predictions, the most confident first, and of equals the one that comes first in the test set."""
    predicted = predict(probabilities)
    wrong = np.flatnonzero(predicted != targets)
    confidence = probabilities[wrong, predicted[wrong]]
    worst_first = np.argsort(-confidence, kind="stable")
    rows = zip(wrong, targets[wrong], predicted[wrong], confidence, strict=True)
    found = [Mistake(int(index), int(actual), int(said), float(chance)) for index, actual, said, chance in rows]
    return [found[place] for place in worst_first]


def with_ranking(targets: Integers, classes: int) -> list[int]:
    """The classes that some examples belong to and others do not, so that there is something to rank."""
    return [index for index, count in enumerate(np.bincount(targets, minlength=classes)) if 0 < count < len(targets)]


def _ratio(part: Integers, whole: Integers) -> Floats:
    """part / whole, 0 where whole is 0."""
    return part / np.maximum(whole, 1)


def of_confusion(
    name: str,
    score: Callable[[Integers], Floats],
    label: str,
    meaning: str,
    headline: bool = False,
    compared: bool = False,
) -> Score:
    """A share that is a function of confusion counts (..., C, C)."""

    def value(targets: Integers, probabilities: Probabilities) -> float:
        return float(score(confusion(targets, predict(probabilities), probabilities.shape[1])))

    def sums(targets: Integers, probabilities: Probabilities) -> Sums:
        size, classes = probabilities.shape
        cells = targets * classes + predict(probabilities)
        contributions = sparse.csr_array((np.ones(size), (cells, np.arange(size))), shape=(classes * classes, size))

        def scores(sums: Floats) -> dict[str, Floats]:
            return {name: score(np.ascontiguousarray(sums.T).astype(np.int64).reshape(-1, classes, classes))}

        return Sums(contributions, scores)

    return Score(name, label, meaning, value, sums, share=True, headline=headline, compared=compared)


def loss_sums(targets: Integers, probabilities: Probabilities) -> Sums:
    """Log loss as the mean of the examples' own."""
    return mean_sums("log_loss", on_grid(example_losses(targets, probabilities)))


def ranking_sums(targets: Integers, probabilities: Probabilities) -> Sums:
    """The macro ROC AUC as a function of how many positives and negatives each step of each class's ranking holds.

    A step is a run of neighbours in the ranking that are all positives or all negatives, whose order among each other
    counts for nothing, or one score that both have. Classes that all or no examples belong to have no ranking, as may
    happen in a resample of groups.
    """
    size = len(targets)
    present = with_ranking(targets, probabilities.shape[1])
    rows: list[Integers] = []
    steps: list[int] = []
    for index in present:
        positive = targets == index
        step = _steps(positive, probabilities[:, index])
        steps.append(int(step.max()) + 1)
        # Of every class two blocks of rows: its steps' positives, then their negatives.
        rows.append(2 * sum(steps[:-1]) + step + np.where(positive, 0, steps[-1]))
    contributions = sparse.csr_array(
        (np.ones(size * len(present)), (np.concatenate(rows), np.tile(np.arange(size), len(present)))),
        shape=(2 * sum(steps), size),
    )

    def scores(sums: Floats) -> dict[str, Floats]:
        areas, ranked = np.zeros((2, sums.shape[1]))
        for own, count in zip(np.split(sums, 2 * np.cumsum(steps)[:-1]), steps, strict=True):
            positives, negatives = own[:count], own[count:]
            below = np.cumsum(negatives, axis=0)
            # Twice the pairs in which the positive ranks higher; a shared score counts half.
            pairs = (positives * (2 * below - negatives)).sum(axis=0)
            both = 2 * positives.sum(axis=0) * below[-1]
            areas += pairs / np.maximum(both, 1)
            ranked += both > 0
        return {"roc_auc": areas / np.maximum(ranked, 1)}

    return Sums(contributions, scores)


def _steps(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Integers:
    """The step of the ranking, counted from the lowest score, that each example is on, (N,)."""
    distinct, level = np.unique(scores, return_inverse=True)
    positives = np.bincount(level, positive, len(distinct))
    total = np.bincount(level, minlength=len(distinct))
    kind = np.where(positives == total, 1, np.where(positives == 0, 0, 2))
    begins = (kind[1:] != kind[:-1]) | (kind[1:] == 2)
    step: Integers = np.append(0, np.cumsum(begins))[level]
    return step


def macro_roc_auc(targets: Integers, probabilities: Probabilities) -> float:
    """The mean area under the ROC curves of the classes that have one. Raises if all targets are of one class."""
    ranked = with_ranking(targets, probabilities.shape[1])
    if not ranked:
        raise ValueError("targets of one class alone: there is nothing to rank it against")
    return math.fsum(roc_auc_score(targets == index, probabilities[:, index]) for index in ranked) / len(ranked)


def _accuracy(counts: Integers) -> Floats:
    shares: Floats = np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))
    return shares


# To add a score, add an entry: it then is in metrics and tables, on the page, and has an interval.
SCORES = {
    score.name: score
    for score in (
        of_confusion(
            "accuracy", _accuracy, "accuracy", "share of all that is recognised", headline=True, compared=True
        ),
        of_confusion(
            *("macro_precision", lambda counts: class_scores(counts).precision.mean(axis=-1), "macro precision"),
            "of those called a class, the share that is; mean of the classes",
            headline=True,
        ),
        of_confusion(
            *("macro_recall", lambda counts: class_scores(counts).recall.mean(axis=-1), "macro recall"),
            "of those of a class, the share called so; mean of the classes",
            headline=True,
        ),
        of_confusion(
            *("macro_f1", lambda counts: class_scores(counts).f1.mean(axis=-1), "macro F1"),
            "harmonic mean of both; mean of the classes",
            headline=True,
            compared=True,
        ),
        Score(
            *("roc_auc", "ROC AUC", "chance that one of a class ranks above one of another; mean of the classes"),
            value=macro_roc_auc,
            sums=ranking_sums,
            headline=True,
        ),
        Score(
            *("log_loss", "log loss", "surprise at the true class, in nats; 0 is perfect"),
            value=log_loss,
            sums=loss_sums,
            greater_is_better=False,
            headline=True,
            compared=True,
        ),
        Score(
            *("brier", "Brier score", "mean squared error of the probabilities; 0 is perfect, 2 the worst"),
            value=brier_score,
            sums=brier_sums,
            greater_is_better=False,
        ),
        Score(
            *("ece", "calibration error", "mean distance of confidence and accuracy (ECE); 0 is perfect"),
            value=expected_calibration_error,
            interval=calibration_interval,
            greater_is_better=False,
            headline=True,
        ),
    )
}
