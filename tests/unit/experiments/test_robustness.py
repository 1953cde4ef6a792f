"""The stress test: what it scores, under which draws, and its mean."""

import itertools

import numpy as np
import pandas as pd
import pytest

from stages.core.base.schemas import STRESS, DataDescription, InputColumn
from stages.core.experiments.corruptions import corruptions_of
from stages.core.experiments.robustness import corruption_scores, mean_corruption_score

NUMBERS = InputColumn(name="a")
CATEGORIES = InputColumn(name="b", categories=("x", "y"))
IMAGES = corruptions_of(DataDescription(task="classification", classes=("0", "1"), input_shape=(1, 10, 10)))


def of_table(*columns: InputColumn) -> DataDescription:
    return DataDescription(task="regression", columns=columns, target="t")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 1, 10, 10), dtype=np.uint8)


@pytest.fixture
def table() -> pd.DataFrame:
    """Two corruptions that lose 10 and 20 points a severity."""
    losses = itertools.product((("blur", 0.1), ("salt_and_pepper", 0.2)), range(6))
    rows = [(name, severity, 100, 1 - loss * severity) for (name, loss), severity in losses]
    return pd.DataFrame(rows, columns=list(STRESS.columns))


def test_every_corruption_and_severity_is_scored_on_images_made_so_much_worse(images: np.ndarray) -> None:
    def score(worse: np.ndarray) -> float:
        assert worse.shape == images.shape and worse.dtype == np.uint8
        return float(np.abs(worse.astype(int) - images).mean())

    table = corruption_scores(images, IMAGES, score, seed=0)
    pd.testing.assert_frame_equal(table, STRESS.checked(table, "table"))
    assert table["corruption"].unique().tolist() == list(IMAGES)
    assert table["severity"].tolist() == [0, 1, 2, 3, 4, 5] * len(IMAGES)
    assert set(table["examples"]) == {6}
    of_severity = table.groupby("severity")["score"].mean()
    assert of_severity[0] == 0 and of_severity.is_monotonic_increasing and of_severity[1] > 0


def test_the_clean_images_are_scored_once(images: np.ndarray) -> None:
    seen = []
    corruption_scores(images, IMAGES, lambda worse: seen.append(np.array_equal(worse, images)) or 0.0, seed=0)
    assert seen[0] and len(seen) == 1 + 5 * len(IMAGES) > 50


def test_the_draws_are_the_seeds(images: np.ndarray) -> None:
    first, again, other = (
        corruption_scores(images, IMAGES, lambda worse: float(worse.sum()), seed) for seed in (0, 0, 1)
    )
    assert first.equals(again) and not first.equals(other)


def test_the_mean_is_over_corruptions_and_severities_but_the_clean_one(table: pd.DataFrame) -> None:
    assert mean_corruption_score(table) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ((NUMBERS, CATEGORIES), ["noise", "missing_cells", "shuffled_categories"]),
        ((NUMBERS,), ["noise", "missing_cells"]),
        ((CATEGORIES,), ["missing_cells", "shuffled_categories"]),
    ],
)
def test_a_table_is_made_worse_in_the_ways_that_it_can_be(columns: tuple[InputColumn, ...], names: list[str]) -> None:
    rows = np.random.default_rng(0).integers(0, 2, (400, len(columns))).astype(np.float64)
    seen: list[np.ndarray] = []
    table = corruption_scores(rows, corruptions_of(of_table(*columns)), lambda worse: seen.append(worse) or 1.0, seed=0)
    pd.testing.assert_frame_equal(table, STRESS.checked(table, "table"))
    assert table["corruption"].unique().tolist() == names
    assert np.array_equal(seen[0], rows)
    assert not any(np.array_equal(worse, rows) for worse in seen[1:])
