"""The tables behind the plots of a classifier; see `stages.core.scores.classification` for what is undefined."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.scores import curves
from stages.core.scores.bootstrap import Integers
from stages.core.scores.classification import MACRO, class_scores, confusion, predict, rankings
from stages.core.scores.curves import Curve, Ranking


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
    ranked = rankings(targets, probabilities)
    return pd.DataFrame(
        {
            "class": list(classes),
            **class_scores(counts)._asdict(),
            "support": counts.sum(axis=1),
            "roc_auc": [None if ranking.one_sided else curves.roc_auc(ranking) for ranking in ranked],
            "average_precision": [
                None if ranking.one_sided else curves.average_precision(ranking) for ranking in ranked
            ],
        }
    )


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
    curve_of: Callable[[Ranking], Curve], targets: Integers, probabilities: NDArray[np.float32], classes: Sequence[str]
) -> dict[str, Curve]:
    """The curve of each class that has one, in class order, then their macro average."""
    ranked = zip(classes, rankings(targets, probabilities), strict=True)
    found = {name: curve_of(ranking) for name, ranking in ranked if not ranking.one_sided}
    return {**found, MACRO: curves.macro(list(found.values()))}


def _curve_table(of_class: dict[str, Curve], points: int, x: str, y: str) -> pd.DataFrame:
    thinned = {name: curves.thin(curve, points) for name, curve in of_class.items()}
    return pd.concat(
        [pd.DataFrame({"class": name, x: curve.x, y: curve.y}) for name, curve in thinned.items()], ignore_index=True
    )
