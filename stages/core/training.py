"""Training one model: epochs of sharded steps, curves on training and validation data, and the best epoch's weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from stages.core.augmentation import Augmenter
from stages.core.command import InputError
from stages.core.dataset import Labelled, normalisation
from stages.core.losses import loss_sum
from stages.core.model import Dropout, build_model
from stages.core.optimizers import Optimizer
from stages.core.parallel import ShardedModel, Workers
from stages.core.prediction import loss_and_accuracy
from stages.core.recipe import Recipe, TrainConfig, check_batch_size
from stages.core.schedules import learning_rate
from stages.core.seeding import derive

CURVE_EXAMPLES = 5000  # training examples that the training curve is measured on, in evaluation mode, as validation is


@dataclass(frozen=True)
class Epoch:
    """A point of the curves. Losses are the mean cross-entropy, whatever loss is trained on, so that runs compare.

    Without validation data its two scores are NaN.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    train_accuracy: float
    validation_accuracy: float


@dataclass(frozen=True)
class Fit:
    """A trained model with the weights of `best_epoch`, and the curves of all epochs."""

    model: nn.Module
    history: list[Epoch]
    best_epoch: int


def fit(
    recipe: Recipe,
    train: Labelled,
    validation: Labelled,
    classes: int,
    workers: Workers,
    fold: int = 0,
    select: bool = True,
    on_step: Callable[[], object] = lambda: None,
) -> Fit:
    """Train a new model by `recipe` on `train`, and select the epoch with the lowest loss on `validation`.

    With `select` false (or nothing to validate on) the last epoch is kept, early stopping is off and the plateau
    schedule watches the training curve: `validation` then decides nothing and may serve for an honest score. `fold`
    names the run's random streams, so that each fold starts from other weights; `on_step` is called after every
    step, for a progress bar. Raises `InputError` when the batch is larger than the data or the loss is not finite.
    """
    select = select and len(validation) > 0
    patience = recipe.train.early_stopping if select else 0
    run = _Run(recipe, train, classes, workers, fold)
    sample = torch.randperm(len(train), generator=_generator(recipe.seed, "curve", fold))[:CURVE_EXAMPLES].numpy()
    curve = train.take(sample)
    history: list[Epoch] = []
    losses: list[float] = []  # what the selection, early stopping and the plateau schedule watch
    best, best_weights = 0, dict[str, torch.Tensor]()
    for epoch in range(1, recipe.train.epochs + 1):
        rate = run.train_epoch(epoch, losses, on_step)
        model = run.model()
        loss, accuracy = loss_and_accuracy(model, curve, workers)
        validation_loss, validation_accuracy = loss_and_accuracy(model, validation, workers)
        history.append(Epoch(epoch, rate, loss, validation_loss, accuracy, validation_accuracy))
        losses.append(validation_loss if select else loss)
        if not select or losses[-1] < min(losses[:-1], default=math.inf):
            best, best_weights = epoch, {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if patience and epoch - best >= patience:
            break
    model.load_state_dict(best_weights)
    return Fit(model, history, best)


def steps_per_epoch(config: TrainConfig, examples: int) -> int:
    """Batches of (nearly) equal size, at most `batch_size`: none is dropped, and no small one left at the end."""
    return math.ceil(examples / config.batch_size)


class _Run:
    """A training run in flight: the weights, the optimiser and the data, and the step that takes them forward."""

    def __init__(self, recipe: Recipe, train: Labelled, classes: int, workers: Workers, fold: int) -> None:
        check_batch_size(recipe.train, len(train))
        self.recipe, self.config, self.fold = recipe, recipe.train, fold
        initial = _generator(recipe.seed, "initialise", fold)
        model = build_model(recipe.model, train.inputs.shape[1:], classes, normalisation(train.inputs), initial)
        self.sharded = ShardedModel(model, self.config.shards, workers)
        self.optimizer = Optimizer(self.config, self.sharded.weights)
        self.augmenter = Augmenter(torch.from_numpy(train.inputs), recipe.augment)
        self.targets = torch.from_numpy(train.targets)

    def train_epoch(self, epoch: int, losses: list[float], on_step: Callable[[], object]) -> float:
        """Take every example once, in an order of this epoch's own; returns the last learning rate."""
        steps = steps_per_epoch(self.config, len(self.targets))
        order = torch.randperm(len(self.targets), generator=_generator(self.recipe.seed, "shuffle", self.fold, epoch))
        for step, batch in enumerate(order.tensor_split(steps)):
            rate = learning_rate(self.config, (epoch - 1) * steps + step, steps, losses)
            loss = self._step(batch, rate, (self.recipe.seed, "step", self.fold, epoch, step))
            if not math.isfinite(loss):
                raise InputError(
                    f"the training loss became {loss} at epoch {epoch}, step {step + 1} of {steps}, with train.lr = "
                    f"{self.config.lr}: lower train.lr or set train.grad_clip"
                )
            on_step()
        return rate

    def model(self) -> nn.Module:
        """The model as trained so far, for evaluation."""
        self.sharded.average_buffers()
        return self.sharded.model

    def _step(self, batch: torch.Tensor, rate: float, stream: tuple[int, str, int, int, int]) -> float:
        """One step of the optimiser on the examples at `batch`; returns their mean loss before it."""
        images = self.augmenter.batch(batch, _generator(*stream, "augment"))
        shards = self.config.shards
        inputs, targets = images.tensor_split(shards), self.targets[batch].tensor_split(shards)

        def shard_loss(replica: nn.Module, shard: int) -> torch.Tensor:
            for layer in replica.modules():
                if isinstance(layer, Dropout):
                    layer.generator = _generator(*stream, "dropout", shard)
            return loss_sum(self.config, replica(inputs[shard]), targets[shard]) / len(batch)

        loss, gradient = self.sharded.gradient(shard_loss)
        self.optimizer.step(gradient, rate)
        return loss


def _generator(seed: int, *name: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(derive(seed, *name))
