"""What a trained model says of examples: the outputs of its last layer. What they mean, its objective knows."""

import math

import torch
from torch import nn

from stages.core.base.stored import Rows
from stages.core.training.parallel import Workers

BATCH = 200  # images: the fastest of 64 to 2000; fixed, since the last bits of a prediction may depend on it
PIXELS = 1 << 22  # that a batch has at most, with their channels: of images above 83 x 83 in colour it has fewer
ROWS = 1000  # likewise


def predict_outputs(model: nn.Module, inputs: Rows, workers: Workers) -> torch.Tensor:
    """The outputs (N, width), of classes their logits, of images or rows; in evaluation mode, on the CPU.

    `inputs` are uint8 (N, C, H, W) or float64 (N, F). Without examples (0, 0).
    """
    model.eval()
    device = next(model.parameters()).device

    size = max(1, min(BATCH, PIXELS // math.prod(inputs.shape[1:]))) if inputs.ndim == 4 else ROWS

    @torch.inference_mode()  # a thread's own setting, hence inside
    def outputs(start: int, stop: int) -> torch.Tensor:
        output: torch.Tensor = model(torch.from_numpy(inputs[start:stop]).to(device))
        return output.cpu()

    if len(inputs) == 0:
        return torch.empty(0, 0)
    starts = workers.share(range(0, len(inputs), size))
    # Made before, and filled: were the output of each batch kept, it would lie in the room that the batch had, of which
    # the next one then needs another. With many batches that is as much memory as the data.
    rows = range(len(inputs))[starts[0] : starts[-1] + size] if starts else range(0)
    found = torch.empty(len(rows), *outputs(0, 1).shape[1:])

    def fill(start: int) -> None:
        found[start - rows.start : start - rows.start + size] = outputs(start, start + size)

    workers.map(fill, starts)
    return torch.cat(workers.gather(found))
