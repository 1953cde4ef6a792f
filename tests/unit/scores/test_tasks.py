"""What a task has: its scores, its headlines, its tables; and what it has not, in the same places."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.base.seeding import numpy_generator
from stages.core.scores import tasks
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions

CLASSES = ("a", "b", "c")
OF_CLASSES = {"confusion", "roc", "precision_recall", "classes", "calibration"}
OF_VALUES = {"predictions", "deciles", "coverage"}


def classifier() -> Predictions:
    generator = np.random.default_rng(0)
    targets = np.arange(300) % 3
    weights = generator.random((300, 3), np.float32) + np.eye(3, dtype=np.float32)[targets]
    return Predictions(targets, weights / weights.sum(axis=1, keepdims=True))


def regression(interval: bool = True) -> ValuePredictions:
    values = np.random.default_rng(0).normal(size=300)
    targets = values + np.random.default_rng(1).normal(size=300) / 5
    return ValuePredictions(targets, values, *((values - 0.3, values + 0.4) if interval else ()))


@pytest.mark.parametrize(
    ("predictions", "filled"), [(classifier(), OF_CLASSES), (regression(), OF_VALUES), (regression(False), OF_VALUES)]
)
def test_every_table_is_written_and_read_whatever_the_task(
    predictions: AnyPredictions, filled: set[str], tmp_path: Path
) -> None:
    found = tasks.tables(predictions, CLASSES if predictions.task == "classification" else (), 50)
    assert found.keys() == tasks.TABLES.keys() == OF_CLASSES | OF_VALUES
    without = isinstance(predictions, ValuePredictions) and predictions.low is None
    empty = {"coverage"} if without else set()
    for name, schema in tasks.TABLES.items():
        path = tmp_path / f"{name}.csv"
        schema.write(path, found[name])
        assert (len(schema.read(path)) > 0) == (name in filled - empty)
        assert path.read_text().splitlines()[0] == ",".join(schema.columns)


@pytest.mark.parametrize("predictions", [classifier(), regression(), regression(False)])
def test_the_headlines_go_into_the_metrics(predictions: AnyPredictions, tmp_path: Path) -> None:
    table = tasks.scores_with_intervals(predictions, 100, numpy_generator(0, "bootstrap"))
    assert list(table["score"]) == list(tasks.scores_of(predictions))
    headlines = tasks.headlines(predictions.task, table)
    kind = tasks.evaluate_metrics(predictions.task)
    kind(**headlines).write(tmp_path / "evaluate.json")
    assert kind.read(tmp_path / "evaluate.json").model_dump(exclude_none=True) == headlines
    assert next(iter(headlines)) == {"classification": "accuracy", "regression": "rmse"}[predictions.task]
    assert ("coverage" in headlines) == (predictions.task == "regression" and predictions.low is not None)


def test_scores_of_folds() -> None:
    targets = np.array([1.0, 2.0, 4.0, 5.0])
    found = {name: score(targets, targets + 1) for name, score in tasks.FOLD_SCORES["regression"].items()}
    assert found == {"mae": 1, "r2": pytest.approx(1 - 4 / 10)}
    right = np.eye(3)
    assert {name: score(np.arange(3), right) for name, score in tasks.FOLD_SCORES["classification"].items()} == {
        "macro_f1": 1
    }
