"""The corruptions of a table: what each does to numbers and categories, and what all of them promise."""

import itertools

import numpy as np
import pytest

from stages.core.experiments.corruptions import SEVERITIES
from stages.core.experiments.corruptions.tables import CORRUPTIONS, Rows, corrupt, spread

CATEGORICAL = np.array([False, False, True, True])

each_corruption = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture
def rows() -> Rows:
    """Two columns of numbers, one a thousand times as wide, and two of categories; a tenth of the cells empty."""
    generator = np.random.default_rng(0)
    numbers = generator.normal(5, (1, 1000), (4000, 2))
    table = np.concatenate([numbers, generator.integers(-1, 6, (4000, 2))], axis=1)
    table[generator.random(table.shape) < 0.1] = np.nan
    return table


def worse(rows: Rows, name: str, severity: int, seed: int = 0) -> Rows:
    return corrupt(rows, name, severity, np.random.default_rng(seed), CATEGORICAL)


def differ(a: Rows, b: Rows) -> np.ndarray:
    return (a != b) & ~(np.isnan(a) & np.isnan(b))


@each_corruption
def test_severity_0_is_the_table_itself_and_no_severity_changes_what_it_is_given(name: str, rows: Rows) -> None:
    before = rows.copy()
    assert np.array_equal(worse(rows, name, 0), rows, equal_nan=True)
    for severity in SEVERITIES:
        assert worse(rows, name, severity).shape == rows.shape
    assert np.array_equal(rows, before, equal_nan=True)


@each_corruption
def test_draws_are_the_generators_and_the_same_at_every_severity(name: str, rows: Rows) -> None:
    first, again, other = (worse(rows, name, 3, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again, equal_nan=True) and differ(first, other).any()
    changed = [differ(worse(rows, name, severity), rows) for severity in SEVERITIES]
    assert all((more | ~fewer).all() for fewer, more in itertools.pairwise(changed))


@each_corruption
def test_every_corruption_has_a_level_per_severity_and_none_beyond(name: str, rows: Rows) -> None:
    _, levels = CORRUPTIONS[name]
    assert list(levels) == sorted(set(levels)) and len(levels) == len(SEVERITIES)
    with pytest.raises(AssertionError):
        worse(rows, name, 6)


def test_noise_is_in_proportion_to_the_spread_of_a_column_and_leaves_categories_and_gaps(rows: Rows) -> None:
    noisy = worse(rows, "noise", 3)
    assert np.array_equal(np.isnan(noisy), np.isnan(rows))
    assert not differ(noisy, rows)[:, CATEGORICAL].any()
    added = (noisy - rows)[:, ~CATEGORICAL]
    assert np.nanstd(added, axis=0) == pytest.approx([0.4, 400], rel=0.05)
    assert np.abs(np.nanmean(added, axis=0) / [0.4, 400]).max() < 0.06


def test_missing_cells_are_as_many_as_told_in_every_column(rows: Rows) -> None:
    there = ~np.isnan(rows)
    emptied = np.isnan(worse(rows, "missing_cells", 4)) & there
    assert emptied.sum(axis=0) / there.sum(axis=0) == pytest.approx([0.35] * 4, abs=0.03)


def test_shuffled_categories_come_from_other_rows_and_leave_numbers(rows: Rows) -> None:
    shuffled = worse(rows, "shuffled_categories", 5)
    assert not differ(shuffled, rows)[:, ~CATEGORICAL].any()
    for before, after in zip(rows.T[CATEGORICAL], shuffled.T[CATEGORICAL], strict=True):
        assert np.array_equal(np.sort(before), np.sort(after), equal_nan=True)  # all change places
        assert abs(np.corrcoef(np.nan_to_num(before, nan=-2), np.nan_to_num(after, nan=-2))[0, 1]) < 0.06
    assert differ(worse(rows, "shuffled_categories", 3), rows)[:, 2].mean() == pytest.approx(0.2 * 6 / 7, abs=0.03)


def test_spread_by_hand() -> None:
    normal = np.random.default_rng(0).normal(0, 3, 10_000)
    normal[:100] = 1e9  # moves no quartile by much
    nearly_constant = np.where(np.arange(10_000) < 100, 1.0, 0.0)
    columns = [normal, nearly_constant, np.full(10_000, 7.0), np.full(10_000, np.nan)]
    assert spread(np.stack(columns, axis=1)) == pytest.approx([3, (0.01 * 0.99) ** 0.5, 0, 0], rel=0.05)
