"""What the pipeline's JSON files and tables hold: one frozen class per JSON file, one `Table` per CSV file.

Each file is written and read through its declaration here, so that a damaged, incomplete or foreign one is refused
with its name and the key, column or row. `metrics/` holds headline numbers alone; details are in tables.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise, product, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from stages.core.base.artifacts import read_csv, read_json, read_rows, write_csv, write_json
from stages.core.base.command import InputError

if TYPE_CHECKING:
    import pandas as pd

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Size = Annotated[int, Field(ge=1, lt=2**31)]


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


class NumberEncoding(Record):
    """A column of numbers, as a network gets it: less `center`, divided by `scale`, bounded, and cut at `edges`."""

    center: float
    scale: Annotated[float, Field(gt=0)]
    edges: Annotated[tuple[float, ...], Field(strict=False)]  # of the bins, ascending, in scaled and bounded numbers
    missing: bool  # whether some were, in training: then there is an indicator

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must ascend")
        return self


class CategoryEncoding(Record):
    """A column of categories, as a network gets it: by their places in the column's list, those with a level each."""

    levels: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)]
    others: bool  # whether there is a level for the others
    missing: bool  # whether there is a level for no category


class Encoding(Record):
    """What was learned of each column of a table."""

    columns: Annotated[tuple[NumberEncoding | CategoryEncoding, ...], Field(strict=False, min_length=1)]


class TargetScale(Record):
    """The numbers to predict as a network says them: less `mean`, divided by `std`; of their logarithm if `log`."""

    mean: float
    std: Annotated[float, Field(gt=0)]
    log: bool
    low: float  # the least trained on, or its logarithm: a logarithm said is kept between, since exp magnifies errors
    high: float


MACRO = "macro"  # what the tables call the mean of all classes


def _tell_apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """Tables know a class by its name alone."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise ValueError(f"class {twice!r:.60}: given twice, names must differ")
    if MACRO in names:
        raise ValueError(f"class {MACRO!r}: is the name of the classes' mean, must be another")
    return names


ClassNames = Annotated[
    tuple[str, ...], Field(strict=False, min_length=2, max_length=100_000), AfterValidator(_tell_apart)
]
Shape = Annotated[tuple[Size, Size, Size], Field(strict=False)]


NOMINAL_COVERAGE = Fraction(9, 10)  # of the true values, by the prediction intervals; exact, as no float is


class PredictionInterval(Record):
    """How far a predicted number may be off either way, by its size: see `stages.core.training.objectives.conformal`.

    The widths, half of the whole or `factors`, are of predictions below the first edge, from each edge to the next, and
    from the last one on.
    """

    edges: Annotated[tuple[float, ...], Field(strict=False, max_length=64)]
    widths: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1)]
    factors: bool

    @model_validator(mode="after")
    def _has_a_width_for_each_bin(self) -> Self:
        if len(self.widths) != len(self.edges) + 1:
            raise ValueError(f"{len(self.widths)} widths for {len(self.edges)} edges, must be one more")
        if self.factors and min(self.widths) < 1:
            raise ValueError("factors must be 1 or more")
        if any(here >= following for here, following in pairwise(self.edges)):
            raise ValueError("edges must rise")
        return self


class InputColumn(Record):
    """A column of a table: numbers, or categories, of which the inputs hold the places in this list."""

    name: str
    categories: Annotated[tuple[str, ...], Field(strict=False)] | None = None


class DataDescription(Record):
    """What facts and models both say of the data: classes or not, images or a table."""

    task: Literal["classification", "regression"]
    classes: ClassNames | None = None  # of a classification
    input_shape: Shape | None = None  # (C, H, W) of images
    columns: Annotated[tuple[InputColumn, ...], Field(strict=False, min_length=1)] | None = None  # of a table
    target: str | None = None  # the name of a table's column

    @model_validator(mode="after")
    def _is_of_a_kind(self) -> Self:
        if (self.classes is None) != (self.task == "regression"):
            raise ValueError(f"a {self.task} has {'no ' * (self.classes is not None)}classes")
        if (self.input_shape is None) == (self.columns is None):
            raise ValueError("must have input_shape, as images, or columns, as a table")
        if (self.columns is None) != (self.target is None):
            raise ValueError("a table has a target, and images have none")
        return self

    @property
    def kind(self) -> Literal["image", "table"]:
        return "image" if self.columns is None else "table"

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one input: (C, H, W) of an image, (F,) of a row of a table."""
        return self.input_shape or (len(self.columns or ()),)

    @property
    def width(self) -> int:
        """How many numbers a network says of an input: one a class, or the number."""
        return len(self.classes) if self.classes else 1


class PrepareFacts(DataDescription):
    """data/prepared/facts.json: what a model must know about its data."""

    dataset: str
    train_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # of data/prepared/train.safetensors


class ModelDescription(DataDescription):
    """models/model.json: all that is needed besides the weights to build a model and to name what it says."""

    score: str  # of the curves: what chose the epoch
    selected_epoch: Size
    architecture: dict[str, Any]  # the section `model`
    input: str
    output: str
    normalisation: Normalisation | None = None  # of the images trained on
    encoding: Encoding | None = None  # of the rows trained on
    temperature: Annotated[float, Field(ge=0.01, le=100)] | None = None  # of a classification
    target_scale: TargetScale | None = None  # of a regression
    interval: PredictionInterval | None = None  # likewise, where there was a validation slice

    @model_validator(mode="after")
    def _goes_with_its_data(self) -> Self:
        if (self.normalisation is None) != (self.kind == "table") or (self.encoding is None) != (self.kind == "image"):
            raise ValueError("images have a normalisation, a table has an encoding")
        if (self.temperature is None) != (self.target_scale is not None) or (self.temperature is None) != (
            self.task == "regression"
        ):
            raise ValueError("a classification has a temperature, a regression has a target_scale")
        if self.normalisation and self.input_shape and len(self.normalisation.mean) != self.input_shape[0]:
            raise ValueError(f"{len(self.normalisation.mean)} means for {self.input_shape[0]} channels")
        encoded = [isinstance(column, NumberEncoding) for column in self.encoding.columns] if self.encoding else []
        if encoded != [column.categories is None for column in self.columns or ()]:
            raise ValueError("columns and their encoding do not go together")
        return self


class PartCounts(Record):
    """How many examples a part has, and how many of each class, in the order of the classes."""

    examples: Size
    class_counts: Annotated[tuple[int, ...], Field(strict=False)] | None = None


class RowCounts(Record):
    """What became of a table's rows: those in its files are those used, and those dropped for each reason."""

    in_file: int
    used: int
    dropped: dict[str, int]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.in_file != self.used + sum(self.dropped.values()):
            raise ValueError(f"{self.in_file} rows, but {self.used} used and {sum(self.dropped.values())} dropped")
        return self


class FileCounts(Record):
    """What became of the files of a folder of images, those that were no examples to anybody included."""

    in_folder: int
    used: int
    duplicate: int
    refused: dict[str, int]  # by reason
    left_out: dict[str, int]  # likewise

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        others = self.duplicate + sum(self.refused.values()) + sum(self.left_out.values())
        if self.in_folder != self.used + others:
            raise ValueError(f"{self.in_folder} files, but {self.used} used and {others} not")
        return self


class PrepareMetrics(Record):
    """metrics/prepare.json, too long for the list that `dvc metrics` shows."""

    train: PartCounts
    test: PartCounts
    duplicates: dict[str, int]  # see `stages.core.data.examples.duplicates`
    rows: RowCounts | None = None  # of a table
    files: FileCounts | None = None  # of images in files


class AuditMetrics(Record):
    """metrics/audit.json: how many findings there are in plots/audit.csv."""

    severe_findings: Annotated[int, Field(ge=0)]
    notices: Annotated[int, Field(ge=0)]


class TrainMetrics(Record):
    """metrics/train.json: the task's score; without a validation slice it is empty."""

    val_accuracy: Share | None = None
    val_rmse: Amount | None = None


class CrossValidateMetrics(Record):
    """metrics/cross_validate.json: the task's score; the gap is that in training minus that in validation."""

    accuracy: Share | None = None
    accuracy_gap: Annotated[float, Field(ge=-1, le=1)] | None = None
    rmse: Amount | None = None
    rmse_gap: float | None = None


class StressMetrics(Record):
    """metrics/stress.json: the task's score."""

    mean_corruption_accuracy: Share | None = None
    mean_corruption_rmse: Amount | None = None


class BaselinesMetrics(Record):
    """metrics/baselines.json: the task's score of the simple model that has the best."""

    best_baseline_accuracy: Share | None = None
    best_baseline_rmse: Amount | None = None


class LrRangeMetrics(Record):
    """metrics/lr_range.json."""

    suggested_lr: Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Arrays:
    """What a file of arrays holds: of each its types and, for each, its axes, a letter for each size, above 0.

    Those in `may_lack` may be left out.
    """

    arrays: Mapping[str, Mapping[str, str]]
    may_lack: frozenset[str] = field(default_factory=frozenset)

    def read(self, path: Path) -> dict[str, Any]:
        """The arrays at `path`; raises `InputError`, which names it, unless they are those."""
        found = read_rows(path)
        axes = {name: self.arrays.get(name, {}).get(str(array.dtype), "") for name, array in found.items()}
        sizes: dict[str, set[int]] = {}
        for name, array in found.items():
            for axis, size in zip(axes[name], array.shape, strict=False):
                sizes.setdefault(axis, set()).add(size)
        right = all(len(axes[name]) == array.ndim > 0 for name, array in found.items())
        whole = self.arrays.keys() - self.may_lack <= found.keys()
        if not (right and whole) or any(len(each) > 1 or 0 in each for each in sizes.values()):
            rule = " and ".join(
                " or ".join(f"{name} {kind} ({', '.join(axes)})" for kind, axes in kinds.items())
                for name, kinds in self.arrays.items()
                if name not in self.may_lack
            )
            there = " and ".join(f"{name} {array.dtype} {array.shape}" for name, array in sorted(found.items()))
            raise InputError(f"{path}: must hold {rule}, found {there or 'nothing'}")
        return found


# Images and classes, or rows of a table: see `stages.core.data.examples.Examples`.
EXAMPLES = Arrays(
    {
        "inputs": {"uint8": "NCHW", "float64": "NF"},
        "targets": {"int64": "N", "float64": "N"},
        "groups": {"int64": "N"},
        "times": {"float64": "N"},
    },
    may_lack=frozenset({"groups", "times"}),
)


@dataclass(frozen=True)
class Number:
    """What a column of numbers holds: from `low` to `high`, and `whole` ones or any."""

    low: float
    high: float = 1e100  # what is drawn still has room to overflow in
    whole: bool = False


NUMBER, AMOUNT, SHARE = Number(-1e100), Number(0), Number(0, 1)
COUNT = Number(0, 2**53, whole=True)
PLACE = Number(1, 2**53, whole=True)  # in a row, from 1
Column = Number | type[str]


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file, in order, and what they hold, text (`str`) or numbers; `may_lack` may be empty.

    Empty numbers are NaN, so whole ones cannot be among them; NaN and infinity are refused elsewhere. In a file no row
    may be lacking: there is every value of the first column of `grid` with every one of the second, in order and once
    each, whole numbers counted from the lowest; and of a `curve`, the rows of each value of the first column come
    together, while the second goes from 0 to 1 and never back.
    """

    columns: Mapping[str, Column]
    may_lack: frozenset[str] = field(default_factory=frozenset)
    grid: tuple[str, ...] = ()
    curve: tuple[str, str] | None = None
    may_be_empty: bool = False

    def write(self, path: Path, table: "pd.DataFrame") -> None:
        write_csv(path, self.checked(table, str(path)))

    def read(self, path: Path) -> "pd.DataFrame":
        """The table at `path`. Raises `InputError`, naming the file and the column or row, unless it is a whole one."""
        text = [name for name, kind in self.columns.items() if kind is str]
        table = self.checked(read_csv(path, text, list(self.columns)), str(path))
        if table.empty and not self.may_be_empty:
            raise InputError(f"{path}: has no rows")
        self._check_grid(table, path)
        self._check_curve(table, path)
        return table

    def checked(self, table: "pd.DataFrame", name: str) -> "pd.DataFrame":
        """`table` with its columns as declared, or `InputError`, which calls it `name`."""
        import numpy as np
        import pandas as pd

        if list(table.columns) != list(self.columns):
            found = ", ".join(map(str, table.columns)) or "none"
            raise InputError(f"{name}: must have the columns {', '.join(self.columns)}, found {found}")
        columns: dict[str, Any] = {}
        for column, kind in self.columns.items():
            values = table[column]
            if isinstance(kind, Number):
                lacking = (values.isna() | (values.astype(str) == "")) & (column in self.may_lack)
                numbers = (values if values.dtype.kind in "iuf" else values.map(_number)).astype(np.float64)
                number = np.isfinite(numbers) & ((numbers == np.floor(numbers)) | (not kind.whole))
                rules: dict[str, Any] = {
                    "a whole number" if kind.whole else "a number": number | lacking,
                    f"from {kind.low:g} to {kind.high:g}": numbers.between(kind.low, kind.high) | lacking,
                }
                columns[column] = numbers
            else:
                rules = {"a text": values.notna()}
                columns[column] = values.astype(str)
            for rule, kept in rules.items():
                if not kept.all():
                    row = int(np.argmin(kept))
                    raise InputError(
                        f"{name}: line {row + 2}, column {column}: must be {rule}, found {str(values.iloc[row])!r}"
                    )  # the header is line 1
            if isinstance(kind, Number) and kind.whole:
                columns[column] = columns[column].astype(np.int64)
        return pd.DataFrame(columns, index=table.index)

    def _check_grid(self, table: "pd.DataFrame", path: Path) -> None:
        values: list[Sequence[object]] = []
        for column in self.grid:
            found, kind = list(dict.fromkeys(table[column])), self.columns[column]
            if isinstance(kind, Number) and kind.whole:
                found = [int(kind.low) + place for place in range(len(found))]
            values.append(found)
        rows = zip(*(table[column] for column in self.grid), strict=True)
        for line, (row, expected) in enumerate(zip_longest(rows, product(*values)) if values else (), 2):
            if row != expected:
                place = ", ".join(f"{column} {value}" for column, value in zip(self.grid, expected or (), strict=False))
                raise InputError(
                    f"{path}: line {line}: must be {f'that of {place}' if expected else 'no more'}; there is one "
                    f"for every {' with every '.join(self.grid)}, in order"
                )

    def _check_curve(self, table: "pd.DataFrame", path: Path) -> None:
        if self.curve:
            of, along = (table[column] for column in self.curve)
            first, last = of != of.shift(), of != of.shift(-1)
            wrong = first & ((along != 0) | of.duplicated()) | last & (along != 1) | ~first & (along.diff() < 0)
            if wrong.any():
                line, column = int(wrong.to_numpy().argmax()) + 2, " of a ".join(reversed(self.curve))
                raise InputError(f"{path}: line {line}: {column} must go from 0 to 1, once and never back")


_CURVES = {"train_loss": NUMBER, "validation_loss": NUMBER, "train_score": NUMBER, "validation_score": NUMBER}
_NO_VALIDATION = frozenset({"validation_loss", "validation_score"})

TRAINING = Table({"epoch": PLACE, "learning_rate": AMOUNT, **_CURVES}, _NO_VALIDATION, grid=("epoch",))
CROSS_VALIDATE = Table({"fold": PLACE, "epoch": PLACE, **_CURVES}, grid=("fold", "epoch"))
LEARNING_CURVE = Table(
    {"fold": PLACE, "share": SHARE, "examples": PLACE, "train_score": NUMBER, "validation_score": NUMBER},
    grid=("fold", "share"),
)
FOLD_SCORES = Table(
    {"score": str, "mean": NUMBER, "std": AMOUNT, "low": NUMBER, "high": NUMBER},
    grid=("score",),
    may_be_empty=True,  # before the second fold
)
LR_RANGE = Table({"learning_rate": AMOUNT, "loss": NUMBER, "smoothed_loss": NUMBER}, grid=("learning_rate",))
STRESS = Table(
    {"corruption": str, "severity": COUNT, "examples": PLACE, "score": NUMBER}, grid=("corruption", "severity")
)

SCHEMA = Table(
    {
        **dict.fromkeys(("column", "role", "kind", "why"), str),
        "missing": SHARE,
        "distinct": COUNT,
        "low": NUMBER,
        "high": NUMBER,
        "categories": str,
    },
    frozenset({"low", "high"}),
    grid=("column",),
    may_be_empty=True,  # of images
)
# What became of each file of a folder of images; too many for Git.
FILES = Table(dict.fromkeys(("file", "part", "class", "state", "why"), str), may_be_empty=True)
AUDIT = Table(
    {"check": str, "column": str, "count": COUNT, "severity": str, "example": str},
    may_be_empty=True,  # where nothing is found
)
# By how much the main score gets worse without a column of a table; empty of images.
IMPORTANCE = Table(
    {"column": str, "importance": NUMBER, "low": NUMBER, "high": NUMBER}, grid=("column",), may_be_empty=True
)
# Simple models beside the network: the scores of both, model less baseline with its interval, and what the model is.
BASELINES = Table(
    {"baseline": str, "score": str}
    | dict.fromkeys(("value", "model", "difference", "low", "high"), NUMBER)
    | {"verdict": str},
    grid=("baseline", "score"),
)

SCORES = Table({"score": str, "value": NUMBER, "low": NUMBER, "high": NUMBER}, grid=("score",))

# Of a classifier; empty where values are predicted.
CONFUSION = Table({"actual": str, "predicted": str, "count": COUNT}, grid=("actual", "predicted"), may_be_empty=True)
ROC = Table(
    {"class": str, "false_positive_rate": SHARE, "true_positive_rate": SHARE},
    curve=("class", "false_positive_rate"),
    may_be_empty=True,
)
PRECISION_RECALL = Table(
    {"class": str, "recall": SHARE, "precision": SHARE}, curve=("class", "recall"), may_be_empty=True
)
CLASSES = Table(
    {
        "class": str,
        **dict.fromkeys(("precision", "recall", "f1"), SHARE),
        "support": COUNT,
        **dict.fromkeys(("roc_auc", "average_precision"), SHARE),
    },
    frozenset({"roc_auc", "average_precision"}),
    grid=("class",),
    may_be_empty=True,
)
CALIBRATION = Table(
    {"confidence_from": SHARE, "confidence_to": SHARE, "examples": COUNT, "confidence": SHARE, "accuracy": SHARE}
    | {"accuracy_low": SHARE, "accuracy_high": SHARE},
    frozenset({"confidence", "accuracy", "accuracy_low", "accuracy_high"}),
    grid=("confidence_from",),
    may_be_empty=True,
)

# Of a regression; empty where classes are predicted.
PREDICTIONS = Table(
    dict.fromkeys(("actual", "predicted", "residual", "low", "high"), NUMBER),
    frozenset({"low", "high"}),
    may_be_empty=True,
)
DECILES = Table(
    {"decile": PLACE, "from": NUMBER, "to": NUMBER, "examples": PLACE, "rmse": AMOUNT, "mae": AMOUNT, "bias": NUMBER},
    grid=("decile",),
    may_be_empty=True,
)
COVERAGE = Table(
    {"decile": PLACE, "prediction_from": NUMBER, "prediction_to": NUMBER, "examples": PLACE}
    | {"coverage": SHARE, "low": SHARE, "high": SHARE, "mean_width": AMOUNT},
    grid=("decile",),
    may_be_empty=True,
)


def _number(cell: object) -> float:
    """What Python reads as a number, NaN where it is none, or none to others."""
    try:
        return float("nan" if "_" in str(cell) else str(cell))
    except ValueError:
        return float("nan")


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
