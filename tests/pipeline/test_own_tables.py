"""Tables of one's own, one of classes and one of numbers, from a file and an edited block `data` to the page.

Two small tables made up here, each the next commit of one project.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.compare import PREDICTIONS
from stages.core.training.checkpoint import Checkpoint
from tests.pipeline.project import QUICK, Project, outs, stages_run
from tests.verify import environment

SMALL = QUICK | {"model.hidden": [16], "train.epochs": 10}
DATA = {"data.dataset": "table", "data.bad_rows": "drop"}
OF_CLASSES = ["confusion", "roc", "precision_recall", "classes", "calibration"]  # tables without rows in a regression
OF_NUMBERS = ["predictions", "deciles", "coverage"]  # and those in a classification


def rows(number: int = 150) -> list[str]:
    """Lines of houses: sizes some of which are missing, towns, dates, kinds and prices; without the names."""
    draw = np.random.default_rng(0)
    lines = []
    for day in range(number):
        size, rooms, town = draw.normal(90, 20), draw.integers(1, 6), draw.integers(0, 3)
        price = 2000 * size + 15_000 * rooms + 40_000 * town
        kind = "flat" if price < 230_000 else "house" if price < 280_000 else "villa"
        date = f"2025-{1 + day // 28:02}-{1 + day % 28:02}"
        size_cell = "" if day % 15 == 0 else f"{size:.1f}"
        lines.append(f"{size_cell},{rooms},{['Hull', 'Leeds', 'York'][town]},{date},m2,{kind},{price:.0f}")
    return lines


def write(project: Project, lines: list[str]) -> None:
    text = "\n".join(["size,rooms,town,sold,unit,kind,price", *lines])
    (project.root / "data/own/houses.csv").write_text(text + "\n")


def reproduce(project: Project, task: str, target: str, other: str) -> None:
    """Let `dvc repro` run for the `target`, the `other` column left out; what it gives is a commit, and a tag."""
    project.set(DATA | {"data.path": "data/own/houses.csv", "data.task": task, "data.target": target})
    project.set({"data.ignore": [other]})
    project.dvc("repro")
    project.commit(f"A {task}")
    project.run("git", "tag", task)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The kind of a house; a row has cells too many. Not to be changed."""
    project = Project.create(tmp_path_factory.mktemp("classes"))
    project.set(SMALL)
    write(project, [*rows(), "80,3,York,2025-01-01,m2,house,200000,and more"])
    reproduce(project, "classification", "kind", "price")
    return project


@pytest.fixture(scope="module")
def numbers(classes: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Its price, in the commit after that; two rows have none. Not to be changed."""
    project = classes.copy(tmp_path_factory.mktemp("numbers"))
    write(project, [*rows(), "80,3,York,2025-01-01,m2,house,", "90,3,York,2025-01-02,m2,house,?"])
    reproduce(project, "regression", "price", "kind")
    return project


def read(project: Project, path: str) -> Any:
    return json.loads((project.root / path).read_text())


def words(project: Project) -> str:
    """What the page says, from its heading to the picture of the pipeline."""
    body = (project.root / "plots/report.html").read_text().split("<h1>")[1].split('id="pipeline"')[0]
    return re.sub(r"<[^>]*>", "", body)


def header_only(project: Project) -> set[str]:
    return {path.stem for path in (project.root / "plots").glob("*.csv") if path.read_text().count("\n") == 1}


def test_classes_come_to_a_page(classes: Project) -> None:
    assert not {name for name, found in classes.outputs().items() if found == "missing"}
    assert classes.dvc_json("status") == {}
    assert read(classes, "metrics/evaluate.json")["accuracy"] > 0.4
    assert set(OF_NUMBERS) <= header_only(classes)
    told = words(classes)
    assert told.startswith("houses.csv: tabular") and "have their kind predicted right" in told
    assert "image" not in told and "auto (auto)" not in told


def test_numbers_come_to_a_page(numbers: Project) -> None:
    assert not {name for name, found in numbers.outputs().items() if found == "missing"}
    assert read(numbers, "metrics/evaluate.json")["rmse"] < 60_000
    assert set(OF_CLASSES) <= header_only(numbers)
    told = words(numbers)
    for part in ("the predicted price is off by", "The RMSE, in which large errors weigh most", "90% intervals"):
        assert part in told
    assert "accuracy" not in told.lower() and "image" not in told


@pytest.mark.parametrize(
    ("task", "dropped"), [("classes", {"cells too many or few": 1}), ("numbers", {"no target": 2})]
)
def test_no_row_vanishes(task: str, dropped: dict[str, int], request: pytest.FixtureRequest) -> None:
    counts = read(request.getfixturevalue(task), "metrics/prepare.json")
    assert counts["rows"]["dropped"] == dropped
    assert counts["rows"]["in_file"] == counts["rows"]["used"] + sum(dropped.values())
    assert counts["rows"]["used"] == counts["train"]["examples"] + counts["test"]["examples"] == 150


@pytest.mark.parametrize(
    ("task", "stages"), [("classes", ["train"]), ("numbers", ["cross_validate", "train", "evaluate"])]
)
def test_neither_the_order_of_rows_nor_workers_change_a_byte(
    task: str, stages: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    project = request.getfixturevalue(task).copy(tmp_path)
    before = project.outputs()
    path = project.root / "data/own/houses.csv"
    head, *lines = path.read_text().splitlines()
    shuffled = np.random.default_rng(1).permutation(lines).tolist()
    path.write_text("\n".join([head, *shuffled]) + "\n")
    assert stages_run(project.dvc("repro")) == {"prepare"}  # which gives what it gave
    for name in stages:
        for out in outs([project.pipeline["stages"][name]]):
            (project.root / out).unlink()
        assert project.stage(name, WORKERS="1").returncode == 0
    assert project.outputs() == before


def test_neither_a_kill_nor_ranks_change_a_byte(numbers: Project, tmp_path: Path) -> None:
    project = numbers.copy(tmp_path)
    trained = [project.root / name for name in sorted(outs([project.pipeline["stages"]["train"]]))]

    def taken() -> list[bytes]:
        contents = [path.read_bytes() for path in trained]
        for path in trained:
            path.unlink()
        return contents

    whole = taken()
    kill_after_an_epoch(project)
    assert not (project.root / "models/model.safetensors").exists()
    assert re.search(r"resuming after epoch \d+ of 10", project.stage("train").stderr)
    assert taken() == whole
    ranks = ["torch.distributed.run", "--nproc-per-node", "2", "-m", "stages.train"]
    project.run(sys.executable, "-m", *ranks, WORKERS="1")
    assert taken() == whole


def kill_after_an_epoch(project: Project) -> None:
    """Run `train` until it has saved an epoch, and end it as a lack of memory does."""
    folder = project.root / Checkpoint("any").path.parent
    command = [sys.executable, "-m", "stages.train"]
    env, quiet = environment(project.folder), subprocess.DEVNULL
    with subprocess.Popen(command, cwd=project.root, env=env, stderr=quiet, start_new_session=True) as process:
        end = time.monotonic() + 60
        while not any(path.suffix != ".part" for path in folder.glob("*")):
            assert process.poll() is None and time.monotonic() < end, "it saved nothing"
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)


def test_a_finding_stops_the_run_before_training(numbers: Project, tmp_path: Path) -> None:
    project = numbers.copy(tmp_path)
    project.set({"audit.stop_on": ["constant"]})
    result = project.dvc("repro", check=False)
    assert result.returncode != 0 and "Traceback" not in result.stderr
    assert stages_run(result) == {"check", "audit"}
    assert "error: params.yaml: audit.stop_on stops the run" in result.stderr
    assert "constant, column 'unit'" in result.stderr


def test_experiments_are_compared(numbers: Project, tmp_path: Path) -> None:
    project = numbers.copy(tmp_path)
    compare = ["python", "-m", "stages.compare"]
    project.dvc("exp", "run", "--name", "short", "--set-param", "train.epochs=2", "evaluate")
    told = json.loads(project.run(*compare, "regression", "short", "--json").stdout)
    assert {"rmse", "mae"} <= {one["score"] for one in told["scores"]}

    other = project.run(*compare, "classification", "short", check=False)
    assert (other.returncode, other.stdout, other.stderr.count("\n")) == (1, "", 1)
    assert other.stderr.startswith("error: ")

    changes = project.dvc_json("metrics", "diff", "regression")
    assert "rmse" in changes["metrics/evaluate.json"]
    answer = project.dvc("plots", "diff", "regression", "--json")
    drawn = json.loads(answer.stdout)
    assert not drawn.get("errors") and "ERROR" not in answer.stderr
    assert drawn["data"]["predicted"] and not drawn["data"]["confusion"]
    assert (project.root / PREDICTIONS).exists()


def test_dvc_knows_a_file_that_it_was_given(numbers: Project, tmp_path: Path) -> None:
    """Git ignores what lies beside it, and DVC looks into no folder that Git ignores: so it must not seem to be one."""
    project = numbers.copy(tmp_path)
    project.dvc("add", "data/own/houses.csv")
    assert "data/own/houses.csv.dvc" in project.dvc("dag").stdout
    ignored = project.run("git", "status", "--porcelain", "data/own").stdout
    assert ignored.split() == ["??", "data/own/houses.csv.dvc"]
