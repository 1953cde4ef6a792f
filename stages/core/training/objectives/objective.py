"""What the engine must know of a task: its targets, its loss, the score of its curves and what its outputs mean."""

from typing import Protocol, Self

import numpy as np
import torch

from stages.core.base.schemas import PredictionInterval, TargetScale


class Objective(Protocol):
    """A task, as training sees it. `outputs` are what the network's last layer gives, float32 (N, width)."""

    @property
    def score(self) -> str:
        """The name of the score of the curves."""

    def learned(self, targets: np.ndarray) -> Self:
        """The objective with all that it must know of the targets (N,) trained on; what follows needs it.

        Raises `InputError` where they cannot be learned as the section `train` asks.
        """

    def encoded(self, targets: np.ndarray) -> torch.Tensor:
        """The targets (N,) as the loss takes them."""

    def loss_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss trained on of encoded targets, summed over the examples (): the shards of a batch add up."""

    def loss_and_score(self, outputs: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
        """Mean loss and score for the curves, the same whatever loss is trained on; NaN on no examples."""

    def quality(self, loss: float, score: float) -> tuple[float, float]:
        """By which the best epoch is chosen, of its validation loss and score: the largest is."""

    def predictions(self, outputs: torch.Tensor) -> np.ndarray:
        """What uncalibrated outputs say: of classes float32 probabilities (N, C), else float64 numbers (N,)."""

    def calibrate(self, outputs: np.ndarray, targets: np.ndarray) -> float | TargetScale:
        """What the model's last layer must do, so that predictions mean what they say, see `describe_model`."""

    def interval(self, outputs: np.ndarray, targets: np.ndarray) -> PredictionInterval | None:
        """How far off predictions may be, from validation outputs and targets (N,); None for classes, or if N is 0."""
