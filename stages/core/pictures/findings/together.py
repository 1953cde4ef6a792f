"""Whether what was read is of one run: a table or a model of another would be shown as if it were this one's."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.base.command import InputError
from stages.core.pictures.findings import classification, regression
from stages.core.pictures.findings.findings import Findings
from stages.core.scores.predictions import AnyPredictions, Predictions
from stages.core.scores.tasks import headlines, scores_of


def check_together(
    found: Findings, predictions: AnyPredictions, targets: NDArray[Any], files: Mapping[str, Path]
) -> None:
    """Raise `InputError`, naming a file, unless metrics, tables and model are those of one model and its predictions.

    These are of the test part, whose `targets` are given. `files` has the `test` part, the `model`, the `predictions`,
    each `NAME table` and each `NAME metrics`.
    """

    def check(right: bool, file: str, *others: str) -> None:
        if not right:
            told = " and ".join(str(files[other]) for other in others)
            raise InputError(f"{files[file]}: does not belong to {told}; `dvc repro` makes them anew")

    tables, task = found.tables, found.data.task
    check(predictions.task == task, "predictions", "model")
    check(np.array_equal(predictions.targets, targets), "predictions", "test")
    check(len(found.files) in (0, len(targets)), "files table", "test")
    if isinstance(predictions, Predictions):
        check(predictions.probabilities.shape[1] == len(found.classes), "predictions", "model")
        foreign = classification.foreign_tables(found, predictions)
        others: tuple[str, ...] = regression.TABLES
    else:
        foreign = regression.foreign_tables(found, predictions)
        others = classification.TABLES
    for name in (*foreign, *(other for other in others if not tables[other].empty)):
        check(False, f"{name} table", "predictions", "model")
    check(found.selected_epoch <= len(tables["training"]), "training table", "model")
    folds = [set(tables[name]["fold"]) for name in ("cross_validate", "learning_curve")]
    check(folds[0] == folds[1], "learning_curve table", "cross_validate table")
    check(tables["learning_curve"]["share"].iloc[-1] == 1, "learning_curve table", "cross_validate table")
    rates, suggested = tables["lr_range"]["learning_rate"], found.metrics["lr_range"]["suggested_lr"]
    check(rates.min() <= suggested <= rates.max(), "lr_range table", "lr_range metrics")
    if "scores" in tables:
        named = list(tables["scores"]["score"]) == list(scores_of(predictions))
        evaluated = {name: value for name, value in found.metrics["evaluate"].items() if value is not None}
        check(named and headlines(task, tables["scores"]) == evaluated, "scores table", "evaluate metrics")
        mean = math.fsum(score for _, score in found.corruptions()) / len(found.corruptions())
        told = found.metrics["stress"][f"mean_corruption_{found.main.name}"]
        check(
            told is not None and math.isclose(mean, told, rel_tol=1e-5, abs_tol=1e-5), "stress table", "stress metrics"
        )
        check(found.metrics["cross_validate"].get(found.score) is not None, "model", "cross_validate metrics")
