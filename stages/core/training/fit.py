"""Training one model to the end: curves on training and validation data, the best epoch's weights, and resuming."""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from stages.core.base.schemas import InputColumn
from stages.core.config.recipe import Recipe, check_batches, steps_per_epoch
from stages.core.data.examples import Examples
from stages.core.networks.fronts import Learned
from stages.core.training.checkpoint import Checkpoint
from stages.core.training.engine import Engine
from stages.core.training.objectives import Objective
from stages.core.training.parallel import Workers
from stages.core.training.prediction import predict_outputs

CURVE_EXAMPLES = 5000  # training examples that the training curve is measured on, in evaluation mode, as validation is


@dataclass(frozen=True)
class Epoch:
    """A point of the curves. The losses, and the scores that the objective names, are the same whatever loss is
    trained on, so that runs compare.

    Without validation data, what is measured on it is NaN.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    train_score: float
    validation_score: float


@dataclass(frozen=True)
class Fit:
    """A trained model with the weights of `best_epoch`, its outputs on the validation data, and all epochs' curves."""

    model: nn.Module
    validation_outputs: np.ndarray  # float32 (N, width); (0, 0) without validation data
    history: list[Epoch]
    best_epoch: int
    learned: Learned  # of the training data, by the front end
    objective: Objective  # with what it has learned of the training data


@dataclass
class _Progress:
    """How far a run is: the curves so far, the epoch selected so far, its weights by name and validation outputs."""

    history: list[Epoch] = dataclasses.field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    best_outputs: torch.Tensor = dataclasses.field(default_factory=lambda: torch.empty(0))


def fit(
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    objective: Objective,
    width: int,
    workers: Workers,
    fold: int = 0,
    select: bool = True,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[int], object] = lambda steps: None,
    on_resume: Callable[[int], object] | None = None,
    on_epoch: Callable[[Sequence[Epoch]], object] = lambda history: None,
    columns: Sequence[InputColumn] | None = None,
    pretrained: Mapping[str, np.ndarray] | None = None,
) -> Fit:
    """Train a new model by `recipe` on `train`, and select the epoch with the best score on `validation`.

    Of equally good epochs, it is the one with the lowest loss; the plateau schedule watches that loss. With `select`
    false (or nothing to validate on) the last epoch is kept, early stopping is off, and plateau watches the training
    curve: `validation` then decides nothing, and may serve for an honest score. `fold` names the run's random streams,
    so that each fold starts from other weights. The run goes on from `checkpoint`, and saves itself there after every
    epoch. `on_step` is called with the number of steps done, for a progress bar, and `on_resume` (without it,
    `on_step`) with that of the steps that the checkpoint brings. `on_epoch` is called with the curves so far, after
    every epoch and on resuming.
    Of a table `columns` tell which are numbers. A backbone starts from the weights `pretrained`.
    Raises `InputError` when the batches do not go with the data or the loss is not finite.
    """
    check_batches(recipe, len(train))
    select = select and len(validation) > 0
    patience = recipe.train.early_stopping if select else 0
    engine = Engine(recipe, train, objective, width, workers, fold, columns, pretrained)
    engine.check_batch(len(train) // steps_per_epoch(recipe.train, len(train)))
    sample = torch.randperm(len(train), generator=engine.generator("curve", fold))[:CURVE_EXAMPLES].numpy()
    curve = train.take(sample)

    def quality(epoch: Epoch) -> tuple[float, float]:
        return objective.quality(epoch.validation_loss, epoch.validation_score)

    progress = _Progress()
    # Rank 0's alone, which saves it: on another machine there may be none, or that of another epoch.
    if state := workers.first(checkpoint.load() if checkpoint and workers.rank == 0 else None):
        progress = _unpack(state, engine)
        done, epochs = len(progress.history), recipe.train.epochs
        if workers.rank == 0:
            tqdm.write(f"resuming after epoch {done} of {epochs}", file=sys.stderr)
        (on_resume or on_step)(done * steps_per_epoch(recipe.train, len(train)))
        on_epoch(progress.history)

    for epoch in range(len(progress.history) + 1, recipe.train.epochs + 1):
        losses = [e.validation_loss if select else e.train_loss for e in progress.history]
        if patience and epoch - 1 - progress.best_epoch >= patience:
            break
        rate = engine.train_epoch(epoch, losses, lambda: on_step(1))
        model = engine.model()
        loss, score = engine.objective.loss_and_score(predict_outputs(model, curve.inputs, workers), curve.targets)
        outputs = predict_outputs(model, validation.inputs, workers)
        validation_loss, validation_score = engine.objective.loss_and_score(outputs, validation.targets)
        engine.check_finite(loss + (validation_loss if len(validation) else 0), f"the end of epoch {epoch}")
        progress.history.append(Epoch(epoch, rate, loss, validation_loss, score, validation_score))
        if not select or max(progress.history, key=quality).epoch == epoch:
            progress.best_epoch = epoch
            progress.best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            progress.best_outputs = outputs
        if checkpoint:
            state = _pack(progress, engine)
            if workers.rank == 0:
                checkpoint.save(state)
        on_epoch(progress.history)
    model = engine.model()
    model.load_state_dict(progress.best_weights)
    best_outputs = progress.best_outputs.numpy()
    return Fit(model.cpu(), best_outputs, progress.history, progress.best_epoch, engine.learned, engine.objective)


def _pack(progress: _Progress, engine: Engine) -> dict[str, np.ndarray]:
    """The run as named arrays, for a checkpoint."""
    tensors = {f"engine/{name}": tensor for name, tensor in engine.state().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in progress.best_weights.items()}
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    history = np.array([dataclasses.astuple(epoch) for epoch in progress.history])
    best = {"best_epoch": np.array(progress.best_epoch), "best_outputs": progress.best_outputs.numpy()}
    return arrays | best | {"history": history}


def _unpack(arrays: Mapping[str, np.ndarray], engine: Engine) -> _Progress:
    """Bring `engine` and the progress back to what `_pack` saw."""

    def under(prefix: str) -> dict[str, torch.Tensor]:
        return {n.removeprefix(prefix): torch.from_numpy(a) for n, a in arrays.items() if n.startswith(prefix)}

    engine.restore(under("engine/"))
    history = [Epoch(int(epoch), *scores) for epoch, *scores in arrays["history"].tolist()]
    return _Progress(history, int(arrays["best_epoch"]), under("best/"), torch.from_numpy(arrays["best_outputs"]))
