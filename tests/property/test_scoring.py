"""Whatever the predictions: scores ignore the order of the rows, keep their bounds, and agree with each other."""

import math
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.scores import classification as scoring
from stages.core.scores import curves, tables


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
