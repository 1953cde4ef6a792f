"""Whether one model is better than another on the same test set, or the difference is noise.

Accuracy is judged by McNemar's exact test, macro-F1 and log loss by the interval of their paired difference. The
verdict on the models is that on accuracy alone: three tests would err more often than one, and the log loss tells even
two seeds of one recipe apart, a difference that is real and yet no improvement.

A verdict takes 99% confidence where the intervals shown have 95%. All this asks is whether these two models differ on
other test examples; but models of one recipe and two seeds do differ a little, and who compares has often tried many.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.core.base.command import InputError
from stages.core.scores.bootstrap import Integers, canonical_order, percentile_interval, replicates
from stages.core.scores.classification import class_scores, confusion, log_loss, predict
from stages.core.scores.intervals import confusion_sums, loss_sums

Verdict = Literal["better", "worse", "indistinguishable"]

RESAMPLES = 2000
SIGNIFICANCE = 0.01
_SMALLER_IS_BETTER = {"log_loss"}


@dataclass(frozen=True)
class Predictions:
    """A model's predictions for a test set: `targets` int64 (N,), `probabilities` float32 (N, C)."""

    targets: Integers
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """A score of A and of B, the difference B - A with its 95% interval, and what it says of B."""

    score: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """What sets B apart from A on `examples` test examples; the first difference is that in accuracy."""

    examples: int
    differences: tuple[Difference, ...]
    only_a_right: int
    only_b_right: int
    p_value: float
    identical: bool

    @property
    def verdict(self) -> Verdict:
        return self.differences[0].verdict


def predictions(arrays: dict[str, np.ndarray], name: str) -> Predictions:
    """The content of a predictions file, checked; raises `InputError`, which calls it `name`, unless it is one."""
    if arrays.keys() != {"targets", "probabilities"}:
        raise InputError(f"{name}: must hold targets and probabilities, found {', '.join(sorted(arrays)) or 'nothing'}")
    targets, probabilities = arrays["targets"], arrays["probabilities"]
    if targets.ndim != 1 or probabilities.ndim != 2 or len(targets) != len(probabilities) or probabilities.size == 0:
        raise InputError(
            f"{name}: must hold targets (N,) and probabilities (N, C), found {targets.shape} and {probabilities.shape}"
        )
    if targets.dtype.kind != "i" or targets.min() < 0 or targets.max() >= probabilities.shape[1]:
        raise InputError(f"{name}: targets must be class indices from 0 to {probabilities.shape[1] - 1}")
    if probabilities.dtype.kind != "f" or not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
        raise InputError(f"{name}: probabilities must be numbers from 0 to 1")
    return Predictions(targets, probabilities)


def check_comparable(a: Predictions, b: Predictions, name_a: str, name_b: str) -> None:
    """Raise `InputError` unless both are predictions for the same examples, in the same order, and the same classes."""
    sizes = [f"{len(side.targets):,} examples of {side.probabilities.shape[1]} classes" for side in (a, b)]
    problem = ""
    if a.probabilities.shape != b.probabilities.shape:
        problem = f"{name_a} has {sizes[0]}, {name_b} has {sizes[1]}"
    elif different := int((a.targets != b.targets).sum()):
        problem = f"{different:,} of the {len(a.targets):,} examples are of another class in {name_b} than in {name_a}"
    if problem:
        raise InputError(f"{name_a} and {name_b} were scored on different test sets: {problem}")


def compare(a: Predictions, b: Predictions, generator: np.random.Generator, resamples: int = RESAMPLES) -> Comparison:
    """Compare two models on the same test set: accuracy, macro-F1 and log loss, by paired stratified bootstrap.

    Both models see the same resamples, so that what an example is worth to both of them cancels out.
    """
    right_a, right_b = (predict(side.probabilities) == side.targets for side in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_value = mcnemar(only_a, only_b)

    order = canonical_order(a.targets, a.probabilities, b.probabilities)
    targets = a.targets[order]
    parts = [make(targets, side.probabilities[order]) for side in (a, b) for make in (confusion_sums, loss_sums)]
    found = replicates(parts, targets, resamples, generator)
    found_a, found_b = found[0] | found[1], found[2] | found[3]
    scores_a, scores_b = _scores(a), _scores(b)
    differences = []
    for name in scores_a:
        replicated = found_b[name] - found_a[name]
        low, high = percentile_interval(replicated, 1 - SIGNIFICANCE)
        gained = scores_b[name] - scores_a[name]
        distinct = p_value < SIGNIFICANCE if name == "accuracy" else not low <= 0 <= high
        improved = (gained < 0) == (name in _SMALLER_IS_BETTER)
        verdict: Verdict = "indistinguishable" if not distinct else "better" if improved else "worse"
        differences.append(
            Difference(name, scores_a[name], scores_b[name], gained, percentile_interval(replicated), verdict)
        )
    identical = bool((a.probabilities == b.probabilities).all())
    return Comparison(len(targets), tuple(differences), only_a, only_b, p_value, identical)


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided exact p of `only_a` examples right in A alone and `only_b` in B alone, in [0, 1].

    Were the models equally good, each such example would be a toss of a fair coin. Whole numbers up to the last
    division, so the same everywhere. Source: McNemar, Note on the Sampling Error of the Difference Between Correlated
    Proportions (1947), in the exact binomial form.
    """
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, heads) for heads in range(min(only_a, only_b) + 1))
    return float(min(1, 2 * tail / 2**tosses))


def _scores(side: Predictions) -> dict[str, float]:
    counts = confusion(side.targets, predict(side.probabilities), side.probabilities.shape[1])
    return {
        "accuracy": float(np.trace(counts) / len(side.targets)),
        "macro_f1": float(class_scores(counts).f1.mean()),
        "log_loss": log_loss(side.targets, side.probabilities),
    }
