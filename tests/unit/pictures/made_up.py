"""A made-up run on a table of stones and their prices, whole: of a regression, or of a classifier of their cuts."""

import math
from typing import Any

import numpy as np
import pandas as pd

from stages.core.base.schemas import DataDescription, InputColumn
from stages.core.base.seeding import numpy_generator
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.misses import wrong
from stages.core.scores import tasks
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.training.objectives import conformal

CUTS = ("Fair", "Good", "Ideal")


def stones(rows: int, columns: int = 4, names: tuple[str, ...] = ()) -> tuple[DataDescription, np.ndarray, np.ndarray]:
    """A description, inputs (N, F) with some cells missing, and prices (N,)."""
    generator = np.random.default_rng(0)
    carat = np.exp(generator.normal(-0.5, 0.6, rows))
    cut = generator.integers(0, 3, rows)
    prices = 4000 * carat**1.6 * (1 + 0.1 * cut) * np.exp(generator.normal(0, 0.1, rows))
    others = generator.normal(size=(rows, columns - 2))
    inputs = np.column_stack([carat, cut, others])
    inputs[generator.random(inputs.shape) < 0.02] = np.nan
    called = [
        *names,
        "carat",
        "cut",
        *(f"a measurement with a long name, number {number}" for number in range(columns)),
    ]
    described = [InputColumn(name=name, categories=CUTS if place == 1 else None) for place, name in enumerate(called)]
    description = DataDescription(task="regression", columns=tuple(described[:columns]), target="price")
    return description, inputs, prices


def regression(
    rows: int = 600,
    scale: float = 1.0,
    columns: int = 4,
    intervals: bool = True,
    error: float = 0.1,
    on_training: float = 1.0,
    baseline: str = "better",
) -> Findings:
    """Prices times `scale`, predicted up to a share `error`; in training the RMSE is `on_training` of the test's."""
    data, inputs, prices = stones(rows, columns)
    generator = np.random.default_rng(1)
    targets = prices * scale
    values = targets * np.exp(generator.normal(0, error, rows)) if error else targets.copy()
    ends: tuple[np.ndarray, np.ndarray] | tuple[None, None] = (None, None)
    if intervals:
        slice_of_them = np.exp(generator.normal(8, 0.8, 500)) * scale
        shown = slice_of_them * np.exp(generator.normal(0, error, 500))
        found = conformal.calibrate(slice_of_them, shown)
        assert found
        ends = conformal.interval(found, values)
    rmse = float(np.sqrt(np.mean((values - targets) ** 2)))
    return whole(
        data, inputs, ValuePredictions(targets, values, *ends), "rmse", rmse, on_training * rmse, rmse, baseline
    )


def classification(rows: int = 600, columns: int = 4, baseline: str = "better") -> Findings:
    """Cuts, mostly told right."""
    data, inputs, _ = stones(rows, columns)
    targets = np.arange(rows) % 3
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(rows, 3)) + 3 * np.eye(3)[targets]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    described = {"task": "classification", "classes": CUTS, "columns": data.columns, "target": "cut"}
    right = float(np.mean(probabilities.argmax(axis=1) == targets))
    return whole(
        DataDescription.model_validate(described), inputs, Predictions(targets, probabilities), "accuracy", right,
        right, -0.01, baseline,
    )  # fmt: skip


def whole(
    data: DataDescription,
    inputs: np.ndarray,
    predictions: AnyPredictions,
    score: str,
    value: float,
    on_training: float,
    step: float,
    baseline: str,
) -> Findings:
    """All tables and metrics of a run whose main score is `value`; `step` is by what simple models are worse."""
    epochs = np.arange(1, 9)
    worse = 1 + 2 / epochs if score == "rmse" else 1 - 0.3 / epochs
    curves = pd.DataFrame(
        {"epoch": epochs, "train_loss": 0.02 * (1 + 9 / epochs**2), "validation_loss": 0.03 * (1 + 9 / epochs)}
        | {"train_score": on_training * worse / worse[-1], "validation_score": value * worse / worse[-1]}
    )
    scores = tasks.scores_with_intervals(predictions, 100, numpy_generator(0, "made up"))
    names = [column.name for column in data.columns or ()]
    fold_scores = [(score, value, value / 50, 0.9 * value, 1.1 * value), ("loss", 0.03, 0.001, 0.028, 0.032)]
    stress = [
        (name, severity, value * (1 + factor * severity * (1 if score == "rmse" else -0.2)))
        for name, factor in (("noise", 0.8), ("missing_cells", 0.5), ("shuffled_categories", 0.1))
        for severity in range(6)
    ]
    mean = math.fsum(row[2] for row in stress if row[1]) / 15
    fewer = 1.5 if score == "rmse" else 0.5  # times the score with nearly none
    shares = [
        (fold, share, int(1000 * share), value, value * (fewer + (1 - fewer) * share))
        for fold in (1, 2)
        for share in (0.5, 1)
    ]
    simple = [
        (
            name,
            each,
            own + step_of,
            own,
            -step_of,
            *sorted((-1.2 * step_of, -0.8 * step_of)),
            told,
        )
        for name, times, told in (("median", 6, "better"), ("ridge", 2, "better"), ("boosted_trees", 0.1, baseline))
        for each, own in ((score, value),)
        for step_of in (times * step,)
    ]
    importance = np.linspace(2, 0, len(names)) ** 3 * abs(step)
    known = [
        (name, "input", "category" if place == 1 else "number", "all cells are numbers", 0.02, 3, 0.1, 5.0, "")
        for place, name in enumerate(names)
    ]
    mistakes, misses = wrong(predictions)
    rows = len(predictions.targets)
    metrics: dict[str, Any] = {
        "evaluate": tasks.headlines(data.task, scores),
        "cross_validate": {score: value, f"{score}_gap": on_training - value},
        "stress": {f"mean_corruption_{score}": mean},
        "lr_range": {"suggested_lr": 0.0042},
        "prepare": {"train": {"examples": 4 * rows}, "test": {"examples": rows}, "duplicates": {}}
        | {"rows": {"in_file": 5 * rows + 3, "used": 5 * rows, "dropped": {"no target": 3}}},
    }
    tables = {
        **tasks.tables(predictions, data.classes or (), 50),
        "scores": scores,
        "training": curves.assign(learning_rate=0.01),
        "cross_validate": pd.concat([curves.assign(fold=fold) for fold in (1, 2)], ignore_index=True),
        "fold_scores": pd.DataFrame(fold_scores, columns=["score", "mean", "std", "low", "high"]),
        "learning_curve": pd.DataFrame(
            shares, columns=["fold", "share", "examples", "train_score", "validation_score"]
        ),
        "lr_range": pd.DataFrame(
            {"learning_rate": [0.001, 0.01, 0.1], "loss": [2.0, 0.8, 1.0], "smoothed_loss": [2.0, 0.77, 0.9]}
        ),
        "stress": pd.DataFrame(stress, columns=["corruption", "severity", "score"]).assign(examples=500),
        "importance": pd.DataFrame(
            {"column": names, "importance": importance, "low": 0.9 * importance, "high": 1.1 * importance}
        ),
        "baselines": pd.DataFrame(
            simple, columns=["baseline", "score", "value", "model", "difference", "low", "high", "verdict"]
        ),
        "audit": pd.DataFrame(
            [("leak", names[0], 1, "severe", "R2 0.995 from it alone"), ("drift", names[1], 1, "notice", "")],
            columns=["check", "column", "count", "severity", "example"],
        ),
        "schema": pd.DataFrame(
            known, columns=["column", "role", "kind", "why", "missing", "distinct", "low", "high", "categories"]
        ),
    }
    return Findings(
        data=data, metrics=metrics, tables=tables, selected_epoch=8, score=score, mistakes=mistakes, misses=misses,
        inputs=inputs, predictions=predictions,
    )  # fmt: skip
