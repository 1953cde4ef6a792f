"""The stage `report` on files that are missing or damaged: one message, which names the file."""

import re

import pytest

from stages.core.base.artifacts import sha256
from tests.pipeline.project import Project


@pytest.mark.parametrize(
    "file",
    [
        "metrics/evaluate.json",
        "metrics/stress.json",
        "models/model.json",
        "plots/scores.csv",
        "plots/training.csv",
        "plots/images/stress.png",
        "models/predictions.safetensors",
        "data/prepared/facts.json",
    ],
)
@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
def test_file_is_named(file: str, damaged: bool, project: Project) -> None:
    path = project.root / file
    content = path.read_bytes()
    path.unlink()
    if damaged:
        # A table cut in two may be a table; one without its first column's name is none.
        path.write_bytes(content.partition(b",")[2] if path.suffix == ".csv" else content[: len(content) // 2])
    before = (project.root / "plots/report.html").read_bytes()

    result = project.stage("report")

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {file}: ")
    assert result.stderr.count("\n") == 1
    assert (project.root / "plots/report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("metrics/stress.json", r'": [\d.]+', '": "high"', "mean_corruption_accuracy: "),
        ("metrics/evaluate.json", '"accuracy"', '"accurate"', "accuracy: "),
        ("models/model.json", '"selected_epoch"', '"chosen_epoch"', "selected_epoch: "),
        ("plots/fold_scores.csv", r"accuracy,[\d.]+", "accuracy,high", "line 2, column mean: must be a number"),
    ],
)
def test_key_or_column_is_named(file: str, old: str, new: str, told: str, project: Project) -> None:
    path = project.root / file
    content, changes = re.subn(old, new, path.read_text(), count=1)
    assert changes == 1
    path.unlink()
    path.write_text(content)

    result = project.stage("report")

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {file}: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_page_and_card_are_rebuilt_from_the_same_inputs_with_the_same_bytes(project: Project) -> None:
    made = [project.root / name for name in ("plots/report.html", "models/README.md")]
    before = [path.read_bytes() for path in made]
    for path in made:
        path.unlink()
    assert project.stage("report").returncode == 0
    assert [path.read_bytes() for path in made] == before


def test_the_card_has_the_hashes_of_the_files_beside_it(project: Project) -> None:
    told = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (project.root / "models/README.md").read_text(), re.M))
    assert {"models/model.safetensors", "models/model.json"} < told.keys()
    assert {f"data/prepared/{part}.safetensors" for part in ("train", "test")} < told.keys()
    assert told == {name: sha256(project.root / name) for name in told}
