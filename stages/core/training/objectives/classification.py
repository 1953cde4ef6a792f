"""Classification: losses of logits (N, C) against class indices (N,), accuracy, probabilities and their temperature.

Training with label smoothing leaves a model too modest, training for long too sure of itself. Dividing the logits by a
temperature mends either, and changes no prediction.
Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import nn

from stages.core.base.stored import Rows
from stages.core.config.recipe import TrainConfig
from stages.core.training.parallel import Workers
from stages.core.training.prediction import predict_outputs

COLDEST, HOTTEST = 0.05, 100.0
DIGITS = 3  # of the temperature: finer ones are noise, and the last bits of exp are the machine's own


@dataclass(frozen=True)
class Classification:
    """The objective of classes, with the loss of the section `train`. Its curves show accuracy and cross-entropy."""

    config: TrainConfig
    weights: tuple[float, ...] | None = None  # of the classes in the loss; None: all alike
    score: ClassVar[str] = "accuracy"

    def learned(self, targets: np.ndarray) -> Self:
        return replace(self, weights=class_weights(targets) if self.config.class_weights == "balanced" else None)

    def encoded(self, targets: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(targets)

    def loss_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return loss_sum(self.config, outputs, targets, self.weights)

    def loss_and_score(self, outputs: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
        return loss_and_accuracy(outputs, targets)

    def predictions(self, outputs: torch.Tensor) -> np.ndarray:
        return outputs.softmax(dim=1).numpy()

    def calibrate(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        return fit_temperature(outputs, targets)

    def quality(self, loss: float, score: float) -> tuple[float, float]:
        return score, -loss

    def interval(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        return None


def class_weights(targets: np.ndarray) -> tuple[float, ...]:
    """A weight for each class of `targets` (int64 (N,)), such that all classes weigh alike and the mean weight is 1."""
    counts = np.bincount(targets)
    found = np.count_nonzero(counts)
    return tuple(len(targets) / (found * max(count, 1)) for count in counts.tolist())


def loss_sum(
    config: TrainConfig, logits: torch.Tensor, targets: torch.Tensor, weights: Sequence[float] | None = None
) -> torch.Tensor:
    """The configured loss, summed over the examples, each times its class's weight; without `weights` 1."""
    weight = None
    if weights is not None:  # the last classes may not be among those trained on
        weight = torch.ones(logits.shape[1], device=logits.device)
        weight[: len(weights)] = torch.tensor(weights, device=logits.device)
    if config.loss == "cross_entropy":
        if weight is None:
            return F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing, reduction="sum")
        # torch's own weights multiply the smoothed share of every class, too: a rare one would outweigh the true one.
        losses = F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing, reduction="none")
        return (losses * weight[targets]).sum()
    if config.loss == "focal":
        return focal_loss(logits, targets, config.focal_gamma, weight)
    return F.multi_margin_loss(logits, targets, margin=config.margin, weight=weight, reduction="sum")


def focal_loss(
    logits: torch.Tensor, targets: torch.Tensor, gamma: float, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Sum of -(1 - p)**gamma * log(p), p the probability of the true class; gamma = 0 is cross-entropy.

    Well-classified examples weigh less; `weight` (C,) multiplies that. Source: Lin et al., Focal Loss for Dense Object
    Detection (2017), eq. 4.
    """
    log_p = F.log_softmax(logits, dim=1).gather(1, targets[:, None]).squeeze(1)
    # A number as exponent could mean a square root, in the gradient too, and torch's depends on the make of processor.
    exponent = torch.tensor(gamma, device=logits.device)
    losses = -((1 - log_p.exp()).clamp_min(0) ** exponent * log_p)
    return (losses if weight is None else losses * weight[targets]).sum()


def loss_and_accuracy(logits: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of `logits` (N, classes) against `targets` (N,); NaN on no examples."""
    if len(targets) == 0:
        return math.nan, math.nan
    actual = torch.from_numpy(targets)
    loss = F.cross_entropy(logits.double(), actual).item()
    return loss, (logits.argmax(dim=1) == actual).sum().item() / len(actual)


def predict_probabilities(model: nn.Module, inputs: Rows, workers: Workers) -> np.ndarray:
    """The class probabilities float32 (N, classes) that `model`, as loaded, gives `inputs`."""
    return predict_outputs(model, inputs, workers).softmax(dim=1).numpy()


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """The temperature at which `logits` (N, C), divided by it, have the lowest log loss against `targets` (N,).

    Within [0.05, 100], to three decimals; 1.0, which changes nothing, where there are no examples. Without a mistake
    the lowest log loss would be that of certainty; then the mean confidence gets no higher, within these bounds, than
    Laplace's rule of succession allows after N examples without one: 1 - 1 / (N + 2).
    """
    if len(targets) == 0:
        return 1.0
    scores = logits.astype(np.float64)
    actual = np.take_along_axis(scores, targets[:, None], axis=1)[:, 0]
    surest = 1 - 1 / (len(targets) + 2) if (actual == scores.max(axis=1)).all() else 1
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(60):  # bisection: in the inverse temperature the log loss is convex, and confidence rises
        middle = (low + high) / 2
        weights = np.exp(middle * (scores - scores.max(axis=1, keepdims=True)))
        expected = (weights * scores).sum(axis=1) / weights.sum(axis=1)
        confidence = 1 / weights.sum(axis=1)  # of the likeliest class, whose weight is 1
        if (expected - actual).sum() > 0 or confidence.mean() > surest:
            high = middle
        else:
            low = middle
    return round(1 / middle, DIGITS)
