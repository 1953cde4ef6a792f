"""What cells mean: numbers in many hands, dates, codes, and what is no number."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.core.base.command import InputError
from stages.core.data.cells import Cells
from stages.core.data.kinds import Column, encoded, numbers_in, understood


def cells(*texts: str | None) -> Cells:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    return Cells(Path("own.csv"), {"x": column}, lambda row: f"line {row + 2}", np.arange(len(texts)), {})


def read(*texts: str | None, decimal: str = ".", wanted: str | None = None) -> Column:
    return understood(cells(*texts), "x", decimal, wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        *(("12", ".", 12), ("-1.5", ".", -1.5), ("+.5", ".", 0.5), ("5.", ".", 5), ("1e-3", ".", 0.001)),
        *(("1E5", ".", 1e5), ("0.1", ".", 0.1), ("1,234", ".", 1234), ("1,234,567.5", ".", 1234567.5)),
        *(("1 234", ".", 1234), ("1'234", ".", 1234), ("1\u00a0234", ".", 1234)),
        *(("12 %", ".", 0.12), ("-50%", ".", -0.5), ("inf", ".", np.inf), ("-Infinity", ".", -np.inf)),
        *(("1,5", ",", 1.5), ("1.234,5", ",", 1234.5), ("1.234", ",", 1234), (",5", ",", 0.5)),
    ],
)
def test_texts_that_are_numbers(text: str, decimal: str, number: float) -> None:
    assert numbers_in(pa.array([text], pa.large_string()), decimal).tolist() == [number]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1,5",
        "12,34",
        "0,123",
        "1,2345",
        "1.2.3",
        ".",
        "+",
        "e5",
        "%",
        "1 2",
        "0x10",
        "1_000",
        "--1",
        "1e",
        "$5",
    ],
)
def test_texts_that_are_none(text: str) -> None:
    assert np.isnan(numbers_in(pa.array([text], pa.large_string()), ".")).all()


def test_numbers_are_read_to_the_last_bit() -> None:
    numbers = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.random.default_rng(1).integers(-30, 30, 1000)
    found = read(*map(repr, numbers.tolist()))
    assert found.kind == "number" and found.values.tolist() == numbers.tolist()


def test_blanks_and_words_for_nothing() -> None:
    texts, places = encoded(cells(" a", "a ", "N/A", None, "", "?", "nan", "-", "b").columns["x"])
    assert (texts.to_pylist(), places.tolist()) == (["a", "b"], [0, 0, -1, -1, -1, -1, -1, -1, 1])
    number = read("1", "None", ".", " 2 ")
    assert number.kind == "number" and np.isnan(number.values).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("texts", "kind", "why"),
    [
        (("1", "2", "2"), "number", "whole numbers"),
        (("1", "2.5", "NA"), "number", "numbers"),
        (("1,000", "2", "2"), "number", "whole numbers, kept as texts with thousands set apart"),
        (("10 %", "2%", "2"), "number", "numbers, kept as texts with per cent"),
        (("01", "02", "02"), "category", "codes: numbers that begin with 0"),
        (("1", "2", "x", "1"), "category", "texts, though 75% of the cells are numbers; not so 'x'"),
        (("b", "a", "a"), "category", "texts"),
        (("True", "False", "True"), "category", "texts"),
        (("2026-01-05", "2025/11/25", "?"), "date", "dates from 2025-11-25 to 2026-01-05"),
    ],
)
def test_kinds_and_why(texts: tuple[str, ...], kind: str, why: str) -> None:
    found = read(*texts)
    assert (found.kind, found.why, found.ignored) == (kind, why, False)


def test_categories_are_places_in_a_sorted_list() -> None:
    found = read("b", "a", "é", "Z", "a", None)
    assert found.texts is not None
    assert found.texts.tolist() == ["Z", "a", "b", "é"]
    np.testing.assert_array_equal(found.values, [2, 1, 3, 0, 1, np.nan])


@pytest.mark.parametrize(
    ("text", "days"),
    [
        *(("1970-01-01", 0), ("1970-01-02 06:00", 1.25), ("1970-01-02T06:00:00Z", 1.25), ("1969-12-31", -1)),
        *(("1970-01-01 12:00:00.5", 0.5 + 0.5 / 86400), ("1970-01-01T02:00+02:00", 0), ("0001-01-01", -719162)),
        ("9999-12-31", 2932896),
    ],
)
def test_dates_are_days(text: str, days: float) -> None:
    assert read(text, text).values.tolist() == [days, days]


def test_an_impossible_date_is_refused() -> None:
    with pytest.raises(InputError, match=r"own.csv: line 3, column 'x': must be a date .*, found '2026-02-30'"):
        read("2026-02-28", "2026-02-30")


def test_told_kinds_have_the_last_word() -> None:
    assert read("1", "2", "1", wanted="category").texts.tolist() == ["1", "2"]  # type: ignore[union-attr]
    assert read("01", "02", wanted="number").values.tolist() == [1, 2]
    assert read("1", "2", wanted="category").why == "texts, as data.columns says"
    with pytest.raises(InputError, match=r"line 3, column 'x': must be a number .*, found 'x'"):
        read("1", "x", wanted="number")


def test_two_decimal_marks_are_refused_unless_they_are_texts() -> None:
    with pytest.raises(
        InputError, match=r"line 3, .* a number with the decimal mark of data.decimal = '\.', found '2,5'"
    ):
        read("1.5", "2,5", "1.5")
    assert read("1.5", "2,5", "1.5", wanted="category").kind == "category"


def test_one_zero() -> None:
    assert np.signbit(read("-0.0", "0").values).tolist() == [False, False]
