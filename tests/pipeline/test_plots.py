"""What `dvc plots show` and `dvc plots diff` make of our tables: all of the data, in templates of the right fields."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages.core.base.artifacts import write_csv
from stages.core.scores import classification as scoring
from stages.core.scores import tables
from tests.pipeline.project import ROOT, Project
from tests.unit.pictures import made_up

TEMPLATES = sorted((ROOT / ".dvc" / "plots").glob("*.json"))
PLOTS: dict[str, Any] = {
    name: plot
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
    if isinstance(entry, dict)
    for name, plot in entry.items()
}
CLASSES = ["10", "9", "T-shirt/top", "Ankle boot"]  # in no alphabetical order


OF_CLASSES = {"confusion", "ROC", "precision-recall", "calibration"}  # the plots of a classifier alone
OF_NUMBERS = {"predicted", "residuals", "deciles", "coverage"}  # those of a regression alone


def write_tables(folder: Path, seed: int) -> None:
    """Every table the plots are drawn from, of a made-up run of two epochs and two folds, without validation slice.

    No run has those of a classifier and of a regression, but each plot is drawn from one table.
    """
    found = made_up.regression(rows=200, scale=1 + seed, columns=30)
    for name in ("predictions", "deciles", "coverage", "importance", "baselines"):
        write_csv(folder / f"{name}.csv", found.tables[name])
    generator = np.random.default_rng(seed)
    targets = np.arange(200) % 4
    probabilities = (
        generator.dirichlet(np.ones(4), 200).astype(np.float32) / 2 + np.eye(4, dtype=np.float32)[targets] / 2
    )
    counts = scoring.confusion(targets, scoring.predict(probabilities), 4)
    curve = {"epoch": [1, 2], "train_loss": [0.5, 0.2 + seed], "train_score": [0.8, 0.9]}
    nothing = {"validation_loss": "", "validation_score": ""}
    folds = [{**curve, "fold": fold, "validation_loss": 0.4, "validation_score": 0.8} for fold in (1, 2)]
    for name, table in {
        "training": pd.DataFrame({**curve, **nothing}),
        "cross_validate": pd.concat([pd.DataFrame(fold) for fold in folds]),
        "confusion": tables.confusion_table(counts, CLASSES),
        "roc": tables.roc_table(targets, probabilities, CLASSES, 200),
        "precision_recall": tables.precision_recall_table(targets, probabilities, CLASSES, 200),
    }.items():
        write_csv(folder / f"{name}.csv", table)


def two_commits(folder: Path) -> Project:
    """Two commits with other tables; no stage has run."""
    project = Project.create(folder)
    for seed in range(2):
        write_tables(project.root / "plots", seed)
        project.commit(f"Tables {seed}")
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return two_commits(tmp_path_factory.mktemp("plots"))


@pytest.fixture(scope="module")
def shown(project: Project) -> dict[str, Any]:
    return specifications(project.dvc_json("plots", "show", *PLOTS))


@pytest.fixture(scope="module")
def compared(project: Project) -> dict[str, Any]:
    return specifications(project.dvc_json("plots", "diff", "HEAD~1", "--targets", *PLOTS))


def specifications(answer: dict[str, Any]) -> dict[str, Any]:
    """The Vega-Lite specification of every plot in DVC's answer."""
    assert not answer.get("errors"), answer["errors"]
    plots = {name: plot for name, [plot] in answer["data"].items()}
    return {name: as_json(plot["content"]) for name, plot in plots.items()}


def as_json(content: str | dict[str, Any]) -> dict[str, Any]:
    return json.loads(content) if isinstance(content, str) else content


def source(name: str) -> tuple[str, list[str]]:
    """The file of a plot, and its columns on the y axis."""
    [(file, columns)] = PLOTS[name]["y"].items()
    return file, [columns] if isinstance(columns, str) else columns


def encoded_fields(part: Any) -> set[str]:
    """Every field that an encoding, a facet or a transform anywhere in a specification names."""
    if isinstance(part, list):
        return set().union(*map(encoded_fields, part))
    if isinstance(part, dict):
        own = {part["field"]} if isinstance(part.get("field"), str) else set()
        return own.union(*(encoded_fields(value) for key, value in part.items() if key != "values"))
    return set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_template_has_the_anchors_dvc_fills(path: Path) -> None:
    text = path.read_text()
    template = json.loads(text)
    assert template["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json"
    assert template["data"] == {"values": "<DVC_METRIC_DATA>"}
    for anchor in ("TITLE", "X", "Y", "X_LABEL", "Y_LABEL"):
        assert f"<DVC_METRIC_{anchor}>" in text


def test_every_template_is_used_and_every_plot_has_one() -> None:
    assert {plot["template"] for plot in PLOTS.values()} == {path.stem for path in TEMPLATES}


@pytest.mark.parametrize("name", PLOTS)
def test_show_fills_the_template_with_the_whole_table(name: str, shown: dict[str, Any], project: Project) -> None:
    specification = shown[name]
    assert "<DVC_METRIC" not in json.dumps(specification)
    file, columns = source(name)
    with (project.root / file).open() as stream:
        rows = list(csv.DictReader(stream))
    values = specification["data"]["values"]
    assert len(values) == len(rows) * len(columns)
    for value, row in zip(values, rows * len(columns), strict=True):
        assert value["rev"] == "workspace"
        assert row.items() <= value.items()


@pytest.mark.parametrize("name", PLOTS)
def test_specification_names_only_fields_that_exist(name: str, shown: dict[str, Any]) -> None:
    specification = shown[name]
    calculated = {
        made["as"]
        for step in specification.get("transform", [])
        for made in (step.get("joinaggregate") or step.get("window") or [step])
        if "as" in made
    }
    assert encoded_fields(specification) <= specification["data"]["values"][0].keys() | calculated
    assert PLOTS[name]["x"] in encoded_fields(specification)


@pytest.mark.parametrize("name", PLOTS)
def test_diff_holds_both_revisions(name: str, compared: dict[str, Any], shown: dict[str, Any]) -> None:
    values = compared[name]["data"]["values"]
    assert {value["rev"] for value in values} == {"workspace", "HEAD~1"}
    now = [value for value in values if value["rev"] == "workspace"]
    assert now == shown[name]["data"]["values"]


def test_diff_shows_what_changed(compared: dict[str, Any]) -> None:
    last = {
        value["rev"]: float(value["train_loss"])
        for value in compared["training loss"]["data"]["values"]
        if value["epoch"] == "2"
    }
    assert last == {"HEAD~1": 0.2, "workspace": 1.2}


def test_confusion_keeps_the_order_of_the_classes(shown: dict[str, Any]) -> None:
    specification = shown["confusion"]
    values = specification["data"]["values"]
    assert list(dict.fromkeys(value["actual"] for value in values)) == CLASSES
    assert [value["predicted"] for value in values[:4]] == CLASSES
    axes = specification["spec"]["encoding"]
    assert axes["x"]["field"] == "predicted" and axes["y"]["field"] == "actual"
    assert axes["x"]["sort"] is None and axes["y"]["sort"] is None  # none of Vega's own
    totals = next(step for step in specification["transform"] if "joinaggregate" in step)
    assert totals["groupby"] == ["rev", "actual"]  # shares are of what the examples are, in each revision


@pytest.mark.parametrize("name", ["training loss", "training score"])
def test_both_parts_of_the_training_curves_are_drawn(name: str, shown: dict[str, Any]) -> None:
    quantity = {"training loss": "loss", "training score": "score"}[name]
    dashes = shown[name]["layer"][0]["encoding"]["strokeDash"]
    assert dashes["field"] == "field"
    assert dashes["scale"]["domain"] == [f"train_{quantity}", f"validation_{quantity}"]


@pytest.mark.parametrize("left_out", [OF_CLASSES, OF_NUMBERS | {"importance"}], ids=["regression", "images"])
def test_tables_without_rows_are_left_out_without_an_error(
    left_out: set[str], project: Project, tmp_path: Path
) -> None:
    """What a task or a kind of data has none of: as the stages write it, the header alone."""
    own = project.copy(tmp_path)
    for file in {source(name)[0] for name in left_out}:
        path = own.root / file
        path.write_text(path.read_text().partition("\n")[0] + "\n")
    shown = own.dvc("plots", "show", "--json")
    answer = json.loads(shown.stdout)
    assert not answer.get("errors") and "rror" not in shown.stderr
    assert {name for name, plots in answer["data"].items() if not plots} == left_out
    compared = own.dvc_json("plots", "diff", "HEAD")
    assert not compared.get("errors")
    for name in left_out:  # what was there before still is
        [plot] = compared["data"][name]
        assert {value["rev"] for value in as_json(plot["content"])["data"]["values"]} == {"HEAD"}
