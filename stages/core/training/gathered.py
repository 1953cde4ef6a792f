"""Images that stay in their file, picked batch by batch as those of a tensor are."""

import torch

from stages.core.base.stored import Rows, Stored


class Gathered:
    """Stands in for a tensor uint8 (N, C, H, W) of which batches are picked, on `device`."""

    def __init__(self, images: Stored, device: torch.device) -> None:
        self.images, self.device = images, device
        self.shape = images.shape

    def index_select(self, _: int, indices: torch.Tensor) -> torch.Tensor:
        """Those at `indices` (B,)."""
        return torch.from_numpy(self.images[indices.cpu().numpy()]).to(self.device)


def on_device(inputs: Rows, device: torch.device) -> torch.Tensor | Gathered:
    """The inputs as they are picked in training: as a whole where they are in memory."""
    return Gathered(inputs, device) if isinstance(inputs, Stored) else torch.from_numpy(inputs).to(device)
