"""The pictures show the tables' numbers, whatever the run was like, and are the same bytes wherever they are drawn."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from stages.core.base.artifacts import write_png
from stages.core.base.schemas import CROSS_VALIDATE
from stages.core.config.sections import PlotConfig
from stages.core.pictures.gallery import classes as bars
from stages.core.pictures.gallery import confusion, cross_validate, mistakes, precision_recall, roc, training
from stages.core.pictures.style import accuracy_scale, figure, house_style, short_percent
from stages.core.scores import tables
from stages.core.scores.classification import Mistake
from tests.unit.pictures.findings import CONFIG, findings
from tests.unit.pictures.findings import confusion as of_counts

ROOT = Path(__file__).parents[3]


def history(epochs: int, validation: bool = True) -> pd.DataFrame:
    """Training curves as plots/training.csv reads back."""
    epoch = np.arange(1, epochs + 1)
    columns = {
        "learning_rate": 0.1,
        "train_loss": 0.5 / epoch,
        "validation_loss": 0.4 / epoch**0.5 if validation else np.nan,
        "train_score": 1 - 0.1 / epoch,
        "validation_score": 1 - 0.1 / epoch**0.5 if validation else np.nan,
    }
    return pd.DataFrame({"epoch": epoch, **columns})


def folds(lengths: list[int]) -> pd.DataFrame:
    tables = [history(epochs).assign(fold=fold) for fold, epochs in enumerate(lengths, start=1)]
    return pd.concat(tables, ignore_index=True)[list(CROSS_VALIDATE.columns)]


def trained(table: pd.DataFrame, best_epoch: int) -> Figure:
    return training.draw(findings(selected_epoch=best_epoch, training=table), CONFIG)


def folded(table: pd.DataFrame) -> Figure:
    return cross_validate.draw(findings(cross_validate=table), CONFIG)


def ranked(curves: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """The ROC or the precision-recall picture, as the columns say."""
    if "recall" in curves:
        return precision_recall.draw(findings(precision_recall=curves, classes=classes), CONFIG)
    return roc.draw(findings(roc=curves, classes=classes), CONFIG)


def example(classes: int, examples: int = 400, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    targets = np.arange(examples) % classes
    logits = generator.normal(size=(examples, classes)) + sharpness * np.eye(classes)[targets]
    return targets, (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)


def curve_tables(targets: np.ndarray, probabilities: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables of ROC, precision-recall and classes."""
    names = [f"class {index}" for index in range(probabilities.shape[1])]
    return (
        tables.roc_table(targets, probabilities, names, 200),
        tables.precision_recall_table(targets, probabilities, names, 200),
        tables.class_table(targets, probabilities, names),
    )


def png(fig: Figure) -> bytes:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=50)
    return buffer.getvalue()


def texts(drawn: Figure | Axes) -> list[str]:
    return [text.get_text() for text in drawn.findobj(Text) if text.get_text().strip()]


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


def test_training_draws_both_parts_and_marks_the_chosen_epoch() -> None:
    table = history(6)
    fig = trained(table, best_epoch=4)
    for axes, quantity in zip(fig.axes, ["loss", "score"], strict=True):
        train, validation, chosen = axes.lines
        assert np.array_equal(train.get_ydata(), table[f"train_{quantity}"])
        assert np.array_equal(validation.get_ydata(), table[f"validation_{quantity}"])
        assert chosen.get_xdata() == [4, 4]
        assert {"train", "validation", "epoch 4 chosen"} <= set(texts(axes))
    assert png(fig)


@pytest.mark.parametrize("epochs", [1, 5])
def test_training_without_validation_draws_no_line_for_it(epochs: int) -> None:
    fig = trained(history(epochs, validation=False), best_epoch=epochs)
    assert np.isnan(fig.axes[0].lines[1].get_ydata()).all()
    assert "validation" not in texts(fig)
    assert png(fig)


def test_cross_validate_draws_every_fold_and_the_mean_where_all_train() -> None:
    table = folds([5, 3, 4])
    loss = folded(table).axes[0]
    of_fold, mean = loss.lines[:3], loss.lines[3]
    for fold, line in enumerate(of_fold, start=1):
        assert np.array_equal(line.get_ydata(), table.loc[table["fold"] == fold, "train_loss"])
    assert mean.get_xdata().tolist() == [1, 2, 3]
    assert mean.get_ydata() == pytest.approx([0.5, 0.25, 0.5 / 3])
    assert mean.get_linewidth() > 2 * of_fold[0].get_linewidth()


@pytest.mark.parametrize("lengths", [[1, 1], [3, 3, 3, 3, 3]])
def test_cross_validate_of_any_length(lengths: list[int]) -> None:
    assert png(folded(folds(lengths)))


def test_confusion_tells_counts_and_shares_of_the_row() -> None:
    fig = confusion.draw(of_counts(np.array([[9, 1], [0, 0]]), ["T-shirt/top", "Ankle boot"]), CONFIG)
    assert {"9\n90.0%", "1\n10.0%", "T-shirt/top", "Ankle boot"} <= set(texts(fig))
    assert "Confusion: 9 of 10 right, 90%" in texts(fig)
    assert png(fig)


@pytest.mark.parametrize("classes", [2, 10, 20, 60])
def test_confusion_of_many_classes_writes_what_there_is_room_for(classes: int) -> None:
    counts = np.full((classes, classes), 7)
    drawn = texts(confusion.draw(of_counts(counts, [f"class number {index}" for index in range(classes)]), CONFIG))
    assert len([text for text in drawn if text.startswith("7")]) == (counts.size if classes <= 20 else 0)
    assert any("%" in text for text in drawn if text.startswith("7")) == (classes <= 10)


@pytest.mark.parametrize(("classes", "sharpness"), [(10, 0.0), (30, 3.0), (2, 50.0)])
def test_curves_of_poor_good_and_perfect_classifiers(classes: int, sharpness: float) -> None:
    by_rate, by_recall, scores = curve_tables(*example(classes, sharpness=sharpness))
    assert png(ranked(by_rate, scores))
    assert png(ranked(by_recall, scores))


def test_curves_are_listed_from_the_worst_with_their_areas() -> None:
    by_rate, by_recall, scores = curve_tables(*example(30))
    for fig, area in (
        (ranked(by_rate, scores), "roc_auc"),
        (ranked(by_recall, scores), "average_precision"),
    ):
        axes, listing = fig.axes
        assert len(axes.lines) == 31
        worst = scores.sort_values(area).iloc[0]
        assert texts(listing)[1:5] == ["macro", f"{scores[area].mean():.5f}", worst["class"], f"{worst[area]:.5f}"]
        assert texts(listing)[-1] == "and 12 more"


def test_curves_where_a_class_has_no_examples() -> None:
    """The class has no curve, and empty cells for its areas."""
    targets, probabilities = example(5)
    by_rate, by_recall, scores = curve_tables(targets[targets != 3], probabilities[targets != 3])
    for fig in (ranked(by_rate, scores), ranked(by_recall, scores)):
        assert len(fig.axes[0].lines) == 5
        assert "class 3" not in texts(fig)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("number", [1, 5, 12])
def test_mistakes_show_image_classes_and_probability(channels: int, number: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, channels, 6, 8), dtype=np.uint8)
    worst = [Mistake(index=3 * place, actual=0, predicted=1, probability=0.987) for place in range(number)]
    classes = ("Ankle boot", "a name that is far too long")
    found = findings(classes, mistakes=[*worst, *worst], inputs=images)
    fig = mistakes.draw(found, PlotConfig(dpi=60, mistakes=number))
    assert texts(fig)[-1] == f"The {number} most confident of {2 * number} mistakes on 40 test images"
    assert texts(fig).count("true: Ankle boot") == number
    assert texts(fig).count("predicted: a name that is…\n98.7%") == number
    shown = [axes.images[0].get_array() for axes in fig.axes if axes.images]
    assert len(shown) == number
    last = images[worst[-1].index]
    assert np.array_equal(shown[-1], last[0] if channels == 1 else last.transpose(1, 2, 0))


def test_no_mistakes_say_so() -> None:
    found = findings(("a", "b"), inputs=np.zeros((9, 1, 4, 4), np.uint8))
    assert texts(mistakes.draw(found, CONFIG)) == ["No mistakes on 9 test images"]
    assert mistakes.describe(found) == "There is no mistake."


def test_accuracy_scale_gives_halved_errors_equal_room() -> None:
    axes = figure(3).subplots()
    assert accuracy_scale(axes, "y", 0.8, 0.995)
    place = axes.transData.transform([(0, accuracy) for accuracy in (0.8, 0.9, 0.95)])[:, 1]
    assert place[1] - place[0] == pytest.approx(place[2] - place[1], rel=2e-3)
    assert [short_percent(tick) for tick in axes.get_yticks()] == ["80%", "90%", "95%", "98%", "99%", "99.5%"]


def test_accuracy_scale_stays_linear_where_it_would_have_no_ticks() -> None:
    axes = figure(3).subplots()
    assert not accuracy_scale(axes, "y", 0.61, 0.64)
    assert axes.get_yscale() == "linear"


def test_same_bytes_whatever_the_settings(tmp_path: Path) -> None:
    """Settings in this process, in a file and in the environment change no byte, and neither does a second drawing."""
    expected = png(trained(history(3), best_epoch=2))
    assert png(trained(history(3), best_epoch=2)) == expected
    other = {"font.size": 30, "axes.facecolor": "pink", "savefig.facecolor": "pink", "text.hinting": "none"}
    with matplotlib.rc_context(other), house_style():
        assert png(trained(history(3), best_epoch=2)) == expected

    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: pink\nsavefig.bbox: tight\n")
    program = """
import sys
import stages
from tests.unit.pictures import test_figures as here
with here.house_style():
    sys.stdout.buffer.write(here.png(here.trained(here.history(3), best_epoch=2)))
"""
    environment = {"MATPLOTLIBRC": str(tmp_path), "MPLCONFIGDIR": str(tmp_path), "MPLBACKEND": "svg", "LC_ALL": "C"}
    drawn = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=True
    )
    assert drawn.stdout == expected


def test_pictures_hold_no_metadata_that_changes(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", trained(history(2), best_epoch=1), dpi=60)
    content = (tmp_path / "a.png").read_bytes()
    assert b"Software" not in content and b"tEXt" not in content and b"tIME" not in content


@pytest.mark.parametrize("name", [r"$\frac{1}{$", "$x$", r"a \$ b", "50 % of $a_b$"])
def test_names_are_drawn_as_written(name: str) -> None:
    """No name is read as mathematics, which stops where it is none."""
    names = ["a", name]
    by_rate, by_recall, scores = curve_tables(*example(2))
    of_class = {"class 0": "a", "class 1": name}
    by_rate, by_recall, scores = (table.replace({"class": of_class}) for table in (by_rate, by_recall, scores))
    worst = [Mistake(index=0, actual=0, predicted=1, probability=0.9)]
    found = findings(tuple(names), mistakes=worst, inputs=np.zeros((1, 1, 4, 4), np.uint8), classes=scores)
    for fig in (
        confusion.draw(of_counts(np.array([[9, 1], [0, 3]]), names), CONFIG),
        ranked(by_rate, scores),
        ranked(by_recall, scores),
        bars.draw(found, CONFIG),
        mistakes.draw(found, CONFIG),
    ):
        assert png(fig)
        written = [text for text in fig.findobj(Text) if name in text.get_text()]
        assert written and not any(text.get_parse_math() for text in written)
