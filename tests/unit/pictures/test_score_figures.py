"""The pictures of the classes' scores and of calibration show the tables' numbers."""

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from stages.core.base.schemas import CLASSES, CROSS_VALIDATE
from stages.core.pictures.gallery import calibration as reliability
from stages.core.pictures.gallery import classes as bars
from stages.core.pictures.gallery import cross_validate
from stages.core.pictures.style import VERMILLION, figure, house_style
from stages.core.scores import calibration
from tests.unit.pictures.findings import CONFIG, findings


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


def draws(fig: Figure) -> bool:
    fig.savefig(buffer := io.BytesIO(), format="png", dpi=40)
    return buffer.tell() > 1000


def texts(fig: Figure) -> list[str]:
    return [text.get_text() for text in fig.findobj(Text) if text.get_text()]


def scores(classes: int, recall: float = 0.98) -> pd.DataFrame:
    table = pd.DataFrame({"class": [f"class {number}" for number in range(classes)]})
    table["precision"], table["recall"], table["f1"] = 0.99, recall, 0.985
    table.loc[classes - 1, "precision"] = 0.9
    return table.assign(support=100, roc_auc=0.99, average_precision=0.98)[list(CLASSES.columns)]


def test_bars_are_what_each_class_lacks() -> None:
    fig = bars.draw(findings(classes=scores(3)), CONFIG)
    precision, recall, f1 = ([bar.get_width() for bar in axes.patches] for axes in fig.axes)
    assert precision == pytest.approx([0.01, 0.01, 0.1])
    assert recall == pytest.approx([0.02] * 3) and f1 == pytest.approx([0.015] * 3)
    assert {"90.0%", "99.0%", "98.0%", "98.5%", "class 2"} <= set(texts(fig))
    worst = fig.axes[0].patches[2].get_facecolor()
    assert worst == figure(1).subplots().bar([0], [1], color=VERMILLION)[0].get_facecolor()
    assert fig.axes[0].patches[0].get_facecolor() != worst


@pytest.mark.parametrize("classes", [2, 30, 100])
def test_any_number_of_classes_is_drawn(classes: int) -> None:
    fig = bars.draw(findings(classes=scores(classes)), CONFIG)
    assert all(len(axes.patches) == classes for axes in fig.axes)
    assert draws(fig)


def test_perfect_classes_have_no_bars() -> None:
    table = scores(2).assign(precision=1.0, recall=1.0, f1=1.0)
    fig = bars.draw(findings(classes=table), CONFIG)
    assert [bar.get_width() for axes in fig.axes for bar in axes.patches] == [0] * 6
    assert draws(fig)


def test_reliability_diagram_has_a_point_and_a_bar_for_each_bin_with_examples() -> None:
    probabilities = np.array([[0.6, 0.4], [0.62, 0.38], [0.3, 0.7], [0.05, 0.95]], np.float32)
    table = calibration.reliability_table(np.array([0, 1, 1, 1]), probabilities)
    fig = reliability.draw(findings(calibration=table), CONFIG)
    above, below = fig.axes
    diagonal, points = above.lines[:2]
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    filled = table[table["examples"] > 0]
    assert points.get_xdata() == pytest.approx(filled["confidence"].astype(float))
    assert points.get_ydata() == pytest.approx(filled["accuracy"].astype(float))
    assert [bar.get_height() for bar in below.patches] == filled["examples"].tolist()
    assert "Reliability: 71.75% confident on average, 75% right" in texts(fig)
    assert {str(number) for number in filled["examples"]} <= set(texts(fig))
    (upright,) = above.containers[0].lines[2]
    low, high = np.array(upright.get_segments())[:, :, 1].T
    assert low == pytest.approx(filled["accuracy_low"].astype(float))
    assert high == pytest.approx(filled["accuracy_high"].astype(float))
    assert draws(fig)


def test_folds_have_their_range_as_a_band() -> None:
    rows = {"epoch": [1, 2], "train_loss": 0.1, "train_score": 0.9, "validation_score": 0.9}
    table = pd.concat([pd.DataFrame({**rows, "fold": fold, "validation_loss": 0.1 * fold}) for fold in (1, 2, 4)])
    loss = cross_validate.draw(findings(cross_validate=table[list(CROSS_VALIDATE.columns)]), CONFIG).axes[0]
    ends = [band.get_paths()[0].vertices[:, 1] for band in loss.collections]
    assert (ends[1].min(), ends[1].max()) == pytest.approx((0.1, 0.4))
