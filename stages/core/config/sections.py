"""The other sections of params.yaml, one class each, and all of them together.

Whatever can be refused without looking at the data is refused here, by the stage `check`.
"""

import math
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from stages.core.config.datasets import datasets
from stages.core.config.params import PARAMS_FILE, Section, show_to_git
from stages.core.config.recipe import Recipe, check_batches


def _built_in(name: str) -> str:
    if name not in datasets():
        raise ValueError(f"input should be {' or '.join(map(repr, datasets()))}")
    return name


class DataConfig(Section):
    """Section `data`: which data set."""

    dataset: Annotated[str, AfterValidator(_built_in)]


class PrepareConfig(Section):
    """Section `prepare`: how much of it."""

    limit: Annotated[int, Field(ge=0)]  # training examples to keep; 0: all


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

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of a fold's training examples to train on, ascending: the last one is all."""
        return (*self.learning_curve, 1.0)


class EvaluateConfig(Section):
    """Section `evaluate`: how it finds its intervals and writes its tables."""

    resamples: Annotated[int, Field(ge=100, le=100_000)]
    curve_points: Annotated[int, Field(ge=10, le=10_000)]


class StressConfig(Section):
    """Section `stress`: on how many test images."""

    examples: Annotated[int, Field(ge=1)]


class LrRangeConfig(Section):
    """Section `lr_range`: the rates to try."""

    low: Annotated[float, Field(gt=0, le=10)]
    high: Annotated[float, Field(gt=0, le=10)]
    steps: Annotated[int, Field(ge=10, le=10_000)]

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        return self


class PlotConfig(Section):
    """Section `plot`: how it draws its pictures."""

    dpi: Annotated[int, Field(ge=50, le=600)]
    mistakes: Annotated[int, Field(ge=1, le=120)]


class AllParams(Recipe, extra="forbid"):
    """Every section of params.yaml, and no other."""

    data: DataConfig
    prepare: PrepareConfig
    cross_validate: CrossValidateConfig
    evaluate: EvaluateConfig
    stress: StressConfig
    lr_range: LrRangeConfig
    plot: PlotConfig

    @classmethod
    def load(cls, path: Path = PARAMS_FILE) -> Self:
        """As each stage's; accepted or not, Git sees what is new, since a later stage may fail on it."""
        show_to_git(path)
        return super().load(path)

    def check_sizes(self) -> None:
        """Refuse batches that do not go with the examples there will be, where `prepare.limit` says how many."""
        if examples := self.prepare.limit:  # without a limit, how many there are is for the data to say
            check_batches(self, examples - holdout_size(self.train.val_fraction, examples))
            check_training_sizes(self, self.cross_validate, examples, limited=True)


def holdout_size(fraction: float, examples: int) -> int:
    """How many of so many `examples` are held out when it is to be a `fraction` of them."""
    return round(fraction * examples)


def check_training_sizes(recipe: Recipe, config: CrossValidateConfig, examples: int, limited: bool = False) -> None:
    """Refuse so many `examples` if those of a fold, or a share of them, do not go with the recipe's batches.

    The message names the keys that made them so few: the share, and `prepare.limit` where it is what `limited` them.
    """
    for share in config.shares:
        causes = [f"learning_curve takes {share:g} of a fold's"] * (share < 1)
        causes += [f"prepare.limit = {examples}"] * limited
        called = "examples that cross_validate trains on" + (f" ({', '.join(causes)})" if causes else "")
        for size in training_sizes(config, examples, share):
            check_batches(recipe, size, called)


def training_sizes(config: CrossValidateConfig, examples: int, share: float) -> list[int]:
    """On how many of so many `examples` a model is trained, on that share of each fold's; ascending."""
    rest = {examples - examples // config.folds, examples - math.ceil(examples / config.folds)}
    return sorted(round(share * size) for size in rest)
