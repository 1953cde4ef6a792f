import numpy as np
import pytest

from stages.core.base.bins import bin_edges, bin_of
from stages.core.base.schemas import PredictionInterval
from stages.core.training.objectives.conformal import BINS, calibrate, interval


def example(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets, and predictions whose errors grow with them and are skewed."""
    generator = np.random.default_rng(seed)
    values = generator.lognormal(7, 1, size)
    return values * (1 + 0.2 * (generator.exponential(size=size) - 1)), values


def inside(found: PredictionInterval | None, targets: np.ndarray, values: np.ndarray) -> np.ndarray:
    assert found
    low, high = interval(found, values)
    assert ((low <= values) & (values <= high)).all()
    return (low <= targets) & (targets <= high)


@pytest.mark.parametrize("factors", [False, True])
@pytest.mark.parametrize("size", [9, 20, 49, 300, 999])
def test_nine_in_ten_are_inside(size: int, factors: bool):
    """Over 400 slices: no less than 90%, and no more than it by 1 / (n + 1) of a bin, within 4 standard errors."""
    shares = []
    for seed in range(400):
        found = calibrate(*example(size, 2 * seed), factors)
        shares.append(inside(found, *example(1000, 2 * seed + 1)).mean())
    margin = 4 * np.std(shares) / np.sqrt(len(shares))
    smallest_bin = size / max(1, min(BINS, size // 50))
    assert 0.9 - margin <= np.mean(shares) <= 0.9 + 1 / (int(smallest_bin) + 1) + margin


def test_nine_in_ten_are_inside_whatever_the_size_of_the_prediction():
    """Small predictions have small errors: one width for all would hold nearly all of them, and few of the large."""
    shares = []
    targets, values = example(200_000, 1)
    tenths = bin_of(bin_edges(values, 10), values)
    for seed in range(2, 102):
        right = inside(calibrate(*example(1000, seed)), targets, values)
        shares.append([right[tenths == place].mean() for place in range(10)])
    assert np.mean(shares, axis=0) == pytest.approx(np.full(10, 0.91), abs=0.015)

    found = calibrate(*example(1000, 0))
    assert found and len(found.widths) == BINS and found.widths[0] < found.widths[-1] / 10


def test_widths_and_ends_stay_numbers_however_far_apart_targets_are():
    targets, values = np.array([1e-300, 1e90, 1.0]), np.array([1e90, 1e-300, 1.0])
    found = calibrate(targets, values, factors=True)
    assert found and found.widths == (1e200,)
    assert [ends.tolist() for ends in interval(found, np.array([1e90, 1.0]))] == [[1e-110, 1e-200], [1e100, 1e100]]
    assert interval(PredictionInterval(edges=(), widths=(1e100,), factors=False), np.array([1e99]))[1] == 1e100


def test_the_width_by_hand():
    targets = np.arange(19.0)
    found = calibrate(targets, targets + np.arange(1, 20) * np.where(np.arange(19) % 2, 1, -1))
    assert found == PredictionInterval(edges=(), widths=(18.0,), factors=False)  # of 20 places the 18th
    low, high = interval(found, np.array([0.0, 100.0]))
    assert (low.tolist(), high.tolist()) == ([-18, 82], [18, 118])


def test_factors_by_hand():
    values = np.full(9, 2.0)
    found = calibrate(np.array([2, 2, 2, 2, 3, 1, 4, 1, 0.5]), values, factors=True)
    assert found == PredictionInterval(edges=(), widths=(4.0,), factors=True)
    low, high = interval(found, np.array([2.0, 1e-9]))
    assert (low.tolist(), high.tolist()) == ([0.5, 2.5e-10], [8, 4e-9])


def test_of_few_the_largest_error_is_taken_and_of_none_nothing():
    assert calibrate(np.zeros(0), np.zeros(0)) is None
    for size in (1, 5, 8):
        found = calibrate(np.zeros(size), np.arange(size) - 3.0)
        assert found and found.widths == (max(3.0, size - 4.0),)


def test_bins_have_enough_examples_whatever_is_equal():
    generator = np.random.default_rng(0)
    for values in (generator.integers(0, 4, 1000), generator.poisson(0.3, 1000), np.zeros(1000), np.arange(120)):
        edges = bin_edges(values.astype(float), BINS, 50)
        counts = np.bincount(bin_of(edges, values.astype(float)), minlength=len(edges) + 1)
        assert counts.min() >= 50 and counts.sum() == len(values)
        assert (np.diff(edges) > 0).all()
    assert bin_edges(np.arange(100.0), 10).tolist() == list(range(10, 100, 10))


def test_the_order_of_the_examples_is_no_matter():
    targets, values = example(777, 0)
    order = np.random.default_rng(0).permutation(777)
    assert calibrate(targets, values) == calibrate(targets[order], values[order])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"widths": (1.0,)}, "1 widths for 1 edges, must be one more"),
        ({"edges": (2.0, 1.0), "widths": (1.0, 1.0, 1.0)}, "edges must rise"),
        ({"widths": (1.0, -1.0)}, "greater than or equal to 0"),
        ({"factors": True, "widths": (1.0, 0.5)}, "factors must be 1 or more"),
    ],
)
def test_a_record_that_is_none_is_refused(change: dict[str, object], problem: str):
    good = {"edges": (1.0,), "widths": (1.0, 2.0), "factors": False}
    assert PredictionInterval.model_validate(good)
    with pytest.raises(ValueError, match=problem):
        PredictionInterval.model_validate(good | change)
