"""Whether one model is better than another on the same test set, or the difference is noise.

Accuracy is judged by McNemar's exact test; all else, the errors of a regression and whatever comes in groups included,
by the bootstrap's interval of the paired difference. The verdict on the models is that on accuracy alone, or on RMSE:
three tests would err more often than one, and the log loss tells even two seeds of one recipe apart, a difference that
is real and yet no improvement.

A verdict takes 99% confidence where the intervals shown have 95%. All this asks is whether these two models differ on
other test examples; but models of one recipe and two seeds do differ a little, and who compares has often tried many.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from stages.core.base.command import InputError
from stages.core.config.builtin import Task
from stages.core.scores.bootstrap import LEAST_DRAWN, canonical_order, percentile_interval, replicates
from stages.core.scores.classification import predict
from stages.core.scores.predictions import AnyPredictions, Predictions
from stages.core.scores.tasks import MAIN, SCORES

Verdict = Literal["better", "worse", "indistinguishable"]

RESAMPLES = 2000
SIGNIFICANCE = 0.01
assert 2.0 ** (1 - LEAST_DRAWN) < SIGNIFICANCE


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
class Discordant:
    """The examples that one of two classifiers has right and the other has not, and McNemar's exact p of them."""

    only_a_right: int
    only_b_right: int
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """What sets B apart from A on `examples` test examples; the first difference is that in the task's main score.

    `groups` is how many groups the examples come in, if they do. Of values nothing is right or wrong, `discordant`.
    """

    task: Task
    examples: int
    differences: tuple[Difference, ...]
    identical: bool
    discordant: Discordant | None = None
    groups: int | None = None

    @property
    def verdict(self) -> Verdict:
        return self.differences[0].verdict


def check_comparable(a: AnyPredictions, b: AnyPredictions, name_a: str, name_b: str) -> None:
    """Raise `InputError` unless both are of the same task and test examples; the message says what differs."""
    predicts = {"classification": "classes", "regression": "values"}
    if a.task != b.task:
        raise InputError(
            f"{name_a} predicts {predicts[a.task]} and {name_b} {predicts[b.task]}: "
            "a classifier and a regression cannot be compared"
        )
    problem = ""
    sizes = [_size(side) for side in (a, b)]
    if sizes[0] != sizes[1]:
        problem = f"{name_a} has {sizes[0]}, {name_b} has {sizes[1]}"
    elif different := int((a.targets != b.targets).sum()):
        what = "of another class" if a.task == "classification" else "of another value"
        problem = f"{different:,} of the {len(a.targets):,} examples are {what} in {name_b} than in {name_a}"
    elif a.groups is not None and b.groups is not None and not _same_groups(a.groups, b.groups):
        problem = f"the examples come in other groups in {name_b} than in {name_a}"
    if problem:
        raise InputError(f"{name_a} and {name_b} were scored on different test sets: {problem}")


def compare(
    a: AnyPredictions, b: AnyPredictions, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Comparison:
    """Compare two models on the same test set, in every score that is `compared`, by paired stratified bootstrap.

    Both models see the same resamples, so that what an example is worth to both of them cancels out. Where only one of
    them knows the groups of the examples, they are both's.
    """
    groups = b.groups if a.groups is None else a.groups
    discordant = _discordant(a, b) if groups is None else None  # a test that takes examples for independent

    order = canonical_order(a.targets, a.outputs, b.outputs)
    targets = a.targets[order]
    compared = {score: score.sums for score in SCORES[a.task].values() if score.compared and score.sums}
    assert next(iter(compared)) is MAIN[a.task], "the verdict is that on the first"
    parts = [sums(targets, side.outputs[order]) for sums in compared.values() for side in (a, b)]
    own_groups = None if groups is None else groups[order]
    found = replicates(parts, a.strata[order], resamples, generator, own_groups)
    drawn = len(targets) if groups is None else len(np.unique(groups))
    enough = drawn >= LEAST_DRAWN
    differences = []
    for score, of_a, of_b in zip(compared, found[::2], found[1::2], strict=True):
        name = score.name
        value_a, value_b = (score.value(side.targets, side.outputs) for side in (a, b))
        replicated = of_b[name] - of_a[name]
        low, high = percentile_interval(replicated, 1 - SIGNIFICANCE)
        gained = value_b - value_a
        by_test = name == "accuracy" and discordant
        distinct = by_test.p_value < SIGNIFICANCE if by_test else enough and not low <= 0 <= high
        improved = (gained > 0) == score.greater_is_better
        verdict: Verdict = "indistinguishable" if not distinct else "better" if improved else "worse"
        differences.append(Difference(name, value_a, value_b, gained, percentile_interval(replicated), verdict))
    identical = a.outputs.shape == b.outputs.shape and bool((a.outputs == b.outputs).all())
    count = None if groups is None else drawn
    return Comparison(a.task, len(targets), tuple(differences), identical, discordant, count)


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided exact p of `only_a` examples right in A alone and `only_b` in B alone, in [0, 1].

    Were the models equally good, each such example would be a toss of a fair coin. Source: McNemar, Note on the
    Sampling Error of the Difference Between Correlated Proportions (1947), in the exact binomial form.
    """
    tosses = only_a + only_b
    return float(binomtest(only_a, tosses).pvalue) if tosses else 1.0


def _discordant(a: AnyPredictions, b: AnyPredictions) -> Discordant | None:
    if not isinstance(a, Predictions) or not isinstance(b, Predictions):
        return None
    right_a, right_b = (predict(side.probabilities) == side.targets for side in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return Discordant(only_a, only_b, mcnemar(only_a, only_b))


def _size(predictions: AnyPredictions) -> str:
    classes = f" of {predictions.outputs.shape[1]} classes" if predictions.task == "classification" else ""
    return f"{len(predictions.targets):,} examples{classes}"


def _same_groups(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the same examples go together, by whatever codes."""
    both = np.unique(np.stack([a, b]), axis=1)
    return bool(both.shape[1] == len(np.unique(a)) == len(np.unique(b)))
