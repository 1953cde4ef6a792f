"""`predict`: a trained model on new files, and what is wrong with them, in one line."""

import gzip
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from stages.core.base.artifacts import sha256, write_arrays
from stages.core.base.schemas import ModelDescription, TableForm
from stages.core.scores.predictions import read_predictions
from stages.core.serving import tables
from tests.pipeline import warm
from tests.pipeline.project import ROOT
from tests.unit.serving import made_up

HEADER = 'day,network/size,"colour, of it",none'
GOOD = "2022-03-01,0.5,red,x"  # `none` had no category in training


def save(folder: Path, *args: object, **more: object) -> ModelDescription:
    """The files of a model in `models/`."""
    description, _, weights = made_up.model(*args, **more)
    file = folder / "models/model.safetensors"
    write_arrays(file, weights)
    description = description.model_copy(update={"weights_sha256": sha256(file)})
    description.write(folder / "models/model.json")
    return description


Predict = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def predict(tmp_path: Path) -> Predict:
    def run(*arguments: str, given: str | None = None, **options: object) -> subprocess.CompletedProcess[str]:
        environment = warm.environment() | {"PYTHONPATH": str(ROOT), "WORKERS": "2"}
        command = ["python", "-m", "stages.predict", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, input=given, capture_output=True, text=True, **options
        )

    return run


def table(result: subprocess.CompletedProcess[str]) -> pd.DataFrame:
    assert result.returncode == 0, result.stderr
    return pd.read_csv(io.StringIO(result.stdout))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_it_says_of_the_test_part_what_evaluate_says(task: str, tmp_path: Path, predict: Predict) -> None:
    description = save(tmp_path, "tabular", task, "table", log=task == "regression")
    inputs = made_up.rows(2500, seed=3)
    targets = np.arange(2500) % 3 if task == "classification" else np.ones(2500)
    write_arrays(tmp_path / "data/prepared/test.safetensors", {"inputs": inputs, "targets": targets})
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    environment = warm.environment() | {"PYTHONPATH": str(ROOT)}
    command = ["python", "-m", "stages.evaluate"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = read_predictions(tmp_path / "models/predictions.safetensors")

    cells = {}
    for values, column in zip(inputs.T, made_up.COLUMNS, strict=True):
        if column.dates:
            cells[column.name] = np.datetime_as_string(np.where(np.isnan(values), 0, values).astype("datetime64[D]"))
            cells[column.name][np.isnan(values)] = ""
        elif column.categories is None:
            cells[column.name] = ["" if np.isnan(value) else repr(float(value)) for value in values]
        else:
            known = [*column.categories, "new", ""]
            cells[column.name] = [
                known[-1 if np.isnan(value) else int(value) if value >= 0 else -2] for value in values
            ]
    pd.DataFrame(cells)[sorted(cells)].to_csv(tmp_path / "new.csv", index=False)
    pd.DataFrame(cells)[sorted(cells)].replace("", None).to_parquet(tmp_path / "texts.parquet")

    found = table(predict("new.csv"))
    assert list(found["row"]) == list(range(1, 2501)) and set(found["file"]) == {"new.csv"}
    if task == "classification":
        assert list(found["prediction"]) == [
            description.classes[place] for place in expected.probabilities.argmax(axis=1)
        ]
        assert np.array_equal(found["probability"].astype(np.float32), expected.probabilities.max(axis=1))
    else:
        for name, values in (("prediction", expected.values), ("low", expected.low), ("high", expected.high)):
            assert np.array_equal(found[name], values), name
    unseen = found["status"].str.contains("unseen category colour, of it")
    assert np.array_equal(unseen, inputs[:, 1] == -1)
    assert np.array_equal(found["status"].str.contains("missing day"), np.isnan(inputs[:, 2]))
    assert np.array_equal(found["status"].str.contains("out of range network/size"), np.abs(inputs[:, 0]) > 3)


def test_columns_in_any_order_text_packed_piped_or_parquet_are_one(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "tabular", "regression", "table")
    text = f"{HEADER},more\n{GOOD},1\n2022-03-02 12:00,-1,blue,,2\n"
    (tmp_path / "a.csv").write_text("\ufeff" + text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    days = pa.array(np.array(["2022-03-01T00:00", "2022-03-02T12:00"], "datetime64[s]"))
    columns = {"none": ["x", None], "colour, of it": pa.array(["red", "blue"]).dictionary_encode(), "day": days}
    pyarrow.parquet.write_table(pa.table({**columns, "network/size": pa.array([0.5, -1])}), tmp_path / "a.parquet")
    asked = [predict(name) for name in ("a.csv", "a.csv.gz", "a.parquet")] + [predict("-", given=text)]
    found = [table(one).drop(columns="file") for one in asked]
    for one in found[1:]:
        pd.testing.assert_frame_equal(one, found[0])
    assert list(found[0].columns) == ["row", "prediction", "low", "high", "status"]
    assert list(found[0]["status"]) == ["unseen category none", "missing none"]
    assert (found[0]["low"] < found[0]["prediction"]).all()

    both = json.loads(predict("a.csv", "a.parquet", "--format", "json").stdout)
    assert [(row["file"], row["row"]) for row in both] == [
        ("a.csv", 1),
        ("a.csv", 2),
        ("a.parquet", 1),
        ("a.parquet", 2),
    ]
    assert both[0]["prediction"] == found[0]["prediction"][0]


def test_each_bad_row_keeps_its_place(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "classification", "table")
    rows = [
        "1,2",
        GOOD,
        "2022-03-01,much,red,x",
        f"{GOOD},7,8",
        "2022-13-01,1,red,x",
        '2022-03-01,1e200,red,""',
        GOOD,
        "3",
    ]
    (tmp_path / "new.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    found = table(predict("new.csv"))
    good = [place for place, row in enumerate(rows) if row == GOOD]
    assert [place for place, status in enumerate(found["status"]) if not status.startswith("unreadable")] == good
    assert list(found["status"][[0, 2, 3, 4]]) == [
        "unreadable",
        "unreadable network/size",
        "unreadable",
        "unreadable day",
    ]
    assert list(found["row"]) == list(range(1, len(rows) + 1))
    assert found["prediction"].notna().to_list() == [place in good for place in range(len(rows))]


FAULTS = {
    "no such file": (None, "new.csv: there is no such file"),
    "empty": ("", "new.csv: is empty, must have the names of columns in line 1"),
    "header alone": (f"{HEADER}\n", "new.csv: has no rows, but the names of columns"),
    "bad rows alone": (
        f"{HEADER}\n1,2\n3\n",
        "new.csv: none of its rows can be read (2 in all; in row 1 because of cells too many or few)",
    ),
    "bad cells alone": (
        f"{HEADER}\n2022-13-01,1,red,x\n2022-03-01,big,red,x\n",
        "new.csv: none of its rows can be read (2 in all; in row 1 because of what is in column 'day')",
    ),
    "another schema": (
        "a,day\n1,2\n",
        "new.csv: must have every column that the model was trained with, lacks 'network/size', 'colour, of it', "
        "'none'; it has 'a', 'day'",
    ),
    "another kind": (
        f"{HEADER}\n2022-03-01,big,red,x\n",
        "new.csv: column 'network/size': must be numbers, found 'big'",
    ),
    "no dates": (f"{HEADER}\n7,1,red,x\n", "new.csv: column 'day': must be dates, found '7'"),
    "open quote": (f'{HEADER}\n"{GOOD}\n{GOOD}\n', "new.csv: line 2: a quote that begins a cell must end it"),
    "quote amid": (
        f'{HEADER}\n2022-03-01,1,"red,x\n{GOOD}\n2022-03-03,1,"red,x\n',
        "new.csv: line 2: a quote that begins",
    ),
    "own mac": (f"{HEADER}\r{GOOD}\r", "new.csv: line 1: must be the names of columns"),
    "no text": (f"{HEADER}\n{GOOD}\xff\n", "new.csv: must be text in UTF-8, found other bytes"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_used_is_told_in_a_line_and_nothing_is_written(
    fault: str, tmp_path: Path, predict: Predict
) -> None:
    save(tmp_path, "linear", "regression", "table")
    content, told = FAULTS[fault]
    if content is not None:
        (tmp_path / "new.csv").write_bytes(content.encode("latin-1"))
    (tmp_path / "answers.csv").write_text("of before")
    result = predict("new.csv", "--output", "answers.csv")
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: {told}"), result.stderr
    assert (tmp_path / "answers.csv").read_text() == "of before"
    assert not list(tmp_path.glob(".*part"))


@pytest.mark.parametrize("fault", ["bad rows alone", "quote amid", "open quote"])
@pytest.mark.parametrize("style", ["csv", "json"])
def test_nor_is_anything_on_standard_output(fault: str, style: str, tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "regression", "table")
    content, told = FAULTS[fault]
    result = predict("-", "--format", style, given=content)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {told.replace('new.csv', 'standard input')}"), result.stderr


def test_pictures_and_folders_of_them(tmp_path: Path, predict: Predict) -> None:
    description = save(tmp_path, "cnn")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    folder = tmp_path / "new, and more"
    (folder / "deeper").mkdir(parents=True)
    for name, image in zip(("b.PNG", "deeper/a.png", "c.png"), pixels, strict=True):
        Image.fromarray(image).save(folder / name, format="png")
    worn = {"exif": b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"}  # of which Pillow warns
    Image.fromarray(pixels[0]).save(folder / "worn.jpg", **worn)
    (folder / "notes.txt").write_text("no picture")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    result = predict("new, and more", "new, and more/c.png")
    found = table(result)
    expected = ["b.PNG", "c.png", "cut.jpg", "deeper/a.png", "worn.jpg", "c.png"]
    assert list(found["file"]) == [f"new, and more/{name}" for name in expected]
    assert list(found["status"]) == ["ok", "ok", "unreadable", "ok", "ok", "ok"]
    assert set(found["prediction"].dropna()) <= set(description.classes)
    assert found["probability"][1] == found["probability"][5]
    assert "Corrupt EXIF" not in result.stderr
    assert "cut.jpg: unreadable, damaged" in result.stderr

    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/there").symlink_to(folder)
    for wrong, told in (
        ("notes.txt", "no picture can be read"),
        ("-", "-: the model takes pictures, so give it a picture or a folder of pictures"),
        ("rows.csv", "rows.csv: the model takes pictures, so give it a picture or a folder of pictures"),
        ("nowhere", "nowhere: there is no such file or folder"),
        ("empty", "empty: has no picture in it"),
        ("linked", "linked/there: a link to a folder elsewhere, which is not followed"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "notes.txt").write_text("no picture")
        result = predict(wrong)
        assert result.returncode == 1 and told in result.stderr.splitlines()[-1]


def test_a_model_and_the_description_of_another_run(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "classification", "table")
    old = (tmp_path / "models/model.json").read_bytes()
    save(tmp_path, "linear", "regression", "table", log=True)
    (tmp_path / "models/model.json").write_bytes(old)
    (tmp_path / "new.csv").write_text(f"{HEADER}\n{GOOD}\n")
    result = predict("new.csv")
    assert result.returncode == 1
    told = "models/model.safetensors: is not the file that models/model.json tells of; `dvc repro` makes both"
    assert result.stderr == f"error: {told}\n"


def test_memory_does_not_grow_with_the_table_and_a_full_disk_is_told(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "regression", "table")
    some = "".join(f"2022-03-01,{number / 1000},red,x\n" for number in range(4000))
    peaks = []
    for times in (60, 300):
        (tmp_path / "new.csv").write_text(f"{HEADER}\n" + times * some)
        command = ["python", "-c", "import resource, sys; from stages.predict import main; main(); "
                   "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)",
                   "new.csv", "--output", "answers.csv"]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "WORKERS": "2"}
        found = []
        for _ in range(2):  # on a busy machine threads come to hold more, never less
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            found.append(int(done.stderr.splitlines()[-1]))
        peaks.append(min(found))
    assert peaks[1] < peaks[0] + 60_000  # kB; the larger table has 24 MB more, as float64 31
    assert (tmp_path / "answers.csv").read_bytes().count(b"\n") == 1 + 300 * 4000
    (tmp_path / "answers.csv").unlink()
    command = ["python", "-m", "stages.predict", "new.csv", "--output", "answers.csv"]
    limits = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**5,) * 2); "
    limits += "os.execvp(sys.argv[1], sys.argv[1:])"
    full = ["python", "-c", limits, *command]
    result = subprocess.run(full, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("error: answers.csv: cannot be written"), result.stderr
    assert not list(tmp_path.glob("*answers*")) and not list(tmp_path.glob(".*part"))


def test_rows_that_are_nearly_all_bad_take_no_longer(tmp_path: Path) -> None:
    """One good row among many bad ones: each keeps its place, and the time does not grow with their square."""
    description = save(tmp_path, "linear", "regression", "table")
    (tmp_path / "new.csv").write_text(f"{HEADER}\n" + 60_000 * "1,2\n" + f"{GOOD}\n" + 60_000 * "3\n" + f"{GOOD}\n1\n")
    found = list(tables.batches(str(tmp_path / "new.csv"), description.columns or (), TableForm()))
    readable = np.concatenate([batch.readable for batch in found])
    assert len(readable) == 120_003 and np.flatnonzero(readable).tolist() == [60_000, 120_001]


def test_an_output_that_is_none(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "regression", "table")
    (tmp_path / "new.csv").write_text(f"{HEADER}\n{GOOD}\n")
    for output, told in (
        (".", "--output .: must be a file"),
        ("/dev/null", "--output /dev/null: must be a file, found a folder or device"),
        ("new.csv", "--output new.csv: must be another file than those to predict for"),
    ):
        result = predict("new.csv", "--output", output)
        assert result.returncode == 1 and result.stderr.startswith(f"error: {told}"), result.stderr
    assert (tmp_path / "new.csv").read_text() == f"{HEADER}\n{GOOD}\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WORKERS": "2"}
    command = ["bash", "-c", "python -m stages.predict new.csv > /dev/full"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (1, "error: standard output: No space left on device\n")
    (tmp_path / "new.csv").write_text(f"{HEADER}\n" + 100_000 * f"{GOOD}\n")
    command = ["bash", "-c", "python -m stages.predict new.csv | head -1; exit ${PIPESTATUS[0]}"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (141, "")
    assert result.stdout.startswith("file,row,prediction,")


def test_cells_that_have_several_lines_and_blank_lines_are_no_fault(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "regression", "table")
    (tmp_path / "new.csv").write_text(f'{HEADER},note\n{GOOD},"two\nlines"\n\n{GOOD},"a ""quote"""\n')
    assert list(table(predict("new.csv"))["row"]) == [1, 2]


def test_a_parquet_column_of_another_type(tmp_path: Path, predict: Predict) -> None:
    save(tmp_path, "linear", "regression", "table")
    columns = {"none": pa.nulls(2), "colour, of it": pa.array([["red"], ["blue"]]), "day": pa.nulls(2)}
    pyarrow.parquet.write_table(pa.table({**columns, "network/size": pa.array([0.5, -1])}), tmp_path / "a.parquet")
    result = predict("a.parquet")
    assert result.returncode == 1
    assert result.stderr == "error: a.parquet: column 'colour, of it': must be texts, found ['red']\n"
