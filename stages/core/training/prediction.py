"""What a trained model says of examples: the outputs of its last layer. What they mean, its objective knows."""

import numpy as np
import torch
from torch import nn

from stages.core.training.parallel import Workers

BATCH = 200  # images: the fastest of 64 to 2000; fixed, since the last bits of a prediction may depend on it
ROWS = 1000  # likewise


def predict_outputs(model: nn.Module, inputs: np.ndarray, workers: Workers) -> torch.Tensor:
    """The outputs (N, width), of classes their logits, of images or rows; in evaluation mode, on the CPU.

    `inputs` are uint8 (N, C, H, W) or float64 (N, F). Without examples (0, 0).
    """
    model.eval()
    device = next(model.parameters()).device

    @torch.inference_mode()  # a thread's own setting, hence inside
    def outputs(batch: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = model(batch.to(device))
        return output.cpu()

    if len(inputs) == 0:
        return torch.empty(0, 0)
    batches = torch.split(torch.from_numpy(inputs), BATCH if inputs.ndim == 4 else ROWS)
    return torch.cat(workers.map(outputs, batches))
