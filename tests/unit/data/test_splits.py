import numpy as np
import pytest

from stages.core.base.command import InputError
from stages.core.base.seeding import numpy_generator
from stages.core.data.examples import Examples
from stages.core.data.splits import (
    apportion,
    draw,
    holdout,
    split_folds,
    split_off,
    stratified_folds,
    stratified_holdout,
    stratified_sample,
)


def targets(*counts: int) -> np.ndarray:
    return numpy_generator(0, "targets").permutation(np.repeat(np.arange(len(counts)), counts))


def test_a_holdout_has_its_share_of_each_class():
    labels = targets(40, 30, 10)
    train, validation = stratified_holdout(labels, 0.1, numpy_generator(0, "holdout"))
    assert np.bincount(labels[validation]).tolist() == [4, 3, 1]
    assert np.bincount(labels[train]).tolist() == [36, 27, 9]


def test_a_rare_class_is_in_both_parts():
    labels = targets(60, 30, 3)  # of which a tenth, rounded, has none of the last
    train, validation = stratified_holdout(labels, 0.1, numpy_generator(0, "holdout"))
    assert np.bincount(labels[validation]).tolist() == [5, 3, 1]
    assert np.bincount(labels[train]).tolist() == [55, 27, 2]


def test_no_holdout():
    train, validation = stratified_holdout(targets(3, 2), 0.0, numpy_generator(0, "holdout"))
    assert train.tolist() == [0, 1, 2, 3, 4]
    assert len(validation) == 0
    assert train.dtype == validation.dtype == np.int64


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0.01, "leaves the validation part none of the 30 of class 1"),
        (0.001, "leaves the validation part none of the 40 of class 0"),
        (0.9, "leaves the training part none of the 3 of class 2"),
    ],
)
def test_a_holdout_that_starves_a_side_is_refused(fraction: float, message: str):
    with pytest.raises(InputError, match=rf"train\.val_fraction = {fraction}: .*{message}"):
        stratified_holdout(targets(40, 30, 3), fraction, numpy_generator(0, "holdout"))


def test_folds_by_hand():
    labels = targets(7, 5, 3)
    folds = stratified_folds(labels, 3, numpy_generator(0, "folds"))
    assert [len(fold) for fold in folds] == [5, 5, 5]
    assert [np.bincount(labels[fold]).tolist() for fold in folds] == [[3, 1, 1], [2, 2, 1], [2, 2, 1]]


def test_folds_are_drawn_by_the_generator():
    labels = targets(50, 50)
    first, again, other = (stratified_folds(labels, 2, numpy_generator(seed, "folds"))[0] for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_more_folds_than_the_smallest_class_has_examples_are_refused():
    labels = targets(40, 4, 30)
    assert len(stratified_folds(labels, 4, numpy_generator(0, "folds"))) == 4
    with pytest.raises(InputError, match=r"cross_validate\.folds = 5: must be at most 4, .* smallest class \(1\)"):
        stratified_folds(labels, 5, numpy_generator(0, "folds"))


def test_draw_takes_what_it_is_told():
    labels = targets(5, 5, 5)
    chosen = draw(labels, np.array([0, 2, 5]), numpy_generator(0, "draw"))
    assert np.bincount(labels[chosen]).tolist() == [0, 2, 5]


@pytest.mark.parametrize(
    ("counts", "size", "shares"),
    [
        ([50, 30, 20], 10, [5, 3, 2]),
        ([1, 1, 1], 2, [1, 1, 0]),
        ([416, 338, 246], 10, [4, 3, 3]),  # exact shares 4.16, 3.38, 2.46: the last has the largest remainder
        ([5, 0], 5, [5, 0]),
        ([0, 0], 0, [0, 0]),
    ],
)
def test_apportion_by_largest_remainder(counts: list[int], size: int, shares: list[int]):
    assert apportion(np.array(counts), size).tolist() == shares


def test_a_subset_is_stratified_and_the_seeds_own() -> None:
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    chosen, again, other = (stratified_sample(labels, 100, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.bincount(labels[chosen]).tolist() == [50, 30, 20]
    assert np.array_equal(chosen, again) and not np.array_equal(chosen, other)


def test_a_subset_of_all_is_all() -> None:
    assert stratified_sample(np.arange(12) % 4, 12, np.random.default_rng(0)).tolist() == list(range(12))


def test_of_a_subset_a_class_may_be_absent() -> None:
    assert len(stratified_sample(np.array([0, 0, 2, 2]), 2, np.random.default_rng(0))) == 2


def test_groups_stay_whole_and_their_folds_have_their_share_of_each_class() -> None:
    generator = numpy_generator(0, "rows")
    groups = np.repeat(np.arange(60), generator.integers(1, 20, 60))
    labels = generator.choice(3, len(groups), p=[0.7, 0.25, 0.05])
    rows = Examples(np.zeros((len(groups), 1)), labels, groups)
    folds = split_folds(rows, 5, numpy_generator(0, "folds"))
    assert sum(len(held_out) for _, held_out in folds) == len(groups)
    for train, held_out in folds:
        assert not set(groups[train]) & set(groups[held_out])
        assert np.abs(np.bincount(labels[held_out], minlength=3) - np.bincount(labels) / 5).max() <= 3
    train, held_out = holdout(rows, 0.2, numpy_generator(0, "holdout"))
    assert not set(groups[train]) & set(groups[held_out])
    assert abs(len(held_out) - len(groups) / 5) <= 3


def test_a_group_of_half_the_rows_is_not_the_held_out_tenth() -> None:
    groups = np.repeat([0, *range(1, 51)], [50, *[1] * 50])
    rows = Examples(np.zeros((100, 1)), np.arange(100.0), groups)
    for seed in range(5):
        train, held_out = holdout(rows, 0.1, numpy_generator(seed, "holdout"))
        assert set(groups[train]) >= {0} and 5 <= len(held_out) <= 15


@pytest.mark.parametrize("fraction", [0.001, 0.04, 0.09, 0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5])
def test_of_groups_about_the_fraction_is_held_out(fraction: float) -> None:
    groups = np.repeat(np.arange(200), 5)
    rows = Examples(np.zeros((1000, 1)), np.arange(1000) % 3, groups)
    train, held_out = holdout(rows, fraction, numpy_generator(0, "holdout"))
    assert len(held_out) == pytest.approx(max(1000 * fraction, 5), rel=0.12)
    assert np.array_equal(np.sort(np.concatenate([train, held_out])), np.arange(1000))


def test_of_few_groups_those_nearest_to_the_fraction_are_held_out() -> None:
    rows = Examples(np.zeros((100, 1)), np.arange(100.0), np.repeat([0, 1, 2], [30, 40, 30]))
    assert holdout(rows, 0.4, numpy_generator(0, "holdout"))[1].tolist() == list(range(30, 70))


@pytest.mark.parametrize(
    ("those", "told"),
    [
        ({"times": np.arange(100.0)}, ""),
        ({"times": np.minimum(np.arange(100.0), 78)}, ""),  # 22 rows for 20
        ({"times": np.minimum(np.arange(100.0), 60)}, "has 40 of 100 rows (40%), since those of one time"),
        ({"groups": np.arange(100) // 5}, ""),
        ({"groups": np.repeat([1, 2, 3], [45, 45, 10])}, "has 10 of 100 rows (10%), since those of one group"),
    ],
)
def test_a_test_part_that_cannot_be_as_large_as_wanted_is_told(
    those: dict[str, np.ndarray], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = Examples(np.zeros((100, 1)), np.arange(100.0), **those)
    split_off(rows, None, 0.2, 0, "row")
    expected = f"params.yaml: data.test_fraction = 0.2: the test part {told} stay together"
    assert caplog.messages == ([expected] if told else [])


def test_as_many_folds_as_groups() -> None:
    rows = Examples(np.zeros((30, 1)), np.repeat([0, 1, 2], 10), np.repeat([4, 7, 9], 10))
    parts = split_folds(rows, 3, numpy_generator(0, "folds"))
    assert sorted(len(held_out) for _, held_out in parts) == [10, 10, 10]
    with pytest.raises(InputError, match=r"cross_validate\.folds = 4: must be at most 3, the number of groups"):
        split_folds(rows, 4, numpy_generator(0, "folds"))
