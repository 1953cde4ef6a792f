"""What the engine must know of a task: its loss, the score of its curves and its calibration."""

from typing import Protocol

import numpy as np
import torch


class Objective(Protocol):
    """A task, as training sees it. `outputs` are what the network's last layer gives, float32 (N, width)."""

    @property
    def score(self) -> str:
        """The name of the score of the curves, by which the best epoch is chosen; larger is better."""

    def loss_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss trained on, summed over the examples (): shards of a batch add up, the caller divides."""

    def loss_and_score(self, outputs: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
        """Mean loss and score for the curves, the same whatever loss is trained on; NaN on no examples."""

    def calibrate(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """The number by which outputs are divided so that predictions mean what they say; 1.0 changes nothing."""
