"""A user's mistake ends a stage with one message that names key or file, value and rule, and destroys nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.project import Project, stages_run

PARAMETERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("train", {"train.lr": "banana"}, ["train.lr = 'banana'", "number"]),
    ("train", {"train.lr": float("nan")}, ["train.lr = nan", "finite"]),
    ("train", {"train.epochs": -5}, ["train.epochs = -5", "greater than or equal to 1"]),
    ("train", {"train.epochs": 2.5}, ["train.epochs = 2.5", "integer"]),
    ("train", {"train.nesterov": "yes please"}, ["train.nesterov = 'yes please'", "boolean"]),
    ("train", {"train.optimizer": "adagrad"}, ["train.optimizer = 'adagrad'", "'adamw'"]),
    ("train", {"train.nesterov": True, "train.optimizer": "adam"}, ["nesterov = true", "'sgd'", "'adam'"]),
    ("train", {"train.epoch": 3}, ["train.epoch: unknown key", "did you mean train.epochs?"]),
    ("train", {"train.lr": None}, ["train.lr: missing"]),
    ("train", {"train": None}, ["train: missing"]),
    ("train", {"train.batch_size": 65536}, ["train.batch_size = 65536", "at most", "500"]),
    ("train", {"model.channels": [4, 0, 8]}, ["model.channels", "= 0", "greater than or equal to 1"]),
    ("cross_validate", {"augment.shift": -1}, ["augment.shift = -1", "greater than or equal to 0"]),
    ("cross_validate", {"cross_validate.folds": 1}, ["cross_validate.folds = 1", "greater than or equal to 2"]),
    ("cross_validate", {"cross_validate.folds": 100}, ["cross_validate.folds = 100", "smallest class"]),
    ("cross_validate", {"train.batch_size": 400}, ["train.batch_size = 400", "at most", "300"]),
    ("fetch", {"data.dataset": "imagenet"}, ["data.dataset = 'imagenet'", "'mnist' or 'diamonds'"]),
    ("prepare", {"prepare.limit": -1}, ["prepare.limit = -1", "greater than or equal to 0"]),
    ("prepare", {"prepare.limit": 70000}, ["prepare.limit = 70000", "60000"]),
    ("prepare", {"seed": "today"}, ["seed = 'today'", "integer"]),
    ("evaluate", {"evaluate.curve_points": 0}, ["evaluate.curve_points = 0", "greater than or equal to 10"]),
    ("evaluate", {"evaluate.resamples": 10}, ["evaluate.resamples = 10", "greater than or equal to 100"]),
    ("plot", {"plot.dpi": 0}, ["plot.dpi = 0", "greater than or equal to"]),
    ("train", {"train.batch_size": 4}, ["train.batch_size = 4", "at least 8", "train.shards = 4", "model.batch_norm"]),
    ("train", {"train.batch_size": 8}, ["train.batch_size = 8", "63 batches", "smallest of 7", "at least 8"]),
    (
        "cross_validate",
        {"train.batch_size": 8},
        ["train.batch_size = 8", "38 batches", "300", "cross_validate trains on", "smallest of 7"],
    ),
    ("lr_range", {"train.batch_size": 7}, ["train.batch_size = 7", "at least 8", "model.batch_norm"]),
    ("train", {"model.dropout": 0.3}, ["model: dropout = 0.3", "found hidden = []"]),
    ("check", {"seed": -1}, ["seed = -1", "greater than or equal to 0"]),
    ("check", {"data.dataset": "imagenet"}, ["data.dataset = 'imagenet'", "'mnist' or 'diamonds'"]),
    ("check", {"stress.example": 5}, ["stress.example: unknown key", "did you mean stress.examples?"]),
    ("check", {"evaluate.resamples": 10}, ["evaluate.resamples = 10", "greater than or equal to 100"]),
    ("check", {"lr_range.low": 20.0}, ["lr_range.low = 20.0", "less than or equal to 10"]),
    ("check", {"cross_validate.learning_curve": [0.5, 0.1]}, ["learning_curve = [0.5, 0.1]", "above the one before"]),
    ("check", {"plot": None}, ["plot: missing"]),
    ("check", {"agument": {"shift": 1}}, ["agument: unknown key", "did you mean augment?"]),
    ("check", {"lr": 0.1}, ["lr: unknown key", "the file has seed, "]),
    ("check", {"train.batch_size": 501}, ["train.batch_size = 501", "at most 500, the training examples"]),
    (
        "check",
        {"train.batch_size": 400},
        ["train.batch_size = 400", "at most 300, the examples that cross_validate"],
    ),
    (
        "check",
        {"cross_validate.learning_curve": [0.1]},
        ["train.batch_size = 100", "at most 30, the examples that cross_validate"],
    ),
]


def assert_refused(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr


@pytest.fixture(scope="module")
def scratch(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return reproduced.copy(tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize(("stage", "parameters", "parts"), PARAMETERS, ids=[str(case[1]) for case in PARAMETERS])
def test_parameter_is_refused_at_once(
    stage: str, parameters: dict[str, Any], parts: list[str], scratch: Project
) -> None:
    with scratch.parameters(parameters):
        result = scratch.stage(stage)

    assert_refused(result, "error: ", *parts)
    assert len(result.stderr.strip().splitlines()) == 1


FIRST = {stage: parameters for stage, parameters, _ in reversed(PARAMETERS)}  # of each stage


# What a stage spends to start, and beyond that, child processes included: CPU time, whoever else uses the machine.
SPENT = """
import os, stages.{stage} as stage, stages.core.base.command as command
before = sum(os.times()[:4])
try:
    stage.main()
except command.InputError:
    print(before, sum(os.times()[:4]) - before)
"""


@pytest.mark.parametrize("stage", FIRST)
def test_a_refusal_costs_no_more_than_the_start(stage: str, scratch: Project) -> None:
    with scratch.parameters(FIRST[stage]):
        start, refusal = map(float, scratch.run(sys.executable, "-c", SPENT.format(stage=stage)).stdout.split())
    assert 0 <= refusal < 0.5
    assert stage != "check" or start + refusal < 1.5


def test_check_starts_without_torch(scratch: Project) -> None:
    """It runs before all others, so its start is what a user waits for."""
    loaded = "import stages.check, sys; print([name for name in ('torch', 'sklearn', 'pandas') if name in sys.modules])"
    assert scratch.run(sys.executable, "-c", loaded).stdout == "[]\n"


def test_params_file_that_is_no_yaml_is_refused(project: Project) -> None:
    (project.root / "params.yaml").write_text("train: {lr: 0.1\n")
    assert_refused(project.stage("train"), "params.yaml: not valid YAML")


def damage(path: Path) -> None:
    """Cut the second half off."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("prepare", "data/raw/train-images-idx3-ubyte"),
        ("prepare", "data/raw/t10k-labels-idx1-ubyte"),
        ("train", "data/prepared/train.safetensors"),
        ("cross_validate", "data/prepared/facts.json"),
        ("evaluate", "models/model.safetensors"),
        ("evaluate", "models/model.json"),
        ("plot", "models/predictions.safetensors"),
    ],
)
def test_damaged_file_is_named(stage: str, file: str, project: Project) -> None:
    damage(project.root / file)
    assert_refused(project.stage(stage), "error: ", file)


def test_missing_file_is_named(project: Project) -> None:
    (project.root / "data/prepared/train.safetensors").unlink()
    assert_refused(project.stage("train"), "data/prepared/train.safetensors: cannot be read")


@pytest.mark.parametrize(
    "command",
    [
        ("exp", "run", "--set-param", "train.lr=banana"),
        ("exp", "run", "--set-param", "train.batch_size=65536"),
        ("exp", "run", "--set-param", "cross_validate.folds=100"),
    ],
    ids=lambda command: command[-1],
)
def test_outputs_are_recoverable(command: tuple[str, ...], project: Project) -> None:
    """DVC removes a stage's outputs before it runs; Git and the cache still have them."""
    before = project.outputs()
    result = project.dvc(*command, check=False)
    assert_refused(result, command[-1].split("=")[0], "failed to reproduce")

    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout")
    assert project.outputs() == before
    assert project.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"train.epochs": 20, "plot.dpi": 0}, ["plot.dpi = 0"]),
        ({"trian": {"lr": 0.1}}, ["trian: unknown key", "did you mean train?"]),
        ({"train.batch_size": 4, "model.channels": [4, 8, 8, 8]}, ["train.batch_size = 4", "model.batch_norm = true"]),
    ],
    ids=str,
)
def test_check_refuses_before_anything_else_runs(changes: dict[str, Any], parts: list[str], project: Project) -> None:
    """Whichever stage would use it, and if none would; what the stages had made stays as it is."""
    before = project.outputs()
    project.set(changes)

    result = project.dvc("repro", check=False)

    assert_refused(result, "error: params.yaml: ", "failed to reproduce 'check'", *parts)
    assert stages_run(result) == {"check"}
    after = project.outputs()
    assert after == before | {"data/checked": "missing"}
    assert project.run("git", "status", "--porcelain").stdout == " M params.yaml\n"
