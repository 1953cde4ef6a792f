"""The rows of a table, batch by batch."""

import torch
from torch import nn

from stages.core.training.augmentation import Draws

ENCODED = 1 << 28  # bytes that the encoded rows may take: a quarter of a GiB
CHUNK = 4096  # rows encoded at a time


class Rows:
    """Gathers batches of rows from a table float64 (N, F), as its `front` end encodes them where there is room for all.

    Encoding a row once rather than in each epoch changes speed alone: the front end leaves encoded ones as they are.
    """

    def __init__(self, rows: torch.Tensor, front: nn.Module) -> None:
        width = front(rows[:1]).shape[1]
        fits = 4 * width * len(rows) <= ENCODED
        self.rows = torch.cat([front(chunk) for chunk in torch.split(rows, CHUNK)]) if fits else rows

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Nothing: a row has no variations known to mean the same."""
        return {}

    def batch(self, indices: torch.Tensor, draws: Draws) -> torch.Tensor:
        """The rows at `indices` (B,)."""
        return self.rows.index_select(0, indices)
