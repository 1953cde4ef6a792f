"""The metrics of `evaluate`: every headline score with its 95% interval, and the pairs of classes mixed up most.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. Nothing depends on the rows' order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stages.core.scores.bootstrap import (
    Floats,
    Integers,
    Sums,
    canonical_order,
    on_grid,
    percentile_interval,
    replicates,
)
from stages.core.scores.calibration import brier_score, brier_sums, calibration_interval, expected_calibration_error
from stages.core.scores.classification import class_scores, confusion, example_losses, headline, predict, top_confusions

_CONFUSIONS = 5


def summarise(
    targets: Integers,
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    resamples: int,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """The scores of one model as the stage's metrics. Raises if all targets are of one class.

    What stands in lists does not show in DVC's tables, which would else be too wide to read.
    """
    scores = {**headline(targets, probabilities), "ece": expected_calibration_error(targets, probabilities)}
    shown = {name: round(score, 6) for name, score in scores.items()}
    scores["brier"] = brier_score(targets, probabilities)
    counts = confusion(targets, predict(probabilities), len(classes))
    return {
        **shown,
        "intervals": [
            {"score": name, "value": round(scores[name], 6), "ci95": [round(end, 6) for end in interval]}
            for name, interval in intervals(targets, probabilities, resamples, generator).items()
        ],
        "confusions": [
            {"actual": actual, "predicted": predicted, "count": count}
            for actual, predicted, count in top_confusions(counts, classes, _CONFUSIONS)
        ],
    }


def intervals(
    targets: Integers, probabilities: NDArray[np.float32], resamples: int, generator: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """The 95% interval of every headline score, by stratified bootstrap: a test set with other examples, same classes.

    They say how sure the scores of this model are, not how another training run would turn out. The calibration error
    is no score to resample, see `calibration_interval`.
    """
    order = canonical_order(targets, probabilities)
    targets, probabilities = targets[order], probabilities[order]
    parts = [
        confusion_sums(targets, probabilities),
        ranking_sums(targets, probabilities),
        loss_sums(targets, probabilities),
        brier_sums(targets, probabilities),
    ]
    found = replicates(parts, targets, resamples, generator)
    resampled = {name: percentile_interval(values) for scores in found for name, values in scores.items()}
    return {**resampled, "ece": calibration_interval(targets, probabilities)}


def confusion_sums(targets: Integers, probabilities: NDArray[np.float32]) -> Sums:
    """Accuracy and the macro scores as functions of the confusion counts."""
    size, classes = probabilities.shape
    cells = targets * classes + predict(probabilities)
    contributions = sparse.csr_array((np.ones(size), (cells, np.arange(size))), shape=(classes * classes, size))

    def scores(sums: Floats) -> dict[str, Floats]:
        counts = np.ascontiguousarray(sums.T).astype(np.int64).reshape(-1, classes, classes)
        of_class = class_scores(counts)
        return {
            "accuracy": np.trace(counts, axis1=1, axis2=2) / size,
            "macro_precision": of_class.precision.mean(axis=1),
            "macro_recall": of_class.recall.mean(axis=1),
            "macro_f1": of_class.f1.mean(axis=1),
        }

    return Sums(contributions, scores)


def loss_sums(targets: Integers, probabilities: NDArray[np.float32]) -> Sums:
    """Log loss as the sum of the examples' own."""
    losses = on_grid(example_losses(targets, probabilities))
    return Sums(sparse.csr_array(losses[None]), lambda sums: {"log_loss": sums[0] / len(targets)})


def ranking_sums(targets: Integers, probabilities: NDArray[np.float32]) -> Sums:
    """The macro ROC AUC as a function of how many positives and negatives each step of each class's ranking holds.

    A step is a run of neighbours in the ranking that are all positives or all negatives, whose order among each other
    counts for nothing, or one score that both have. Classes that all or no examples belong to have no ranking.
    """
    size = len(targets)
    present = [index for index, count in enumerate(np.bincount(targets)) if 0 < count < size]
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
        areas = np.zeros(sums.shape[1])
        for own, count in zip(np.split(sums, 2 * np.cumsum(steps)[:-1]), steps, strict=True):
            positives, negatives = own[:count], own[count:]
            below = np.cumsum(negatives, axis=0)
            # Twice the pairs in which the positive ranks higher; a shared score counts half.
            pairs = (positives * (2 * below - negatives)).sum(axis=0)
            areas += pairs / (2 * positives.sum(axis=0) * below[-1])
        return {"roc_auc": areas / len(steps)}

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
