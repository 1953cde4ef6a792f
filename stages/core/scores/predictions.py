"""A model's predictions for the test part, as a file that is checked when it is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.base.artifacts import read_arrays, write_arrays
from stages.core.base.command import InputError


@dataclass(frozen=True)
class Predictions:
    """`targets` int64 (N,), class indices; `probabilities` float32 (N, C) in [0, 1]. N and C are above 0."""

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
        if targets.dtype.kind != "i" or targets.min() < 0 or targets.max() >= probabilities.shape[1]:
            raise InputError(f"{name}: targets must be class indices from 0 to {probabilities.shape[1] - 1}")
        if probabilities.dtype.kind != "f" or not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
            raise InputError(f"{name}: probabilities must be numbers from 0 to 1")
        return cls(targets, probabilities)
