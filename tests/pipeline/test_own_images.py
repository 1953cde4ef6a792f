"""Images of one's own, from a folder and an edited block `data` to the page; the folder has some troubles."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.project import QUICK, Project, stages_run
from tests.verify import environment

SMALL = QUICK | {"model.channels": [4, 8], "train.epochs": 3, "train.batch_size": 16}
CLASSES = ("dot, round", "sq <b>uare</b>", "cross")
DATA = {"data.dataset": "images", "data.path": "data/own/shapes", "data.size": [24, 24], "data.bad_files": "drop"}


def shape(kind: int, draw: np.random.Generator) -> Image.Image:
    """A bright shape on dark noise, 32 x 32 and some wider."""
    width = int(draw.integers(32, 48))
    pixels = draw.integers(0, 60, (32, width, 3), dtype=np.uint8)
    row, column = np.mgrid[:32, :width]
    y, x, size = *draw.integers(10, 22, 2), draw.integers(5, 9)
    inside = (abs(row - y) < size) & (abs(column - x) < size)
    if kind == 0:
        inside = (row - y) ** 2 + (column - x) ** 2 < size**2
    elif kind == 2:
        inside &= (abs(row - y) < 2) | (abs(column - x) < 2)
    pixels[inside] = draw.integers(120, 255, 3)
    return Image.fromarray(pixels)


def fill(folder: Path) -> None:
    draw = np.random.default_rng(0)
    for kind, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for place in range(40):
            shape(kind, draw).save(folder / name / f"{place:02}.{('png', 'JPG', 'webp')[place % 3]}")
    (folder / "cross/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "cross/copy.png").write_bytes((folder / "cross/00.png").read_bytes())
    (folder / "cross/Thumbs.db").write_bytes(b"")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three shapes, reproduced. Not to be changed."""
    project = Project.create(tmp_path_factory.mktemp("shapes"))
    fill(project.root / "data/own/shapes")
    project.set(SMALL | DATA)
    project.dvc("repro")
    project.commit("Shapes")
    return project


def read(project: Project, path: str) -> Any:
    return json.loads((project.root / path).read_text())


def test_shapes_come_to_a_page(shapes: Project) -> None:
    assert not {name for name, found in shapes.outputs().items() if found == "missing"}
    assert shapes.dvc_json("status") == {}
    facts = read(shapes, "data/prepared/facts.json")
    assert facts["input_shape"] == [3, 24, 24] and facts["classes"] == sorted(CLASSES)
    html = (shapes.root / "plots/report.html").read_text()
    assert "<b>uare" not in html
    told = re.sub(r"<[^>]*>", "", html.split("<h1>")[1])
    assert told.startswith("shapes: cnn")
    assert "Of 123 files in the folder 120 are used" in told
    assert "digit" not in told
    assert "3 (auto)" in told and "auto (auto)" not in told


def test_no_file_vanishes(shapes: Project) -> None:
    counts = read(shapes, "metrics/prepare.json")
    assert counts["files"] == {
        "in_folder": 123,
        "used": 120,
        "duplicate": 1,
        "refused": {"damaged": 1},
        "left_out": {"hidden, or of the system": 1},
    }
    assert counts["train"]["examples"] + counts["test"]["examples"] == 120
    ledger = (shapes.root / "data/prepared/files.csv").read_text()
    assert "cross/copy.png,,cross,duplicate,the same bytes as: cross/00.png" in ledger


def test_neither_workers_nor_a_kill_change_a_byte(shapes: Project, tmp_path: Path) -> None:
    """With hundreds of files more, so that there is something to share out, and to kill."""
    project = shapes.copy(tmp_path)
    more = project.root / "data/own/shapes/more"
    more.mkdir()
    draw = np.random.default_rng(1)
    for place in range(2500):
        Image.fromarray(draw.integers(0, 256, (30, 30, 3), dtype=np.uint8)).save(more / f"{place}.bmp")
    assert project.stage("prepare", WORKERS="1").returncode == 0
    prepared = sorted((project.root / "data/prepared").glob("[a-z]*"))
    alone = [path.read_bytes() for path in prepared]
    scratch = project.root / ".dvc/tmp/pictures"
    assert not list(scratch.glob("*"))
    command, env = [sys.executable, "-m", "stages.prepare"], environment(project.folder) | {"WORKERS": "2"}
    with subprocess.Popen(command, cwd=project.root, env=env, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(list(scratch.glob("*/*.json"))) < 3:
            assert process.poll() is None and time.monotonic() < end, "it decoded nothing"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    notes = {path: path.stat().st_mtime_ns for path in scratch.glob("*/*.json")}
    assert len(notes) >= 3
    for path in prepared:
        path.unlink()
    assert project.stage("prepare", WORKERS="2").returncode == 0
    assert [path.read_bytes() for path in prepared] == alone


def test_what_cannot_be_used_stops_the_run(shapes: Project, tmp_path: Path) -> None:
    project = shapes.copy(tmp_path)
    with project.parameters({"data.bad_files": "refuse"}):
        result = project.dvc("repro", check=False)
    assert result.returncode != 0 and "Traceback" not in result.stderr
    assert stages_run(result) == {"check", "prepare"}
    assert "1 file of 123 cannot be used; `bad_files: drop` in section data leaves them out" in result.stderr
    assert "cross/broken.png: damaged: " in result.stderr
