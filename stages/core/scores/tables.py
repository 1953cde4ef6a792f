"""The tables behind the plots of a classifier; see `stages.core.scores.classification` for what is undefined."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.core.base.schemas import MACRO
from stages.core.scores import curves
from stages.core.scores.bootstrap import Integers
from stages.core.scores.classification import class_scores, confusion, predict, with_ranking
from stages.core.scores.curves import Curve


def tables(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> dict[str, pd.DataFrame]:
    """The tables behind the plots; curves of at most `points` points."""
    return {
        "confusion": confusion_table(confusion(targets, predict(probabilities), len(classes)), classes),
        "roc": roc_table(targets, probabilities, classes, points),
        "precision_recall": precision_recall_table(targets, probabilities, classes, points),
        "classes": class_table(targets, probabilities, classes),
    }


def confusion_table(counts: Integers, classes: Sequence[str]) -> pd.DataFrame:
    """Confusion counts as C * C rows (actual, predicted, count), in class order."""
    return pd.DataFrame(
        {"actual": np.repeat(classes, len(classes)), "predicted": list(classes) * len(classes), "count": counts.ravel()}
    )


def class_table(targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str]) -> pd.DataFrame:
    """One row per class: precision, recall, f1, support (examples), roc_auc, average_precision."""
    counts = confusion(targets, predict(probabilities), len(classes))
    areas = pd.DataFrame(index=range(len(classes)), columns=["roc_auc", "average_precision"], dtype=float)
    for index in with_ranking(targets, len(classes)):
        one_vs_rest = targets == index, probabilities[:, index]
        # Adding up the steps of a perfect ranking may round to more than 1.
        areas.loc[index] = roc_auc_score(*one_vs_rest), min(1.0, average_precision_score(*one_vs_rest))
    scores = {"class": list(classes), **class_scores(counts)._asdict(), "support": counts.sum(axis=1)}
    return pd.DataFrame(scores).join(areas)


def roc_table(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> pd.DataFrame:
    """Rows (class, false_positive_rate, true_positive_rate): a curve of at most `points` per class, then the macro."""
    of_class = _one_vs_rest(curves.roc, targets, probabilities, classes)
    return _curve_table(of_class, points, "false_positive_rate", "true_positive_rate")


def precision_recall_table(
    targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str], points: int
) -> pd.DataFrame:
    """Rows (class, recall, precision): a curve of at most `points` per class, then the macro."""
    of_class = _one_vs_rest(curves.precision_recall, targets, probabilities, classes)
    return _curve_table(of_class, points, "recall", "precision")


def _one_vs_rest(
    curve_of: Callable[[NDArray[np.bool_], NDArray[np.floating]], Curve],
    targets: Integers,
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
) -> dict[str, Curve]:
    """The curve of each class that has one, in class order, then their macro average."""
    ranked = with_ranking(targets, len(classes))
    found = {classes[index]: curve_of(targets == index, probabilities[:, index]) for index in ranked}
    return {**found, MACRO: curves.macro(list(found.values()))}


def _curve_table(of_class: dict[str, Curve], points: int, x: str, y: str) -> pd.DataFrame:
    thinned = {name: curves.thin(curve, points) for name, curve in of_class.items()}
    return pd.concat(
        [pd.DataFrame({"class": name, x: curve.x, y: curve.y}) for name, curve in thinned.items()], ignore_index=True
    )
