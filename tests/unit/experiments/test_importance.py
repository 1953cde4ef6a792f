"""Permutation importance: known for models that are formulas, with intervals that hold what is true."""

import numpy as np
import pandas as pd
import pytest

from stages.core.base.schemas import IMPORTANCE
from stages.core.data.examples import Examples
from stages.core.experiments import importance
from stages.core.experiments.importance import examples_for, permutation_importance

COLUMNS = ["all", "little", "nothing"]


def values(inputs: np.ndarray) -> np.ndarray:
    """A model that goes by the first column, and a very little by the second."""
    return inputs[:, :1] + 1e-3 * inputs[:, 1:2]


def classes(inputs: np.ndarray) -> np.ndarray:
    return np.concatenate([values(inputs) <= 0, values(inputs) > 0], axis=1).astype(np.float32)


def examples(size: int, seed: int = 0) -> Examples:
    """The first of three columns, normal with deviation 1, decides all but a noise of deviation 0.5."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(size, 3))
    return Examples(inputs, inputs[:, 0] + 0.5 * generator.normal(size=size))


def in_classes(data: Examples) -> Examples:
    return Examples(data.inputs, (data.inputs[:, 0] > 0).astype(np.int64))


def test_the_column_that_decides_all_is_important_and_others_hold_0() -> None:
    table = permutation_importance(examples(2000), COLUMNS, "regression", values, seed=0)
    pd.testing.assert_frame_equal(table, IMPORTANCE.checked(table, "table"))
    everything, little, nothing = table.itertuples(index=False)
    assert everything[1] == pytest.approx((2 + 0.25) ** 0.5 - 0.5, abs=0.05)  # of two normal draws' difference
    assert everything.low < 1 < everything.high and everything.high - everything.low < 0.2
    assert little.low <= 0 <= little.high and little.high - little.low < 0.01
    assert nothing[1:] == (0, 0, 0)


def test_of_classes_it_is_the_accuracy_lost() -> None:
    table = permutation_importance(in_classes(examples(2000)), COLUMNS, "classification", classes, seed=0)
    everything, little, nothing = table.itertuples(index=False)
    assert everything[1] == pytest.approx(0.5, abs=0.02) and everything.low < 0.5 < everything.high
    assert little.low <= 0 <= little.high
    assert nothing[1:] == (0, 0, 0)


@pytest.mark.parametrize("groups", [False, True])
def test_the_interval_covers_what_is_true_about_as_often_as_it_says(
    groups: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "RESAMPLES", 300)
    monkeypatch.setattr(importance, "DRAWS", 5)
    covered = 0
    for trial in range(150):
        data = examples(100, trial)
        if groups:  # each example three times
            data = Examples(*(np.repeat(array, 3, axis=0) for array in (data.inputs, data.targets)))
            data = Examples(data.inputs, data.targets, groups=np.arange(300) // 3)
        row = permutation_importance(data, ["all"], "regression", values, trial).iloc[0]
        covered += row["low"] <= 1 <= row["high"]
    assert covered / 150 == pytest.approx(0.94, abs=0.05)


def test_draws_are_the_seeds_and_a_columns_own() -> None:
    data = examples(300)
    first, again, other = (permutation_importance(data, COLUMNS, "regression", values, seed) for seed in (0, 0, 1))
    assert first.equals(again) and not first.equals(other)
    # The places of the columns are no matter.
    turned = Examples(data.inputs[:, ::-1], data.targets)
    table = permutation_importance(turned, COLUMNS[::-1], "regression", lambda rows: values(rows[:, ::-1]), seed=0)
    assert table[::-1].reset_index(drop=True).equals(first)


def test_without_columns_there_is_nothing_to_ask_the_model() -> None:
    table = permutation_importance(examples(10), (), "regression", lambda inputs: pytest.fail("asked"), seed=0)
    assert table.empty and list(table.columns) == list(IMPORTANCE.columns)


@pytest.mark.parametrize(("columns", "taken"), [(9, 11_111), (100, 1000), (500, 200), (1000, 50), (0, 100_000)])
def test_many_columns_are_permuted_among_fewer_examples(columns: int, taken: int) -> None:
    assert examples_for(columns) == taken


def test_more_columns_than_that_are_not_permuted() -> None:
    """The model would be asked for so much that it took hours."""
    names = [f"c{place}" for place in range(importance.MOST_COLUMNS + 1)]
    data = Examples(np.zeros((3, len(names))), np.zeros(3))
    assert permutation_importance(data, names, "regression", lambda _: pytest.fail("asked"), seed=0).empty


def test_one_column_at_a_time_is_permuted() -> None:
    data, before = examples(50), examples(50).inputs
    changed: list[list[bool]] = []

    def outputs(inputs: np.ndarray) -> np.ndarray:
        changed.append((inputs != before).any(axis=0).tolist())
        return values(inputs)

    permutation_importance(data, COLUMNS, "regression", outputs, seed=0)
    assert changed[0] == [False] * 3 and np.array_equal(data.inputs, before)
    assert changed[1:] == [[place == own for place in range(3)] for own in range(3) for _ in range(importance.DRAWS)]
