"""What the stages found: all that a picture, its description or the report's page can show."""

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
