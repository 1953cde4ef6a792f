"""Cross-validation: how many examples its folds train on, and what they say together.

That is mean, spread and interval of each score, and the gap between training and validation.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from stages.core.params import Section
from stages.core.recipe import Recipe, check_batches

CONFIDENCE = 0.95


class CrossValidateConfig(Section):
    """Section `cross_validate`: how often, and for how long, the recipe is trained anew on a part of the data."""

    folds: Annotated[int, Field(ge=2, le=100)]
    epochs: Annotated[int, Field(ge=0, le=1000)]
    learning_curve: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False, max_length=20)]

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if list(self.learning_curve) != sorted(set(self.learning_curve)):
            raise ValueError(
                f"learning_curve = {list(self.learning_curve)}: each fraction must be above the one before"
            )
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of a fold's training examples to train on, ascending: the last one is all."""
        return (*self.learning_curve, 1.0)


def training_sizes(config: CrossValidateConfig, examples: int) -> list[int]:
    """On how many of so many `examples` a model is trained, ascending: of every fold and share, each number once."""
    rest = {examples - examples // config.folds, examples - math.ceil(examples / config.folds)}
    return sorted({round(share * size) for share in config.shares for size in rest})


def check_training_sizes(recipe: Recipe, config: CrossValidateConfig, examples: int) -> None:
    """Refuse so many `examples` if those of a fold, or a share of them, do not go with the recipe's batches."""
    for size in training_sizes(config, examples):
        check_batches(recipe, size, "examples that cross_validate trains on")


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
