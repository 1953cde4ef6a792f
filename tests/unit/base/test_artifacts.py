import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from stages.core.base.artifacts import (
    read_arrays,
    read_bytes,
    read_csv,
    read_json,
    replacing,
    write_arrays,
    write_csv,
    write_json,
    write_png,
    write_text,
)
from stages.core.base.command import InputError


def test_json_is_canonical(tmp_path: Path):
    write_json(tmp_path / "facts.json", {"b": [1, 0.1], "a": "Zürich"})
    assert (tmp_path / "facts.json").read_bytes() == '{\n  "a": "Zürich",\n  "b": [\n    1,\n    0.1\n  ]\n}\n'.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_takes_finite_numbers_only(tmp_path: Path, number: float):
    path = tmp_path / "metrics.json"
    write_json(path, {"accuracy": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"accuracy": number})
    assert read_json(path) == {"accuracy": 1.0}


def test_csv_is_canonical(tmp_path: Path):
    write_csv(tmp_path / "table.csv", pd.DataFrame({"class": ["a,b", "NA"], "share": [0.1, 1 / 3]}))
    assert (tmp_path / "table.csv").read_bytes() == b'class,share\n"a,b",0.1\nNA,0.3333333333333333\n'


def test_csv_text_stays_text(tmp_path: Path):
    table = pd.DataFrame({"class": ["NA", "null", ""], "count": [1, 2, 3]})
    write_csv(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), table)


def test_the_bytes_of_arrays_depend_on_their_values_alone(tmp_path: Path):
    image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    target = np.arange(2)
    write_arrays(tmp_path / "a", {"inputs": image, "targets": target})
    write_arrays(tmp_path / "b", {"targets": target, "inputs": np.asfortranarray(image)})
    write_arrays(tmp_path / "c", {"targets": np.arange(4)[::2] // 2, "inputs": image.transpose(2, 1, 0).copy().T})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    assert (read_arrays(tmp_path / "c")["inputs"] == image).all()


def test_a_picture_has_the_same_bytes_each_time_and_no_trace_of_the_library(tmp_path: Path):
    for name in ("a", "b"):
        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([0, 1])
        write_png(tmp_path / name, figure, dpi=50)
    content = (tmp_path / "a").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "b").read_bytes()
    assert mpl.__version__.encode() not in content


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, interruption: type[BaseException]):
    path = tmp_path / "new folder" / "facts.json"
    write_text(path, "old\n")
    with pytest.raises(interruption), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise interruption
    assert path.read_text() == "old\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_replaces_the_file_and_not_what_the_dvc_cache_holds(tmp_path: Path):
    cached, path = tmp_path / "cached", tmp_path / "facts.json"
    cached.write_text("old\n")
    path.hardlink_to(cached)
    write_text(path, "new\n")
    assert (path.read_text(), cached.read_text()) == ("new\n", "old\n")


@pytest.mark.parametrize("read", [read_arrays, read_bytes, read_csv, read_json])
def test_a_missing_file_is_named_with_what_makes_it(tmp_path: Path, read):
    path = tmp_path / "nowhere.x"
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value) == f"{path}: cannot be read (No such file or directory); `dvc repro` makes it"


@pytest.mark.parametrize(
    ("read", "content", "problem"),
    [
        (read_json, b'{"a": 1', "damaged, not valid JSON"),
        (read_json, b'{"a": "\xff"}', "damaged, not valid JSON"),
        (read_json, b"[1]", "damaged, must hold a JSON object, found list"),
        (read_csv, b"", "damaged, not a CSV table"),
        (read_csv, b"a,b\n1,2\n1,2,3\n", "damaged, not a CSV table"),
        (read_csv, b"\xff\xfe\x00", "damaged, not a CSV table"),
        (read_arrays, b"", "damaged, not a safetensors file"),
        (read_arrays, b"\x08\x00\x00\x00\x00\x00\x00\x00notajson", "damaged, not a safetensors file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, read, content: bytes, problem: str):
    path = tmp_path / "file.x"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"file\.x: {problem}"):
        read(path)


def test_truncated_arrays_are_noticed(tmp_path: Path):
    path = tmp_path / "train.safetensors"
    write_arrays(path, {"inputs": np.zeros(100)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"train\.safetensors: damaged"):
        read_arrays(path)


def test_json_files_are_plain_json(tmp_path: Path):
    write_json(tmp_path / "facts.json", {"mean": [0.1]})
    assert json.loads((tmp_path / "facts.json").read_text()) == {"mean": [0.1]}
