"""The stage `report` on files that are missing or damaged: one message, which names the file."""

from pathlib import Path

import pytest

from tests.pipeline.project import Project


@pytest.mark.parametrize(
    "file",
    [
        "metrics/evaluate.json",
        "metrics/stress.json",
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
        path.write_bytes(content[: len(content) // 2])
    before = (project.root / "plots/report.html").read_bytes()

    result = project.stage("report")

    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {file}: ")
    assert result.stderr.count("\n") == 1
    assert (project.root / "plots/report.html").read_bytes() == before


def test_the_page_is_rebuilt_from_the_same_inputs_with_the_same_bytes(project: Project) -> None:
    page: Path = project.root / "plots/report.html"
    before = page.read_bytes()
    page.unlink()
    assert project.stage("report").returncode == 0
    assert page.read_bytes() == before
