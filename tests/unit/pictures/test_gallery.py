"""One file is a picture: it is found, ordered, drawn and described."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.pictures import gallery
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import pictures
from stages.core.pictures.style import house_style
from stages.core.scores.classification import Mistake
from tests.unit.pictures.findings import CONFIG, findings

OF_TABLES = {"predicted", "residuals", "deciles", "coverage", "importance"}
NEW = """
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import figure

PICTURE = Picture("classes", 15, "A new one", lambda found, config: figure(1), lambda found: "Nothing is drawn")
"""


def test_pictures_are_in_the_order_of_the_page() -> None:
    assert list(pictures()) == [
        "examples", "training", "cross_validate", "learning_curve", "lr_range", "predicted", "residuals", "deciles",
        "classes", "confusion", "roc", "precision_recall", "calibration", "coverage", "importance", "stress",
        "mistakes",
    ]  # fmt: skip


def test_a_picture_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_new_picture.py").write_text(NEW)
    before = list(pictures())
    monkeypatch.setattr(gallery, "__path__", [*gallery.__path__, str(tmp_path)])
    names = list(pictures())
    assert names[names.index("classes") + 1] == "a_new_picture"
    assert [name for name in names if name != "a_new_picture"] == before


def folds(shares: list[float]) -> Findings:
    rows = [
        {"fold": fold, "share": share, "examples": int(1000 * share), "train_score": 0.99, "validation_score": score}
        for fold in (1, 2)
        for share, score in zip(shares, (0.9, 0.95), strict=False)
    ]
    return findings(score="macro_f1", learning_curve=pd.DataFrame(rows))


def test_the_learning_curve_is_drawn_where_parts_were_asked_for() -> None:
    picture = pictures()["learning_curve"]
    assert not picture.shown(folds([1.0]))
    found = folds([0.5, 1.0])
    assert picture.shown(found)
    with house_style():
        fig = picture.draw(found, CONFIG)
    (axes,) = fig.axes
    assert axes.lines[-1].get_xdata().tolist() == [500, 1000]
    assert axes.lines[-1].get_ydata() == pytest.approx([0.9, 0.95])
    assert fig.get_suptitle() == "Learning curve: macro F1 of the folds by the number of training examples"
    assert axes.get_title("left") == "Macro F1"
    assert picture.describe(found).endswith(
        "Validation macro F1 is 90.00% with 500 and 95.00% with 1,000 of them, on average."
    )


def test_descriptions_hold_the_numbers_of_the_tables() -> None:
    curves = {
        "train_loss": [0.5, 0.25],
        "validation_loss": np.nan,
        "train_score": [0.9, 0.975],
        "validation_score": np.nan,
    }
    training = pd.DataFrame({"epoch": [1, 2], "learning_rate": 0.1, **curves})
    by_fold = [
        pd.DataFrame(
            {
                "fold": fold,
                "epoch": [1, 2],
                "train_loss": 0.1,
                "validation_loss": 0.2,
                "train_score": 0.99,
                "validation_score": [0.5, last],
            }
        )
        for fold, last in ((1, 0.98), (2, 0.96))
    ]
    names = ("cat", "dog", "cow")
    counts = [[8, 2, 0], [3, 7, 0], [0, 1, 9]]
    rows = [(names[i], names[j], counts[i][j]) for i in range(3) for j in range(3)]
    classes = pd.DataFrame(
        {
            "class": names,
            "precision": [0.7, 0.8, 0.9],
            "recall": [0.9, 0.8, 0.7],
            "f1": [0.8, 0.7, 0.9],
            "support": 10,
            "roc_auc": [0.91, 0.93, np.nan],
            "average_precision": [0.8, 0.7, 0.9],
        }
    )
    found = findings(
        names,
        selected_epoch=2,
        metrics={
            "prepare": {"train": {"examples": 1200}},
            "cross_validate": {"accuracy": 0.97},
            "lr_range": {"suggested_lr": 0.03},
            "evaluate": {"roc_auc": 0.92, "accuracy": 0.8},
        },
        mistakes=[Mistake(4, 0, 1, 0.875)] * 6,
        training=training,
        cross_validate=pd.concat(by_fold, ignore_index=True),
        lr_range=pd.DataFrame({"learning_rate": [0.01, 0.1, 1], "loss": 1, "smoothed_loss": [2, 1.25, 9]}),
        confusion=pd.DataFrame(rows, columns=["actual", "predicted", "count"]),
        classes=classes,
        stress=pd.DataFrame(
            {"corruption": "salt_and_pepper", "severity": [0, 1, 2], "examples": 9, "score": [0.9, 0.8, 0.6]}
        ),
    )
    told = {
        name: picture.describe(found)
        for name, picture in pictures().items()
        if name not in {"learning_curve", "calibration", *OF_TABLES}
    }
    assert told == {
        "examples": "Of the training part's 1,200 images the first that the network got: brought to one size and "
        "varied as section augment says, each with its class or number.",
        "training": "Two line charts over 2 epochs. Loss: training from 0.5000 to 0.2500. Accuracy: training from "
        "90.00% to 97.50%. Epoch 2 is marked as chosen.",
        "cross_validate": "Loss and accuracy over 2 epochs of 2 folds, each fold and their mean. At the end validation "
        "accuracy is 96.00% to 98.00%, its mean 97.00%.",
        "lr_range": "Loss against the learning rate. The smoothed loss is lowest, 1.250, at 0.1; the suggested rate "
        "0.03 is marked.",
        "classes": "Bars of what each class lacks to 100% in precision, recall and F1. The worst: precision 70.00% of "
        "class cat, recall 70.00% of class cow, f1 70.00% of class dog.",
        "confusion": "Matrix of actual against predicted classes: 24 of 30 images are on the diagonal. The most "
        "frequent mistakes: dog as cat 3, cat as dog 2, cow as dog 1.",
        "roc": "ROC curves of each class and their mean. The areas under them are 0.91000 (class cat) to 0.93000, on "
        "average 0.92000.",
        "precision_recall": "Precision-recall curves of each class and their mean. The average precision is 0.70000 "
        "(class dog) to 0.90000.",
        "stress": "Accuracy against severity, a line for each corruption. Clean images: 90.0%. Means over the "
        "severities: salt and pepper 70.0%.",
        "mistakes": "The most confident of 6 mistakes, each image with its true and its predicted class. The first: "
        "cat as dog at 87.5%, cat as dog at 87.5%, cat as dog at 87.5%.",
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_images_are_drawn_each_with_its_class(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (11, channels, 4, 6), dtype=np.uint8)
    found = replace(findings(("cat", "dog")), first=(images, np.arange(11) % 2))
    with house_style():
        fig = pictures()["examples"].draw(found, CONFIG)
    (axes,) = fig.axes
    assert [text.get_text() for text in axes.texts] == ["cat", "dog"] * 5 + ["cat"]
    for drawn, image in zip(axes.images, images, strict=True):
        expected = np.moveaxis(image, 0, -1) if channels == 3 else image[0]
        assert np.array_equal(drawn.get_array(), expected)


@pytest.mark.parametrize(("darkest", "black"), [(0, "white"), (1, "black")])
def test_gray_images_are_ink_where_most_is_black_and_photos_as_they_are(darkest: int, black: str) -> None:
    images = np.full((2, 1, 4, 6), darkest, np.uint8)
    images[0, 0, :2] = 0
    with house_style():
        fig = pictures()["examples"].draw(replace(findings(("cat", "dog")), first=(images, np.arange(2))), CONFIG)
    drawn = fig.axes[0].images[0]
    assert drawn.cmap(drawn.norm(0))[:3] == ((1, 1, 1) if black == "white" else (0, 0, 0))
