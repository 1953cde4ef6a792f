"""A model's predictions for the test part, as a file that is checked when it is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.base.artifacts import read_arrays, write_arrays
from stages.core.base.command import InputError

_ROUNDING = 1e-3  # far beyond that of float32


@dataclass(frozen=True)
class Predictions:
    """`targets` int64 (N,), class indices; `probabilities` float32 (N, C), of each example 1 together. N, C > 0."""

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def write(self, path: Path) -> None:
        write_arrays(path, vars(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The predictions at `path`; raises `InputError`, which names it, unless they are some."""
        return cls.of(read_arrays(path), str(path))

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], name: str) -> Self:
        """The content of a predictions file, checked; an error calls it `name`."""
        if arrays.keys() != {"targets", "probabilities"}:
            raise InputError(
                f"{name}: must hold targets and probabilities, found {', '.join(sorted(arrays)) or 'nothing'}"
            )
        targets, probabilities = arrays["targets"], arrays["probabilities"]
        if (
            targets.ndim != 1
            or probabilities.ndim != 2
            or len(targets) != len(probabilities)
            or probabilities.size == 0
        ):
            found = f"{targets.shape} and {probabilities.shape}"
            raise InputError(f"{name}: must hold targets (N,) and probabilities (N, C), found {found}")
        if targets.dtype != np.int64 or targets.min() < 0 or targets.max() >= probabilities.shape[1]:
            raise InputError(f"{name}: targets must be int64, class indices from 0 to {probabilities.shape[1] - 1}")
        if probabilities.dtype != np.float32 or not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
            raise InputError(f"{name}: probabilities must be float32, numbers from 0 to 1")
        if not np.allclose(probabilities.sum(axis=1), 1, atol=_ROUNDING):
            raise InputError(f"{name}: the probabilities of each example must be 1 together")
        return cls(targets, probabilities)
