"""A training run in flight: weights, optimiser and data, the step that takes them on, and the state to resume from."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import InputColumn
from stages.core.config.recipe import Recipe
from stages.core.data.examples import Examples
from stages.core.networks.fronts import learn
from stages.core.networks.layers import RandomLayer
from stages.core.networks.model import build_model, check_alike, check_draws, normalises_batches
from stages.core.networks.pretrained import start_from
from stages.core.training.augmentation import Augmenter, split
from stages.core.training.batches import Stream, augmentation, batches, generator, stream
from stages.core.training.device import select_device
from stages.core.training.gathered import on_device
from stages.core.training.objectives import Objective
from stages.core.training.optimizers import Optimizer
from stages.core.training.parallel import ShardedModel, Workers
from stages.core.training.rows import Rows
from stages.core.training.schedules import learning_rate


class Engine:
    """Trains a new model by `recipe` on `train` for `objective`, a step or an epoch at a time; it has `width` outputs.

    Of a table `columns` tell which are numbers. A backbone starts from the weights `pretrained`. All that is learned
    from data is learned here, on `train`. All draws depend on (recipe.seed, purpose, fold, epoch, step, shard) alone:
    there is no generator whose state would have to be kept. Raises `InputError` when the device is not at hand, the
    weights are another network's or the data cannot be learned from.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Examples,
        objective: Objective,
        width: int,
        workers: Workers,
        fold: int = 0,
        columns: Sequence[InputColumn] | None = None,
        pretrained: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.recipe, self.config, self.fold = recipe, recipe.train, fold
        self.objective = objective.learned(train.targets)
        self.device = select_device(self.config.device)
        self.learned = learn(train.inputs, columns)
        model, again = (
            build_model(recipe.model, train.inputs.shape[1:], width, self.learned, initial)
            for initial in (self.generator("initialise", fold), self.generator("initialise", fold))
        )
        check_alike(model, again)
        start_from(model, recipe.model, pretrained or {})
        check_draws(model, train.inputs.shape[1:])
        self.least_batch = self.config.shards * (2 if normalises_batches(model) else 1)
        self.sharded = ShardedModel(model.to(self.device), self.config.shards, workers)
        self.random = [
            [layer for layer in r.modules() if isinstance(layer, RandomLayer)] for r in self.sharded.replicas
        ]
        self.optimizer = Optimizer(self.config, self.sharded.weights)
        inputs = on_device(train.inputs, self.device)
        self.source: Rows | Augmenter
        if isinstance(inputs, torch.Tensor) and columns is not None:
            self.source = Rows(inputs, model[0])
        else:
            self.source = Augmenter(inputs, recipe.augment)
        self.targets = self.objective.encoded(train.targets).to(self.device)

    def generator(self, *name: str | int) -> torch.Generator:
        """The generator of the stream called `name`; always the CPU's, so that the draws are the same on a GPU."""
        return generator(self.recipe, *name)

    def train_epoch(self, epoch: int, losses: list[float], on_step: Callable[[], object]) -> float:
        """Take every example once, in an order of this epoch's own; returns the last learning rate.

        Raises `InputError` when the loss is no longer finite.
        """
        order = batches(self.recipe, len(self.targets), self.fold, epoch)
        steps = len(order)
        for step, batch in enumerate(order):
            rate = learning_rate(self.config, (epoch - 1) * steps + step, steps, losses)
            loss = self.step(batch, rate, stream(self.fold, epoch, step))
            self.check_finite(loss, f"epoch {epoch}, step {step + 1} of {steps}")
            on_step()
        return rate

    def check_finite(self, loss: float, when: str) -> None:
        """Raise `InputError` unless `loss` is a number."""
        if not math.isfinite(loss):
            raise InputError(
                f"the loss became {loss} at {when}, with train.lr = {self.config.lr}: "
                "lower train.lr or set train.grad_clip"
            )

    def check_batch(self, examples: int) -> None:
        """Raise `InputError` where a batch of `examples` is too small for its shards; the network built is asked."""
        if examples < self.least_batch:
            shards = f"for each of the train.shards = {self.config.shards}"
            raise InputError(
                f"params.yaml: train.batch_size = {self.config.batch_size}: gives a batch of {examples}, must be at "
                f"least {self.least_batch}, {self.least_batch // self.config.shards} {shards}"
            )

    def step(self, batch: torch.Tensor, rate: float, name: Stream) -> float:
        """One step of the optimiser on the examples at `batch` (B,) with draws of `name`; their mean loss before it."""
        self.check_batch(len(batch))
        shards = batch.to(self.device).tensor_split(self.config.shards)
        draws = split(self.source.draw(len(batch), self.generator(*augmentation(name))), len(shards))

        def shard_loss(replica: nn.Module, shard: int) -> torch.Tensor:
            for index, layer in enumerate(self.random[shard]):
                layer.generator = self.generator(*name, "layer", shard, index)
            outputs = replica(self.source.batch(shards[shard], draws[shard]))
            wanted = self.targets[shards[shard]]
            members = 1
            if outputs.dim() == 3:  # of several members, each to be right by itself
                members = outputs.shape[1]
                outputs, wanted = outputs.flatten(0, 1), wanted.repeat_interleave(members)
            return self.objective.loss_sum(outputs, wanted) / (members * len(batch))

        loss, gradient = self.sharded.gradient(shard_loss)
        self.optimizer.step(gradient, rate)
        return loss

    def model(self) -> nn.Module:
        """The model as trained so far, for evaluation."""
        self.sharded.average_buffers()
        return self.sharded.model

    def state(self) -> dict[str, torch.Tensor]:
        """All that training changes: weights, the optimiser's vectors and step count, every shard's buffers."""
        optimizer = self.optimizer
        buffers = {
            f"buffers.{shard}.{name}": buffer
            for shard, buffers in enumerate(self.sharded.buffers())
            for name, buffer in buffers.items()
        }
        return {
            "weights": self.sharded.weights,
            "velocity": optimizer.velocity,
            "square": optimizer.square,
            "steps": torch.tensor(optimizer.steps),
            **buffers,
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go back to a `state` of a run of the same recipe on the same data."""
        self.sharded.weights.copy_(state["weights"])
        self.optimizer.velocity.copy_(state["velocity"])
        self.optimizer.square.copy_(state["square"])
        self.optimizer.steps = int(state["steps"])
        for shard, replica in enumerate(self.sharded.replicas):
            for name, buffer in replica.named_buffers():
                buffer.copy_(state[f"buffers.{shard}.{name}"])
