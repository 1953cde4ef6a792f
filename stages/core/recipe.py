"""The recipe: what is trained, on which variations of the data, and how. Sections `model`, `augment` and `train`.

Free of torch, so that a bad value is refused before torch takes a second to load.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.core.command import InputError
from stages.core.params import Section, StageParams

Fraction = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=4096)]


class ModelConfig(Section):
    """Section `model`: the network; see `stages.core.model` for how each one is built."""

    name: Literal["linear", "mlp", "cnn"]
    channels: Annotated[tuple[Width, ...], Field(strict=False, min_length=1, max_length=6)]
    hidden: Annotated[tuple[Width, ...], Field(strict=False, max_length=6)]
    batch_norm: bool
    dropout: Fraction


class AugmentConfig(Section):
    """Section `augment`: random variations of the training images; 0 turns one off."""

    shift: Annotated[int, Field(ge=0, le=8)]
    rotation: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=0, le=0.5)]
    erase: Annotated[int, Field(ge=0, le=28)]


class TrainConfig(Section):
    """Section `train`: loss, optimiser, learning rate and its schedule, batches, validation, stopping."""

    epochs: Annotated[int, Field(ge=1, le=1000)]
    batch_size: Annotated[int, Field(ge=1, le=65536)]
    shards: Literal[1, 2, 4, 8, 16]
    device: Literal["cpu", "cuda"]

    loss: Literal["cross_entropy", "focal", "multi_margin"]
    label_smoothing: Fraction
    focal_gamma: Annotated[float, Field(ge=0, le=10)]
    margin: Annotated[float, Field(gt=0, le=10)]

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"]
    lr: Annotated[float, Field(gt=0, le=10)]
    momentum: Fraction
    nesterov: bool
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    grad_clip: Annotated[float, Field(ge=0)]

    schedule: Literal["constant", "step", "cosine", "one_cycle", "plateau"]
    warmup: Fraction
    decay_every: Annotated[int, Field(ge=1)]
    decay: Annotated[float, Field(gt=0, le=1)]

    val_fraction: Annotated[float, Field(ge=0, le=0.5)]
    early_stopping: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError(
                f"nesterov = true goes with optimizer = 'sgd' and momentum > 0, "
                f"found {self.optimizer!r} and {self.momentum}"
            )
        if self.early_stopping and self.val_fraction == 0:
            raise ValueError(f"early_stopping = {self.early_stopping} needs a validation slice, found val_fraction = 0")
        if self.shards > self.batch_size:
            raise ValueError(f"shards = {self.shards} must be at most batch_size = {self.batch_size}")
        return self


class Recipe(StageParams):
    """All that determines a training run besides the data; what a stage that trains reads from params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    model: ModelConfig
    augment: AugmentConfig
    train: TrainConfig

    def with_epochs(self, epochs: int) -> Self:
        """The same recipe for another number of epochs."""
        return self.model_copy(update={"train": self.train.model_copy(update={"epochs": epochs})})


class CrossValidateConfig(Section):
    """Section `cross_validate`: how often, and for how long, the recipe is trained anew on a part of the data."""

    folds: Annotated[int, Field(ge=2, le=100)]
    epochs: Annotated[int, Field(ge=0, le=1000)]
    learning_curve: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False, max_length=20)]

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if list(self.learning_curve) != sorted(set(self.learning_curve)):
            raise ValueError(
                f"learning_curve = {list(self.learning_curve)}: each fraction must be above the one before"
            )
        return self


def check_batch_size(config: TrainConfig, examples: int) -> None:
    """Refuse a batch larger than the `examples` it would be drawn from."""
    if config.batch_size > examples:
        raise InputError(
            f"params.yaml: train.batch_size = {config.batch_size}: must be at most {examples}, the training examples"
        )
