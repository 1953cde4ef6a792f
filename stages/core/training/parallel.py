"""Data parallelism whose result does not depend on who computes.

Every batch is cut into a fixed number of shards. A shard is computed in one thread, on a replica of the model with
batch-norm buffers of its own, and what the shards give is added in one fixed binary tree. The threads of this process,
and the processes that torchrun may have started, only share the shards out.
"""

import copy
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import torch
import torch.distributed
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.cores import thread_count

Item = TypeVar("Item")
Result = TypeVar("Result")


def tree_sum(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of 2**k tensors, added pairwise: floating-point addition is not associative, so the order is fixed."""
    while len(parts) > 1:
        parts = [left + right for left, right in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


class Workers:
    """`threads` of this process and of its `ranks` peers, sharing out work; a context manager."""

    def __init__(self, threads: int, rank: int = 0, ranks: int = 1) -> None:
        self.rank, self.ranks = rank, ranks
        self.helpers = threads - 1  # besides the thread that calls
        self.pool = ThreadPoolExecutor(max(1, self.helpers))  # starts no thread before it is given work

    @classmethod
    def at_hand(cls) -> Self:
        """WORKERS threads (default: the cores, divided among the ranks of this machine) and the ranks of torchrun."""
        if not torch.distributed.is_torchelastic_launched():
            return cls(thread_count(local_ranks=1))
        torch.distributed.init_process_group("gloo")
        threads = thread_count(int(os.environ["LOCAL_WORLD_SIZE"]))
        return cls(threads, torch.distributed.get_rank(), torch.distributed.get_world_size())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.shutdown(cancel_futures=True)
        if self.ranks > 1:
            torch.distributed.destroy_process_group()

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This rank's part of the items; one after the other, those of the ranks are all."""
        start, stop = (len(items) * rank // self.ranks for rank in (self.rank, self.rank + 1))
        return items[start:stop]

    def gather(self, value: Result) -> list[Result]:
        """Each rank's `value`, on every rank, in the ranks' order."""
        if self.ranks == 1:
            return [value]
        values: list[Any] = [None] * self.ranks
        torch.distributed.all_gather_object(values, value)
        return values

    def map_tensors(self, function: Callable[[Item], torch.Tensor], items: Sequence[Item]) -> list[torch.Tensor]:
        """`function` of each item, computed by all ranks, where each has as many, and the results one shape and type.

        They travel as numbers.
        """
        if self.ranks == 1:
            return self.map(function, items)
        mine = torch.stack(self.map(function, self.share(items)))
        parts = [torch.empty_like(mine, device="cpu") for _ in range(self.ranks)]
        torch.distributed.all_gather(parts, mine.cpu())
        return list(torch.cat(parts).to(mine.device))

    def first(self, value: Result) -> Result:
        """Rank 0's `value`, on every rank."""
        if self.ranks == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values)
        return values[0]

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`function` of each item, in the items' order, by the threads of this process.

        The calling thread works too, and each takes what is left when it is free.
        """
        items = list(items)
        waiting = deque(enumerate(items))
        results: dict[int, Result] = {}

        def work() -> None:
            while True:
                try:
                    index, item = waiting.popleft()
                except IndexError:  # none left
                    return
                try:
                    results[index] = function(item)
                except BaseException:
                    waiting.clear()
                    raise

        helpers = [self.pool.submit(work) for _ in range(min(self.helpers, len(items) - 1))]
        try:
            work()
        finally:
            wait(helpers)
        for helper in helpers:
            helper.result()
        return [results[index] for index in range(len(items))]


class ShardedModel:
    """A model as replicas, one per shard, that share one flat vector of weights and own their buffers.

    Parameters that do not require a gradient are frozen: the replicas share them, and the vector leaves them out.

    Raises `InputError` where the ranks cannot have equally many of the shards each.
    """

    def __init__(self, model: nn.Module, shards: int, workers: Workers) -> None:
        if shards % workers.ranks:
            fitting = ", ".join(str(ranks) for ranks in (1, 2, 4, 8, 16) if ranks <= shards)
            raise InputError(f"{workers.ranks} ranks do not fit train.shards = {shards}: must be one of {fitting}")
        self.workers = workers
        self.weights = torch.cat([p.detach().reshape(-1) for p in _trained(model)])
        frozen = {id(p): p for p in model.parameters() if not p.requires_grad}  # which a copy then keeps
        copies = [copy.deepcopy(model, dict(frozen)) for _ in range(shards)]
        self.replicas = [_sharing(replica, self.weights) for replica in copies]
        self.parameters = [_trained(replica) for replica in self.replicas]  # listing them takes a while
        self.model = _sharing(model, self.weights).eval()  # for evaluation; its buffers are the shards' mean

    def gradient(self, shard_loss: Callable[[nn.Module, int], torch.Tensor]) -> tuple[float, torch.Tensor]:
        """The sum of `shard_loss(replica, shard)` over the shards, and its gradient in the trained weights (P,)."""

        def compute(shard: int) -> torch.Tensor:
            loss = shard_loss(self.replicas[shard], shard)
            gradients = torch.autograd.grad(loss, self.parameters[shard])
            return torch.cat([loss.detach().reshape(1), *(g.reshape(-1) for g in gradients)])

        total = tree_sum(self.workers.map_tensors(compute, range(len(self.replicas))))
        return total[0].item(), total[1:]

    def buffers(self) -> list[dict[str, torch.Tensor]]:
        """The buffers of each shard's replica, whichever rank computes it."""
        parts = {
            name: self.workers.map_tensors(partial(self._buffer, name), range(len(self.replicas)))
            for name, _ in self.model.named_buffers()
        }
        return [{name: of_shards[shard] for name, of_shards in parts.items()} for shard in range(len(self.replicas))]

    def _buffer(self, name: str, shard: int) -> torch.Tensor:
        return self.replicas[shard].get_buffer(name)

    def average_buffers(self) -> None:
        """Give `model` the mean of the shards' floating-point buffers; whole numbers (counts) are alike in all."""
        shards = self.buffers()
        for name, buffer in self.model.named_buffers():
            parts = [buffers[name] for buffers in shards]
            buffer.copy_(tree_sum(parts) / len(parts) if buffer.is_floating_point() else parts[0])


def _sharing(model: nn.Module, weights: torch.Tensor) -> nn.Module:
    """Make the trained parameters of `model` views into the flat vector `weights`."""
    offset = 0
    for parameter in _trained(model):
        parameter.data = weights[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    return model


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
