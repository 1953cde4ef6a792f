"""What the stages found: all that a picture, its description or the report's page can show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.scores.classification import Mistake


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
