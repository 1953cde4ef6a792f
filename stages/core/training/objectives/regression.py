"""Regression: losses of outputs (N, 1) against numbers (N,), which a network learns less their mean, in their spread.

With `target_transform: log` it learns their logarithm: errors then count by their share of the target.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import PredictionInterval, TargetScale
from stages.core.base.stored import Rows
from stages.core.config.recipe import TrainConfig
from stages.core.networks.layers import Units
from stages.core.networks.logarithm import log
from stages.core.training.objectives import conformal
from stages.core.training.parallel import Workers
from stages.core.training.prediction import predict_outputs

LARGEST = 1e100  # so that squares have room
HUBER = 0.5  # standard deviations of the target up to which huber is quadratic


@dataclass(frozen=True)
class Regression:
    """The objective of numbers, with the loss of the section `train`.

    Its curves show the root of the mean squared error in the target's unit, and the mean absolute error in its spread.
    By the latter an epoch is chosen: a squared one hangs on the few worst rows of the slice, and so on chance.
    """

    config: TrainConfig
    scale: TargetScale | None = None
    score: ClassVar[str] = "rmse"

    def learned(self, targets: np.ndarray) -> Self:
        return replace(self, scale=target_scale(targets, log_of_them=self.config.target_transform == "log"))

    def encoded(self, targets: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._scaled(targets).astype(np.float32))

    def loss_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        numbers = outputs[:, 0]
        match self.config.loss:
            case "mae":
                return F.l1_loss(numbers, targets, reduction="sum")
            case "huber":
                return F.huber_loss(numbers, targets, reduction="sum", delta=HUBER)
        return F.mse_loss(numbers, targets, reduction="sum")

    def loss_and_score(self, outputs: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
        if len(targets) == 0:
            return math.nan, math.nan
        errors = outputs[:, 0].double().numpy() - self._scaled(targets)
        return float(np.mean(np.abs(errors))), math.sqrt(np.mean((self.predictions(outputs) - targets) ** 2))

    def predictions(self, outputs: torch.Tensor) -> np.ndarray:
        numbers: np.ndarray = Units(self._known)(outputs).reshape(-1).numpy()
        return numbers

    def calibrate(self, outputs: np.ndarray, targets: np.ndarray) -> TargetScale:
        return self._known

    def quality(self, loss: float, score: float) -> tuple[float, float]:
        return -loss, -score

    def interval(self, outputs: np.ndarray, targets: np.ndarray) -> PredictionInterval | None:
        if len(targets) == 0:
            return None
        return conformal.calibrate(targets, self.predictions(torch.from_numpy(outputs)), factors=self._known.log)

    def _scaled(self, targets: np.ndarray) -> np.ndarray:
        scale = self._known
        if scale.log:
            targets = log(np.maximum(targets, np.finfo(np.float64).tiny))  # of those held out some may be 0
        return (targets - scale.mean) / scale.std

    @property
    def _known(self) -> TargetScale:
        assert self.scale is not None, "an objective must have learned its targets"
        return self.scale


def target_scale(targets: np.ndarray, log_of_them: bool) -> TargetScale:
    """The scale of float64 `targets` (N,), or of their logarithms; their sums are exact, in whatever order they come.

    Raises `InputError` where there is no logarithm, they are too large to be squared, or all alike.
    """
    if log_of_them:
        if targets.min() <= 0:
            raise InputError(
                "params.yaml: train.target_transform = 'log': needs targets above 0, "
                f"found {targets.min():g} in the training part"
            )
        targets = log(targets)
    if (largest := float(np.abs(targets).max())) > LARGEST:
        raise InputError(f"training part: the targets go to {largest:g}, must stay within {LARGEST:g}")
    mean = math.fsum(targets) / len(targets)
    std = math.sqrt(math.fsum((targets - mean) ** 2) / len(targets))
    if std == 0:
        raise InputError(f"training part: all targets are {targets[0]:g}, must vary")
    return TargetScale(mean=mean, std=std, log=log_of_them, low=float(targets.min()), high=float(targets.max()))


def predict_numbers(model: nn.Module, inputs: Rows, workers: Workers) -> np.ndarray:
    """The numbers float64 (N,), in the target's unit, that `model`, as loaded, says of `inputs`."""
    return predict_outputs(model, inputs, workers).double().reshape(-1).numpy()
