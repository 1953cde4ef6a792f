"""What a user of DVC does with the pipeline, on a small part of the real data, in a Git clone with an empty cache."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline import warm
from tests.pipeline.project import ROOT, Project, declared, outs, sections, stages_run, users

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
SECTIONS = yaml.safe_load((ROOT / "params.yaml").read_text())
STAGES = PIPELINE["stages"]


def test_repro_makes_the_outputs_and_nothing_else(reproduced: Project) -> None:
    committed = set(reproduced.run("git", "show", "--name-only", "--format=", "HEAD").stdout.split())
    ignored = reproduced.run("git", "status", "--ignored", "--porcelain", "--untracked-files=all").stdout.splitlines()
    untracked = {line.removeprefix("!! ") for line in ignored if "__pycache__" not in line and ".dvc/" not in line}
    declared = outs(STAGES.values())

    assert "missing" not in reproduced.outputs().values()
    assert committed <= declared | {"dvc.lock"}
    assert {file for file in untracked if not any(f"{file}/".startswith(f"{path}/") for path in declared)} == set()


def test_second_repro_runs_nothing(reproduced: Project) -> None:
    result = reproduced.dvc("repro")
    assert stages_run(result) == set()
    assert "Data and pipelines are up to date." in result.stdout
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize("name", STAGES)
def test_stage_needs_nothing_undeclared(name: str, reproduced: Project, tmp_path: Path) -> None:
    """With its declared files and parameters alone a stage runs, and makes the same outputs, all of them."""
    alone = Project(tmp_path)
    for path in [*STAGES[name]["deps"], "dvc.yaml"]:
        (alone.root / path).parent.mkdir(parents=True, exist_ok=True)
        source = reproduced.root / path
        for file in filter(Path.is_file, source.rglob("*")) if source.is_dir() else [source]:
            target = alone.root / file.relative_to(reproduced.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file)
    params = yaml.safe_load((reproduced.root / "params.yaml").read_text())
    (alone.root / "params.yaml").write_text(yaml.safe_dump(declared(STAGES[name], params)))

    alone.run(sys.executable, "-m", f"stages.{name}")

    made, expected = alone.outputs(), reproduced.outputs()
    for path in outs([STAGES[name]]):
        assert made[path] == expected[path], path


def verify(project: Project, folder: Path) -> subprocess.CompletedProcess[str]:
    """tests/verify.py, which works in `folder`; what it starts is warm."""
    python = str(warm.folder() / "bin/python3")
    return project.run(python, "tests/verify.py", check=False, TMPDIR=str(folder))


def test_verify_finds_every_output_identical(reproduced: Project, tmp_path: Path) -> None:
    result = verify(reproduced, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.endswith((" yes", " NO"))]
    assert {path for path, *_ in rows} > {"dvc.lock", *outs(STAGES.values())}
    assert {verdict for *_, verdict in rows} == {"yes"}
    assert list(tmp_path.glob("verify-*")) == []


def test_verify_names_what_differs(project: Project, tmp_path: Path) -> None:
    """What the commit promises is changed here by hand: a number in Git, and the hash of a cached file."""
    metrics, lock = project.root / "metrics/evaluate.json", project.root / "dvc.lock"
    metrics.write_text(metrics.read_text().replace("0.", "1.", 1))
    locked = yaml.safe_load(lock.read_text())
    (images,) = locked["stages"]["plot"]["outs"]
    images["md5"] = "0" * 32 + ".dir"
    lock.write_text(yaml.safe_dump(locked))
    project.commit("Promise something else")

    result = verify(project, tmp_path)

    assert result.returncode == 1
    rows = [line.split() for line in result.stdout.splitlines() if line.endswith((" yes", " NO"))]
    assert {path for path, *_, verdict in rows if verdict == "NO"} == {
        "dvc.lock",
        "metrics/evaluate.json",
        "plots/images",
    }
    assert f"the folder is kept: {tmp_path}" in result.stdout


def first_key(section: str) -> tuple[str, Any]:
    """The first key of a section of params.yaml, written in full, and its value."""
    values = SECTIONS[section]
    if not isinstance(values, dict):
        return section, values
    key = next(iter(values))
    return f"{section}.{key}", values[key]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_changed_section_concerns_the_stages_that_use_it(section: str, reproduced: Project) -> None:
    key, value = first_key(section)
    more: Any = {str: "?", list: ["leak"]}.get(type(value), 1)
    with reproduced.parameters({key: value + more}):
        changed = reproduced.dvc_json("status").keys()
    assert changed == {name for name, stage in STAGES.items() if section in sections(stage)}


def test_what_tells_of_a_table_brings_no_data_set_anew(reproduced: Project) -> None:
    with reproduced.parameters({"data.test_fraction": 0.3}):
        assert reproduced.dvc_json("status").keys() == {"check", "prepare", "report"}


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [("plot.dpi", 60, []), ("evaluate.curve_points", 20, ["models/predictions.safetensors"])],
)
def test_a_changed_parameter_reruns_its_stages_alone(key: str, value: int, same: list[str], project: Project) -> None:
    project.set({key: value})
    assert stages_run(project.dvc("repro")) == users(PIPELINE, key.split(".")[0], same)
