"""What a model says of many examples: each once, in their order, with the memory of a few batches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.base.stored import Stored
from stages.core.training.parallel import Workers
from stages.core.training.prediction import BATCH, predict_outputs

SHAPE = (3, 64, 64)


class Sums(nn.Module):
    """Four outputs: of each image the sum of its pixels, and its multiples; of whole numbers, and hence exact."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.arange(1.0, 5.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.float() / 1).flatten(1).sum(dim=1, keepdim=True) * self.factors


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("examples", [0, 1, BATCH, 2 * BATCH + 7])
def test_each_example_has_its_outputs(examples: int, workers: int) -> None:
    images = np.random.default_rng(0).integers(0, 2, (examples, 1, 4, 4), dtype=np.uint8)
    with Workers(workers) as pool:
        found = predict_outputs(Sums(), images, pool)
    expected = images.sum(axis=(1, 2, 3), dtype=np.float32)[:, None] * np.arange(1, 5, dtype=np.float32)
    assert np.array_equal(found.numpy(), expected if examples else np.empty((0, 0)))


def test_memory_does_not_grow_with_the_examples(tmp_path: Path) -> None:
    """A few batches' worth of 10 MB each; where the outputs lay between them, it was that of all."""
    batches = 60
    with (tmp_path / "pixels").open("wb") as file:
        file.truncate(batches * BATCH * int(np.prod(SHAPE)))  # zeros that take no room
    images = Stored(tmp_path / "pixels", 0, (batches * BATCH, *SHAPE), np.dtype(np.uint8))
    with Workers(2) as pool:
        predict_outputs(Sums(), images[: 4 * BATCH], pool)
        before = resident()
        assert not predict_outputs(Sums(), images, pool).any()
        assert resident() - before < 200


def resident() -> int:
    """MiB of this process's own that lie in memory."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) // 1024
