"""What the stages found: all that a picture, its description or the report's page can show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.base.command import InputError
from stages.core.base.schemas import MACRO
from stages.core.scores.calibration import reliability_table
from stages.core.scores.classification import SCORES, Mistake, confusion, headlines, predict, with_ranking
from stages.core.scores.predictions import Predictions
from stages.core.scores.tables import confusion_table


@dataclass(frozen=True)
class Findings:
    """Metrics by stage, tables by the file's stem, and the mistakes on the test set, the worst first."""

    metrics: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    mistakes: Sequence[Mistake]
    classes: Sequence[str]
    selected_epoch: int
    score: str
    images: NDArray[np.uint8] | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the test accuracy."""
        scores = self.tables["scores"].set_index("score")
        return float(scores["low"]["accuracy"]), float(scores["high"]["accuracy"])

    @property
    def examples(self) -> int:
        return int(self.tables["classes"]["support"].sum())

    @property
    def chosen(self) -> pd.Series:
        """The row of plots/training.csv whose weights were kept."""
        table = self.tables["training"]
        chosen: pd.Series = table[table["epoch"] == self.selected_epoch].iloc[0]
        return chosen

    @property
    def clean(self) -> tuple[float, int]:
        """The score on the uncorrupted test images of the robustness test, and how many they are."""
        table = self.tables["stress"]
        row = table[table["severity"] == 0].iloc[0]
        return float(row["score"]), int(row["examples"])

    @property
    def confidence(self) -> float:
        """The mean probability of the predicted class."""
        table = self.tables["calibration"]
        filled = table[table["examples"] > 0]
        return math.fsum(filled["examples"] * filled["confidence"]) / math.fsum(filled["examples"])

    def confusions(self, most: int) -> list[tuple[str, str, int]]:
        """The `most` frequent mistakes (actual, predicted, times) or fewer; of equals the first in class order."""
        table = self.tables["confusion"]
        wrong = table[(table["actual"] != table["predicted"]) & (table["count"] > 0)]
        ranked = wrong.sort_values("count", ascending=False, kind="stable").head(most)
        return list(zip(ranked["actual"], ranked["predicted"], ranked["count"].tolist(), strict=True))

    def corruptions(self) -> list[tuple[str, float]]:
        """Each corruption with the score's mean over its severities, in the table's order."""
        table = self.tables["stress"]
        corrupted = table[table["severity"] > 0].groupby("corruption", sort=False)["score"]
        return [(str(name), math.fsum(scores) / len(scores)) for name, scores in corrupted]


def check_together(found: Findings, predictions: Predictions, files: Mapping[str, Path]) -> None:
    """Raise `InputError`, naming a file, unless metrics, tables and model are those of one model and its predictions.

    `files` has the `model`, the `predictions`, each `NAME table` and each `NAME metrics`.
    """

    def check(right: bool, file: str, *others: str) -> None:
        if not right:
            told = " and ".join(str(files[other]) for other in others)
            raise InputError(f"{files[file]}: does not belong to {told}; `dvc repro` makes them anew")

    targets, probabilities = predictions.targets, predictions.probabilities
    classes, tables = list(found.classes), found.tables
    check(probabilities.shape[1] == len(classes), "predictions", "model")
    counts = confusion(targets, predict(probabilities), len(classes))
    expected = {
        "confusion": confusion_table(counts, classes),
        "classes": pd.DataFrame({"class": classes, "support": counts.sum(axis=1)}),
        "calibration": reliability_table(targets, probabilities)[["examples"]],
    }
    for name, table in expected.items():
        there = tables[name][list(table.columns)]
        check(there.to_numpy().tolist() == table.to_numpy().tolist(), f"{name} table", "predictions", "model")
    curves = [*(classes[index] for index in with_ranking(targets, len(classes))), MACRO]
    for name in ("roc", "precision_recall"):
        check(list(dict.fromkeys(tables[name]["class"])) == curves, f"{name} table", "predictions", "model")
    check(found.selected_epoch <= len(tables["training"]), "training table", "model")
    folds = [set(tables[name]["fold"]) for name in ("cross_validate", "learning_curve")]
    check(folds[0] == folds[1], "learning_curve table", "cross_validate table")
    check(tables["learning_curve"]["share"].iloc[-1] == 1, "learning_curve table", "cross_validate table")
    rates, suggested = tables["lr_range"]["learning_rate"], found.metrics["lr_range"]["suggested_lr"]
    check(rates.min() <= suggested <= rates.max(), "lr_range table", "lr_range metrics")
    if "scores" in tables:
        named = list(tables["scores"]["score"]) == list(SCORES)
        check(named and headlines(tables["scores"]) == found.metrics["evaluate"], "scores table", "evaluate metrics")
        mean = math.fsum(score for _, score in found.corruptions()) / len(found.corruptions())
        check(abs(mean - found.metrics["stress"]["mean_corruption_accuracy"]) < 1e-5, "stress table", "stress metrics")
        check(found.score in found.metrics["cross_validate"], "model", "cross_validate metrics")
