"""What the pipeline's JSON files and tables hold: one frozen class per JSON file, one `Table` per CSV file.

Each file is written and read through its declaration here, so that a damaged, incomplete or foreign one is refused
with its name and the key, column or row. `metrics/` holds headline numbers alone; details are in tables.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from stages.core.base.artifacts import read_csv, read_json, write_csv, write_json
from stages.core.base.command import InputError

if TYPE_CHECKING:
    import pandas as pd

Share = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[int, Field(ge=1)]


class Record(BaseModel):
    """The content of a JSON file; subclasses declare its keys. A key whose default is None is left out where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def write(self, path: Path) -> None:
        write_json(path, self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The content of `path`. Raises `InputError` with a line that names the file and the first wrong key."""
        values = read_json(path)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            first = problems[0]
            key = ".".join(map(str, first["loc"]))
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise InputError(
                f"{path}: damaged, or another version's: {key + ': ' if key else ''}{_lower(first['msg'])}{more}; "
                "`dvc repro` makes it"
            ) from None


class Normalisation(Record):
    """Mean and standard deviation of each channel of inputs / 255."""

    mean: Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=64)]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False, min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} means but {len(self.std)} standard deviations, must be as many")
        return self


MACRO = "macro"  # what the tables call the mean of all classes


def _tell_apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """Tables know a class by its name alone."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise ValueError(f"class {twice!r:.60}: given twice, names must differ")
    if MACRO in names:
        raise ValueError(f"class {MACRO!r}: is the name of the classes' mean, must be another")
    if broken := next((name for name in names if any("\ud800" <= sign <= "\udfff" for sign in name)), None):
        raise ValueError(f"class {broken!a:.60}: half a character, must be text")
    return names


ClassNames = Annotated[
    tuple[str, ...], Field(strict=False, min_length=2, max_length=100_000), AfterValidator(_tell_apart)
]
Shape = Annotated[tuple[Size, Size, Size], Field(strict=False)]


class PrepareFacts(Record):
    """data/prepared/facts.json: what a model must know about its data."""

    task: Literal["classification"]
    dataset: str
    classes: ClassNames
    input_shape: Shape  # (C, H, W)
    normalisation: Normalisation
    train_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # of data/prepared/train.safetensors


class ModelDescription(Record):
    """models/model.json: all that is needed besides the weights to build a model and to name what it says."""

    task: Literal["classification"]
    score: str  # of the curves: what chose the epoch
    selected_epoch: Size
    architecture: dict[str, Any]  # the section `model`
    input: str
    input_shape: Shape  # (C, H, W)
    output: str
    classes: ClassNames
    normalisation: Normalisation
    temperature: Annotated[float, Field(gt=0)]


class TrainMetrics(Record):
    """metrics/train.json; without a validation slice it is empty."""

    val_accuracy: Share | None = None


class CrossValidateMetrics(Record):
    """metrics/cross_validate.json; the gap is training minus validation accuracy."""

    accuracy: Share
    accuracy_gap: Annotated[float, Field(ge=-1, le=1)]


class StressMetrics(Record):
    """metrics/stress.json."""

    mean_corruption_accuracy: Share


class LrRangeMetrics(Record):
    """metrics/lr_range.json."""

    suggested_lr: Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file, in order, and their types: `int`, `float` or `str`; those of `may_lack` may be empty.

    Empty numbers are NaN, so an `int` column cannot be among them; NaN and infinity are refused elsewhere.
    """

    columns: Mapping[str, type]
    may_lack: frozenset[str] = field(default_factory=frozenset)

    def write(self, path: Path, table: "pd.DataFrame") -> None:
        write_csv(path, self.checked(table, str(path)))

    def read(self, path: Path) -> "pd.DataFrame":
        """The table at `path`. Raises `InputError`, naming the file and the column or row, unless it is one."""
        text = [name for name, kind in self.columns.items() if kind is str]
        return self.checked(read_csv(path, text=text), str(path))

    def checked(self, table: "pd.DataFrame", name: str) -> "pd.DataFrame":
        """`table` with its columns as declared, or `InputError`, which calls it `name`."""
        import numpy as np
        import pandas as pd

        if list(table.columns) != list(self.columns):
            found = ", ".join(map(str, table.columns[:20])) + (", ..." if len(table.columns) > 20 else "")
            raise InputError(f"{name}: must have the columns {', '.join(self.columns)}, found {found or 'none'}")
        columns: dict[str, Any] = {}
        for column, kind in self.columns.items():
            values = table[column]
            if kind is str:
                columns[column] = values.astype(str)
                continue
            numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
            lacking = values.isna() | (values.astype(str) == "")
            wrong = ~np.isfinite(numbers) & ~(lacking & (column in self.may_lack))
            if kind is int:
                wrong |= numbers != np.floor(numbers)
            if wrong.any():
                row = int(np.argmax(wrong))
                rule = "a whole number" if kind is int else "a number"
                # The header is line 1.
                raise InputError(
                    f"{name}: line {row + 2}, column {column}: must be {rule}, found {str(values.iloc[row])!r}"
                )
            columns[column] = numbers.astype(np.int64) if kind is int else numbers
        return pd.DataFrame(columns, index=table.index)


_CURVES = {"train_loss": float, "validation_loss": float, "train_score": float, "validation_score": float}
_NO_VALIDATION = frozenset({"validation_loss", "validation_score"})

TRAINING = Table({"epoch": int, "learning_rate": float, **_CURVES}, _NO_VALIDATION)
CROSS_VALIDATE = Table({"fold": int, "epoch": int, **_CURVES})
LEARNING_CURVE = Table({"fold": int, "share": float, "examples": int, "train_score": float, "validation_score": float})
FOLD_SCORES = Table({"score": str, "mean": float, "std": float, "low": float, "high": float})
LR_RANGE = Table({"learning_rate": float, "loss": float, "smoothed_loss": float})
STRESS = Table({"corruption": str, "severity": int, "examples": int, "score": float})

SCORES = Table({"score": str, "value": float, "low": float, "high": float})
CONFUSION = Table({"actual": str, "predicted": str, "count": int})
ROC = Table({"class": str, "false_positive_rate": float, "true_positive_rate": float})
PRECISION_RECALL = Table({"class": str, "recall": float, "precision": float})
CLASSES = Table(
    {"class": str, "precision": float, "recall": float, "f1": float, "support": int}
    | {"roc_auc": float, "average_precision": float},
    frozenset({"roc_auc", "average_precision"}),
)
CALIBRATION = Table(
    {"confidence_from": float, "confidence_to": float, "examples": int, "confidence": float, "accuracy": float}
    | {"accuracy_low": float, "accuracy_high": float},
    frozenset({"confidence", "accuracy", "accuracy_low", "accuracy_high"}),
)


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
