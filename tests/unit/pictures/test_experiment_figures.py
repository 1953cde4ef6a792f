"""The pictures of the learning-rate range test and the stress test."""

import itertools

import pandas as pd
import pytest

from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import lr_range, stress
from stages.core.pictures.style import house_style
from tests.unit.pictures.findings import CONFIG, findings


@pytest.fixture
def points() -> pd.DataFrame:
    """A loss that falls and explodes."""
    losses = [2.3, 2.2, 1.9, 1.2, 1.0, 1.1, 20.0]
    rates = [10.0**step for step in range(-6, 1)]
    return pd.DataFrame({"learning_rate": rates, "loss": losses, "smoothed_loss": [loss + 0.1 for loss in losses]})


@pytest.fixture
def table() -> pd.DataFrame:
    """Two corruptions that lose 10 and 20 points a severity."""
    rows = itertools.product((("blur", 0.1), ("salt_and_pepper", 0.2)), range(6))
    return pd.DataFrame(
        [
            {"corruption": name, "severity": severity, "examples": 10, "score": 1 - loss * severity}
            for (name, loss), severity in rows
        ]
    )


def suggested(points: pd.DataFrame) -> Findings:
    return findings(metrics={"lr_range": {"suggested_lr": 0.034}}, lr_range=points)


def test_the_picture_shows_the_curve_and_the_suggestion(points: pd.DataFrame) -> None:
    with house_style():
        (axes,) = lr_range.draw(suggested(points), CONFIG).axes
    steps, smoothed, suggestion = axes.lines
    assert steps.get_ydata().tolist() == points["loss"].tolist()
    assert smoothed.get_ydata().tolist() == points["smoothed_loss"].tolist()
    assert suggestion.get_xdata() == [0.034, 0.034]
    assert axes.get_xscale() == "log" and "0.034 suggested" in [text.get_text() for text in axes.texts]
    low, high = axes.get_ylim()
    assert low < points["smoothed_loss"].min() and high < points["smoothed_loss"].max()


def test_the_picture_has_a_labelled_line_a_corruption(table: pd.DataFrame) -> None:
    with house_style():
        fig = stress.draw(findings(stress=table), CONFIG)
    axes, listing = fig.axes
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert drawn[:2] == [table["score"][:6].tolist(), table["score"][6:].tolist()]
    texts = [text.get_text() for text in listing.texts]
    assert {"blur", "70%", "salt and pepper", "40%", "all", "55%"} < set(texts)


def test_labels_are_kept_apart_and_in_order() -> None:
    places = stress._apart([0.0, 0.01, 0.5, 0.99, 1.0], gap=0.1, top=1.0)
    assert places == pytest.approx([0.0, 0.1, 0.5, 0.9, 1.0])
