"""How a file's content is declared, written and read: a class per JSON file, `Arrays`, and a `Table` per CSV file.

A damaged, incomplete or foreign file is refused with its name and the key, column or row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from stages.core.base.artifacts import read_csv, read_json, read_rows, write_csv, write_json
from stages.core.base.command import InputError

if TYPE_CHECKING:
    import pandas as pd


class Record(BaseModel):
    """The content of a JSON file; subclasses declare its keys. A key whose default is None is left out where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def write(self, path: Path) -> None:
        write_json(path, self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The content of `path`. Raises `InputError` with a line that names the file and the first wrong key."""
        values = read_json(path)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            first = problems[0]
            key = ".".join(map(str, first["loc"]))
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise InputError(
                f"{path}: damaged, or another version's: {key + ': ' if key else ''}{_lower(first['msg'])}{more}; "
                "`dvc repro` makes it"
            ) from None


@dataclass(frozen=True)
class Arrays:
    """What a file of arrays holds: of each its types and, for each, its axes, a letter for each size, above 0.

    Those in `may_lack` may be left out.
    """

    arrays: Mapping[str, Mapping[str, str]]
    may_lack: frozenset[str] = field(default_factory=frozenset)

    def read(self, path: Path) -> dict[str, Any]:
        """The arrays at `path`; raises `InputError`, which names it, unless they are those."""
        found = read_rows(path)
        axes = {name: self.arrays.get(name, {}).get(str(array.dtype), "") for name, array in found.items()}
        sizes: dict[str, set[int]] = {}
        for name, array in found.items():
            for axis, size in zip(axes[name], array.shape, strict=False):
                sizes.setdefault(axis, set()).add(size)
        right = all(len(axes[name]) == array.ndim > 0 for name, array in found.items())
        whole = self.arrays.keys() - self.may_lack <= found.keys()
        if not (right and whole) or any(len(each) > 1 or 0 in each for each in sizes.values()):
            rule = " and ".join(
                " or ".join(f"{name} {kind} ({', '.join(axes)})" for kind, axes in kinds.items())
                for name, kinds in self.arrays.items()
                if name not in self.may_lack
            )
            there = " and ".join(f"{name} {array.dtype} {array.shape}" for name, array in sorted(found.items()))
            raise InputError(f"{path}: must hold {rule}, found {there or 'nothing'}")
        return found


@dataclass(frozen=True)
class Number:
    """What a column of numbers holds: from `low` to `high`, and `whole` ones or any."""

    low: float
    high: float = 1e100  # what is drawn still has room to overflow in
    whole: bool = False


NUMBER, AMOUNT, SHARE = Number(-1e100), Number(0), Number(0, 1)
COUNT = Number(0, 2**53, whole=True)
PLACE = Number(1, 2**53, whole=True)  # in a row, from 1
Column = Number | type[str]


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file, in order, and what they hold, text (`str`) or numbers; `may_lack` may be empty.

    Empty numbers are NaN, so whole ones cannot be among them; NaN and infinity are refused elsewhere. In a file no row
    may be lacking: there is every value of the first column of `grid` with every one of the second, in order and once
    each, whole numbers counted from the lowest; and of a `curve`, the rows of each value of the first column come
    together, while the second goes from 0 to 1 and never back.
    """

    columns: Mapping[str, Column]
    may_lack: frozenset[str] = field(default_factory=frozenset)
    grid: tuple[str, ...] = ()
    curve: tuple[str, str] | None = None
    may_be_empty: bool = False

    def write(self, path: Path, table: "pd.DataFrame") -> None:
        write_csv(path, self.checked(table, str(path)))

    def read(self, path: Path) -> "pd.DataFrame":
        """The table at `path`. Raises `InputError`, naming the file and the column or row, unless it is a whole one."""
        text = [name for name, kind in self.columns.items() if kind is str]
        table = self.checked(read_csv(path, text, list(self.columns)), str(path))
        if table.empty and not self.may_be_empty:
            raise InputError(f"{path}: has no rows")
        self._check_grid(table, path)
        self._check_curve(table, path)
        return table

    def checked(self, table: "pd.DataFrame", name: str) -> "pd.DataFrame":
        """`table` with its columns as declared, or `InputError`, which calls it `name`."""
        import numpy as np
        import pandas as pd

        if list(table.columns) != list(self.columns):
            found = ", ".join(map(str, table.columns)) or "none"
            raise InputError(f"{name}: must have the columns {', '.join(self.columns)}, found {found}")
        columns: dict[str, Any] = {}
        for column, kind in self.columns.items():
            values = table[column]
            if isinstance(kind, Number):
                lacking = (values.isna() | (values.astype(str) == "")) & (column in self.may_lack)
                numbers = (values if values.dtype.kind in "iuf" else values.map(_number)).astype(np.float64)
                number = np.isfinite(numbers) & ((numbers == np.floor(numbers)) | (not kind.whole))
                rules: dict[str, Any] = {
                    "a whole number" if kind.whole else "a number": number | lacking,
                    f"from {kind.low:g} to {kind.high:g}": numbers.between(kind.low, kind.high) | lacking,
                }
                columns[column] = numbers
            else:
                rules = {"a text": values.notna()}
                columns[column] = values.astype(str)
            for rule, kept in rules.items():
                if not kept.all():
                    row = int(np.argmin(kept))
                    raise InputError(
                        f"{name}: line {row + 2}, column {column}: must be {rule}, found {str(values.iloc[row])!r}"
                    )  # the header is line 1
            if isinstance(kind, Number) and kind.whole:
                columns[column] = columns[column].astype(np.int64)
        return pd.DataFrame(columns, index=table.index)

    def _check_grid(self, table: "pd.DataFrame", path: Path) -> None:
        values: list[Sequence[object]] = []
        for column in self.grid:
            found, kind = list(dict.fromkeys(table[column])), self.columns[column]
            if isinstance(kind, Number) and kind.whole:
                found = [int(kind.low) + place for place in range(len(found))]
            values.append(found)
        rows = zip(*(table[column] for column in self.grid), strict=True)
        for line, (row, expected) in enumerate(zip_longest(rows, product(*values)) if values else (), 2):
            if row != expected:
                place = ", ".join(f"{column} {value}" for column, value in zip(self.grid, expected or (), strict=False))
                raise InputError(
                    f"{path}: line {line}: must be {f'that of {place}' if expected else 'no more'}; there is one "
                    f"for every {' with every '.join(self.grid)}, in order"
                )

    def _check_curve(self, table: "pd.DataFrame", path: Path) -> None:
        if self.curve:
            of, along = (table[column] for column in self.curve)
            first, last = of != of.shift(), of != of.shift(-1)
            wrong = first & ((along != 0) | of.duplicated()) | last & (along != 1) | ~first & (along.diff() < 0)
            if wrong.any():
                line, column = int(wrong.to_numpy().argmax()) + 2, " of a ".join(reversed(self.curve))
                raise InputError(f"{path}: line {line}: {column} must go from 0 to 1, once and never back")


def _number(cell: object) -> float:
    """What Python reads as a number, NaN where it is none, or none to others."""
    try:
        return float("nan" if "_" in str(cell) else str(cell))
    except ValueError:
        return float("nan")


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
