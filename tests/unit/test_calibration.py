import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from stages.core.calibration import (
    BINS,
    brier_score,
    calibration_sums,
    expected_calibration_error,
    reliability_table,
    wilson_interval,
)

# Two classes, the first predicted with these confidences, and whether that is right.
CONFIDENCE = [0.9, 0.9, 0.91, 0.9, 0.65, 0.6001]
RIGHT = [1, 1, 0, 1, 0, 1]
# By hand: bin (13/15, 14/15] holds four, mean 0.9025 against 3/4; bin (9/15, 10/15] two, mean 0.62505 against 1/2.
ECE = (4 * (0.9025 - 0.75) + 2 * (0.62505 - 0.5)) / 6


@pytest.fixture
def six() -> tuple[np.ndarray, np.ndarray]:
    first = np.array(CONFIDENCE, np.float32)
    return 1 - np.array(RIGHT), np.stack([first, 1 - first], axis=1)


def random(size: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, classes, size), generator.dirichlet(np.ones(classes), size).astype(np.float32)


def test_expected_calibration_error_by_hand(six):
    assert expected_calibration_error(*six) == pytest.approx(ECE, abs=1e-7)


@pytest.mark.parametrize(("right", "expected"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_the_calibration_error_of_certainty(right: float, expected: float):
    targets = (np.arange(10) >= 10 * right).astype(np.int64)
    assert expected_calibration_error(targets, np.tile(np.float32([1, 0]), (10, 1))) == expected


def test_the_upper_edge_belongs_to_a_bin():
    table = reliability_table(np.zeros(2, np.int64), np.array([[0.6, 0.4], [0.60001, 0.39999]]))
    assert table["examples"].to_numpy().nonzero()[0].tolist() == [8, 9]


def test_brier_score_by_hand():
    probabilities = np.array([[0.75, 0.25, 0], [0.5, 0.25, 0.25]], np.float32)
    assert brier_score(np.array([0, 2]), probabilities) == pytest.approx((0.125 + 0.875) / 2)
    assert brier_score(np.array([1, 0]), np.eye(2, dtype=np.float32)) == 2


def test_brier_score_is_scikit_learn_s():
    targets, probabilities = random(500, 4)
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = brier_score_loss(targets, probabilities, labels=range(4), scale_by_half=False)
    assert brier_score(targets, probabilities) == pytest.approx(expected)


def test_reliability_table(six):
    table = reliability_table(*six)
    assert table["confidence_from"].tolist() == [k / BINS for k in range(BINS)]
    filled = table[table["examples"] > 0].drop(columns=["confidence_from", "confidence_to"])
    expected = [[2, 0.62505, 0.5, *wilson_interval(1, 2)], [4, 0.9025, 0.75, *wilson_interval(3, 4)]]
    assert filled.index.tolist() == [9, 13]
    assert filled.to_numpy() == pytest.approx(np.array(expected), abs=1e-7)
    assert table.drop(index=[9, 13])[filled.columns[1:]].isna().to_numpy().all()


@pytest.mark.parametrize(
    ("hits", "examples", "interval"),
    [
        (0, 10, (0.0, 0.2775)),  # Newcombe, Two-sided confidence intervals for the single proportion (1998) and tables
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (10, 10, (0.7225, 1.0)),
    ],
)
def test_wilson_interval(hits: int, examples: int, interval: tuple[float, float]):
    assert wilson_interval(hits, examples) == pytest.approx(interval, abs=5e-5)


def test_the_sums_give_the_scores():
    targets, probabilities = random(300, 5)
    part = calibration_sums(targets, probabilities)
    found = part.scores(part.contributions @ np.ones((300, 1)))
    assert found["ece"][0] == pytest.approx(expected_calibration_error(targets, probabilities), abs=1e-7)
    assert found["brier"][0] == pytest.approx(brier_score(targets, probabilities), abs=1e-7)
