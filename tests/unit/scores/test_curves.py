"""ROC and precision-recall curves, their areas, their average and their thinning."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from stages.core.scores import curves
from stages.core.scores.curves import Curve

# Scores with a tie of a positive and a negative; from the top: +, (+ -), -, +.
POSITIVE = np.array([True, True, False, False, True])
SCORES = np.array([0.9, 0.5, 0.5, 0.4, 0.1])


def example(seed: int, ties: bool, examples: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(examples) < 0.2
    scores = generator.normal(size=examples) + 1.5 * positive
    return positive, scores.round(1) if ties else scores


def points(curve: Curve) -> list[tuple[float, float]]:
    return list(zip(curve.x.tolist(), curve.y.tolist(), strict=True))


def test_roc_by_hand() -> None:
    assert points(curves.roc(POSITIVE, SCORES)) == [(0, 0), (0, 1 / 3), (0.5, 2 / 3), (1, 2 / 3), (1, 1)]


def test_precision_recall_by_hand() -> None:
    curve = curves.precision_recall(POSITIVE, SCORES)
    assert curve.x == pytest.approx(np.array([0, 1, 1, 2, 2, 2, 2, 3]) / 3)
    assert curve.y == pytest.approx([1, 1, 2 / 3, 2 / 3, 1 / 2, 1 / 2, 3 / 5, 3 / 5])


@pytest.mark.parametrize("ties", [True, False])
def test_the_area_under_a_curve_is_its_score(ties: bool) -> None:
    ranked = example(1, ties)
    assert area(curves.roc(*ranked)) == pytest.approx(metrics.roc_auc_score(*ranked))
    assert area(curves.precision_recall(*ranked)) == pytest.approx(metrics.average_precision_score(*ranked))


def area(curve: Curve) -> float:
    return float(np.trapezoid(curve.y, curve.x))


def test_height_between_points_and_at_jumps() -> None:
    curve = Curve(np.array([0, 0, 0.5, 0.5, 1.0]), np.array([0, 0.2, 0.4, 0.8, 1.0]))
    x = np.array([0, 0.25, 0.5, 0.75, 1])
    assert curves.height(curve, x, "left") == pytest.approx([0, 0.3, 0.4, 0.9, 1])
    assert curves.height(curve, x, "right") == pytest.approx([0.2, 0.3, 0.8, 0.9, 1])


def test_macro_is_the_mean_height_and_jumps_where_a_curve_does() -> None:
    step = Curve(np.array([0, 0.5, 0.5, 1.0]), np.array([0, 0, 1.0, 1.0]))
    line = Curve(np.array([0, 1.0]), np.array([0, 1.0]))
    mean = curves.macro([step, line])
    assert points(mean) == [(0, 0), (0, 0), (0.5, 0.25), (0.5, 0.75), (1, 1), (1, 1)]
    assert area(mean) == (area(step) + area(line)) / 2


@pytest.mark.parametrize("make", [curves.roc, curves.precision_recall])
@pytest.mark.parametrize("seed", range(3))
def test_thinning_cannot_be_seen(make: Callable[[np.ndarray, np.ndarray], Curve], seed: int) -> None:
    """200 points of thousands: the ends stay, all are points of the curve, and no gap is half a percent wide."""
    curve = make(*example(seed, ties=False))
    thinned = curves.thin(curve, points=200)
    assert len(curve.x) > 1000 and len(thinned.x) == 200
    assert points(thinned)[0] == points(curve)[0] and points(thinned)[-1] == points(curve)[-1]
    assert set(points(thinned)) <= set(points(curve))
    beyond_the_ragged_start = np.linspace(0.01, 1, 5000)
    gap = curves.height(curve, beyond_the_ragged_start) - curves.height(thinned, beyond_the_ragged_start)
    assert np.abs(gap).max() < 0.005


def test_thinning_stops_when_nothing_is_lost() -> None:
    x = np.linspace(0, 1, 1001)
    corner = Curve(np.append(0, x), np.append(0, np.ones_like(x)))
    assert points(curves.thin(corner, points=200)) == [(0, 0), (0, 1), (1, 1)]


def test_thinning_takes_the_widest_gap_first() -> None:
    x = np.arange(5) / 4
    peaks = Curve(x, np.array([0, 0.2, 0, 0.9, 0]))
    assert points(curves.thin(peaks, points=3)) == [(0, 0), (0.75, 0.9), (1, 0)]


def test_a_perfect_ranking() -> None:
    positive, scores = np.array([True, True, False, False]), np.array([0.9, 0.8, 0.2, 0.1])
    assert points(curves.thin(curves.roc(positive, scores), 10)) == [(0, 0), (0, 1), (1, 1)]
    assert points(curves.thin(curves.precision_recall(positive, scores), 10)) == [(0, 1), (1, 1), (1, 0.5)]
