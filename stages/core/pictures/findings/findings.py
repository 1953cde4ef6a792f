"""What was found, whatever the task, and how its numbers are written."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.base.schemas import DataDescription
from stages.core.pictures.findings.misses import Miss
from stages.core.pictures.wording import amount, percent, plain
from stages.core.scores.classification import Mistake
from stages.core.scores.predictions import AnyPredictions
from stages.core.scores.score import Score
from stages.core.scores.tasks import MAIN, SCORES


@dataclass(frozen=True)
class Findings:
    """Metrics by stage, tables by the file's stem, and what the model got wrong on the test set, the worst first.

    That are a classifier's `mistakes`, or the largest errors of a regression, its `misses`. Tables of another task have
    no rows. `inputs`, `predictions` and, of images, `files` are those of the test part; `first` are the inputs and
    targets of the first examples trained on.
    """

    data: DataDescription
    metrics: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    selected_epoch: int
    score: str  # of the curves
    mistakes: Sequence[Mistake] = ()
    misses: Sequence[Miss] = ()
    inputs: NDArray[Any] | None = None
    predictions: AnyPredictions | None = None
    files: Sequence[str] = ()
    first: tuple[NDArray[Any], NDArray[Any]] | None = None

    @property
    def classes(self) -> Sequence[str]:
        return self.data.classes or ()

    @property
    def target(self) -> str:
        """What is predicted: the column's name in a table."""
        return self.data.target or "target"

    @property
    def thing(self) -> str:
        """What an example is called."""
        return {"image": "image", "table": "row"}[self.data.kind]

    @property
    def things(self) -> str:
        return f"{self.thing}s"

    @property
    def as_ink(self) -> bool:
        """Whether images are shown as ink on paper: where most of them is black, as of MNIST; a photo is as it is."""
        return self.first is None or bool(np.median(self.first[0]) == 0)

    @property
    def examples(self) -> int:
        """How many the test part has."""
        column = {"classification": ("classes", "support"), "regression": ("deciles", "examples")}[self.data.task]
        return int(self.tables[column[0]][column[1]].sum())

    @property
    def groups(self) -> int | None:
        """How many groups the test part has, if its examples come in groups."""
        found = None if self.predictions is None else self.predictions.groups
        return None if found is None else len(np.unique(found))

    @property
    def chosen(self) -> pd.Series:
        """The row of plots/training.csv whose weights were kept."""
        table = self.tables["training"]
        chosen: pd.Series = table[table["epoch"] == self.selected_epoch].iloc[0]
        return chosen

    @property
    def clean(self) -> tuple[float, int]:
        """The score on the uncorrupted test examples of the robustness test, and how many they are."""
        table = self.tables["stress"]
        row = table[table["severity"] == 0].iloc[0]
        return float(row["score"]), int(row["examples"])

    def corruptions(self) -> list[tuple[str, float]]:
        """Each corruption with the score's mean over its severities, in the table's order."""
        table = self.tables["stress"]
        corrupted = table[table["severity"] > 0].groupby("corruption", sort=False)["score"]
        return [(str(name), math.fsum(scores) / len(scores)) for name, scores in corrupted]

    def corruptions_from_the_worst(self) -> list[tuple[str, float]]:
        return sorted(self.corruptions(), key=lambda row: row[1], reverse=not self.main.greater_is_better)

    @property
    def main(self) -> Score:
        """The score that decides which of two models is better."""
        return MAIN[self.data.task]

    def interval(self, score: str) -> tuple[float, float]:
        """The 95% interval of a test score."""
        table = self.tables["scores"]
        row = table[table["score"] == score].iloc[0]
        return float(row["low"]), float(row["high"])

    def amount(self, value: float) -> str:
        """A number in the target's unit, to three digits of what predictions are typically off by."""
        table = self.tables["deciles"]
        squares = math.fsum(table["examples"] * table["rmse"] ** 2) / max(1, table["examples"].sum())
        return amount(value, math.sqrt(squares))

    def label(self, score: str) -> str:
        """`macro_f1` as "macro F1"; the loss and the like by their own names."""
        known = SCORES[self.data.task].get(score)
        return known.label if known else plain(score)

    def is_share(self, score: str) -> bool:
        known = SCORES[self.data.task].get(score)
        return known.share if known else self.data.task == "classification" and score == self.score

    @property
    def rises(self) -> bool:
        """Whether the curves' score grows as a model gets better, as an error does not."""
        known = SCORES[self.data.task].get(self.score)
        return known.greater_is_better if known else True

    def text(self, score: str, value: float, digits: int = 2) -> str:
        """A value of a score: shares as percentages, those in the target's unit as amounts, the others as they are."""
        known = SCORES[self.data.task].get(score)
        if self.is_share(score):
            return percent(value, digits)
        return self.amount(value) if known and known.in_unit else f"{value:.5f}"

    def change(self, score: str, value: float) -> str:
        """A difference in a score, with its sign; of a share in points."""
        known = SCORES[self.data.task].get(score)
        sign = "+" if value > 0 else ""
        if self.is_share(score):
            return f"{round(100 * value, 2) + 0.0:+.2f}"  # no "-0.00"
        return f"{sign}{self.amount(value)}" if known and known.in_unit else f"{value:+.5f}"


def has(table: str) -> Callable[[Findings], bool]:
    """Whether a table has rows, which it has not where its task or kind of data is another."""
    return lambda found: not found.tables[table].empty


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """A column's values; NaN where the cell is empty, as validation's are where there is no validation part."""
    return column.to_numpy(np.float64)
