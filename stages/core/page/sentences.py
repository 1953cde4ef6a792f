"""What the numbers say, in words: the sentences and the descriptions of the pictures in the report.

Every sentence is computed. The rules behind the judgements are `RULES`, which the report shows, too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.scores.classification import Mistake

GAP = 0.01  # of training over test accuracy, from which a model is said to overfit
FITTED = 0.98  # training accuracy, below which a model that does not overfit is said to underfit
CALIBRATED = 0.02  # between mean confidence and accuracy, up to which probabilities are called right

RULES = (
    f"It overfits when its accuracy on training images is above the 95% interval of that on test images, and by "
    f"{100 * GAP:g} point or more. It underfits when it does not overfit, and gets less than {FITTED:.0%} of the "
    f"training images right. Its probabilities are right when the mean confidence is within {100 * CALIBRATED:g} "
    f"points of the accuracy. The limits are conventions of this report."
)


@dataclass(frozen=True)
class Findings:
    """What the stages found: metrics by stage, tables by file, and the mistakes on the test set, the worst first."""

    metrics: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    mistakes: Sequence[Mistake]
    classes: Sequence[str]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the test accuracy."""
        low, high = self.intervals["accuracy"]["ci95"]
        return low, high

    @property
    def intervals(self) -> dict[str, Any]:
        return {row["score"]: row for row in self.metrics["evaluate"]["intervals"]}

    @property
    def examples(self) -> int:
        return int(self.tables["classes"]["support"].sum())

    @property
    def selected_epoch(self) -> int:
        return int(self.metrics["train"]["selected"][0]["epoch"])

    @property
    def chosen(self) -> pd.Series:
        """The row of plots/training.csv whose weights were kept."""
        table = self.tables["training"]
        chosen: pd.Series = table[table["epoch"] == self.selected_epoch].iloc[0]
        return chosen


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f}%"


def span(ends: Sequence[float], digits: int = 2) -> str:
    """An interval of a share: a t-interval of few folds may reach where no share can be."""
    return f"{percent(max(ends[0], 0), digits)} to {percent(min(ends[1], 1), digits)}"


def count(number: int, one: str, many: str = "") -> str:
    """1 as "1 mistake", 2 as "2 mistakes"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def how_good(found: Findings) -> str:
    wrong = len(found.mistakes)
    often = f": one in {found.examples / wrong:,.0f}" if wrong else ""
    macro = percent(found.metrics["evaluate"]["macro_f1"])
    return (
        f"Of {found.examples:,} test images that no stage before had seen, {found.examples - wrong:,} are "
        f"recognised. {count(wrong, 'mistake')}{often}. The mean F1 of the {len(found.classes)} classes is {macro}."
    )


def how_sure(found: Findings) -> str:
    folds = found.metrics["cross_validate"]
    own = next(row for row in folds["scores"] if row["score"] == "accuracy")
    epochs = int(found.tables["cross_validate"]["epoch"].max())
    return (
        f"On all images of this kind its accuracy is {span(found.interval)}, with 95% confidence. Cross-validation "
        f"({count(len(folds['folds']), 'fold')}, {count(epochs, 'epoch')} each) scored {percent(own['mean'])}, with an "
        f"interval of {span(own['ci95'])} for other training data. {_calibrated(found)}"
    )


def where_it_fails(found: Findings) -> str:
    worst = worst_class(found, "f1")
    sentences = [f"The weakest class is {worst['class']}, with an F1 of {percent(worst['f1'])}."]
    if pairs := found.metrics["evaluate"]["confusions"]:
        first = pairs[0]
        times = "once" if first["count"] == 1 else f"{first['count']:,} times"
        sentences.append(f"Most often a {first['actual']} is taken for a {first['predicted']}: {times}.")
    stress = found.metrics["stress"]
    weakest = min(stress["corruptions"], key=lambda row: row["accuracy"])
    sentences.append(
        f"On corrupted images the accuracy is {percent(stress['mean_corruption_accuracy'], 1)} on average, and lowest "
        f"under {plain(weakest['corruption'])}: {percent(weakest['accuracy'], 1)}."
    )
    return " ".join(sentences)


def fit(found: Findings) -> str:
    """Whether the model over- or underfits, in one word for the headline; the rule is in `RULES`."""
    on_training, on_test = float(found.chosen["train_accuracy"]), found.metrics["evaluate"]["accuracy"]
    if on_training > found.interval[1] and on_training - on_test >= GAP:
        return "It overfits"
    return "It underfits" if on_training < FITTED else "Neither"


def over_or_underfit(found: Findings) -> str:
    on_training, on_test = float(found.chosen["train_accuracy"]), found.metrics["evaluate"]["accuracy"]
    gap = 100 * (on_training - on_test)
    low, high = found.interval
    sure = "outside" if not low <= on_training <= high else "inside"
    verdict = {
        "It overfits": "It does much better on images it was trained on: more data, more augmentation or a smaller "
        "model may help.",
        "It underfits": "It errs on the images it was trained on, too: a larger model or a longer training may help.",
        "Neither": "It knows the images it was trained on, and others about as well.",
    }[fit(found)]
    return (
        f"{verdict} Accuracy on training images is {percent(on_training)}, {gap:+.2f} points against the test images, "
        f"{sure} their interval; in cross-validation the gap was "
        f"{100 * found.metrics['cross_validate']['accuracy_gap']:+.2f} points."
    )


def descriptions(found: Findings) -> dict[str, str]:
    """What is to be seen in each picture, for who cannot see it, numbers included."""
    training, folds = found.tables["training"], found.metrics["cross_validate"]
    of_folds = [fold["accuracy"] for fold in folds["folds"]]
    lr_range, stress, evaluate = found.metrics["lr_range"], found.metrics["stress"], found.metrics["evaluate"]
    lowest = lr_range["lowest"][0]
    weakest = {score: worst_class(found, score) for score in ("precision", "recall", "f1")}
    calibration = found.tables["calibration"]
    filled = calibration[calibration["examples"] > 0]
    right, total = found.examples - len(found.mistakes), found.examples
    pairs = ", ".join(f"{row['actual']} as {row['predicted']} {row['count']}" for row in evaluate["confusions"])
    under = ", ".join(f"{plain(row['corruption'])} {percent(row['accuracy'], 1)}" for row in stress["corruptions"])
    lowest_bars = ", ".join(f"{score} {percent(row[score])} of class {row['class']}" for score, row in weakest.items())
    gallery = ", ".join(
        f"{found.classes[one.actual]} as {found.classes[one.predicted]} at {percent(one.probability, 1)}"
        for one in found.mistakes[:3]
    )
    return {
        "training": f"Two line charts over {count(len(training), 'epoch')}. {_curve(training, 'loss')} "
        f"{_curve(training, 'accuracy')} Epoch {found.selected_epoch} is marked as chosen.",
        "cross_validate": f"Loss and accuracy over {count(int(found.tables['cross_validate']['epoch'].max()), 'epoch')}"
        f" of {count(len(of_folds), 'fold')}, each fold and their mean. At the end validation accuracy "
        f"is {percent(min(of_folds))} to {percent(max(of_folds))}, its mean {percent(folds['accuracy'])}.",
        "learning_curve": _learning_curve(found.tables["learning_curve"]),
        "lr_range": f"Loss against the learning rate. The smoothed loss is lowest, {lowest['smoothed_loss']:.3f}, at "
        f"{lowest['learning_rate']:g}; the suggested rate {lr_range['suggested_lr']:g} is marked.",
        "classes": f"Bars of what each class lacks to 100% in precision, recall and F1. The worst: {lowest_bars}.",
        "confusion": f"Matrix of actual against predicted classes: {right:,} of {total:,} images are on the diagonal. "
        + (f"The most frequent mistakes: {pairs}." if pairs else "There is no mistake."),
        "roc": f"ROC curves of each class and their mean. The areas under them are "
        f"{_areas(found, 'roc_auc')}, on average {evaluate['roc_auc']:.5f}.",
        "precision_recall": "Precision-recall curves of each class and their mean. The average precision is "
        f"{_areas(found, 'average_precision')}.",
        "calibration": f"Accuracy against confidence in {count(len(filled), 'bin')}, with the examples of each under "
        f"it. Confidence is {percent(confidence(found))} on average, accuracy {percent(evaluate['accuracy'])}.",
        "stress": f"Accuracy against severity, a line for each corruption. Clean images: "
        f"{percent(stress['clean'][0]['accuracy'], 1)}. Means over the severities: {under}.",
        "mistakes": f"The most confident of {count(len(found.mistakes), 'mistake')}, each image with its true and its "
        f"predicted class. The first: {gallery}." if gallery else "There is no mistake.",
    }  # fmt: skip


def worst_class(found: Findings, score: str) -> pd.Series:
    """The row of plots/classes.csv with the lowest `score`, the first of equals."""
    table = found.tables["classes"]
    return table.iloc[int(table[score].to_numpy().argmin())]


def confidence(found: Findings) -> float:
    """The mean probability of the predicted class."""
    table = found.tables["calibration"]
    filled = table[table["examples"] > 0].astype(float)
    return math.fsum(filled["examples"] * filled["confidence"]) / math.fsum(filled["examples"])


def plain(name: str) -> str:
    """`gaussian_noise` as "gaussian noise"."""
    return name.replace("_", " ")


def _calibrated(found: Findings) -> str:
    mean, accuracy = confidence(found), found.metrics["evaluate"]["accuracy"]
    told = f"{percent(mean)} on average"
    if abs(mean - accuracy) <= CALIBRATED:
        return f"Its probabilities can be taken at their word: {told}."
    more = "higher" if mean > accuracy else "lower"
    return f"Its probabilities are too {'bold' if more == 'higher' else 'cautious'}: {told}, {more} than its accuracy."


def _curve(table: pd.DataFrame, quantity: str) -> str:
    digits = "{:.4f}" if quantity == "loss" else "{:.2%}"
    parts = []
    for part in ("training", "validation"):
        values = pd.to_numeric(table[f"{'train' if part == 'training' else part}_{quantity}"], errors="coerce")
        if values.notna().all():
            parts.append(f"{part} from {digits.format(values.iloc[0])} to {digits.format(values.iloc[-1])}")
    return f"{quantity.capitalize()}: {', '.join(parts)}."


def _learning_curve(table: pd.DataFrame) -> str:
    means = table.groupby("share")[["examples", "validation_accuracy"]].mean()
    (few, low), (many, high) = means.iloc[0], means.iloc[-1]
    return (
        "Training and validation accuracy of the folds against the number of training images. Validation accuracy is "
        f"{percent(low)} with {few:,.0f} and {percent(high)} with {many:,.0f} of them, on average."
    )


def _areas(found: Findings, area: str) -> str:
    values = pd.to_numeric(found.tables["classes"][area], errors="coerce")
    least = found.tables["classes"]["class"].iloc[int(np.nanargmin(values.to_numpy()))]
    return f"{values.min():.5f} (class {least}) to {values.max():.5f}"
