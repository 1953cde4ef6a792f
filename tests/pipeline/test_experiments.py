"""`dvc exp run`, and every view of what an experiment changed."""

import csv
import io

import pytest

from tests.pipeline.project import SMALL, Project, stages_run, users

BASE_LR, LOW_LR = 0.01, 0.00001


@pytest.fixture(scope="module")
def experiment(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, set[str]]:
    """The small pipeline after an experiment with a learning rate so low that it learns nothing, and the stages run."""
    project = reproduced.copy(tmp_path_factory.mktemp("experiment"))
    result = project.dvc("exp", "run", "--name", "low", "--set-param", f"train.lr={LOW_LR:.5f}")
    return project, stages_run(result)


@pytest.fixture
def changed(experiment: tuple[Project, set[str]]) -> Project:
    return experiment[0]


def rows(project: Project) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(project.dvc("exp", "show", "--csv").stdout)))


def test_it_runs_the_stages_that_use_the_parameter(experiment: tuple[Project, set[str]]) -> None:
    project, ran = experiment
    assert ran == users(project.pipeline, "train")
    assert "lr: 1e-05\n" in (project.root / "params.yaml").read_text()  # which YAML 1.1 takes for text


def test_exp_show(changed: Project) -> None:
    table = rows(changed)
    low = next(row for row in table if row["Experiment"] == "low")
    commit = next(row for row in table if row["rev"] == "master" or row["rev"] == "main")
    assert float(low["train.lr"]) == LOW_LR
    assert float(commit["train.lr"]) == BASE_LR
    print(table)


def test_metrics_diff(changed: Project) -> None:
    difference = changed.dvc_json("metrics", "diff")["diff"]["metrics/evaluate.json"]["accuracy"]
    assert difference["new"] < difference["old"]


def test_params_diff(changed: Project) -> None:
    difference = changed.dvc_json("params", "diff")
    print(difference)


def test_plots_diff(changed: Project) -> None:
    plots = changed.dvc_json("plots", "diff", "HEAD")
    print(plots.keys())
    print(str(plots)[:3000])
    changed.dvc("plots", "diff", "HEAD", "--out", "shown")


def test_plots_show(changed: Project) -> None:
    plots = changed.dvc_json("plots", "show")
    print(str(plots)[:3000])
    changed.dvc("plots", "show", "--out", "shown")


def test_queue(changed: Project) -> None:
    changed.dvc("exp", "run", "--queue", "--set-param", "train.lr=choice(0.001,0.003)")
    print(changed.dvc("exp", "run", "--run-all", "--jobs", "2").stdout)
    print(changed.dvc("queue", "status").stdout)
    print(rows(changed))
