"""The other sections of params.yaml, one class each, and all of them together.

Whatever can be refused without looking at the data is refused here, by the stage `check`.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stages.core.config.automatic import MANY, settled
from stages.core.config.builtin import BuiltinTable, Kind, Task
from stages.core.config.datasets import datasets
from stages.core.config.params import PARAMS_FILE, Section, Settle, show_to_git
from stages.core.config.recipe import Recipe, check_batches

OWN = {"table": "file", "images": "folder"}  # what `data.dataset` calls data of your own, and what they lie in
OWN_FOLDER = "data/own"  # stands for no file, since DVC knows no dependency that may be empty
AuditCheck = Literal[
    "duplicate_rows", "duplicates_across", "contradictions", "groups_across", "times_across", "leak",
    "identifier", "constant", "drift", "rare_class", "near_duplicates",
]  # fmt: skip
ColumnKind = Literal["number", "category", "date"]
SIDES = range(8, 1025)  # of an image, in pixels


def check_sides(size: object) -> object:
    """In words of its own, since pydantic would tell what is wrong by each alternative."""
    sides = size if isinstance(size, list | tuple) else ()
    if size != "auto" and not (len(sides) == 2 and all(type(side) is int and side in SIDES for side in sides)):
        raise ValueError(f"must be auto or [height, width], from {SIDES[0]} to {SIDES[-1]} pixels each")
    return size


OF_TABLES = ("ignore", "columns", "time")


def _known(name: str) -> str:
    if name not in (known := (*datasets(), *OWN)):
        raise ValueError(f"input should be {' or '.join(map(repr, known))}")
    return name


def _between_cells(sign: str) -> str:
    if len(sign) > 1 or not sign.isascii() or sign in {'"', "\n", "\r", "\0"}:
        raise ValueError("must be one ASCII sign, other than a quote or the end of a line, or none")
    return sign


class DatasetConfig(Section, extra="ignore"):
    """Of the section `data` what a stage needs that only brings the data set: its name, or where your own is."""

    dataset: Annotated[str, AfterValidator(_known)]
    path: Annotated[str, Field(min_length=1)]
    test_path: Annotated[str, Field(min_length=1)]


class DataConfig(DatasetConfig, extra="forbid"):
    """Section `data`: which data set, and what is to be known of one of your own."""

    task: Task
    target: str
    group: str
    test_fraction: Annotated[float, Field(gt=0, le=0.5)]

    ignore: Annotated[tuple[str, ...], Field(strict=False)]
    columns: dict[str, ColumnKind]
    time: str
    delimiter: Annotated[str, AfterValidator(_between_cells)]
    decimal: Literal[".", ","]
    bad_rows: Literal["refuse", "drop"]

    channels: Literal["auto", 1, 3]
    size: Annotated[Literal["auto"] | Annotated[tuple[int, int], Field(strict=False)], BeforeValidator(check_sides)]
    fit: Literal["pad", "crop", "stretch"]
    background: Annotated[int, Field(ge=0, le=255)]
    max_pixels: Annotated[int, Field(ge=1)]
    bad_files: Literal["refuse", "drop"]

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (of := OWN.get(self.dataset)) and self.path == OWN_FOLDER:
            raise ValueError(f"dataset = {self.dataset!r} needs the path of a {of}, found path = {self.path!r}")
        if self.dataset == "table" and not self.target:
            raise ValueError("dataset = 'table' needs the name of a column as target, found none")
        if of and self.path == self.test_path:
            raise ValueError(f"path and test_path: must be two {of}s, found {self.path!r} twice")
        if self.dataset == "images" and (vain := [name for name in OF_TABLES if getattr(self, name)]):
            raise ValueError(f"dataset = 'images': {vain[0]} is for tables, found {getattr(self, vain[0])!r}")
        if self.group and self.time:
            raise ValueError(f"group = {self.group!r} and time = {self.time!r}: a split goes by one of them, not both")
        if self.delimiter and self.delimiter == self.decimal:
            raise ValueError(f"delimiter and decimal: must differ, found {self.decimal!r} twice")
        return self


def kind_and_task(data: Mapping[str, Any]) -> tuple[Kind, Task]:
    """What a section `data` tells of, checked or not: an unknown set counts as images, an unknown task as classes."""
    builtin = datasets().get(str(data.get("dataset")))
    if isinstance(builtin, BuiltinTable):
        return "table", builtin.task
    name = str(data.get("dataset"))
    numbers = name in OWN and data.get("task") == "regression"
    return "table" if name == "table" else "image", "regression" if numbers else "classification"


class PrepareConfig(Section):
    """Section `prepare`: how much of it."""

    limit: Annotated[int, Field(ge=0)]  # training examples to keep; 0: all


class AuditConfig(Section):
    """Section `audit`: which findings stop the run."""

    stop_on: Annotated[tuple[AuditCheck, ...], Field(strict=False)]


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
    """Section `stress`: on how many test examples."""

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


def settled_alone(values: dict[str, Any]) -> dict[str, Any]:
    """`settled` as far as `data` and `prepare` tell: without a limit, for any large number of examples."""
    data, prepare = (values.get(name) for name in ("data", "prepare"))
    kind, task = kind_and_task(data if isinstance(data, dict) else {})
    limit = prepare.get("limit") if isinstance(prepare, dict) else None
    return settled(values, kind, task, limit if isinstance(limit, int) and limit > 0 else MANY)


class AllParams(Recipe, extra="forbid"):
    """Every section of params.yaml, and no other."""

    data: DataConfig
    prepare: PrepareConfig
    audit: AuditConfig
    cross_validate: CrossValidateConfig
    evaluate: EvaluateConfig
    stress: StressConfig
    lr_range: LrRangeConfig
    plot: PlotConfig

    @classmethod
    def load(cls, path: Path = PARAMS_FILE, settle: Settle | None = None) -> Self:
        """As each stage's; accepted or not, Git sees what is new, since a later stage may fail on it."""
        show_to_git(path)
        return super().load(path, settle)

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, values: dict[str, Any]) -> dict[str, Any]:
        return settled_alone(values)

    def check_sizes(self) -> None:
        """Refuse batches that do not go with the examples there will be, where `prepare.limit` says how many."""
        if examples := self.prepare.limit:  # without a limit, how many there are is for the data to say
            check_batches(self, examples - holdout_size(self.train.val_fraction, examples))
            for rest in fold_sizes(self.cross_validate.folds, examples):
                check_training_sizes(self, self.cross_validate, rest, examples)


def holdout_size(fraction: float, examples: int) -> int:
    """How many of so many `examples` are held out when it is to be a `fraction` of them."""
    return round(fraction * examples)


def check_training_sizes(recipe: Recipe, config: CrossValidateConfig, rest: int, limit: int = 0) -> None:
    """Refuse `rest` examples of a fold if they, or a share of them, do not go with the recipe's batches.

    The message names the keys that made them so few: the share, and `prepare.limit` where there is one.
    """
    for share in config.shares:
        causes = [f"learning_curve takes {share:g} of a fold's"] * (share < 1)
        causes += [f"prepare.limit = {limit}"] * (limit > 0)
        called = "examples that cross_validate trains on" + (f" ({', '.join(causes)})" if causes else "")
        check_batches(recipe, round(share * rest), called)


def fold_sizes(folds: int, examples: int) -> list[int]:
    """On how many of so many `examples` the folds train, where neither groups nor times decide; ascending."""
    return sorted({examples - examples // folds, examples - math.ceil(examples / folds)})
