from itertools import combinations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stages.core.base.command import InputError
from stages.core.base.seeding import numpy_generator
from stages.core.data.examples import Examples
from stages.core.data.splits import (
    apportion,
    holdout,
    split_folds,
    strata,
    stratified_folds,
    stratified_holdout,
    stratified_sample,
)

counts_of_classes = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def shuffled_targets(counts: list[int], seed: int) -> np.ndarray:
    return numpy_generator(seed, "targets").permutation(np.repeat(np.arange(len(counts)), counts))


@settings(max_examples=100, deadline=None)
@given(counts=counts_of_classes, folds=st.integers(2, 10), seed=st.integers(0, 1000))
def test_folds_partition_exactly_and_are_balanced_within_one(counts: list[int], folds: int, seed: int):
    assume(folds <= min(counts))
    targets = shuffled_targets(counts, seed)
    parts = stratified_folds(targets, folds, numpy_generator(seed, "folds"))
    assert len(parts) == folds
    assert np.sort(np.concatenate(parts)).tolist() == list(range(len(targets)))
    assert all((np.diff(part) > 0).all() for part in parts)
    strata = np.array([np.bincount(targets[part], minlength=len(counts)) for part in parts])
    assert np.ptp(strata, axis=0).max() <= 1
    assert np.ptp(strata.sum(axis=1)) <= 1


@settings(max_examples=100, deadline=None)
@given(counts=counts_of_classes, fraction=st.floats(0, 0.99), seed=st.integers(0, 1000))
def test_a_holdout_partitions_exactly_and_keeps_strata_within_one(counts: list[int], fraction: float, seed: int):
    targets = shuffled_targets(counts, seed)
    try:
        train, validation = stratified_holdout(targets, fraction, numpy_generator(seed, "holdout"))
    except InputError:
        assert any(round(count * fraction) in (0, 1, count - 1, count) for count in counts), "refused without need"
        return
    assert np.sort(np.concatenate([train, validation])).tolist() == list(range(len(targets)))
    assert len(validation) == round(fraction * len(targets))
    if len(validation):
        shares = len(validation) / len(targets) * np.array(counts)
        starved = (shares < 1).sum()  # which may have taken one each of the others
        assert (np.abs(np.bincount(targets[validation]) - shares) < 1 + starved * (shares >= 1)).all()
        assert set(targets[train]) == set(targets[validation]) == set(range(len(counts)))


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=8), share=st.floats(0, 1))
def test_apportion_rounds_each_exact_share_and_sums_up(counts: list[int], share: float):
    size = int(share * sum(counts))
    shares = apportion(np.array(counts), size).tolist()
    total = max(sum(counts), 1)
    assert sum(shares) == size
    assert all(
        count * size // total <= got <= -(-count * size // total) for count, got in zip(counts, shares, strict=True)
    )


def test_folds_share_no_example_with_another():
    parts = stratified_folds(shuffled_targets([25, 35], 0), 5, numpy_generator(0, "folds"))
    assert not any(set(a) & set(b) for a, b in combinations(parts, 2))


@settings(max_examples=100, deadline=None)
@given(counts=counts_of_classes, share=st.floats(0.05, 1), seed=st.integers(0, 1000))
def test_a_subset_has_its_share_of_every_class_within_one(counts: list[int], share: float, seed: int):
    targets = shuffled_targets(counts, seed)
    size = round(share * len(targets))
    chosen = stratified_sample(targets, size, numpy_generator(seed, "subset"))
    assert len(chosen) == size == len(set(chosen.tolist()))
    for label in np.unique(targets):
        assert abs((targets[chosen] == label).sum() - share * (targets == label).sum()) < 1.5


def examples(size: int, seed: int, by: str, task: str) -> Examples:
    generator = numpy_generator(seed, "rows")
    targets = generator.integers(0, 3, size) if task == "classes" else generator.normal(size=size)
    groups = generator.integers(0, max(size // 5, 3), size) if by == "group" else None
    times = generator.integers(0, max(size // 2, 8), size).astype(float) if by == "time" else None
    return Examples(generator.normal(size=(size, 1)), targets, groups, times)


a_table = {
    "size": st.integers(40, 200),
    "seed": st.integers(0, 1000),
    "by": st.sampled_from(["stratum", "group", "time"]),
    "task": st.sampled_from(["classes", "numbers"]),
}


@settings(max_examples=40, deadline=None)
@given(fraction=st.floats(0.1, 0.5), **a_table)
def test_a_holdout_is_a_partition_that_parts_no_group_and_comes_later(
    size: int, seed: int, by: str, task: str, fraction: float
):
    rows = examples(size, seed, by, task)
    train, held_out = holdout(rows, fraction, numpy_generator(seed, "holdout"))
    assert len(held_out) and np.sort(np.concatenate([train, held_out])).tolist() == list(range(size))
    if rows.groups is not None:
        assert not set(rows.groups[train]) & set(rows.groups[held_out])
    elif rows.times is not None:
        assert rows.times[train].max() < rows.times[held_out].min()
    else:
        labels = strata(rows.targets)
        shares = np.bincount(labels[held_out], minlength=labels.max() + 1)
        assert (np.abs(shares - np.bincount(labels) * round(fraction * size) / size) < 1).all()


@settings(max_examples=40, deadline=None)
@given(folds=st.integers(2, 3), **a_table)
def test_folds_part_no_group_and_roll_forward_in_time(size: int, seed: int, by: str, task: str, folds: int):
    rows = examples(size, seed, by, task)
    parts = split_folds(rows, folds, numpy_generator(seed, "folds"))
    assert len(parts) == folds
    for train, held_out in parts:
        assert len(train) and len(held_out) and not set(train) & set(held_out)
        if rows.groups is not None:
            assert not set(rows.groups[train]) & set(rows.groups[held_out])
        elif rows.times is not None:
            assert rows.times[train].max() < rows.times[held_out].min()
        if rows.times is None:
            assert len(train) + len(held_out) == size
    validated = np.concatenate([held_out for _, held_out in parts])
    assert len(set(validated)) == len(validated)
    assert rows.times is not None or len(validated) == size


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_strata_of_numbers_ascend_and_part_no_equal_ones(values: list[float]):
    targets = np.array(values)
    labels = strata(targets)
    order = np.argsort(targets, kind="stable")
    assert (np.diff(labels[order]) >= 0).all() and len(np.unique(labels)) == labels.max() + 1 <= 10
    assert all(len(set(labels[targets == value])) == 1 for value in values)
    assert (strata(targets[::-1]) == labels[::-1]).all()
