"""Cross-validation: how many examples its folds train on, and what they say together.

That is mean, spread and interval of each score, and the gap between training and validation.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

CONFIDENCE = 0.95


def corrected_interval(scores: Sequence[float] | np.ndarray, test_share: float) -> tuple[float, float]:
    """The 95% interval of the mean of k >= 2 fold scores, by the corrected resampled t-test.

    The folds' training sets overlap, so their scores are correlated and the plain t interval is too narrow; the
    variance of the mean is taken as (1/k + test_share / (1 - test_share)) times that of the scores, `test_share`
    in (0, 1) being the part of the data that a fold tests on.
    Source: Nadeau and Bengio, Inference for the Generalization Error (2003), section 3.
    """
    from scipy import stats  # half a second that a refused parameter need not wait for

    k = len(scores)
    scale = math.sqrt((1 / k + test_share / (1 - test_share)) * np.var(scores, ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, k - 1)) * scale
    return float(np.mean(scores)) - half, float(np.mean(scores)) + half


def summarise(folds: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The folds' scores (one dict a fold: accuracy, macro_f1, loss, train_accuracy) as the stage's metrics.

    `accuracy_gap` is training minus validation accuracy: large and positive means overfitting, near zero at a low
    accuracy underfitting. What stands in lists does not show in DVC's tables, which would else be too wide to read.
    """
    values = {name: np.array([fold[name] for fold in folds]) for name in folds[0]}
    scores = [
        {
            "score": name,
            "mean": _round(values[name].mean()),
            "std": _round(values[name].std(ddof=1)),
            "ci95": [_round(end) for end in corrected_interval(values[name], test_share=1 / len(folds))],
        }
        for name in ("accuracy", "macro_f1", "loss")
    ]
    return {
        "accuracy": scores[0]["mean"],
        "accuracy_gap": _round((values["train_accuracy"] - values["accuracy"]).mean()),
        "scores": scores,
        "folds": [
            {name: _round(score) for name, score in fold.items()}
            | {"accuracy_gap": _round(fold["train_accuracy"] - fold["accuracy"])}
            for fold in folds
        ],
    }


def _round(value: float) -> float:
    return round(float(value), 6)
