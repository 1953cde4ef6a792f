"""How many examples the simple models take: all of small data, fewer of large ones, and none where that is too few."""

import pytest

from stages.core.base.schemas import DataDescription, InputColumn
from stages.core.scores.simple_models import CELLS, learned_from


def table(columns: int, classes: int = 0, categories: int = 0) -> DataDescription:
    names = tuple(map(str, range(classes))) or None
    levels = tuple(map(str, range(categories))) or None
    inputs = tuple(InputColumn(name=f"c{place}", categories=levels) for place in range(columns))
    task = "classification" if classes else "regression"
    return DataDescription(task=task, classes=names, columns=inputs, target="t")


def test_small_tables_are_learned_whole() -> None:
    assert learned_from(table(9), 43_152) == {"median": 43_152, "ridge_regression": 43_152, "boosted_trees": 43_152}
    assert learned_from(table(7, 3), 275) == {"majority_class": 275, "logistic_regression": 275, "boosted_trees": 275}


@pytest.mark.parametrize(
    ("classes", "columns", "categories", "linear", "trees"),
    [
        (0, 10, 0, 200_000, 1_000_000),
        (2, 10, 0, 200_000, 1_000_000),
        (1_000, 10, 0, 6_666, 0),
        (50, 10, 0, 133_333, 20_000),
        (51, 10, 0, 130_718, 0),
        (0, 1_000, 0, 19_607, 10_000),
        (0, 1_001, 0, 19_588, 0),
        (0, 10_000, 0, 1_996, 0),
        (100, 10_000, 0, 0, 0),  # so few rows of so many that they would be no yardstick
        (1_000, 3, 10_000, 0, 0),  # too many weights
    ],
)
def test_large_ones_in_part(classes: int, columns: int, categories: int, linear: int, trees: int) -> None:
    rows = 2_400_000
    simplest, *others = learned_from(table(columns, classes, categories), rows).values()
    assert [simplest, *others] == [rows, linear, trees]


def test_of_images_the_linear_model_takes_ten_thousand() -> None:
    digits = DataDescription(task="classification", classes=tuple("0123456789"), input_shape=(1, 28, 28))
    assert learned_from(digits, 60_000) == {"majority_class": 10_000, "logistic_regression": 10_000}
    assert learned_from(digits, 600) == {"majority_class": 600, "logistic_regression": 600}
    assert 10_000 * (784 + 20) * 10 <= CELLS
