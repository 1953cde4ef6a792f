"""`dvc exp run`, and every view of what an experiment changed."""

import csv
import io
import re
from pathlib import Path

import pytest

from tests.pipeline.project import Project, stages_run, users

COMMITTED_LR, LOW_LR = 0.01, 0.00001
ACCURACY = "metrics/evaluate.json:accuracy"  # as a column of `dvc exp show`: cross_validate has an accuracy, too


@pytest.fixture(scope="module")
def experiment(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, set[str]]:
    """The small pipeline after an experiment with a learning rate so low that it learns nothing, and the stages run."""
    project = reproduced.copy(tmp_path_factory.mktemp("experiment"))
    result = project.dvc("exp", "run", "--name", "low", "--set-param", f"train.lr={LOW_LR:.5f}")
    return project, stages_run(result)


@pytest.fixture
def changed(experiment: tuple[Project, set[str]]) -> Project:
    return experiment[0]


def shown(project: Project) -> list[dict[str, str]]:
    """The rows of `dvc exp show`: the workspace, the commit, its experiments."""
    return list(csv.DictReader(io.StringIO(project.dvc("exp", "show", "--csv").stdout)))


def test_it_runs_the_stages_that_use_the_parameter(experiment: tuple[Project, set[str]]) -> None:
    project, ran = experiment
    assert ran == users(project.pipeline, "train")
    assert "lr: 1e-05\n" in (project.root / "params.yaml").read_text()  # which YAML 1.1 takes for text


def test_exp_show(changed: Project) -> None:
    workspace, commit, low = shown(changed)
    assert low["Experiment"] == "low"
    assert [float(row["train.lr"]) for row in (workspace, commit, low)] == [LOW_LR, COMMITTED_LR, LOW_LR]
    assert float(low[ACCURACY]) < float(commit[ACCURACY])


def test_exp_show_stays_readable(changed: Project) -> None:
    """A dozen scores at most."""
    (entry,) = (entry for entry in changed.dvc_json("exp", "show") if entry["rev"] == "workspace")
    files = [file["data"] for file in entry["data"]["metrics"].values()]
    scores = [name for file in files for name, score in file.items() if isinstance(score, int | float)]
    assert {"val_accuracy", "accuracy_gap", "macro_f1", "roc_auc", "log_loss"} <= set(scores)
    assert len(scores) <= 12


def test_metrics_diff(changed: Project) -> None:
    difference = changed.dvc_json("metrics", "diff")["metrics/evaluate.json"]["accuracy"]
    assert difference["new"] < difference["old"]


def test_params_diff(changed: Project) -> None:
    difference = changed.dvc_json("params", "diff")
    assert difference == {"params.yaml": {"train.lr": {"old": COMMITTED_LR, "new": LOW_LR, "diff": LOW_LR - 0.01}}}


@pytest.mark.parametrize(
    ("command", "revisions"),
    [(("diff", "HEAD"), {"HEAD", "workspace"}), (("show",), {"workspace"})],
    ids=["diff", "show"],
)
def test_plots(command: tuple[str, ...], revisions: set[str], changed: Project, tmp_path: Path) -> None:
    """Every declared plot is there with the data of each revision, and has its place in the page.

    But for those of tables that have no rows, as a classification of images has none for some.
    """
    plots = changed.dvc_json("plots", *command)
    assert plots.keys() == {"data"}  # no errors beside it
    changed.dvc("plots", *command, "--out", str(tmp_path / "page"))
    page = (tmp_path / "page/index.html").read_text()
    for declared in changed.pipeline["plots"]:
        [(name, plot)] = declared.items() if isinstance(declared, dict) else [(declared, None)]
        drawn = [entry for plot, entries in plots["data"].items() if plot.startswith(name) for entry in entries]
        filled = plot is None or (changed.root / next(iter(plot["y"]))).read_text().count("\n") > 1
        found = {revision for entry in drawn for revision in entry["revisions"]}
        assert found == (revisions if filled else set()), name
        assert not filled or re.sub("[ /]", "_", name) in page


def test_queue(changed: Project) -> None:
    """Each experiment runs in a workspace of its own, with what Git and DVC track and nothing else."""
    changed.dvc("exp", "run", "--queue", "--set-param", "evaluate.curve_points=choice(20,50)")
    changed.dvc("exp", "run", "--run-all", "--jobs", "2")
    swept = [row for row in shown(changed) if row["Experiment"] and row["Experiment"] != "low"]
    assert {row["evaluate.curve_points"] for row in swept} == {"20", "50"}
    assert {row["State"] for row in swept} <= {"", "Success"}
    assert all(float(row[ACCURACY]) > 0 for row in swept)
