"""Training one model to the end: curves on training and validation data, the best epoch's weights, and resuming."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stages.core.config.recipe import Recipe, check_batches, steps_per_epoch
from stages.core.data.examples import Labelled
from stages.core.training.checkpoint import Checkpoint
from stages.core.training.engine import Trainer
from stages.core.training.parallel import Workers
from stages.core.training.prediction import loss_and_accuracy, predict_logits

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
    """A trained model with the weights of `best_epoch`, its logits on the validation data, the curves of all epochs."""

    model: nn.Module
    validation_logits: np.ndarray  # float32 (N, classes); (0, 0) without validation data
    history: list[Epoch]
    best_epoch: int
    normalisation: tuple[list[float], list[float]]  # mean and standard deviation of each channel of the training data


@dataclass
class _Progress:
    """How far a run is: the curves so far, the epoch selected so far, its weights by name and validation logits."""

    history: list[Epoch] = dataclasses.field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    best_logits: torch.Tensor = dataclasses.field(default_factory=lambda: torch.empty(0))


def fit(
    recipe: Recipe,
    train: Labelled,
    validation: Labelled,
    classes: int,
    workers: Workers,
    fold: int = 0,
    select: bool = True,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[int], object] = lambda steps: None,
) -> Fit:
    """Train a new model by `recipe` on `train`, and select the epoch that is most accurate on `validation`.

    Of equally accurate epochs, the one with the lowest loss is; the plateau schedule watches that loss. With `select`
    false (or nothing to validate on) the last epoch is kept, early stopping is off, and plateau watches the training
    curve: `validation` then decides nothing, and may serve for an honest score. `fold` names the run's random streams,
    so that each fold starts from other weights. The run goes on from `checkpoint`, and saves itself there after every
    epoch. `on_step` is called with the number of steps done, for a progress bar.
    Raises `InputError` when the batches do not go with the data or the loss is not finite.
    """
    check_batches(recipe, len(train))
    select = select and len(validation) > 0
    patience = recipe.train.early_stopping if select else 0
    trainer = Trainer(recipe, train, classes, workers, fold)
    sample = torch.randperm(len(train), generator=trainer.generator("curve", fold))[:CURVE_EXAMPLES].numpy()
    curve = train.take(sample)

    progress = _Progress()
    # Rank 0's alone, which saves it: on another machine there may be none, or that of another epoch.
    if state := workers.first(checkpoint.load() if checkpoint and workers.rank == 0 else None):
        progress = _unpack(state, trainer)
        on_step(len(progress.history) * steps_per_epoch(recipe.train, len(train)))

    for epoch in range(len(progress.history) + 1, recipe.train.epochs + 1):
        losses = [e.validation_loss if select else e.train_loss for e in progress.history]
        if patience and epoch - 1 - progress.best_epoch >= patience:
            break
        rate = trainer.train_epoch(epoch, losses, lambda: on_step(1))
        model = trainer.model()
        loss, accuracy = loss_and_accuracy(predict_logits(model, curve.inputs, workers), curve.targets)
        logits = predict_logits(model, validation.inputs, workers)
        validation_loss, validation_accuracy = loss_and_accuracy(logits, validation.targets)
        trainer.check_finite(loss + (validation_loss if len(validation) else 0), f"the end of epoch {epoch}")
        progress.history.append(Epoch(epoch, rate, loss, validation_loss, accuracy, validation_accuracy))
        if not select or max(progress.history, key=_quality).epoch == epoch:
            progress.best_epoch = epoch
            progress.best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            progress.best_logits = logits
        if checkpoint:
            state = _pack(progress, trainer)
            if workers.rank == 0:
                checkpoint.save(state)
    model = trainer.model()
    model.load_state_dict(progress.best_weights)
    best_logits = progress.best_logits.numpy()
    return Fit(model.cpu(), best_logits, progress.history, progress.best_epoch, trainer.normalisation)


def _quality(epoch: Epoch) -> tuple[float, float]:
    return epoch.validation_accuracy, -epoch.validation_loss


def _pack(progress: _Progress, trainer: Trainer) -> dict[str, np.ndarray]:
    """The run as named arrays, for a checkpoint."""
    tensors = {f"trainer/{name}": tensor for name, tensor in trainer.state().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in progress.best_weights.items()}
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    history = np.array([dataclasses.astuple(epoch) for epoch in progress.history])
    best = {"best_epoch": np.array(progress.best_epoch), "best_logits": progress.best_logits.numpy()}
    return arrays | best | {"history": history}


def _unpack(arrays: Mapping[str, np.ndarray], trainer: Trainer) -> _Progress:
    """Bring `trainer` and the progress back to what `_pack` saw."""

    def under(prefix: str) -> dict[str, torch.Tensor]:
        return {n.removeprefix(prefix): torch.from_numpy(a) for n, a in arrays.items() if n.startswith(prefix)}

    trainer.restore(under("trainer/"))
    history = [Epoch(int(epoch), *scores) for epoch, *scores in arrays["history"].tolist()]
    return _Progress(history, int(arrays["best_epoch"]), under("best/"), torch.from_numpy(arrays["best_logits"]))
