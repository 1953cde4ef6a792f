"""The pictures of runs on tables: of both tasks, of any magnitude, few rows, many columns, perfect and poor models."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.regression import foreign_tables
from stages.core.pictures.gallery import coverage, deciles, importance, pictures, predicted, residuals, stress, training
from stages.core.pictures.style import BLUE, VERMILLION, house_style
from stages.core.pictures.wording import amount, ticked
from stages.core.scores import tasks
from stages.core.scores.predictions import ValuePredictions
from tests.unit.pictures import made_up
from tests.unit.pictures.findings import CONFIG

OF_REGRESSION = {"predicted", "residuals", "deciles", "coverage"}
OF_CLASSES = {"classes", "confusion", "roc", "precision_recall", "calibration"}


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


@pytest.fixture(scope="module")
def found() -> Findings:
    return made_up.regression()


def draws(fig: Figure) -> bool:
    fig.savefig(buffer := io.BytesIO(), format="png", dpi=40)
    return buffer.tell() > 1000


def texts(fig: Figure) -> list[str]:
    return [text.get_text() for text in fig.findobj(Text) if text.get_text()]


@pytest.mark.parametrize(
    ("task", "shown"),
    [("regression", OF_REGRESSION), ("classification", OF_CLASSES)],
)
def test_a_picture_is_shown_where_its_table_has_rows(task: str, shown: set[str]) -> None:
    """The gallery of mistakes is for images."""
    made = getattr(made_up, task)()
    always = {"training", "cross_validate", "learning_curve", "lr_range", "stress", "importance"}
    assert {name for name, picture in pictures().items() if picture.shown(made)} == shown | always


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"scale": 1e-6},
        {"scale": 1e12},
        {"rows": 3},
        {"rows": 40, "columns": 200},
        {"error": 0},
        {"error": 3},
        {"intervals": False},
    ],
    ids=str,
)
def test_every_picture_is_drawn_and_described(odd: dict[str, Any]) -> None:
    made = made_up.regression(**odd)
    for name, picture in pictures().items():
        if picture.shown(made):
            assert draws(picture.draw(made, CONFIG)), name
            assert len(picture.describe(made)) > 60, name
            assert picture.captioned(made).endswith(".")
            assert "image" not in picture.describe(made) + picture.captioned(made), name


def test_every_picture_of_a_classifier_of_rows_says_rows() -> None:
    made = made_up.classification()
    for name, picture in pictures().items():
        if picture.shown(made):
            assert draws(picture.draw(made, CONFIG)), name
            assert "image" not in " ".join([picture.describe(made), picture.captioned(made)]), name


def test_predictions_are_dots_and_those_outside_their_interval_are_orange(found: Findings) -> None:
    table = found.tables["predictions"]
    outside = (table["actual"] < table["low"]) | (table["actual"] > table["high"])
    assert 0 < outside.sum() < len(table)
    for picture, x, y in ((predicted, "actual", "predicted"), (residuals, "predicted", "residual")):
        (axes,) = picture.draw(found, CONFIG).axes
        inside_dots, outside_dots = axes.lines[:2]
        assert (inside_dots.get_color(), outside_dots.get_color()) == (BLUE, VERMILLION)
        assert outside_dots.get_xdata().tolist() == table[x][outside].tolist()
        assert inside_dots.get_ydata().tolist() == table[y][~outside].tolist()


def test_without_intervals_no_dot_is_orange_and_none_is_spoken_of() -> None:
    fig = predicted.draw(made_up.regression(intervals=False), CONFIG)
    assert len(fig.axes[0].lines[1].get_xdata()) == 0
    assert not any("interval" in text for text in texts(fig))


def test_a_sample_is_called_one() -> None:
    assert "Predicted against actual price: 1,000 of 1,200 test rows" in texts(
        predicted.draw(made_up.regression(rows=1200), CONFIG)
    )


def test_deciles_have_bars_with_their_numbers_the_worst_in_orange(found: Findings) -> None:
    table = found.tables["deciles"]
    fig = deciles.draw(found, CONFIG)
    errors, bias = fig.axes
    assert [bar.get_width() for bar in errors.patches] == table["rmse"].tolist()
    assert [bar.get_width() for bar in bias.patches] == table["bias"].tolist()
    assert errors.lines[0].get_xdata().tolist() == table["mae"].tolist()
    colours = [bar.get_facecolor() for bar in errors.patches]
    assert colours.count(colours[int(table["rmse"].argmax())]) == 1
    assert {f"{value:,.0f}" for value in table["rmse"]} <= set(texts(fig))
    first = table.iloc[0]
    assert f"{first['from']:,.0f} to {first['to']:,.0f}" in texts(fig)


def test_coverage_has_its_interval_and_the_share_that_is_meant(found: Findings) -> None:
    table = found.tables["coverage"]
    left, right = coverage.draw(found, CONFIG).axes
    assert left.lines[0].get_xdata() == [0.9, 0.9]
    off = (table["low"] > 0.9) | (table["high"] < 0.9)
    ends = [segment for container in left.containers for segment in container.lines[2][0].get_segments()]
    assert len(ends) == len(table)
    assert sorted(end[0][0] for end in ends) == pytest.approx(sorted(table["low"]))
    assert len(left.containers[1].lines[2][0].get_segments()) == off.sum()
    assert [bar.get_width() for bar in right.patches] == table["mean_width"].tolist()


def test_importance_shows_the_twenty_columns_that_matter_most() -> None:
    made = made_up.regression(columns=200)
    fig = importance.draw(made, CONFIG)
    (axes,) = fig.axes
    assert len(axes.patches) == 20
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == sorted(made.tables["importance"]["importance"], reverse=True)[:20]
    assert "RMSE added without a column: the 20 most important of 200" in texts(fig)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "carat" and len(set(names)) == 20 and max(map(len, names)) <= 32
    assert importance.describe(made).count("measurement") == 3  # of five


def test_importance_of_a_classifier_is_in_points() -> None:
    assert any(text.endswith(" points") for text in texts(importance.draw(made_up.classification(), CONFIG)))


def test_the_worst_corruption_is_that_with_the_largest_error(found: Findings) -> None:
    fig = stress.draw(found, CONFIG)
    axes, listing = fig.axes
    colours = {text.get_text(): text.get_color() for text in listing.texts}
    assert colours["noise"] == VERMILLION and colours["missing cells"] == BLUE
    assert axes.get_ylim()[1] > found.tables["stress"]["score"].max()
    mean = found.metrics["stress"]["mean_corruption_rmse"]
    assert f"RMSE on corrupted rows: {mean:,.0f} on average" in texts(fig)
    assert found.corruptions_from_the_worst()[0][0] == "noise"
    assert made_up.classification().corruptions_from_the_worst()[0][0] == "noise"


def test_curves_of_an_error_are_no_shares(found: Findings) -> None:
    fig = training.draw(found, CONFIG)
    assert not any("%" in label.get_text() for axes in fig.axes for label in axes.get_yticklabels())
    assert {"RMSE", "absolute error of the scaled target, logarithmic"} <= set(texts(fig))


@pytest.mark.parametrize("name", ["$x$", r"a \$ b", "a target with a name that is far too long", "数"])
def test_names_of_the_target_are_drawn_as_written(name: str, found: Findings) -> None:
    made = replace(found, data=found.data.model_copy(update={"target": name}))
    for picture in (predicted, residuals, deciles, coverage, training):
        fig = picture.draw(made, CONFIG)
        assert draws(fig)
        assert not any(text.get_parse_math() for text in fig.findobj(Text))


@pytest.mark.parametrize(
    ("value", "typical", "written"),
    [
        (531.2345, 531.2, "531"),
        (-0.3, 531.2, "0"),
        (18823.4, 531.2, "18,823"),
        (0.01234, 0.0123, "0.0123"),
        (-12.3456, 1.5, "-12.35"),
        (5.312e9, 5.3e9, "5.31e+09"),
        (1.23456e-7, 3e-7, "1.23e-07"),
        (1000.0, 5e9, "0"),
        (0.0, 0.0, "0"),
        (3.0, 0.0, "3.00"),
    ],
)
def test_amounts_have_the_digits_that_count(value: float, typical: float, written: str) -> None:
    assert amount(value, typical) == written


def test_numbers_on_axes() -> None:
    assert [ticked(value) for value in (20000.0, 0.05, 0.0, -2.5, 1e9, 1e-7)] == [
        "20,000", "0.05", "0", "-2.5", "1e+09", "1e-07",
    ]  # fmt: skip


def test_a_table_of_another_model_is_refused(found: Findings) -> None:
    """By its digits, also where intervals are lacking."""
    generator = np.random.default_rng(0)
    targets = generator.normal(size=50)
    own = ValuePredictions(targets, targets + generator.normal(size=50))
    other = ValuePredictions(targets, own.values + 0.1)
    made = replace(found, tables=dict(found.tables) | tasks.tables(own, (), 10))
    assert foreign_tables(made, own) == []
    assert foreign_tables(made, other) == ["predictions", "deciles"]
