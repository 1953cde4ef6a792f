"""A model's predictions for the test part, as a file that is checked when it is read: of classes, or of values.

Either may hold `groups`, int64 (N,), of which examples are alike: their codes in any order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.base.artifacts import read_arrays, write_arrays
from stages.core.base.command import InputError
from stages.core.config.builtin import Task

_ROUNDING = 1e-3  # far beyond that of float32
_LARGEST = 1e100  # squares of it still add up


class _File:
    """What both are: arrays in a file."""

    def write(self, path: Path) -> None:
        write_arrays(path, {name: array for name, array in vars(self).items() if array is not None})

    @classmethod
    def read(cls, path: Path) -> Self:
        """The predictions at `path`; raises `InputError`, which names it, unless they are some."""
        return cls.of(read_arrays(path), str(path))

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], name: str) -> Self:
        """The content of a predictions file, checked; an error calls it `name`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Predictions(_File):
    """`targets` int64 (N,), class indices; `probabilities` float32 (N, C), of each example 1 together. N, C > 0."""

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64] | None = None

    task: ClassVar[Task] = "classification"

    @property
    def outputs(self) -> NDArray[np.float32]:
        """What scores are computed from."""
        return self.probabilities

    @property
    def strata(self) -> NDArray[np.int64]:
        """What the bootstrap keeps the sizes of: the classes."""
        return self.targets

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], name: str) -> Self:
        """The content of a predictions file, checked; an error calls it `name`."""
        _check_names(arrays, ("targets", "probabilities"), name)
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
        return cls(targets, probabilities, _checked_groups(arrays, name))


@dataclass(frozen=True)
class ValuePredictions(_File):
    """`targets` and `values`, what is true and what is predicted, float64 (N,), N > 0, in the target's own unit.

    `low` and `high`, float64 (N,), are the ends of the 90% interval of each, `low <= values <= high`; a model without
    validation slice has none.
    """

    targets: NDArray[np.float64]
    values: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None

    task: ClassVar[Task] = "regression"

    @property
    def outputs(self) -> NDArray[np.float64]:
        """What scores are computed from: the values (N, 1), or (N, 3) with the ends of their intervals."""
        columns = [self.values] if self.low is None or self.high is None else [self.values, self.low, self.high]
        return np.stack(columns, axis=1)

    @property
    def strata(self) -> NDArray[np.int64]:
        """One stratum: a test set of other examples would have other values."""
        return np.zeros(len(self.targets), np.int64)

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], name: str) -> Self:
        """The content of a predictions file, checked; an error calls it `name`."""
        ends = ("low", "high") if {"low", "high"} & arrays.keys() else ()
        names = ("targets", "values", *ends)
        _check_names(arrays, names, name)
        found = {each: arrays[each] for each in names}
        if any(array.ndim != 1 or array.shape != found["targets"].shape or array.size == 0 for array in found.values()):
            shapes = " and ".join(str(array.shape) for array in found.values())
            raise InputError(f"{name}: must hold {_listed(f'{each} (N,)' for each in names)}, found {shapes}")
        for each, array in found.items():
            if array.dtype != np.float64 or not (np.abs(array) <= _LARGEST).all():
                raise InputError(f"{name}: {each} must be float64, numbers from {-_LARGEST:g} to {_LARGEST:g}")
        if ends and not ((found["low"] <= found["values"]) & (found["values"] <= found["high"])).all():
            raise InputError(f"{name}: each of values must be from low to high")
        return cls(**found, groups=_checked_groups(arrays, name))


AnyPredictions = Predictions | ValuePredictions


def read_predictions(path: Path) -> AnyPredictions:
    """The predictions at `path`, of the task that they are of; raises `InputError`, which names it, unless they are."""
    arrays = read_arrays(path)
    kind = ValuePredictions if "values" in arrays else Predictions
    return kind.of(arrays, str(path))


def _check_names(arrays: dict[str, np.ndarray], names: tuple[str, ...], name: str) -> None:
    if arrays.keys() - {"groups"} != set(names):
        raise InputError(f"{name}: must hold {_listed(names)}, found {', '.join(sorted(arrays)) or 'nothing'}")


def _checked_groups(arrays: dict[str, np.ndarray], name: str) -> NDArray[np.int64] | None:
    groups = arrays.get("groups")
    if groups is not None and (groups.dtype != np.int64 or groups.shape != arrays["targets"].shape):
        raise InputError(f"{name}: groups must be int64, one for each of the targets")
    return groups


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
