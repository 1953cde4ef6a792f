import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from stages.core.scores.calibration import (
    BINS,
    brier_score,
    brier_sums,
    calibration_interval,
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


def test_the_sums_give_the_score():
    targets, probabilities = random(300, 5)
    part = brier_sums(targets, probabilities)
    found = part.scores(part.contributions @ np.ones((300, 1)))
    assert found["brier"][0] == pytest.approx(brier_score(targets, probabilities), abs=1e-7)


TEN = np.arange(5.5, 15) / BINS  # ten bins, their middles
BAD = np.eye(10)[4]  # one of ten bins
# The bins of a digit classifier: nearly all its examples are in the last, and most bins hold a few.
FEW = np.array([1, 7, 12, 16, 12, 21, 23, 18, 38, 9852])
SURE = np.append(TEN[:9], 0.9985)
LAST = np.arange(10) == 9


def binned(examples: np.ndarray, confidence: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, always of the first of four classes, with so many `hits` among the `examples` of each bin."""
    rest = (1 - confidence[:, None]) / 3
    probabilities = np.hstack([confidence[:, None], rest, rest, rest]).astype(np.float32)
    targets = np.concatenate([np.arange(size) >= right for size, right in zip(examples, hits, strict=True)])
    return targets.astype(np.int64), np.repeat(probabilities, examples, axis=0)


@pytest.mark.parametrize(
    ("size", "shares", "confidence", "accuracy"),
    [
        pytest.param(75, [1], [0.99], [0.98], id="one bin, most often all right"),
        pytest.param(10, [1], [0.999], [0.8], id="one bin of ten"),
        pytest.param(20, [1], [0.9], [0.8], id="one bin of twenty"),
        pytest.param(1000, np.ones(10), TEN, TEN, id="ten bins, calibrated"),
        pytest.param(1000, np.ones(10), TEN, TEN - 0.05, id="ten bins, too bold"),
        pytest.param(1000, np.ones(10), TEN, TEN - 0.3 * BAD, id="ten bins, one too bold"),
        pytest.param(10_000, np.ones(10), TEN, TEN - 0.3 * BAD, id="ten large bins, one too bold"),
        pytest.param(50, np.ones(10), TEN, TEN, id="ten bins of five, calibrated"),
        pytest.param(50, np.ones(10), TEN, TEN - 0.3, id="ten bins of five, too bold"),
        pytest.param(10_000, FEW, SURE, SURE, id="digits, calibrated"),
        pytest.param(10_000, FEW, np.where(LAST, 0.9999, SURE), np.where(LAST, 0.995, SURE), id="digits, too bold"),
        pytest.param(10_000, FEW, np.where(LAST, 0.99, SURE), np.where(LAST, 0.9985, SURE), id="digits, too cautious"),
    ],
)
def test_the_interval_covers_the_true_calibration_error(size, shares, confidence, accuracy):
    """Of 250 intervals 95% or more, with a standard error of 1.4%; the bound is 1 of them below."""
    shares, confidence, accuracy = shares / np.sum(shares), np.array(confidence), np.array(accuracy)
    truth = (shares * abs(confidence - accuracy)).sum()
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(250):
        examples = generator.multinomial(size, shares)
        targets, probabilities = binned(examples, confidence, generator.binomial(examples, accuracy))
        low, high = calibration_interval(targets, probabilities)
        assert low <= expected_calibration_error(targets, probabilities) <= high
        covered += low <= truth + 1e-6 and truth - 1e-6 <= high
    assert covered >= 234


def test_the_interval_of_one_large_bin_is_that_of_its_accuracy():
    """Far from zero the absolute value is no matter: confidence less accuracy, and 1.96 standard errors of it."""
    low, high = calibration_interval(*binned(np.array([100_000]), np.array([0.9]), np.array([70_000])))
    half = 1.96 * (0.3 * 0.7 / 100_000) ** 0.5
    assert (low, high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.02 * half)


def test_certainty_has_an_interval():
    """Of 20 that are all right with a confidence of 1 nothing is seen but that they may be 3 or 4 too few."""
    low, high = calibration_interval(np.zeros(20, np.int64), np.tile(np.float32([1, 0]), (20, 1)))
    assert low == 0
    assert 0.1 < high < 0.2
