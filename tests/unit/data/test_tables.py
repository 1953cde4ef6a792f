"""From a file to both parts: what is refused, with its line, and what the order of rows, kinds and splits come to."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from stages.core.base.command import InputError
from stages.core.base.schemas import SCHEMA, TableForm
from stages.core.config.sections import DataConfig
from stages.core.data import cells, tables
from stages.core.data.cells import Quotes
from stages.core.data.examples import Prepared

DEFAULTS = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text())["data"]
ROWS = [
    f"{number},{number / 4},{'red' if number % 3 else 'blue'},{'yes' if number % 2 else 'no'}" for number in range(40)
]
TABLE = "\n".join(["id,size,colour,sold", *ROWS]) + "\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(content: str | bytes, name: str = "own.csv") -> str:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def config(**changes: Any) -> DataConfig:
    return DataConfig(**{**DEFAULTS, "dataset": "table", "path": "own.csv", "target": "sold", **changes})


def prepare(content: str | bytes | None = None, limit: int = 0, seed: int = 0, **changes: Any) -> Prepared:
    if content is not None:
        write(content, changes.get("path", "own.csv"))
    return tables.prepared(config(**changes), limit, seed)


def schema(prepared: Prepared) -> pd.DataFrame:
    return SCHEMA.checked(prepared.schema, "schema").set_index("column")


def numbered(*lines: str, header: str = "x,y,sold", at: int = 15) -> str:
    """40 good rows, and `lines` in place of the one in line `at`."""
    rows = [f"{number},{number}.5,{'yes' if number % 2 else 'no'}" for number in range(40)]
    return "\n".join([header, *rows[: at - 2], *lines, *rows[at - 2 :]]) + "\n"


def test_a_small_table() -> None:
    prepared = prepare(TABLE)
    assert prepared.description.model_dump(exclude_none=True) == {
        "task": "classification",
        "classes": ("no", "yes"),
        "target": "sold",
        "columns": (
            {"name": "id", "dates": False, "low": 2.0, "high": 39.0},
            {"name": "size", "dates": False, "low": 0.5, "high": 9.75},
            {"name": "colour", "dates": False, "categories": ("blue", "red")},
        ),
        "form": {"delimiter": "", "decimal": "."},
    }
    assert prepared.train.inputs[:, 0].min() == 2 and prepared.train.inputs[:, 0].max() == 39
    assert (len(prepared.train), len(prepared.test)) == (32, 8)
    assert prepared.train.inputs.dtype == np.float64 and prepared.train.targets.dtype == np.int64
    both = np.concatenate([prepared.train.inputs, prepared.test.inputs])
    targets = np.concatenate([prepared.train.targets, prepared.test.targets])
    order = np.argsort(both[:, 0])
    assert both[order].tolist() == [[number, number / 4, float(number % 3 > 0)] for number in range(40)]
    assert targets[order].tolist() == [number % 2 for number in range(40)]
    metrics = prepared.metrics().model_dump(mode="json")
    assert metrics["rows"] == {"in_file": 40, "used": 40, "dropped": {}}
    assert metrics["train"] == {"examples": 32, "class_counts": [16, 16]}


def test_the_schema_says_what_was_made_of_each_column() -> None:
    table = schema(prepare(TABLE, ignore=["id"]))
    assert table.reset_index().fillna(-1).to_numpy().tolist() == [
        ["id", "ignored", "", "data.ignore names it", 0, 40, -1, -1, ""],
        ["size", "input", "number", "numbers", 0, 40, 0, 9.75, ""],
        ["colour", "input", "category", "texts", 0, 2, -1, -1, "blue, red"],
        ["sold", "target", "category", "data.target names it", 0, 2, -1, -1, "no, yes"],
    ]


@pytest.mark.parametrize(
    "changes", [{}, {"group": "colour"}, {"time": "size"}, {"task": "regression", "target": "size"}]
)
@pytest.mark.parametrize("limit", [0, 20])
def test_the_order_of_the_rows_changes_nothing(changes: dict[str, Any], limit: int) -> None:
    rows = [*ROWS, *ROWS[:7], "3,,?,no", "4,,,yes", ",-0.0,red,no", ",0.0,red,no"]
    if "group" in changes or "time" in changes or "task" in changes:
        rows = [row for row in rows if ",," not in row]
    if "group" in changes:
        rows = [row.replace("red", f"c{place % 5}") for place, row in enumerate(rows)]
    first = prepare("\n".join(["id,size,colour,sold", *rows]), limit, **changes)
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(rows)
        other = prepare("\n".join(["id,size,colour,sold", *shuffled]), limit, **changes)
        for part in ("train", "test"):
            one, two = getattr(first, part).arrays(), getattr(other, part).arrays()
            assert one.keys() == two.keys() and all(one[name].tobytes() == two[name].tobytes() for name in one)
        assert first.description == other.description
        assert first.metrics() == other.metrics()
        pd.testing.assert_frame_equal(first.schema, other.schema)


def test_categories_are_those_of_the_training_part() -> None:
    content = "a,b,sold\n" + "".join(f"{n % 5},{'odd' if n == 3 else 'ab'[n % 2]},{'yn'[n % 2]}\n" for n in range(30))
    found = set()
    for seed in range(12):
        prepared = prepare(content, seed=seed)
        assert prepared.description.columns is not None
        categories = prepared.description.columns[1].categories
        codes = np.concatenate([prepared.train.inputs[:, 1], prepared.test.inputs[:, 1]])
        assert categories in [("a", "b"), ("a", "b", "odd")]
        assert ((codes == -1).sum() == 1) == (categories == ("a", "b"))
        assert (prepared.train.inputs[:, 1] >= 0).all()
        found.add(categories)
    assert len(found) == 2


def test_classes_that_are_numbers_come_in_their_order() -> None:
    content = "a,b,sold\n" + "".join(f"{n},{n % 7},{(n % 3) * 5}{'.0' * (n % 2)}\n" for n in range(60))
    assert prepare(content).description.classes == ("0", "5", "10")


def test_a_group_is_in_one_part_alone_and_no_input() -> None:
    content = "who,x,sold\n" + "".join(f"p{n % 10},{n},{'yn'[n % 2]}\n" for n in range(100))
    prepared = prepare(content, group="who")
    assert prepared.train.groups is not None and prepared.test.groups is not None
    assert not set(prepared.train.groups) & set(prepared.test.groups)
    assert [column.name for column in prepared.description.columns or ()] == ["x"]
    assert schema(prepared).loc["who", ["role", "kind", "why"]].tolist() == ["group", "category", "data.group names it"]


def test_the_test_part_is_the_latest() -> None:
    rows = [f"2026-{1 + n % 12:02}-{1 + n // 12:02},{n},{'yn'[n // 12 % 2]}" for n in range(96)]
    prepared = prepare("\n".join(["day,x,sold", *rows]), time="day")
    assert prepared.train.times is not None and prepared.test.times is not None
    assert prepared.train.times.max() < prepared.test.times.min()
    assert prepared.test.times.max() == (np.datetime64("2026-12-08") - np.datetime64("1970-01-01")).astype(int)
    assert [column.name for column in prepared.description.columns or ()] == ["x"]


def test_a_test_file_of_its_own_has_its_columns_in_any_order() -> None:
    write("sold,colour,size,id\nno,green,1.5,7\nyes,,2,8\n", "test.csv")
    prepared = prepare(TABLE, test_path="test.csv")
    assert len(prepared.train) == 40
    np.testing.assert_array_equal(prepared.test.inputs, [[7, 1.5, -1], [8, 2, np.nan]])
    assert prepared.test.targets.tolist() == [0, 1]
    assert prepared.rows is not None and prepared.rows.in_file == 42


def test_a_limit_is_counted() -> None:
    prepared = prepare(TABLE, limit=16)
    assert (len(prepared.train), len(prepared.test)) == (16, 4)
    assert prepared.rows is not None
    assert prepared.rows.model_dump() == {"in_file": 40, "used": 20, "dropped": {"beyond prepare.limit": 20}}


def test_bad_rows_are_dropped_and_counted() -> None:
    content = numbered("1,2", '"a\nb",2,3,4', "1,2,", "1,2,?", "1,2,yes")
    prepared = prepare(content, bad_rows="drop")
    assert prepared.rows is not None
    assert prepared.rows.model_dump() == {
        "in_file": 45,
        "used": 41,
        "dropped": {"cells too many or few": 2, "no target": 2},
    }


def test_columns_of_no_use_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    content = "key,none,one,x,sold\n" + "".join(f"k{n},NA,1,{n},{'yn'[n % 2]}\n" for n in range(30))
    prepared = prepare(content)
    assert [column.name for column in prepared.description.columns or ()] == ["one", "x"]
    assert [record.getMessage() for record in caplog.records] == [
        "own.csv: column 'key': left out, all texts differ",
        "own.csv: column 'none': left out, all cells are empty",
    ]
    table = schema(prepared)
    assert table["role"].tolist() == ["ignored", "ignored", "input", "input", "target"]
    assert table["why"].tolist()[:3] == [
        *("all texts differ", "all cells are empty", "whole numbers; the same in every row")
    ]
    assert prepare(content, columns={"key": "category"}).description.columns[0].name == "key"  # type: ignore[index]


def test_parquet_and_csv_come_to_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "number": [0.5, None, 3.0, -1e-7] * 10,
            "whole": range(40),
            "truth": [True, False] * 20,
            "text": ["a", "b,c", None, "d\ne"] * 10,
            "day": pd.to_datetime(["2026-01-05", "1969-12-31 12:00", None, "2026-11-25"] * 10, format="ISO8601"),
            "sold": ["y", "n", "n", "y"] * 10,
        }
    )
    frame.to_csv("own.csv", index=False)
    frame.to_parquet("own.parquet", index=False)
    frame.assign(text=frame["text"].astype("category")).to_parquet("category.parquet", index=False)
    one = prepare()
    for path in ("own.parquet", "category.parquet"):
        two = prepare(path=path)
        assert one.description == two.description
        assert {name: array.tobytes() for name, array in one.train.arrays().items()} == {
            name: array.tobytes() for name, array in two.train.arrays().items()
        }
        pd.testing.assert_frame_equal(one.schema, two.schema)


@pytest.mark.parametrize(
    ("name", "content", "changes"),
    [
        ("own.tsv", TABLE.replace(",", "\t"), {}),
        ("own.csv", "\ufeff" + TABLE, {}),
        ("own.csv.gz", gzip.compress(TABLE.encode()), {}),
        ("OWN.CSV", TABLE, {}),
        ("own.csv", TABLE.replace("\n", "\r\n"), {}),
        ("own.csv", TABLE.replace("\n", "\r"), {}),
        ("own.csv", TABLE.replace("\n", "\n\n"), {}),
        ("own.csv", TABLE.removesuffix("\n"), {}),
        ("own.csv", TABLE.replace(",", " , "), {}),
        ("own.csv", TABLE.replace(",", ";").replace(".", ","), {"delimiter": ";", "decimal": ","}),
    ],
)
def test_one_table_in_many_forms(name: str, content: str | bytes, changes: dict[str, Any]) -> None:
    one, two = prepare(TABLE), prepare(content, path=name, **changes)
    known = [dict(each.description) for each in (one, two)]
    assert known[0].pop("form") and known[1].pop("form") == TableForm(
        delimiter=changes.get("delimiter", ""), decimal=changes.get("decimal", ".")
    )
    assert known[0] == known[1]
    assert one.train.inputs.tobytes() == two.train.inputs.tobytes()


ONE_LINE = [
    # The file.
    ({"path": "none.csv"}, None, "none.csv: there is no such file"),
    ({"path": "."}, None, r"\.: must be a file, found a folder"),
    ({"path": "own.xlsx"}, "x", "own.xlsx: must end in .csv, .tsv or .parquet, or in .csv.gz or .tsv.gz"),
    ({"path": "own.parquet.gz"}, "x", "must end in"),
    ({}, "", "own.csv: is empty, must have the names of columns in line 1"),
    ({}, TABLE.replace("size", "si\rze"), "own.csv: damaged, a carriage return is amid line 1"),
    ({}, "\n\n", "own.csv: is empty"),
    ({}, "x,y,sold\n", "own.csv: has no rows, but the names of columns"),
    ({}, PNG, "own.csv: line 1: must be text in UTF-8, found the byte 0x89"),
    ({}, TABLE.replace("blue", "gr\0n").encode(), "own.csv: line 2: must be text in UTF-8, found the byte 0x00"),
    (
        {},
        TABLE.replace("5.0,red", "5.0,gr\xfcn").encode("latin-1"),
        "line 22: must be text in UTF-8, found the byte 0xfc",
    ),
    ({}, TABLE.encode("utf-16"), "own.csv: line 1: must be text in UTF-8, found UTF-16"),
    ({"path": "own.csv.gz"}, TABLE, "own.csv.gz: damaged, not a gzip file"),
    ({"path": "own.csv.gz"}, gzip.compress(TABLE.encode())[:-20], "own.csv.gz: damaged, not a gzip file"),
    ({"path": "own.parquet"}, TABLE, "own.parquet: damaged, not a Parquet file"),
    # Names of columns.
    (
        {},
        TABLE.replace(",", ";"),
        "line 1: must have two columns at least, found 'id;size;colour;sold'; is it data.deli",
    ),
    ({}, numbered(header="x,x,sold"), "own.csv: line 1: column 'x' is there twice, names must differ"),
    ({}, numbered(header="x, x ,sold"), "own.csv: line 1: column 'x' is there twice"),
    ({}, numbered(header="x,,sold"), "own.csv: line 1: column 2 has no name, must have one"),
    ({}, "\n" + numbered(header="1,2,3"), "own.csv: line 2: must have the names of columns, found numbers"),
    ({}, ",".join(f"c{n}" for n in range(20_000)) + "\n1", "line 1: must have at most 10,000 columns, found 20,000"),
    ({"target": "slod"}, TABLE, "data.target = 'slod': own.csv has no such column, did you mean 'sold'"),
    ({"group": "x"}, TABLE, "data.group = 'x': own.csv has no such column, there are id, size, colour, sold"),
    ({"time": "day"}, TABLE, "data.time = 'day': own.csv has no such column"),
    ({"ignore": ["color"]}, TABLE, "data.ignore = 'color': own.csv has no such column, did you mean 'colour'"),
    ({"columns": {"Size": "number"}}, TABLE, "data.columns = 'Size': own.csv has no such column, did you mean 'size'"),
    ({"group": "sold"}, TABLE, "data.group = 'sold': must be another column than data.target"),
    ({"ignore": ["sold"]}, TABLE, "data.ignore = 'sold': must be another column than data.target"),
    ({"columns": {"sold": "category"}}, TABLE, "data.columns: 'sold' must be an input, or the time"),
    ({"ignore": ["id", "size", "colour"]}, TABLE, "own.csv: must have a column that can be an input, besides sold"),
    # Rows.
    ({}, numbered("1,2"), "own.csv: line 15: must have 3 cells, found 2"),
    ({}, numbered('"1\n\n2",2,no', "", "1,2,no,4"), "own.csv: line 19: must have 3 cells, found 4"),
    ({}, numbered('"1,2,no'), "own.csv: line 15: must have 3 cells, found 1, in which a quote does not end"),
    ({"bad_rows": "drop"}, numbered('"1,2,no'), "own.csv: line 15: must have 3 cells, found 1, in which a quote does"),
    ({}, numbered('1,2,"no'), "own.csv: line 15: a quote that begins a cell must end it, found one that does not"),
    (
        {"bad_rows": "drop"},
        numbered('1,2,"no', '2,3,"no', "1"),
        "own.csv: line 15: a quote that begins a cell must end",
    ),
    (
        {},
        numbered('"1\n2",2,no', "", "1,2,"),
        "line 18, column 'sold': must be filled, as it is the target, found none",
    ),
    ({}, numbered("1,2,n/a"), "own.csv: line 15, column 'sold': must be filled, as it is the target, found 'n/a'"),
    ({"group": "x"}, numbered(",2,no"), "own.csv: line 15, column 'x': must be filled, as it is the group, found none"),
    ({"time": "x"}, numbered("?,2,no"), "own.csv: line 15, column 'x': must be filled, as it is the time, found '\\?'"),
    (
        {"time": "x"},
        numbered("none,2,no"),
        "own.csv: line 15, column 'x': must be filled, as it is the time, found 'none'",
    ),
    ({}, "x,y,sold\n1,2,yes\n3,4,no\n5,6,yes", "own.csv: the training part must have 10 rows at least, found 3"),
    (
        {},
        "x,y,sold\n" + "1,2,yes\n3,4,no\n" * 5,
        "the training part must have 10 rows at least, found 8 of the 10 that",
    ),
    # Cells.
    ({}, numbered("inf,2,no"), "own.csv: line 15, column 'x': must be a number from -1e.100 to 1e.100, found 'inf'"),
    ({}, numbered("-Infinity,2,no"), "own.csv: line 15, column 'x': must be a number .* found '-Infinity'"),
    ({}, numbered("1e999,2,no"), "own.csv: line 15, column 'x': must be a number .* found '1e999'"),
    (
        {},
        numbered('1,"1,5",no'),
        "line 15, column 'y': must be a number with the decimal mark of data.decimal = '.', fou",
    ),
    (
        {"decimal": ",", "delimiter": ";"},
        numbered().replace(",", ";"),
        "line 2, column 'y': must be a number with the dec",
    ),
    (
        {"columns": {"x": "number"}},
        numbered("big,2,no"),
        "own.csv: line 15, column 'x': must be a number .* found 'big'",
    ),
    ({"columns": {"x": "date"}}, numbered(), "own.csv: line 2, column 'x': must be a date such as .*, found '0'"),
    ({"time": "colour"}, TABLE, "own.csv: line 2, column 'colour': must be a date .* as it is the time, found 'blue'"),
    # The target.
    ({}, TABLE.replace("yes", "no"), "own.csv: column 'sold': must have from 2 to 1,000 classes, found 1"),
    ({}, numbered("1,2,maybe"), "a class must have two rows at least, one to test on, found one of 'maybe'"),
    (
        {"test_fraction": 0.04},
        numbered("1,2,maybe", "2,3,maybe"),
        "data.test_fraction = 0.04: must leave each part a row of every class, leav",
    ),
    (
        {},
        numbered("1,2," + 300 * "m", "2,3," + 300 * "m"),
        "column 'sold': a class must have at most 200 letters, found 300 in 'mmm",
    ),
    ({}, numbered("1,2,macro", "2,3,macro"), "a class must not be called 'macro'"),
    ({"task": "regression"}, TABLE, "own.csv: line 2, column 'sold': must be a number .*, found 'no'"),
    (
        {"task": "regression", "target": "x"},
        numbered("none,2,no"),
        "line 15, column 'x': must be filled, as it is the target, found 'none'",
    ),
    (
        {"task": "regression", "target": "x"},
        numbered("-1e95,2,no"),
        "line 15, column 'x': must be a number from -1e.90 to 1e.90, as it is the target, found '-1e95'",
    ),
    (
        {"task": "regression", "target": "x"},
        "x,y\n" + "4,1\n" * 20,
        "own.csv: column 'x': a target must vary, all of the training part are 4",
    ),
    # Splits.
    (
        {"group": "x"},
        "x,y,sold\n" + "1,2,no\n2,3,yes\n".replace("2,3", "1,3") * 20,
        "needs two groups to split, found one",
    ),
    (
        {"time": "x"},
        "x,y,sold\n" + "1,2,no\n1,3,yes\n" * 20,
        "data.test_fraction = 0.2: the latest 8 of 40 examples are",
    ),
]


@pytest.mark.parametrize(("changes", "content", "message"), ONE_LINE, ids=[message for *_, message in ONE_LINE])
def test_bad_input_is_refused_in_one_line(changes: dict[str, Any], content: str | bytes | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        prepare(content, **changes)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,size,sold\n1,2,no\n", "test.csv: must have the columns of own.csv, has no 'colour'"),
        (
            "id,size,colour,sold,x\n1,2,red,no,1\n",
            "test.csv: must have the columns of own.csv, has another, 'x'",
        ),
        (
            "id,size,colour,sold\n1,2,red,no\n1,big,red,no\n",
            "test.csv: line 3, column 'size': must be a number .* 'big'",
        ),
        (
            "id,size,colour,sold\n1,2,red,no\n1,2,red,perhaps\n2,2,red,perhaps\n",
            "class 'perhaps' has no row in the train",
        ),
        ("id,size,colour,sold\n1,2,red,\n", "test.csv: line 2, column 'sold': must be filled"),
    ],
)
def test_a_test_file_that_does_not_fit_is_refused(content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare(TABLE, test_path=write(content, "test.csv"))


def test_a_test_file_of_which_nothing_is_left_is_refused() -> None:
    write("id,size,colour,sold\n1,2,red,\n", "test.csv")
    with pytest.raises(InputError, match=r"test.csv: has no rows that can be used: no target"):
        prepare(TABLE, test_path="test.csv", bad_rows="drop")


def test_a_device_is_no_table() -> None:
    Path("own.csv").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"own.csv: must be a file, found a device or pipe"):
        prepare()


def test_a_class_of_the_training_part_may_be_absent_from_the_test_part(caplog: pytest.LogCaptureFixture) -> None:
    write("id,size,colour,sold\n1,2,red,no\n2,3,red,maybe\n", "test.csv")
    table = TABLE + "".join(f"\n{row},{row},red,maybe" for row in (901, 902))
    assert prepare(table, test_path="test.csv").metrics().test.class_counts == (1, 1, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "own.csv: class 'yes' has no row in the test part: no score tells of it"
    ]


def test_a_test_part_of_one_class_is_refused() -> None:
    write("id,size,colour,sold\n1,2,red,no\n2,3,red,no\n", "test.csv")
    with pytest.raises(InputError, match="the test part must have two classes at least, found a row of 'no' alone"):
        prepare(TABLE, test_path="test.csv")


@pytest.mark.parametrize("role", ["target", "time"])
def test_what_means_nothing_among_numbers_is_dropped_with_the_bad_rows(role: str) -> None:
    given = {"task": "regression", "target": "x"} if role == "target" else {"time": "x"}
    found = prepare(numbered("None,2,no", ".,2,yes"), **given, bad_rows="drop")
    assert found.rows is not None and found.rows.dropped == {f"no {role}": 2}


@pytest.mark.parametrize(("number", "what"), [(60, "all texts differ"), (10_001, "more than 10,000 different texts")])
def test_a_wrong_cell_among_numbers_is_told(number: int, what: str, caplog: pytest.LogCaptureFixture) -> None:
    cells = [*(f"{row}.5" for row in range(number)), "unknown", *["unknown"] * (number > 60)]
    prepare("x,y,sold\n" + "".join(f"{cell},{row},{'yn'[row % 2]}\n" for row, cell in enumerate(cells)))
    share = "98" if number == 60 else "99"
    told = f"own.csv: column 'x': left out, {what}, though {share}% of the cells are numbers; not so 'unknown'"
    assert told in [record.getMessage() for record in caplog.records]


def test_two_wrong_cells_among_dates_are_told(caplog: pytest.LogCaptureFixture) -> None:
    cells = [*(f"2024-01-{1 + row % 28:02}" for row in range(60)), "soon", "soon"]
    prepare("x,y,sold\n" + "".join(f"{cell},{row},{'yn'[row % 2]}\n" for row, cell in enumerate(cells)))
    told = "own.csv: column 'x': texts, though 96% of the cells are dates; not so 'soon'"
    assert told in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("blank", ["", " ", "\xa0", "\u202f"])
def test_a_percentage_is_a_share_whatever_stands_before_its_sign(blank: str) -> None:
    rows = "".join(f"{row}{blank}%,{row},{'yn'[row % 2]}\n" for row in range(40))
    inputs = np.asarray(prepare(f"x,y,sold\n{rows}").train.inputs)
    assert np.allclose(inputs[:, 0], inputs[:, 1] / 100)


def test_too_low_a_limit_is_named() -> None:
    with pytest.raises(InputError, match=r"found 5 of the \d+ that can be used, by prepare.limit = 5 of params.yaml"):
        prepare(numbered(*(f"{row},{row},no" for row in range(40))), task="regression", target="x", limit=5)


def test_a_target_of_5000_classes_is_refused_with_a_hint() -> None:
    numbers = "x,sold\n" + "".join(f"{n},{n}\n" for n in range(5000))
    with pytest.raises(InputError, match=r"2 to 1,000 classes, found 5,000; data.task = 'regression' predicts numbers"):
        prepare(numbers)
    with pytest.raises(InputError, match=r"2 to 1,000 classes, found 5,000$"):
        prepare("x,sold\n" + "".join(f"{n},c{n}\n" for n in range(5000)))


def test_infinite_numbers_in_parquet_are_named_by_their_row() -> None:
    pd.DataFrame({"x": [1.0] * 20 + [np.inf], "sold": ["a", "b", "a"] * 7}).to_parquet("own.parquet")
    with pytest.raises(InputError, match=r"own.parquet: row 21, column 'x': must be a number .* found inf"):
        prepare(path="own.parquet")


def test_lists_in_parquet_are_refused_unless_ignored() -> None:
    pd.DataFrame({"x": [[1]] * 20, "y": range(20), "sold": ["a", "b"] * 10}).to_parquet("own.parquet")
    with pytest.raises(InputError, match=r"own.parquet: column 'x': must hold numbers, texts, truth values or dates"):
        prepare(path="own.parquet")
    assert [column.name for column in prepare(path="own.parquet", ignore=["x"]).description.columns or ()] == ["y"]


def test_a_cut_parquet_is_refused() -> None:
    pd.DataFrame({"x": range(20), "sold": ["a", "b"] * 10}).to_parquet("own.parquet")
    content = Path("own.parquet").read_bytes()
    for end in (0, 3, 100, len(content) // 2, len(content) - 1):
        Path("own.parquet").write_bytes(content[:end])
        with pytest.raises(InputError, match=r"own.parquet: damaged, not a Parquet file"):
            prepare(path="own.parquet")


def test_categories_that_are_the_same_number_are_one_within_and_across_files() -> None:
    write("x,y,sold\n" + "1.0,1,yes\n2,2,no\n1,3,yes\n" * 5, "train.csv")
    write("x,y,sold\n" + "2.0,4,yes\n1,5,no\n,6,no\n" * 5, "test.csv")
    prepared = prepare(path="train.csv", test_path="test.csv", columns={"x": "category"})
    assert (prepared.description.columns or ())[0].categories == ("1", "2")
    assert np.unique(prepared.test.inputs[:, 0]).tolist()[:2] == [0, 1] and prepared.train.inputs[:, 0].max() == 1
    write("x,y,sold\n" + "007,1,yes\n7,2,no\n7.0,3,yes\n" * 5, "train.csv")
    codes = prepare(path="train.csv", columns={"x": "category"}).description.columns or ()
    assert codes[0].categories == ("007", "7", "7.0")


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_a_text_is_checked_in_pieces(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_PIECE", piece)
    signs = numbered(header="😀x,é,sold").encode()
    assert len(prepare(signs).description.columns or ()) == 2
    for at, bad in ((30, b"\xff"), (len(signs) - 1, b"\xf0\x9f\x98")):
        line = signs[:at].count(b"\n") + 1
        with pytest.raises(InputError, match=f"line {line}: must be text in UTF-8, found the byte 0x{bad[0]:02x}"):
            prepare(signs[:at] + bad + signs[at:])


@pytest.mark.parametrize(("header", "name"), [("", "__index_level_0__"), ("Unnamed: 0", "Unnamed: 0")])
def test_so_is_that_of_a_csv(header: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    prepared = prepare(numbered(header=f"{header},y,sold"))
    assert [column.name for column in prepared.description.columns or ()] == ["y"]
    assert schema(prepared).loc[name, ["role", "why"]].tolist() == ["ignored", "the index of a pandas table"]
    assert f"column '{name}': left out, the index of a pandas table" in caplog.text


def test_the_index_that_pandas_writes_along_is_left_out() -> None:
    pd.DataFrame({"x": range(20), "sold": ["a", "b"] * 10}, index=range(7, 27)).iloc[::-1].to_parquet("own.parquet")
    table = schema(prepare(path="own.parquet"))
    assert table["role"].to_dict()["x"] == "input"
    assert all(role == "ignored" for name, role in table["role"].items() if str(name).startswith("__index"))


def test_a_category_with_too_many_texts_is_left_out() -> None:
    content = "x,y,sold\n" + "".join(f"t{n // 2},{n},{'yn'[n % 2]}\n" for n in range(20_010))
    assert schema(prepare(content)).loc["x", ["role", "why"]].tolist() == [
        *("ignored", "more than 10,000 different texts")
    ]
    with pytest.raises(InputError, match="column 'x': must have at most 10,000 categories, found 10,005"):
        prepare(columns={"x": "category"})


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,"b\nc\nd",e\n\n"f ""g""\n"\n', None),  # of several lines, and each ends
        ('a,"b"c,d\n"e"f\n', None),  # of one line: no row is lost
        ('é,5" x,6" y\nb\n', None),  # within a cell they are inches
        ('a,"b\rc\nd,"e\n', 1),
        ('a,b\n1,5\r2,6\n1,"3\n2,4\n3,"4\n', 3),  # a carriage return alone ends a row, too
        ('a,5\r2,"x\ry"\n"\r\n"\n', None),
        ('a\n"b\nc\n"d,e\n', 2),
        ('"a\nb"\n"c\nd\n', 3),  # to the end
        ('a\nb,"c', 2),
    ],
)
def test_quotes_that_take_other_rows_into_their_cell(text: str, line: int | None, size: int) -> None:
    quotes, content = Quotes(Path("own.csv"), ","), text.encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    if line is None:
        for piece in [*pieces, b""]:
            quotes(piece)
        return
    with pytest.raises(InputError, match=f"own.csv: line {line}: a quote that begins a cell must end it"):
        for piece in [*pieces, b""]:
            quotes(piece)


def test_rows_of_several_blocks_are_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_BLOCK", 64)
    rows = prepare(numbered("1,2", at=30), bad_rows="drop").rows
    assert rows is not None and rows.dropped == {"cells too many or few": 1}
    with pytest.raises(InputError, match="line 34, column 'sold'"):
        prepare(numbered('"3\n4",4,no', "", "1,2,", at=31))


def test_moments_in_parquet_are_days_in_utc_however_far_off_and_whatever_the_zone() -> None:
    far = 2**62  # milliseconds: more than there is room for in microseconds
    columns = {
        "far": pa.array([far + row * 86_400_000 for row in range(40)], pa.timestamp("ms")),
        "zone": pa.array([row * 86_400 for row in range(40)], pa.timestamp("s", "Nowhere/Land")),
        "day": pa.array(range(40), pa.date32()),
        "sold": pa.array(["yes", "no"] * 20),
    }
    pq.write_table(pa.table(columns), "own.parquet")
    found = schema(prepare(path="own.parquet", columns={"zone": "category"}))
    assert found.loc["far", "low"] == pytest.approx(far / 86_400_000)
    assert found.loc["zone", "distinct"] == 40
    assert found.loc["day", ["low", "high"]].tolist() == [0, 39]


def test_a_group_is_the_same_in_both_files_however_its_number_is_written() -> None:
    write("who,x,sold\n" + "".join(f"{row % 5}.0,{row},{row % 2}\n" for row in range(40)), "test.csv")
    content = "who,x,sold\n" + "".join(f"{row % 5},{row},{row % 2}\n" for row in range(40))
    prepared = prepare(content, group="who", test_path="test.csv")
    assert prepared.train.groups is not None and prepared.test.groups is not None
    assert set(prepared.train.groups) == set(prepared.test.groups)


def test_a_target_must_vary_in_training() -> None:
    write("x,price\n" + "".join(f"{row},{row}\n" for row in range(40)), "test.csv")
    with pytest.raises(InputError, match="column 'price': a target must vary, all of the training part are 4"):
        prepare(
            "x,price\n" + "".join(f"{row},4\n" for row in range(40)),
            task="regression",
            target="price",
            test_path="test.csv",
        )
