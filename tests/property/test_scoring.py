"""Whatever the predictions: scores ignore the order of the rows, keep their bounds, and agree with each other."""

import math
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.base.seeding import numpy_generator
from stages.core.scores import classification as scoring
from stages.core.scores import curves, regression, tables, tasks
from stages.core.scores.predictions import ValuePredictions
from stages.core.training.objectives import conformal


def headline(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The headline scores but the calibration error, which has tests of its own."""
    shown = (score for score in scoring.SCORES.values() if score.headline and score.name != "ece")
    return {score.name: score.value(targets, probabilities) for score in shown}


few_examples = settings(max_examples=60, deadline=None)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Targets of at least two classes, of which some may be missing, and probabilities with many ties."""
    classes = draw(st.integers(2, 5))
    targets = draw(st.lists(st.integers(0, classes - 1), min_size=2, max_size=40).filter(lambda t: len(set(t)) > 1))
    row = st.lists(st.integers(0, 4), min_size=classes, max_size=classes).filter(any)
    weights = np.array([draw(row) for _ in targets], np.float32)
    return np.array(targets), weights / weights.sum(axis=1, keepdims=True)


@few_examples
@given(predictions(), st.randoms(use_true_random=False))
def test_scores_ignore_the_order_of_the_rows(case: tuple[np.ndarray, np.ndarray], random: Random) -> None:
    targets, probabilities = case
    order = random.sample(range(len(targets)), len(targets))
    classes = [f"class {index}" for index in range(probabilities.shape[1])]
    assert headline(targets, probabilities) == headline(targets[order], probabilities[order])
    for make in (tables.class_table, tables.roc_table, tables.precision_recall_table):
        points = () if make is tables.class_table else (200,)
        table = make(targets, probabilities, classes, *points)
        assert table.equals(make(targets[order], probabilities[order], classes, *points))


@few_examples
@given(predictions())
def test_scores_keep_their_bounds(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, probabilities = case
    scores = headline(targets, probabilities)
    assert 0 <= scores.pop("log_loss") <= -math.log(np.finfo(np.float32).eps)
    assert all(0 <= score <= 1 for score in scores.values())
    table = tables.class_table(targets, probabilities, list("abcde")[: probabilities.shape[1]])
    filled = table.drop(columns=["class", "support"]).to_numpy(float)
    assert np.all(np.isnan(filled) | ((filled >= 0) & (filled <= 1)))
    assert table["support"].sum() == len(targets)


@few_examples
@given(predictions())
def test_mistakes_are_all_that_accuracy_misses(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, probabilities = case
    found = scoring.mistakes(targets, probabilities)
    assert len(found) == round((1 - headline(targets, probabilities)["accuracy"]) * len(targets))
    assert [mistake.probability for mistake in found] == sorted((m.probability for m in found), reverse=True)
    assert all(mistake.actual == targets[mistake.index] != mistake.predicted for mistake in found)


@few_examples
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=80), st.integers(2, 40))
def test_thinning_keeps_the_ends_and_never_adds(raw: list[tuple[int, int]], most: int) -> None:
    """Curves of any shape, jumps in either direction among them; with enough points nothing is lost at all."""
    x, y = np.array(sorted(raw)).T / 50
    curve = curves.Curve((x - x[0]) / max(x[-1] - x[0], 1), y)
    thinned, complete = curves.thin(curve, most), curves.thin(curve, len(x))
    assert len(thinned.x) <= most
    assert (thinned.x[0], thinned.y[0], thinned.x[-1], thinned.y[-1]) == (curve.x[0], y[0], curve.x[-1], y[-1])
    for side in ("left", "right"):
        gap = curves.height(curve, curve.x, side) - curves.height(complete, curve.x, side)
        assert np.abs(gap).max() <= 1e-6


@st.composite
def values(draw: st.DrawFn) -> ValuePredictions:
    """Targets and predictions of any magnitude with many ties, perhaps with intervals and in groups."""
    size = draw(st.integers(1, 40))
    numbers = st.lists(st.integers(-5, 5), min_size=size, max_size=size)
    unit = draw(st.sampled_from([1e-60, 1e-6, 1.0, 1 / 3, 1e9, 1e60]))
    targets, predicted = (unit * np.array(draw(numbers), float) for _ in range(2))
    ends: dict[str, np.ndarray] = {}
    if draw(st.booleans()):
        below, above = (unit * np.abs(np.array(draw(numbers), float)) for _ in range(2))
        ends = {"low": predicted - below, "high": predicted + above}
    groups = np.array(draw(numbers)) if draw(st.booleans()) else None
    return ValuePredictions(targets, predicted, **ends, groups=groups)


@settings(few_examples, max_examples=30)
@given(values(), st.randoms(use_true_random=False))
def test_scores_of_values_ignore_the_order_of_the_rows(found: ValuePredictions, random: Random) -> None:
    order = random.sample(range(len(found.targets)), len(found.targets))
    shuffled = ValuePredictions(**{name: array[order] for name, array in vars(found).items() if array is not None})
    first, again = (tasks.scores_with_intervals(side, 20, numpy_generator(0, "any")) for side in (found, shuffled))
    assert again.equals(first)
    assert np.isfinite(first[["value", "low", "high"]].to_numpy()).all()
    for name, table in tasks.tables(found, (), 200).items():
        assert table.equals(tasks.tables(shuffled, (), 200)[name])
        tasks.TABLES[name].checked(table, name)


@few_examples
@given(values())
def test_scores_of_values_keep_their_bounds(found: ValuePredictions) -> None:
    scores = {name: score.value(found.targets, found.outputs) for name, score in tasks.scores_of(found).items()}
    largest = np.abs(found.values - found.targets).max()
    assert 0 <= scores["mae"] <= scores["rmse"] * (1 + 1e-12) <= largest * (1 + 2e-12)
    assert 0 <= scores["median_absolute_error"] <= min(2 * scores["mae"] * (1 + 1e-12), largest)
    assert scores["r2"] <= 1
    assert 0 <= scores.get("coverage", 0) <= 1
    deciles = regression.decile_table(found)
    assert deciles["examples"].sum() == len(found.targets)
    assert (deciles["from"] <= deciles["to"]).all() and (deciles["to"][:-1] < deciles["from"][1:].to_numpy()).all()


@few_examples
@given(values(), st.booleans())
def test_an_interval_holds_nine_in_ten_of_what_it_was_learned_from(found: ValuePredictions, factors: bool) -> None:
    """And any value lies within its own."""
    targets, predicted = ((np.abs(each) + 1e-70 if factors else each) for each in (found.targets, found.values))
    learned = conformal.calibrate(targets, predicted, factors)
    assert learned
    low, high = conformal.interval(learned, predicted)
    tiny = 1e-12 * np.abs(np.concatenate([targets, predicted])).max()
    inside = (low <= targets + tiny) & (targets - tiny <= high)
    assert inside.sum() >= math.ceil(0.9 * len(targets))
    far = np.array([1e-90, 1.0, 1e90])
    low, high = conformal.interval(learned, far)
    assert ((low <= far) & (far <= high)).all()
