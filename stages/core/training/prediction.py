"""What a trained model says of examples: logits, probabilities, and how well they fit."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from stages.core.training.parallel import Workers

BATCH = 200  # the fastest of 64 to 2000; fixed, since the last bits of a prediction may depend on it


def predict_logits(model: nn.Module, inputs: np.ndarray, workers: Workers) -> torch.Tensor:
    """The logits (N, classes) of uint8 `inputs` (N, C, H, W), in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device

    @torch.inference_mode()  # a thread's own setting, hence inside
    def logits(batch: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = model(batch.to(device))
        return output.cpu()

    if len(inputs) == 0:
        return torch.empty(0, 0)
    return torch.cat(workers.map(logits, torch.split(torch.from_numpy(inputs), BATCH)))


def predict_probabilities(model: nn.Module, inputs: np.ndarray, workers: Workers) -> np.ndarray:
    """The class probabilities float32 (N, classes) of uint8 `inputs` (N, C, H, W)."""
    return predict_logits(model, inputs, workers).softmax(dim=1).numpy()


def loss_and_accuracy(logits: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of `logits` (N, classes) against `targets` (N,); NaN on no examples."""
    if len(targets) == 0:
        return math.nan, math.nan
    actual = torch.from_numpy(targets)
    loss = F.cross_entropy(logits.double(), actual).item()
    return loss, (logits.argmax(dim=1) == actual).sum().item() / len(actual)
