"""Every file is read through its declaration: what is damaged or foreign is refused with its name and what is wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.base import schemas
from stages.core.base.command import InputError
from stages.core.base.declared import Table

ROOT = Path(__file__).parents[3]
TABLES = {name.lower(): table for name, table in vars(schemas).items() if isinstance(table, Table)}


@pytest.mark.parametrize("name", sorted(TABLES.keys() - {"files"}))  # which is not in Git
def test_the_committed_tables_are_as_declared(name: str, tmp_path: Path) -> None:
    path = ROOT / ("data/schema.csv" if name == "schema" else f"plots/{name}.csv")
    table = TABLES[name].read(path)
    TABLES[name].write(tmp_path / "again.csv", table)
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("score,value\n", "must have the columns score, value, low, high, found score, value"),
        ("score,value,low,high\na,1,2,x\n", "line 2, column high: must be a number, found 'x'"),
        ("score,value,low,high\na,1,2,3\nb,1,,3\n", "line 3, column low: must be a number"),
        ("score,value,low,high\na,1,2,inf\n", "line 2, column high: must be a number, found 'inf'"),
        ("", "not a CSV table"),
    ],
)
def test_a_table_that_is_none_of_these_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        schemas.SCORES.read(path)
    assert str(path) in str(caught.value) and problem in str(caught.value)


def test_a_part_of_a_number_is_no_count(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("actual,predicted,count\n01,02,2.5\n")
    with pytest.raises(InputError, match=r"line 2, column count: must be a whole number, found '2\.5'"):
        schemas.CONFUSION.read(tmp_path / "a.csv")


def test_what_may_lack_comes_back_as_nan(tmp_path: Path) -> None:
    row = dict.fromkeys(schemas.TRAINING.columns, 1) | {"validation_loss": np.nan, "validation_score": np.nan}
    schemas.TRAINING.write(tmp_path / "t.csv", pd.DataFrame([row]))
    read = schemas.TRAINING.read(tmp_path / "t.csv")
    assert read["validation_loss"].isna().all() and read["epoch"].dtype == np.int64
    with pytest.raises(InputError, match="column train_loss"):
        schemas.TRAINING.write(tmp_path / "t.csv", pd.DataFrame([row | {"train_loss": np.nan}]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "suggested_lr: field required"),
        ('{"suggested_lr": "0.1"}', "suggested_lr: input should be a valid number"),
        ('{"suggested_lr": -1.0}', "suggested_lr: input should be greater than 0"),
        ('{"suggested_lr": 1.0, "more": 1}', "more: extra inputs are not permitted"),
        ("[]", "must hold a JSON object, found list"),
    ],
)
def test_a_record_that_is_none_of_these_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError) as caught:
        schemas.LrRangeMetrics.read(tmp_path / "m.json")
    assert problem in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_key_that_has_no_value_is_left_out(tmp_path: Path) -> None:
    schemas.TrainMetrics().write(tmp_path / "m.json")
    assert (tmp_path / "m.json").read_text() == "{}\n"
    assert schemas.TrainMetrics.read(tmp_path / "m.json") == schemas.TrainMetrics()
