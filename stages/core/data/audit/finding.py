"""What the checks of the audit look at, and what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.core.base.schemas import DataDescription, InputColumn
from stages.core.config.plain import shown
from stages.core.config.sections import AuditCheck
from stages.core.data.examples import Examples, identities

MANY = 0.02  # share of the examples above which what concerns single ones is severe
_CELLS = 4  # of a row, in a finding


@dataclass(frozen=True)
class Finding:
    """What one check found, all of it or that in one `column`: how many rows or columns, and what to look at."""

    check: AuditCheck
    count: int
    severe: bool  # scores are likely to lie; else a notice: they may, so look at it
    example: str
    column: str = ""


@dataclass(frozen=True)
class Parts:
    """What is audited: both parts, what is known of them, and how many folds will be cut of the training part."""

    train: Examples
    test: Examples
    facts: DataDescription
    folds: int
    seed: int
    files: tuple[Sequence[str], Sequence[str]] = ((), ())  # of the images of each part, if they were files

    @property
    def columns(self) -> Sequence[InputColumn]:
        """Those of a table; images have none."""
        return self.facts.columns or ()

    @property
    def by_stratum(self) -> bool:
        """Whether the parts are alike but for chance, as they are not where groups or times decide."""
        return self.train.groups is None and self.train.times is None

    @cached_property
    def alike(self) -> np.ndarray:
        """Int64 (M + N,), training before test: equal numbers for equal inputs."""
        return identities((self.train.inputs, self.test.inputs), self.facts.columns)

    def name(self, row: int, *details: str) -> str:
        """A row of both parts, one after the other, as its part and its place there, from 0; its file and `details`."""
        part = int(row >= len(self.train))
        place = row - part * len(self.train)
        told = ", ".join([shown(name, 300) for name in self.files[part][place : place + 1]] + list(details))
        return f"{('training', 'test')[part]} {place}" + (f" ({told})" if told else "")

    def target(self, row: int) -> str:
        part, place = (self.train, row) if row < len(self.train) else (self.test, row - len(self.train))
        value = part.targets[place]
        return self.facts.classes[value] if self.facts.classes else f"{value:.10g}"

    def cells(self, row: int) -> str:
        """The first cells of a row of a table, as `(carat 0.3, cut Ideal, ...)`."""
        part, place = (self.train, row) if row < len(self.train) else (self.test, row - len(self.train))
        told = [
            f"{column.name} {cell(column, value)}"
            for column, value in zip(self.columns[:_CELLS], part.inputs[place, :_CELLS], strict=True)
        ]
        return f" ({', '.join(told + ['...'] * (len(self.columns) > _CELLS))})"


def cell(column: InputColumn, value: float) -> str:
    """A cell as a person would write it."""
    if np.isnan(value):
        return "missing"
    if column.dates:
        return str(np.datetime64(round(value * 86_400), "s")).replace("T", " ").removesuffix(" 00:00:00")
    if column.categories is None:
        return f"{value:.10g}"
    return column.categories[int(value)] if value >= 0 else "unseen"
