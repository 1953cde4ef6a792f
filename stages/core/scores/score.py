"""A score: its name, what it means, how it is shown, and how it and its interval are computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.scores.bootstrap import Sums

Targets = NDArray[Any]  # int64 class indices, or float64 values
Outputs = NDArray[Any]  # (N, K): see the file of the task


@dataclass(frozen=True)
class Score:
    """`value` is of targets (N,) and outputs (N, K), N > 0; a `share` is in [0, 1] and shown in percent.

    Its 95% interval comes from the bootstrap, of which `sums` is the part, called with the examples in canonical order;
    or, where resampling would not do, from `interval`.
    """

    name: str
    label: str
    meaning: str
    value: Callable[[Targets, Outputs], float]
    sums: Callable[[Targets, Outputs], Sums] | None = None
    interval: Callable[[Targets, Outputs], tuple[float, float]] | None = None
    share: bool = False
    in_unit: bool = False  # of the target: of any magnitude, and rounded to digits that count instead of decimals
    greater_is_better: bool = True
    headline: bool = False  # one of the dozen that `dvc metrics` shows
    compared: bool = False  # by `compare`, which needs `sums`

    def __post_init__(self) -> None:
        assert (self.sums is None) != (self.interval is None), f"{self.name}: either sums or an interval"
        assert self.sums or not self.compared, f"{self.name}: compare resamples, and needs its sums"

    def rounded(self, value: float) -> float:
        """`value`, of this score or of a difference in it, to six decimals; in a unit to six significant digits."""
        return significant(value) if self.in_unit else float(np.round(value, 6))


def significant(value: float) -> float:
    """`value` to six significant digits."""
    return float(f"{value:.6g}")
