"""Data parallelism whose result does not depend on the number of workers.

Every batch is cut into a fixed number of shards. A shard is computed by one thread, on a replica of the model with
batch-norm buffers of its own, and what the shards give is added in one fixed binary tree. Workers decide who
computes a shard and when, never what is computed.
"""

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import torch
from torch import nn

from stages.core.command import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def tree_sum(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of 2**k tensors, added pairwise: floating-point addition is not associative, so the order is fixed."""
    while len(parts) > 1:
        parts = [left + right for left, right in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


class Workers:
    """Threads that share out work items; a context manager. One worker means no thread at all."""

    def __init__(self, count: int) -> None:
        self.pool = ThreadPoolExecutor(count) if count > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pool:
            self.pool.shutdown()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`function` of each item, results in the items' order."""
        return list(self.pool.map(function, items) if self.pool else map(function, items))


def worker_count() -> int:
    """The number of workers: WORKERS in the environment, or the cores at hand. Changes speed, no result."""
    text = os.environ.get("WORKERS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) == 0:
        raise InputError(f"WORKERS = {text!r}: must be a whole number, 1 or more")
    return int(text)


class ShardedModel:
    """A model as replicas, one per shard, that share one flat vector of weights and own their buffers."""

    def __init__(self, model: nn.Module, shards: int, workers: Workers) -> None:
        self.workers = workers
        self.weights = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
        self.replicas = [_sharing(copy.deepcopy(model), self.weights) for _ in range(shards)]
        self.model = _sharing(model, self.weights).eval()  # for evaluation; its buffers are the shards' mean

    def gradient(self, shard_loss: Callable[[nn.Module, int], torch.Tensor]) -> tuple[float, torch.Tensor]:
        """The sum of `shard_loss(replica, shard)` over the shards, and its gradient in the weights (P,)."""

        def compute(shard: int) -> torch.Tensor:
            replica = self.replicas[shard]
            loss = shard_loss(replica, shard)
            gradients = torch.autograd.grad(loss, list(replica.parameters()))
            return torch.cat([loss.detach().reshape(1), *(g.reshape(-1) for g in gradients)])

        total = tree_sum(self.workers.map(compute, range(len(self.replicas))))
        return total[0].item(), total[1:]

    def average_buffers(self) -> None:
        """Give `model` the mean of the replicas' floating-point buffers; whole numbers (counts) are alike in all."""
        for name, buffer in self.model.named_buffers():
            parts = [replica.get_buffer(name) for replica in self.replicas]
            buffer.copy_(tree_sum(parts) / len(parts) if buffer.is_floating_point() else parts[0])


def _sharing(model: nn.Module, weights: torch.Tensor) -> nn.Module:
    """Make the parameters of `model` views into the flat vector `weights`."""
    offset = 0
    for parameter in model.parameters():
        parameter.data = weights[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    return model
