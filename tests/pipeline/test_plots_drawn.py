"""The pictures that `dvc plots show` and `dvc plots diff` give, drawn offline by Vega itself: they have the marks they
should, one for each number, class, fold and revision.
"""

import csv
import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import Any

import pytest
import vl_convert

from tests.pipeline.project import Project
from tests.pipeline.test_plots import CLASSES, PLOTS, source, specifications, two_commits

LINE, SYMBOL, RULE, RECTANGLE = "line mark", {"circle", "point"}, "rule mark", "rect mark"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return two_commits(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module", params=["show", "diff"])
def drawn(request: pytest.FixtureRequest, project: Project) -> tuple[dict[str, Any], int]:
    """The SVG of each plot, and how many revisions it shows."""
    command = ["show", *PLOTS] if request.param == "show" else ["diff", "HEAD~1", "--targets", *PLOTS]
    found = specifications(project.dvc_json("plots", *command))
    svgs = {name: ElementTree.fromstring(vl_convert.vegalite_to_svg(spec)) for name, spec in found.items()}
    return svgs, 1 if request.param == "show" else 2


def marks(svg: Any) -> Counter[str]:
    """How many marks of each kind are drawn; points of any shape are one kind."""
    kinds = [element.get("aria-roledescription", "") for element in svg.iter()]
    return Counter("symbol" if kind in SYMBOL else kind for kind in kinds if kind)


def dashed(svg: Any) -> int:
    return sum("stroke-dasharray" in element.keys() for element in svg.iter())  # noqa: SIM118 - elements have no `in`


def texts(svg: Any) -> set[str]:
    return {"".join(element.itertext()) for element in svg.iter() if element.tag.endswith("text")}


def rows(project: Project, name: str) -> list[dict[str, str]]:
    with (project.root / source(name)[0]).open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", PLOTS)
def test_title_and_revisions_are_written(name: str, drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    written = texts(svgs[name])
    assert PLOTS[name]["title"] in written
    assert ({"workspace", "HEAD~1"} <= written) == (revisions == 2)


@pytest.mark.parametrize("name", ["training loss", "training score"])
def test_training_is_a_line_and_a_point_an_epoch(name: str, drawn: tuple[dict[str, Any], int]) -> None:
    """There is no validation in these tables."""
    svgs, revisions = drawn
    found = marks(svgs[name])
    assert (found[LINE], found["symbol"]) == (revisions, 2 * revisions)


def test_cross_validation_is_a_line_a_fold_and_one_for_the_mean(drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    found = marks(svgs["cross-validation"])
    assert (found[LINE], found["symbol"]) == (3 * revisions, 4 * revisions)


def test_confusion_is_a_cell_for_each_pair_of_classes(drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    found = marks(svgs["confusion"])
    assert found[RECTANGLE] == found["text mark"] == len(CLASSES) ** 2 * revisions
    assert set(CLASSES) <= texts(svgs["confusion"])


@pytest.mark.parametrize("name", ["ROC", "precision-recall"])
def test_curves_are_a_line_a_class_and_one_for_their_mean(name: str, drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    assert marks(svgs[name])[LINE] == (len(CLASSES) + 1) * revisions
    assert {*CLASSES, "macro"} <= texts(svgs[name])


def test_robustness_is_a_line_a_corruption(drawn: tuple[dict[str, Any], int], project: Project) -> None:
    svgs, revisions = drawn
    table = rows(project, "robustness")
    corruptions = {row["corruption"] for row in table}
    found = marks(svgs["robustness"])
    assert (found[LINE], found["symbol"]) == (len(corruptions) * revisions, len(table) * revisions)
    assert corruptions <= texts(svgs["robustness"])


def test_learning_rates_are_a_line_for_the_loss_and_one_smoothed(drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    assert marks(svgs["learning-rate range"])[LINE] == 2 * revisions
    assert {"0.001", "0.01"} <= texts(svgs["learning-rate range"])  # logarithmic


def test_calibration_is_a_point_with_its_interval_for_each_bin(
    drawn: tuple[dict[str, Any], int], project: Project
) -> None:
    svgs, revisions = drawn
    filled = [row for row in rows(project, "calibration") if row["examples"] != "0"]
    found = marks(svgs["calibration"])
    legend = sum(text.replace(",", "").isdigit() for text in texts(svgs["calibration"]))
    assert found["symbol"] == len(filled) * revisions
    assert found[RULE] == len(filled) * revisions
    assert found[LINE] == revisions
    assert legend >= 2  # the size of a point says how many examples


@pytest.mark.parametrize("name", ["predicted", "residuals"])
def test_predictions_are_a_point_each_and_one_line(
    name: str, drawn: tuple[dict[str, Any], int], project: Project
) -> None:
    svgs, revisions = drawn
    assert marks(svgs[name])["symbol"] == len(rows(project, name)) * revisions
    assert dashed(svgs[name]) == 1


def test_deciles_are_a_line_and_a_point_each(drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    found = marks(svgs["deciles"])
    assert (found[LINE], found["symbol"]) == (revisions, 10 * revisions)
    assert {str(decile) for decile in range(1, 11)} <= texts(svgs["deciles"])


def test_coverage_is_a_point_with_its_interval_for_each_decile(drawn: tuple[dict[str, Any], int]) -> None:
    svgs, revisions = drawn
    found = marks(svgs["coverage"])
    assert (found["symbol"], found[RULE]) == (10 * revisions, 10 * revisions)
    assert dashed(svgs["coverage"]) == 1


def test_importance_is_a_bar_with_its_interval_for_the_largest(drawn: tuple[dict[str, Any], int]) -> None:
    """Of thirty columns twenty."""
    svgs, revisions = drawn
    found = marks(svgs["importance"])
    assert (found["bar"], found[RULE]) == (20 * revisions, 20 * revisions)
    assert {"carat", "cut"} < texts(svgs["importance"])


def test_baselines_are_a_point_beside_the_network_s_score(drawn: tuple[dict[str, Any], int], project: Project) -> None:
    svgs, revisions = drawn
    table = rows(project, "baselines")
    found = marks(svgs["baselines"])
    assert (found["symbol"], found["tick"]) == (len(table) * revisions, len(table) * revisions)
    assert {row["baseline"] for row in table} <= texts(svgs["baselines"])
