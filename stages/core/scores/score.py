"""A score: its name, what it means, how it is shown, and how it and its interval are computed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.scores.bootstrap import Integers, Sums

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """`value` is of targets (N,) and probabilities (N, C), N > 0; a `share` is in [0, 1] and shown in percent.

    Its 95% interval comes from the bootstrap, of which `sums` is the part, called with the examples in canonical order;
    or, where resampling would not do, from `interval`.
    """

    name: str
    label: str
    meaning: str
    value: Callable[[Integers, Probabilities], float]
    sums: Callable[[Integers, Probabilities], Sums] | None = None
    interval: Callable[[Integers, Probabilities], tuple[float, float]] | None = None
    share: bool = False
    greater_is_better: bool = True
    headline: bool = False  # one of the dozen that `dvc metrics` shows
    compared: bool = False  # by `compare`, which needs `sums`

    def __post_init__(self) -> None:
        assert (self.sums is None) != (self.interval is None), f"{self.name}: either sums or an interval"
        assert self.sums or not self.compared, f"{self.name}: compare resamples, and needs its sums"
