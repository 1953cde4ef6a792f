"""The pictures (a stand-in: no picture can be drawn through it)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture, always
from stages.core.pictures.wording import count, percent, plain


def pictures() -> dict[str, Picture]:
    """Every picture by its name, in the order of the page."""
    return PICTURES


def _draw(*_: Any) -> Any:
    raise NotImplementedError


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce")


def _curve(table: pd.DataFrame, quantity: str, label: str) -> str:
    digits = "{:.4f}" if quantity == "loss" else "{:.2%}"
    parts = []
    for part in ("training", "validation"):
        values = _numbers(table[f"{'train' if part == 'training' else part}_{quantity}"])
        if values.notna().all():
            parts.append(f"{part} from {digits.format(values.iloc[0])} to {digits.format(values.iloc[-1])}")
    return f"{label}: {', '.join(parts)}."


def _training(found: Findings) -> str:
    training = found.tables["training"]
    return (
        f"Two line charts over {count(len(training), 'epoch')}. {_curve(training, 'loss', 'Loss')} "
        f"{_curve(training, 'score', 'Accuracy')} Epoch {found.selected_epoch} is marked as chosen."
    )


def _cross_validate(found: Findings) -> str:
    table = found.tables["cross_validate"]
    last = table.groupby("fold")["validation_score"].last()
    return (
        f"Loss and accuracy over {count(int(table['epoch'].max()), 'epoch')} of {count(len(last), 'fold')}, each fold "
        f"and their mean. At the end validation accuracy is {percent(last.min())} to {percent(last.max())}, its mean "
        f"{percent(found.metrics['cross_validate']['accuracy'])}."
    )


def _learning_curve(found: Findings) -> str:
    means = found.tables["learning_curve"].groupby("share")[["examples", "validation_score"]].mean()
    (few, low), (many, high) = means.iloc[0], means.iloc[-1]
    return (
        "Training and validation accuracy of the folds against the number of training images. Validation accuracy is "
        f"{percent(low)} with {few:,.0f} and {percent(high)} with {many:,.0f} of them, on average."
    )


def _lr_range(found: Findings) -> str:
    table = found.tables["lr_range"]
    lowest = table.iloc[int(table["smoothed_loss"].to_numpy().argmin())]
    return (
        f"Loss against the learning rate. The smoothed loss is lowest, {lowest['smoothed_loss']:.3f}, at "
        f"{lowest['learning_rate']:g}; the suggested rate {found.metrics['lr_range']['suggested_lr']:g} is marked."
    )


def _classes(found: Findings) -> str:
    table = found.tables["classes"]
    weakest = {score: table.iloc[int(table[score].to_numpy().argmin())] for score in ("precision", "recall", "f1")}
    bars = ", ".join(f"{score} {percent(row[score])} of class {row['class']}" for score, row in weakest.items())
    return f"Bars of what each class lacks to 100% in precision, recall and F1. The worst: {bars}."


def _confusion(found: Findings) -> str:
    table = found.tables["confusion"]
    rows = table[(table["actual"] != table["predicted"]) & (table["count"] > 0)]
    rows = rows.sort_values("count", ascending=False, kind="stable").head(5)
    pairs = ", ".join(f"{row.actual} as {row.predicted} {row.count}" for row in rows.itertuples(index=False))
    right = found.examples - len(found.mistakes)
    return (
        f"Matrix of actual against predicted classes: {right:,} of {found.examples:,} images are on the diagonal. "
    ) + (f"The most frequent mistakes: {pairs}." if pairs else "There is no mistake.")


def _areas(found: Findings, area: str) -> str:
    values = _numbers(found.tables["classes"][area])
    least = found.tables["classes"]["class"].iloc[int(np.nanargmin(values.to_numpy()))]
    return f"{values.min():.5f} (class {least}) to {values.max():.5f}"


def _roc(found: Findings) -> str:
    return (
        f"ROC curves of each class and their mean. The areas under them are {_areas(found, 'roc_auc')}, on average "
        f"{found.metrics['evaluate']['roc_auc']:.5f}."
    )


def _precision_recall(found: Findings) -> str:
    areas = _areas(found, "average_precision")
    return f"Precision-recall curves of each class and their mean. The average precision is {areas}."


def _calibration(found: Findings) -> str:
    table = found.tables["calibration"]
    filled = table[table["examples"] > 0].astype(float)
    mean = math.fsum(filled["examples"] * filled["confidence"]) / math.fsum(filled["examples"])
    return (
        f"Accuracy against confidence in {count(len(filled), 'bin')}, with the examples of each under it. Confidence "
        f"is {percent(mean)} on average, accuracy {percent(found.metrics['evaluate']['accuracy'])}."
    )


def _stress(found: Findings) -> str:
    table = found.tables["stress"]
    means = table[table["severity"] > 0].groupby("corruption", sort=False)["score"].mean()
    clean = table[table["severity"] == 0]["score"].iloc[0]
    under = ", ".join(f"{plain(str(name))} {percent(value, 1)}" for name, value in means.items())
    return (
        f"Accuracy against severity, a line for each corruption. Clean images: {percent(clean, 1)}. "
        f"Means over the severities: {under}."
    )


def _mistakes(found: Findings) -> str:
    first = ", ".join(
        f"{found.classes[one.actual]} as {found.classes[one.predicted]} at {percent(one.probability, 1)}"
        for one in found.mistakes[:3]
    )
    if not first:
        return "There is no mistake."
    return (
        f"The most confident of {count(len(found.mistakes), 'mistake')}, each image with its true and its predicted "
        f"class. The first: {first}."
    )


def _asked_for(found: Findings) -> bool:
    return bool(found.tables["learning_curve"]["share"].nunique() > 1)


def _picture(
    section: str,
    order: int,
    caption: str,
    describe: Callable[[Findings], str],
    shown: Callable[[Findings], bool] = always,
) -> Picture:
    return Picture(section, order, caption, _draw, describe, shown)


PICTURES = {
    "training": _picture(
        "training",
        1,
        "Loss (without temperature scaling) and accuracy; the weights of the chosen epoch are the model.",
        _training,
    ),
    "cross_validate": _picture(
        "training", 2, "The recipe, trained anew on all folds but one and scored on that one.", _cross_validate
    ),
    "learning_curve": _picture(
        "training",
        3,
        "The same on parts of the training images: whether more of them would help.",
        _learning_curve,
        _asked_for,
    ),
    "lr_range": _picture(
        "training", 4, "The learning-rate range test; it suggests a rate and changes nothing.", _lr_range
    ),
    "classes": _picture("classes", 1, "What each class lacks to 100%.", _classes),
    "confusion": _picture("classes", 2, "Actual against predicted classes on the test images.", _confusion),
    "roc": _picture("ranking", 1, "Ranking: true against false positives, one class against the rest.", _roc),
    "precision_recall": _picture(
        "ranking", 2, "Ranking: precision against recall, one class against the rest.", _precision_recall
    ),
    "calibration": _picture("confidence", 1, "Whether the model is right as often as it says.", _calibration),
    "stress": _picture(
        "robustness", 1, "Accuracy on test images that are shifted, turned, noisy, blurred or partly hidden.", _stress
    ),
    "mistakes": _picture("mistakes", 1, "The mistakes of which the model was most sure.", _mistakes),
}
