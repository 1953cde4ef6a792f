"""What each column of a table is for, as `data` says, and the schema, which tells a person what was made of it."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.core.base.command import InputError
from stages.core.base.schemas import SCHEMA
from stages.core.config.params import PARAMS_FILE
from stages.core.config.plain import shown
from stages.core.config.sections import DataConfig
from stages.core.data.cells import INDEX, Cells
from stages.core.data.kinds import Column, empty, encoded

Role = Literal["input", "target", "group", "time", "ignored"]
_LISTED, _LETTERS = 12, 30  # categories of a column, and letters of each


@dataclass(frozen=True)
class Use:
    """What a column is for, and why, where that is not plain."""

    role: Role
    why: str = ""


OF_PANDAS = Use("ignored", "the index of a pandas table")


def uses(cells: Cells, data: DataConfig) -> dict[str, Use]:
    """The use of each column of the file, in its order; group and time are no inputs, since new data has others.

    Raises `InputError` where `data` names a column that is not there, or one for two ends.
    """
    found: dict[str, Use] = {}
    named = [("target", data.target), ("group", data.group), ("time", data.time), *(("ignore", n) for n in data.ignore)]
    for key, name in [*named, *(("columns", name) for name in data.columns)]:
        if name and name not in cells.columns:
            near = difflib.get_close_matches(name, cells.columns, n=1)
            told = f"did you mean {shown(repr(near[0]))}?" if near else f"there are {shown(', '.join(cells.columns))}"
            raise InputError(
                f"{PARAMS_FILE}: data.{key} = {shown(repr(name))}: {cells.path} has no such column, {told}"
            )
    for key, name in filter(lambda one: one[1], named):
        role: Role = "ignored" if key == "ignore" else key  # type: ignore[assignment]
        if name in found and found[name].role != role:
            raise InputError(
                f"{PARAMS_FILE}: data.{key} = {shown(repr(name))}: must be another column than data.{found[name].role}"
            )
        found[name] = Use(role, f"data.{key} names it")
    for name in data.columns:
        if name in found and found[name].role != "time":
            raise InputError(f"{PARAMS_FILE}: data.columns: {shown(repr(name))} must be an input, or the time")
    return {
        name: found.get(name, OF_PANDAS if name.startswith((INDEX, "Unnamed: 0")) else Use("input"))
        for name in cells.columns
    }


def schema(cells: Cells, uses: Mapping[str, Use], columns: Mapping[str, Column]) -> pd.DataFrame:
    """A row for each column of the file, in its order, of all rows that are used; `columns` are those understood."""
    rows = [_row(cells, name, use, columns.get(name)) for name, use in uses.items()]
    return pd.DataFrame(rows, columns=list(SCHEMA.columns))


def _row(cells: Cells, name: str, use: Use, column: Column | None) -> dict[str, Any]:
    if column is None:
        lacking, distinct = empty(cells, name), _distinct(cells.columns[name])
    else:
        lacking, distinct = np.isnan(column.values), column.distinct
    low_high = {"low": math.nan, "high": math.nan}
    if column and column.texts is None and not lacking.all():
        low_high = {"low": float(np.nanmin(column.values)), "high": float(np.nanmax(column.values))}
    why = [use.why, column.why if column and use.role not in ("target", "group") else ""]
    if column and distinct == 1 and not column.ignored:
        why.append("the same in every row" if not lacking.any() else "the same wherever it is filled")
    return {
        "column": name,
        "role": use.role,
        "kind": column.kind if column else "",
        "why": "; ".join(filter(None, why)),
        "missing": round(float(lacking.mean()), 6),
        "distinct": distinct,
        **low_high,
        "categories": _listed(column.texts) if column and column.texts is not None else "",
    }


def _distinct(column: pa.ChunkedArray) -> int:
    try:
        return len(encoded(column)[0])
    except pa.ArrowException:  # of lists and other things that are no cells
        return 0


def _listed(texts: Sequence[str] | np.ndarray) -> str:
    more = [f"and {len(texts) - _LISTED:,} more"] if len(texts) > _LISTED else []
    return ", ".join([*(shown(text, _LETTERS) for text in texts[:_LISTED]), *more])
