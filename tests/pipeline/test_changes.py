"""`make report`: one Markdown page on a change, in a repository where something has changed."""

import shutil
from pathlib import Path

import pytest

from stages.core.revisions.changes import Changes, changed, markdown_page
from tests.pipeline.project import Project


def report(project: Project, *base: str) -> str:
    return project.run("python", "-m", "stages.changes", *base).stdout


@pytest.fixture(scope="module")
def small_change(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pull request: another resolution of the pictures, reproduced and committed."""
    project = reproduced.copy(tmp_path_factory.mktemp("changes"))
    project.set({"plot.dpi": 60})
    project.dvc("repro")
    project.commit("Smaller pictures")
    return project


def test_nothing_changed(reproduced: Project) -> None:
    page = report(reproduced)
    assert page.startswith("## Compared with `HEAD`\n")
    assert "**`workspace` makes the same predictions as `HEAD`.**" in page
    for sentence in ("No parameter changed.", "No picture changed.", "Every output is what the commit promises."):
        assert sentence in page


def test_a_reproduced_change(small_change: Project) -> None:
    page = report(small_change, "HEAD~1")
    assert "`workspace` makes the same predictions as `HEAD~1`" in page
    assert "| params.yaml | plot.dpi | 50" in page
    assert page.count("| changed | `") == len(list((small_change.root / "plots/images").iterdir()))
    assert "| `confusion.png` | changed | `" in page
    assert "Every output is what the commit promises." in page
    assert report(small_change, "HEAD~1") == page


def test_what_verify_printed_is_shown(small_change: Project, tmp_path: Path) -> None:
    assert "was not computed anew: `make verify` does that." in report(small_change)
    printed = tmp_path / "verify.txt"
    printed.write_text(
        "Running stage 'fetch':\n\nReproduced abc in 9 s:\n\noutput  a  b  NO\n\nerror: not reproduced\n"
    )
    page = report(small_change, "--verify", str(printed))
    assert "Computed anew, from a fresh clone: **error: not reproduced**" in page
    assert "```\nReproduced abc in 9 s:\n\noutput  a  b  NO\n" in page
    assert "Running stage" not in page


def test_a_verification_that_failed_midway_is_told() -> None:
    page = markdown_page(Changes("main", "", "", "", {}, {}, ["plot"], "> python -m stages.train\nerror: it failed\n"))
    assert "Not checked here: `dvc repro` has yet to run `plot`." in page
    assert "Not computed anew: **error: it failed**" in page
    assert "<summary>What it printed</summary>\n\n```\n> python -m stages.train\nerror: it failed\n```" in page


def test_a_change_that_was_not_reproduced(small_change: Project) -> None:
    with small_change.parameters({"plot.dpi": 70}):
        page = report(small_change)
    assert "Not checked here: `dvc repro` has yet to run `check`, `plot`, `report`." in page
    assert "`plot` has not run since something it draws changed" in page


def test_a_commit_that_promises_something_else(small_change: Project, tmp_path: Path) -> None:
    project = small_change.copy(tmp_path)
    project.set({"plot.dpi": 70})
    project.commit("Parameters alone")
    project.dvc("repro")
    page = report(project, "HEAD~1")
    assert "**Not what the commit promises:**" in page
    assert "| `plots/images` | changed | `" in page
    assert "| `metrics/" not in page


def test_a_base_that_is_not_in_the_cache(small_change: Project, tmp_path: Path) -> None:
    project = small_change.copy(tmp_path)
    shutil.rmtree(project.root / ".dvc/cache")
    page = report(project, "HEAD~1")
    assert "The models cannot be compared here: HEAD~1: models/predictions.safetensors is not in the cache; " in page
    assert "those of `HEAD~1` are not in the cache" in page
    assert "| params.yaml | plot.dpi | 50" in page


def test_a_base_without_a_pipeline_that_ran(reproduced: Project) -> None:
    """The first commit's dvc.lock is another's: it was copied from this repository."""
    page = report(reproduced, "HEAD~1")
    assert "| params.yaml | " not in page or "prepare.limit" not in page  # set before that commit
    assert "The models cannot be compared here: HEAD~1: " in page


def test_an_unknown_base_is_refused(reproduced: Project) -> None:
    result = reproduced.run("python", "-m", "stages.changes", "nowhere", check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: nowhere: no revision of this repository\n"


def test_hashes_of_what_is_not_the_same() -> None:
    before, after = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4", "d": "5"}
    assert changed(before, after) == {"b": ("2", "4"), "c": ("3", ""), "d": ("", "5")}


def test_new_and_gone_pictures() -> None:
    found = Changes("main", "Better.", "", "", {"a.png": ("", "1" * 32), "b.png": ("2" * 32, "")}, {}, [], "")
    page = markdown_page(found)
    assert "| `a.png` | new | – | `11111111` |" in page
    assert "| `b.png` | gone | `22222222` | – |" in page
    assert "No metric changed." in page
