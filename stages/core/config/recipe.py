"""The recipe: what is trained, on which variations of the data, and how. Sections `model`, `augment` and `train`.

Free of torch, so that a bad value is refused before torch takes a second to load.
"""

import math
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from stages.core.base.command import InputError
from stages.core.config.params import Section, StageParams

Fraction = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=4096)]
Backbone = Literal["resnet18", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny"]  # of torchvision
OWN_WEIGHTS = "models/own"  # stands for no file, since DVC knows no dependency that may be empty
NORMALISES_BATCHES = ("resnet18", "mobilenet_v3_small", "efficientnet_b0")


class Architecture(Section):
    """Of the section `model` how a network is built; each name is a file of `networks/bodies`, torchvision's one."""

    name: Literal["linear", "mlp", "cnn", "tabular", Backbone]
    channels: Annotated[tuple[Width, ...], Field(strict=False, min_length=1, max_length=6)]
    convolutions: Annotated[int, Field(ge=1, le=4)]
    pooling: Literal["none", "average"]
    hidden: Annotated[tuple[Width, ...], Field(strict=False, max_length=6)]
    batch_norm: bool
    dropout: Fraction

    @model_validator(mode="after")
    def _has_units_to_drop(self) -> Self:
        if self.dropout and not self.hidden:
            raise ValueError(f"dropout = {self.dropout} drops units of the layers of hidden, found hidden = []")
        return self


class WeightsConfig(Section, extra="ignore"):
    """Of the section `model` what the network starts from."""

    name: str
    weights: Literal["none", "default", "file"]
    weights_file: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_weights_to_start_from(self) -> Self:
        if self.weights != "none" and self.name not in get_args(Backbone):
            raise ValueError(
                f"weights = {self.weights!r} goes with name = {' or '.join(get_args(Backbone))}, found {self.name!r}"
            )
        if self.weights == "file" and self.weights_file == OWN_WEIGHTS:
            raise ValueError(f"weights = 'file' needs the path of one, found weights_file = {self.weights_file!r}")
        return self


class ModelConfig(Architecture, WeightsConfig, extra="forbid"):  # type: ignore[misc]  # its name is one of few
    """Section `model`: the network, and what of it is trained."""

    freeze: Literal["none", "backbone"]

    @model_validator(mode="after")
    def _freezes_what_was_trained(self) -> Self:
        if self.freeze == "backbone" and self.weights == "none":
            raise ValueError("freeze = 'backbone' keeps weights as they come, found weights = 'none'")
        return self

    @property
    def normalises_batches(self) -> bool:
        """Whether a layer takes its statistics from the batch in training; the layers themselves know it better."""
        own = self.name == "cnn" and self.batch_norm
        return own or (self.name in NORMALISES_BATCHES and self.freeze == "none")


class AugmentConfig(Section):
    """Section `augment`: random variations of the training images; 0 turns one off."""

    shift: Annotated[float, Field(ge=0, le=0.5)]
    rotation: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=0, le=0.5)]
    erase: Annotated[float, Field(ge=0, le=1)]
    flip: Literal["none", "horizontal", "vertical", "both"]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]


class TrainConfig(Section):
    """Section `train`: loss, optimiser, learning rate and its schedule, batches, validation, stopping."""

    epochs: Annotated[int, Field(ge=1, le=1000)]
    batch_size: Annotated[int, Field(ge=1, le=65536)]
    shards: Literal[1, 2, 4, 8, 16]
    device: Literal["cpu", "cuda"]

    loss: Literal["cross_entropy", "focal", "multi_margin", "mse", "mae", "huber"]
    label_smoothing: Fraction
    focal_gamma: Annotated[float, Field(ge=0, le=10)]
    margin: Annotated[float, Field(gt=0, le=10)]
    class_weights: Literal["none", "balanced"]
    target_transform: Literal["none", "log"]

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
        return self


class Recipe(StageParams):
    """All that determines a training run besides the data; what a stage that trains reads from params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    model: ModelConfig
    augment: AugmentConfig
    train: TrainConfig

    @model_validator(mode="after")
    def _fills_its_shards(self) -> Self:
        least, rule = self.least_batch()
        if self.train.batch_size < least:
            raise ValueError(f"train.batch_size = {self.train.batch_size}: must be at least {least}, {rule}")
        return self

    def least_batch(self) -> tuple[int, str]:
        """How few examples a batch may have, and the rule that says so, in words."""
        shards = f"for each of the train.shards = {self.train.shards}"
        # By name, since this refuses before torch can build a network; the engine asks the one it has built.
        # One image in a shard has no spread to normalise by, once the layers have left a pixel of it.
        if self.model.normalises_batches:
            named = f"model.name = {self.model.name!r} has batch norm"
            why = "model.batch_norm = true" if self.model.name == "cnn" else named
            return 2 * self.train.shards, f"2 examples {shards}, since {why}"
        return self.train.shards, f"one example {shards}"

    def with_epochs(self, epochs: int) -> Self:
        """The same recipe for another number of epochs."""
        return self.model_copy(update={"train": self.train.model_copy(update={"epochs": epochs})})


def steps_per_epoch(config: TrainConfig, examples: int) -> int:
    """Batches of (nearly) equal size, at most `batch_size`: none is dropped, and no small one left at the end."""
    return math.ceil(examples / config.batch_size)


def check_batch_size(config: TrainConfig, examples: int, called: str = "training examples") -> None:
    """Refuse a batch larger than the `examples` it would be drawn from; the message calls them so."""
    if config.batch_size > examples:
        raise InputError(
            f"params.yaml: train.batch_size = {config.batch_size}: must be at most {examples}, the {called}"
        )


def check_batches(recipe: Recipe, examples: int, called: str = "training examples") -> None:
    """Refuse epochs of so many `examples` where a batch would be larger than these, or too small for its shards."""
    check_batch_size(recipe.train, examples, called)
    steps, (least, rule) = steps_per_epoch(recipe.train, examples), recipe.least_batch()
    if examples // steps < least:
        raise InputError(
            f"params.yaml: train.batch_size = {recipe.train.batch_size}: makes {steps} batches of the {examples} "
            f"{called}, the smallest of {examples // steps}; must be at least {least}, {rule}"
        )
