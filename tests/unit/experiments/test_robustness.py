"""The stress test: its choice of examples, its mean, its picture."""

import itertools

import pandas as pd
import pytest

from stages.core.experiments.robustness import summarise
from stages.core.pictures import figures
from stages.core.pictures.style import house_style


@pytest.fixture
def table() -> pd.DataFrame:
    """Two corruptions that lose 10 and 20 points a severity."""
    rows = itertools.product((("blur", 0.1), ("salt_and_pepper", 0.2)), range(6))
    return pd.DataFrame(
        [{"corruption": name, "severity": severity, "accuracy": 1 - loss * severity} for (name, loss), severity in rows]
    )


def test_the_mean_is_over_corruptions_and_severities_but_the_clean_one(table: pd.DataFrame) -> None:
    metrics = summarise(table, examples=100)
    assert metrics["mean_corruption_accuracy"] == 0.55
    assert metrics["corruptions"] == [
        {"corruption": "blur", "accuracy": 0.7},
        {"corruption": "salt_and_pepper", "accuracy": 0.4},
    ]
    assert metrics["clean"] == [{"accuracy": 1.0, "examples": 100}]
    assert [name for name, value in metrics.items() if isinstance(value, float)] == ["mean_corruption_accuracy"]


def test_the_picture_has_a_labelled_line_a_corruption(table: pd.DataFrame) -> None:
    with house_style():
        fig = figures.stress(table)
    axes, listing = fig.axes
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert drawn[:2] == [table["accuracy"][:6].tolist(), table["accuracy"][6:].tolist()]
    texts = [text.get_text() for text in listing.texts]
    assert {"blur", "70%", "salt and pepper", "40%", "all", "55%"} < set(texts)


def test_labels_are_kept_apart_and_in_order() -> None:
    places = figures._apart([0.0, 0.01, 0.5, 0.99, 1.0], gap=0.1, top=1.0)
    assert places == pytest.approx([0.0, 0.1, 0.5, 0.9, 1.0])
