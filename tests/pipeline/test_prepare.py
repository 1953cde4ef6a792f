"""The prepare stage, run in a temporary folder on a small IDX data set or table made here."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stages import prepare
from stages.core.base.artifacts import read_arrays
from stages.core.base.command import InputError, run
from stages.core.base.schemas import SCHEMA
from stages.core.data import tables
from stages.core.data.examples import Examples, Prepared

ROOT = Path(__file__).parents[2]
RAW = Path("data/raw")
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]
RULE = "must be 0 (all) or from 10 (one example a class, or bin of numbers) to 200 (the whole training part)"
TABLE = "id,size,sold\n" + "".join(f"k{n},{n / 4},{'yes' if n % 2 else 'no'}\n" for n in range(40))


def write_idx(name: str, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    (RAW / name).write_bytes(header + array.astype(np.uint8).tobytes())


def write_params(limit: int = 0, seed: int = 0, **data: Any) -> None:
    values = {"seed": seed, "data": {**DEFAULTS, **data}, "prepare": {"limit": limit}}
    Path("params.yaml").write_text(yaml.safe_dump(values))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml and data/raw: 200 training and 100 test images of 5 x 4 pixels, ten classes."""
    monkeypatch.chdir(tmp_path)
    RAW.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for part, number in (("train", 200), ("t10k", 100)):
        write_idx(f"{part}-images-idx3-ubyte", generator.integers(0, 256, (number, 5, 4)))
        write_idx(f"{part}-labels-idx1-ubyte", np.arange(number) % 10)
    Path("data/own").mkdir()
    write_params()
    return tmp_path


def outputs() -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in prepare.OUTPUTS.items()}


def test_everything_is_prepared():
    prepare.main()
    train, test = (read_arrays(prepare.OUTPUTS[part]) for part in ("train", "test"))
    raw = (RAW / "train-images-idx3-ubyte").read_bytes()
    assert train["inputs"].tobytes() == raw[16:]
    assert {name: (array.dtype, array.shape) for name, array in train.items()} == {
        "inputs": (np.uint8, (200, 1, 5, 4)),
        "targets": (np.int64, (200,)),
    }
    assert test["targets"].tolist() == [i % 10 for i in range(100)]
    facts = json.loads(prepare.OUTPUTS["facts"].read_text())
    assert facts["input_shape"] == [1, 5, 4]
    assert prepare.OUTPUTS["schema"].read_text() == "column,role,kind,why,missing,distinct,low,high,categories\n"
    assert json.loads(prepare.OUTPUTS["metrics"].read_text()) == {
        "train": {"examples": 200, "class_counts": [20] * 10},
        "test": {"examples": 100, "class_counts": [10] * 10},
        "duplicates": {"train": 0, "test": 0, "across": 0},
    }


def test_it_writes_its_outputs_and_nothing_else(project: Path):
    before = {path for path in project.rglob("*") if path.is_file()}
    prepare.main()
    after = {path for path in project.rglob("*") if path.is_file()}
    assert {path.relative_to(project) for path in after - before} == set(prepare.OUTPUTS.values())


def test_the_same_bytes_each_time_and_others_for_another_seed():
    def prepared(seed: int) -> dict[str, bytes]:
        write_params(limit=50, seed=seed)
        prepare.main()
        return outputs()

    first, again, other = prepared(0), prepared(0), prepared(1)
    assert first == again
    assert first["train"] != other["train"]
    assert first["metrics"] == other["metrics"]


def test_a_limit_makes_a_stratified_subset():
    write_params(limit=50)
    prepare.main()
    report = json.loads(prepare.OUTPUTS["metrics"].read_text())
    assert report["train"] == {"examples": 50, "class_counts": [5] * 10}
    assert report["test"] == {"examples": 25, "class_counts": [3] * 5 + [2] * 5}


def test_fashion_has_names_for_its_classes():
    write_params(dataset="fashion-mnist")
    prepare.main()
    classes = json.loads(prepare.OUTPUTS["facts"].read_text())["classes"]
    assert (len(classes), classes[0], classes[9]) == (10, "T-shirt/top", "Ankle boot")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-images-idx3-ubyte", np.zeros((199, 5, 4)), r"data/raw/train-\*: 199 images but 200 labels"),
        ("train-images-idx3-ubyte", np.zeros((200, 5, 4)), "training part: every pixel of channel 0"),
        ("t10k-images-idx3-ubyte", np.zeros((100, 4, 4)), r"must have one shape, found \(1, 5, 4\) and \(1, 4, 4\)"),
        ("t10k-labels-idx1-ubyte", np.arange(100) % 11, r"data/raw/t10k-\*: label 10 found, must be from 0 to 9"),
        ("t10k-labels-idx1-ubyte", np.arange(100) % 9, r"data/raw/t10k-\*: no example of class '9'"),
    ],
)
def test_data_that_do_not_fit_together_are_refused(name: str, array: np.ndarray, message: str):
    write_idx(name, array)
    with pytest.raises(InputError, match=message):
        prepare.main()


def test_a_table_is_prepared(project: Path):
    (project / "data/own/own.csv").write_text(TABLE)
    write_params(dataset="table", path="data/own/own.csv", target="sold")
    prepare.main()
    facts = json.loads(prepare.OUTPUTS["facts"].read_text())
    assert facts.pop("train_sha256") == hashlib.sha256(prepare.OUTPUTS["train"].read_bytes()).hexdigest()
    assert facts == {
        "task": "classification",
        "dataset": "table",
        "classes": ["no", "yes"],
        "columns": [{"name": "size", "dates": False, "low": 0.5, "high": 9.75}],
        "form": {"delimiter": "", "decimal": "."},
        "target": "sold",
    }
    train, test = (Examples.read(prepare.OUTPUTS[part]) for part in ("train", "test"))
    assert (train.inputs.shape, test.inputs.shape) == ((32, 1), (8, 1))
    assert prepare.OUTPUTS["schema"].read_text() == (
        "column,role,kind,why,missing,distinct,low,high,categories\n"
        'id,ignored,category,all texts differ,0.0,40,,,"k0, k1, k10, k11, k12, k13, k14, k15, k16, k17, k18, k19, '
        'and 28 more"\n'
        "size,input,number,numbers,0.0,40,0.0,9.75,\n"
        'sold,target,category,data.target names it,0.0,2,,,"no, yes"\n'
    )
    assert json.loads(prepare.OUTPUTS["metrics"].read_text()) == {
        "train": {"examples": 32, "class_counts": [16, 16]},
        "test": {"examples": 8, "class_counts": [4, 4]},
        "duplicates": {"train": 0, "test": 0, "across": 0},
        "rows": {"in_file": 40, "used": 40, "dropped": {}},
    }
    SCHEMA.read(prepare.OUTPUTS["schema"])


@pytest.mark.parametrize("changes", [{}, {"task": "regression", "target": "size"}])
def test_shuffled_rows_give_the_same_bytes(changes: dict[str, str]):
    header, *rows = TABLE.splitlines()
    found = []
    for seed in range(2):
        shuffled = np.random.default_rng(seed).permutation(rows)
        Path("own.csv").write_text("\n".join([header, *shuffled]))
        write_params(dataset="table", path="own.csv", **{"target": "sold", **changes})
        prepare.main()
        found.append(outputs())
    assert found[0] == found[1]


def test_a_built_in_table_knows_its_file_target_and_task(project: Path):
    (RAW / "penguins.csv").write_text(TABLE.replace("sold", "species"))
    write_params(dataset="penguins", task="regression", target="of another table", delimiter=";", decimal=",")
    prepare.main()
    facts = json.loads(prepare.OUTPUTS["facts"].read_text())
    assert (facts["task"], facts["target"], facts["dataset"]) == ("classification", "species", "penguins")


def test_a_bad_row_ends_the_command_with_one_line(project: Path):
    (project / "own.csv").write_text(TABLE + "\n1,2\n")
    write_params(dataset="table", path="own.csv", target="sold")
    command = [sys.executable, "-m", "stages.prepare"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: own.csv: line 43: must have 3 cells, found 2\n")
    assert not Path("data/prepared").exists()


def test_a_table_that_changes_meanwhile_is_not_recorded(project: Path, monkeypatch: pytest.MonkeyPatch):
    path = project / "own.csv"
    path.write_text(TABLE)
    write_params(dataset="table", path="own.csv", target="sold")
    prepared = tables.prepared

    def slowly(*arguments: Any) -> Prepared:
        found = prepared(*arguments)
        path.write_text(TABLE + "k40,1,no\n")
        return found

    monkeypatch.setattr(tables, "prepared", slowly)
    with pytest.raises(SystemExit, match=r"changed while the stage ran: own.csv"):
        run(prepare.main)


def test_a_negative_seed_is_refused():
    write_params(seed=-1)
    with pytest.raises(InputError, match="seed = -1: input should be greater than or equal to 0"):
        prepare.main()


def test_a_missing_file_is_named():
    (RAW / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match="data/raw/t10k-labels-idx1-ubyte: cannot be read"):
        prepare.main()


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (
            201,
            f"prepare.limit = 201: {RULE}",
        ),
        (
            9,
            f"prepare.limit = 9: {RULE}",
        ),
        (-1, "prepare.limit = -1: input should be greater than or equal to 0"),
    ],
)
def test_an_impossible_limit_ends_the_command_with_one_line(limit: int, message: str):
    write_params(limit=limit)
    command = [sys.executable, "-m", "stages.prepare"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: params.yaml: {message}\n")
    assert not Path("data/prepared").exists()
