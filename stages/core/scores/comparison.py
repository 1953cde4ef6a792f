"""Whether one model is better than another on the same test set, or the difference is noise.

Accuracy is judged by McNemar's exact test, macro-F1 and log loss by the interval of their paired difference. The
verdict on the models is that on accuracy alone: three tests would err more often than one, and the log loss tells even
two seeds of one recipe apart, a difference that is real and yet no improvement.

A verdict takes 99% confidence where the intervals shown have 95%. All this asks is whether these two models differ on
other test examples; but models of one recipe and two seeds do differ a little, and who compares has often tried many.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from stages.core.base.command import InputError
from stages.core.scores.bootstrap import canonical_order, percentile_interval, replicates
from stages.core.scores.classification import SCORES, predict
from stages.core.scores.predictions import Predictions

Verdict = Literal["better", "worse", "indistinguishable"]

RESAMPLES = 2000
SIGNIFICANCE = 0.01


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
    """Compare two models on the same test set, in every score that is `compared`, by paired stratified bootstrap.

    Both models see the same resamples, so that what an example is worth to both of them cancels out.
    """
    right_a, right_b = (predict(side.probabilities) == side.targets for side in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_value = mcnemar(only_a, only_b)

    order = canonical_order(a.targets, a.probabilities, b.probabilities)
    targets = a.targets[order]
    compared = {score: score.sums for score in SCORES.values() if score.compared and score.sums}
    assert next(iter(compared)).name == "accuracy", "the verdict is that on the first"
    parts = [sums(targets, side.probabilities[order]) for sums in compared.values() for side in (a, b)]
    found = replicates(parts, targets, resamples, generator)
    differences = []
    for score, of_a, of_b in zip(compared, found[::2], found[1::2], strict=True):
        name = score.name
        value_a, value_b = (score.value(side.targets, side.probabilities) for side in (a, b))
        replicated = of_b[name] - of_a[name]
        low, high = percentile_interval(replicated, 1 - SIGNIFICANCE)
        gained = value_b - value_a
        distinct = p_value < SIGNIFICANCE if name == "accuracy" else not low <= 0 <= high
        improved = (gained > 0) == score.greater_is_better
        verdict: Verdict = "indistinguishable" if not distinct else "better" if improved else "worse"
        differences.append(Difference(name, value_a, value_b, gained, percentile_interval(replicated), verdict))
    identical = bool((a.probabilities == b.probabilities).all())
    return Comparison(len(targets), tuple(differences), only_a, only_b, p_value, identical)


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided exact p of `only_a` examples right in A alone and `only_b` in B alone, in [0, 1].

    Were the models equally good, each such example would be a toss of a fair coin. Source: McNemar, Note on the
    Sampling Error of the Difference Between Correlated Proportions (1947), in the exact binomial form.
    """
    tosses = only_a + only_b
    return float(binomtest(only_a, tosses).pvalue) if tosses else 1.0
