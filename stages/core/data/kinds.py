"""What the cells of a column mean: numbers, dates or categories, found from the cells or told by `data.columns`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.base.command import InputError
from stages.core.base.schemas import InputColumn
from stages.core.config.plain import shown
from stages.core.config.sections import ColumnKind
from stages.core.data.cells import Cells

MOST_CATEGORIES, MOST = 10_000, 1e100  # of a column; of a number, so that what is computed with it stays finite
EMPTY = ("", "?", "-", "na", "n/a", "#n/a", "nan", "null")  # what an empty cell may hold, in any case
MOSTLY = ", though"  # in a reason: a person should look
EMPTY_NUMBER = ("none", ".")  # among numbers and dates also these
_DATE = r"^\d{4}([-/])\d{2}[-/]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
_PLAIN = r"^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$"
_DAY_US = 86_400_000_000
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # of a second
RULES = {
    "number": f"a number from -{MOST:g} to {MOST:g}",
    "date": "a date such as 2026-11-25 or 2026-11-25 13:45",
    "category": "a text, a truth value or a whole number",
}


@dataclass(frozen=True)
class Column:
    """A column understood: float64 (N,), NaN where a cell is empty, and in words why it is of its kind.

    Of a date they are days since 1970-01-01; of a category places in `texts`, which are sorted and differ. Of a column
    that is not to be used `ignored` holds.
    """

    kind: ColumnKind
    why: str
    values: np.ndarray
    texts: np.ndarray | None = None
    ignored: bool = False

    @property
    def distinct(self) -> int:
        return len(pd.unique(self.values[~np.isnan(self.values)]))


def understood(cells: Cells, name: str, decimal: str, wanted: ColumnKind | None = None) -> Column:
    """The column `name`, as the kind `wanted`, or as the one that all its cells are of.

    Raises `InputError`, naming the first wrong cell, where one is not of the kind `wanted`, where numbers are infinite
    or huge, where dates are impossible, and where numbers have two decimal marks.
    """
    column = cells.columns[name]
    kind = column.type
    if _is_text(kind) or pa.types.is_boolean(kind):
        return _of_texts(cells, name, encoded(column), decimal, wanted)
    if empty(cells, name).all():  # of whatever type: a file of text has none either
        nothing = pa.chunked_array([pa.nulls(len(column))])
        return _of_texts(cells, name, encoded(nothing), decimal, wanted)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = _days(column)
        if wanted == "category":
            return _levels(column, _told(wanted, "dates"))
        if wanted == "number":
            raise cells.refusal(name, ~np.isnan(days), RULES["number"])
        return _of_numbers(cells, name, "date", _told(wanted, _span(days)), days)
    if _is_number(kind):
        if wanted == "category":
            return _levels(column, _told(wanted, "numbers"))
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        if wanted == "date":
            raise cells.refusal(name, ~np.isnan(numbers), RULES["date"])
        return _of_numbers(cells, name, "number", _told(wanted, _describe(numbers)), numbers)
    raise InputError(
        f"{cells.path}: column {shown(repr(name))}: must hold numbers, texts, truth values or dates, found {kind}; "
        "data.ignore leaves it out"
    )


def empty(cells: Cells, name: str, number: bool = False) -> np.ndarray:
    """Where the column `name` is empty, bool (N,); that of a `number` or a date by what counts so among these, too."""
    column = cells.columns[name]
    if _is_text(column.type):
        texts, codes = encoded(column)
        nothing = _is_in(texts, EMPTY_NUMBER) if number else np.zeros(len(texts), bool)
        return np.asarray(np.append(nothing, True)[codes])
    nan_is_null = pa.types.is_floating(column.type)
    return np.asarray(pc.is_null(column, nan_is_null=nan_is_null).to_numpy())


def encoded(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """The different texts of a column of texts, blanks around them left out, and each cell's place among them.

    Int64 (N,), -1 where a cell is empty. As much work as there are different texts, but for the first look.
    """
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "True", "False")  # as pandas writes them
    all_cells = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(all_cells.dictionary)
    is_empty = pc.is_in(pc.utf8_lower(trimmed), pa.array(EMPTY, trimmed.type))
    merged = pc.if_else(is_empty, pa.scalar(None, trimmed.type), trimmed).dictionary_encode()
    places = np.append(_codes(merged), -1)  # the last: of a cell that is null
    return merged.dictionary, places[_codes(all_cells)]


def numbers_in(texts: pa.Array, decimal: str) -> np.ndarray:
    """Float64 (N,): what each text says as a number, NaN where it says none.

    Thousands may be set apart, by the mark that is not the `decimal` one, by blanks or by apostrophes; a percentage is
    a share.
    """
    if decimal == "." and pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py():
        return np.asarray(texts.cast(pa.float64()).to_numpy())  # in a fraction of the time
    mark, apart = (r"\.", ",") if decimal == "." else (",", ".")
    thousands = rf"[1-9]\d{{0,2}}(?:[ '’\x{{a0}}\x{{202f}}{apart}]\d{{3}})+"
    pattern = rf"^[+-]?(?:(?:\d+|{thousands})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?[ \x{{a0}}\x{{202f}}]?%?$"
    infinite = pc.match_substring_regex(texts, r"^[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?$")
    is_number = pc.or_(pc.match_substring_regex(texts, pattern), infinite)
    bare = pc.replace_substring_regex(texts, rf"[ '’\x{{a0}}\x{{202f}}%{apart}]", "")
    if decimal == ",":
        bare = pc.replace_substring(bare, ",", ".")
    found = pc.if_else(is_number, bare, pa.scalar(None, bare.type)).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(_matches(texts, "%$"), np.asarray(found) / 100, found)


def called(texts: np.ndarray, decimal: str) -> tuple[list[str], np.ndarray, bool]:
    """What `texts` (N,) say, numbers in their order; the place of each in that, int64 (N,); whether all are numbers.

    Of these 1 and 1.0 are one, called by the shorter, as pandas writes 1.0 where a cell is empty; 007 is none.
    """
    numbers = numbers_in(pa.array(texts, pa.large_string()), decimal)
    if not len(texts) or np.isnan(numbers).any() or any(re.match(r"[+-]?0\d", text) for text in texts):
        return texts.tolist(), np.arange(len(texts)), False
    values, ranks = np.unique(numbers, return_inverse=True)
    names = [""] * len(values)
    for text, rank in zip(texts, ranks, strict=True):
        names[rank] = min(names[rank] or text, text, key=len)
    return names, ranks, True


def as_trained(column: pa.ChunkedArray, known: InputColumn, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """New cells of a column that a model was trained with: float64 (N,) as its inputs, and bool (N,), wrong ones.

    NaN where a cell is empty, -1 for a category that was not among those of the training part.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), np.zeros(len(column), bool)
    of_texts, of_numbers = _is_text(kind) or pa.types.is_boolean(kind), _is_number(kind)
    of_dates = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    if known.categories is not None and (of_texts or of_numbers or of_dates):
        texts, codes = encoded(column if of_texts else _as_texts(column))
        own = numbers_in(texts, "." if of_numbers else decimal)
        return _at(_places(texts, own, known.categories, decimal), codes), np.zeros(len(codes), bool)
    if known.categories is None and of_texts:
        texts, codes = encoded(column)
        numbers = _parsed_days(texts) if known.dates else numbers_in(texts, decimal)
        wrong = (np.isnan(numbers) & ~_is_in(texts, EMPTY_NUMBER)) | (np.abs(numbers) > MOST)
        return _at(numbers, codes), _cells_that(wrong, codes)
    if known.dates and of_dates:
        return _days(column), np.zeros(len(column), bool)
    if known.categories is None and not known.dates and of_numbers:
        numbers = np.asarray(column.cast(pa.float64(), safe=False).to_numpy())
        return numbers, np.abs(numbers) > MOST
    filled = ~np.asarray(pc.is_null(column).to_numpy())
    return np.full(len(column), np.nan), filled


def _places(texts: pa.Array, own: np.ndarray, categories: Sequence[str], decimal: str) -> np.ndarray:
    """Float64 (N,): the place of each text, which may say a number of its `own`, among the `categories`, -1 if none.

    See `called`.
    """
    found = pc.index_in(texts, pa.array(categories, texts.type)).fill_null(-1).to_numpy()
    if called(np.array(categories, object), decimal)[2]:
        numbers = numbers_in(pa.array(categories, pa.large_string()), decimal)
        order = np.argsort(numbers)
        near = order[np.minimum(np.searchsorted(numbers[order], own), len(order) - 1)]
        coded = _matches(texts, r"^[+-]?0\d")
        found = np.where((found < 0) & (numbers[near] == own) & ~coded, near, found)
    return np.asarray(found, np.float64)


def _of_texts(
    cells: Cells, name: str, found: tuple[pa.Array, np.ndarray], decimal: str, wanted: ColumnKind | None
) -> Column:
    texts, codes = found
    if wanted == "category":
        return _ordered(texts, codes, _told(wanted, "texts"))
    numbers, nothing = numbers_in(texts, decimal), _is_in(texts, EMPTY_NUMBER)
    if wanted is None and nothing.all():
        return Column("category", "all cells are empty", np.full(len(codes), np.nan), np.array([]), ignored=True)
    no_number = np.isnan(numbers) & ~nothing
    coded = _matches(texts, r"^[+-]?0\d+$")
    if wanted == "number" or (wanted is None and not no_number.any() and not coded.any()):
        if no_number.any():
            raise cells.refusal(name, _cells_that(no_number, codes), RULES["number"])
        why = _told(wanted, _describe(numbers) + _marks(texts, decimal))
        return _of_numbers(cells, name, "number", why, _at(numbers, codes))
    is_date = _matches(texts, _DATE)
    if wanted == "date" or (is_date.any() and (is_date | nothing).all()):
        days = _parsed_days(texts)
        if (bad := np.isnan(days) & ~nothing).any():
            raise cells.refusal(name, _cells_that(bad, codes), RULES["date"])
        return _of_numbers(cells, name, "date", _told(wanted, _span(days)), _at(days, codes))
    other = "," if decimal == "." else "."
    if no_number.any() and not (np.isnan(numbers_in(texts, other)) & no_number).any():
        rule = f"a number with the decimal mark of data.decimal = {decimal!r}"
        raise cells.refusal(name, _cells_that(no_number, codes), rule)
    mostly = _mostly(texts, codes, {"numbers": ~no_number, "dates": is_date | nothing})
    used, cells_filled = len(texts), int((codes >= 0).sum())
    if used == cells_filled and used > 1:
        return _ordered(texts, codes, f"all texts differ{mostly}", ignored=True)
    if used > MOST_CATEGORIES:
        return _ordered(texts, codes, f"more than {MOST_CATEGORIES:,} different texts{mostly}", ignored=True)
    if not no_number.any() and coded.any():
        return _ordered(texts, codes, "codes: numbers that begin with 0")
    return _ordered(texts, codes, f"texts{mostly}")


def _mostly(texts: pa.Array, codes: np.ndarray, of_kind: dict[str, np.ndarray]) -> str:
    """Of what kind most cells of a column are that is nevertheless taken for texts, and one that is not."""
    for kind, those in of_kind.items():
        if not those.all() and (share := np.mean(those[codes[codes >= 0]])) >= 0.5:
            odd = min(texts.filter(pa.array(~those)).to_pylist())
            return f"{MOSTLY} {math.floor(100 * share)}% of the cells are {kind}; not so {shown(repr(odd), 40)}"
    return ""


def _of_numbers(cells: Cells, name: str, kind: ColumnKind, why: str, numbers: np.ndarray) -> Column:
    wrong = np.abs(numbers) > MOST
    if wrong.any():
        raise cells.refusal(name, wrong, RULES["number"])
    return Column(kind, why, numbers + 0.0)  # of two zeros but one, as equal rows must be equal bytes


def _levels(column: pa.ChunkedArray, why: str) -> Column:
    """Numbers or dates as categories: 3.0 and 3 are one."""
    return _ordered(*encoded(_as_texts(column)), why)


def _as_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column.cast(pa.string()).cast(pa.large_string())


def _ordered(texts: pa.Array, codes: np.ndarray, why: str, ignored: bool = False) -> Column:
    order = pc.array_sort_indices(texts).to_numpy()
    ranks = np.empty(len(order) + 1)
    ranks[order], ranks[-1] = np.arange(len(order)), np.nan
    return Column("category", why, ranks[codes], texts.take(order).to_numpy(zero_copy_only=False), ignored)


def _days(column: pa.ChunkedArray) -> np.ndarray:
    moments = column.cast(pa.timestamp("s")) if pa.types.is_date(column.type) else column
    lacking = np.asarray(pc.is_null(moments).to_numpy())
    ticks = pc.fill_null(moments.cast(pa.int64()), 0).to_numpy()
    return np.where(lacking, np.nan, ticks / np.float64(86_400 * _TICKS[moments.type.unit]))


def _parsed_days(texts: pa.Array) -> np.ndarray:
    """Days since 1970-01-01 in UTC; NaN where a text is no date, or an impossible one."""
    iso = pc.replace_substring(texts, "/", "-").to_pandas().where(_matches(texts, _DATE))
    moments = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True).astype("datetime64[us, UTC]")
    return np.where(moments.isna(), np.nan, moments.to_numpy("datetime64[us]").astype(np.int64) / _DAY_US)


def _span(days: np.ndarray) -> str:
    if np.isnan(days).all():
        return "dates"
    low, high = (np.datetime64(int(day), "D") for day in (np.floor(np.nanmin(days)), np.floor(np.nanmax(days))))
    return f"dates from {low} to {high}"


def _describe(numbers: np.ndarray) -> str:
    return "whole numbers" if (np.isnan(numbers) | (numbers == np.floor(numbers))).all() else "numbers"


def _marks(texts: pa.Array, decimal: str) -> str:
    """What else than digits the numbers are written with."""
    apart = "," if decimal == "." else r"\."
    found = [
        called
        for pattern, called in ((rf"\d[ '’\x{{a0}}\x{{202f}}{apart}]\d", "thousands set apart"), ("%$", "per cent"))
        if _matches(texts, pattern).any()
    ]
    return f", kept as texts with {' and '.join(found)}" if found else ""


def _told(wanted: ColumnKind | None, why: str) -> str:
    return f"{why}, as data.columns says" if wanted else why


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _codes(column: pa.DictionaryArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column.indices, -1).to_numpy(), np.int64)


def _at(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Of each cell the value of its text, NaN where it is empty."""
    return np.asarray(np.append(values, np.nan)[codes])


def _cells_that(texts: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.asarray(np.append(texts, False)[codes])


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)


def _is_in(texts: pa.Array, words: tuple[str, ...]) -> np.ndarray:
    return np.asarray(pc.is_in(pc.utf8_lower(texts), pa.array(words, texts.type)).to_numpy(zero_copy_only=False), bool)
