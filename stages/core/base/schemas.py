"""What the pipeline's JSON files and tables hold: one frozen class per JSON file, one `Table` per CSV file.

Each file is written and read through its declaration here, so that a damaged, incomplete or foreign one is refused
with its name and the key, column or row. `metrics/` holds headline numbers alone; details are in tables.
"""

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from stages.core.base.declared import AMOUNT, COUNT, NUMBER, PLACE, SHARE, Arrays, Record, Table

if TYPE_CHECKING:
    import pandas as pd

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Size = Annotated[int, Field(ge=1, lt=2**31)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
    dates: bool = False  # whether the numbers are dates, as days since 1970-01-01
    low: float | None = None  # the least number of the training part; None of categories, and where all cells are empty
    high: float | None = None


class PictureForm(Record):
    """How files become images of the shape that a network takes, see the section `data` of params.yaml."""

    fit: Literal["pad", "crop", "stretch"] = "pad"
    background: Annotated[int, Field(ge=0, le=255)] = 0
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000


class TableForm(Record):
    """How a text file holds a table, likewise."""

    delimiter: str = ""
    decimal: Literal[".", ","] = "."


class DataDescription(Record):
    """What facts and models both say of the data: classes or not, images or a table."""

    task: Literal["classification", "regression"]
    classes: ClassNames | None = None  # of a classification
    input_shape: Shape | None = None  # (C, H, W) of images
    columns: Annotated[tuple[InputColumn, ...], Field(strict=False, min_length=1)] | None = None  # of a table
    target: str | None = None  # the name of a table's column
    form: PictureForm | TableForm | None = None  # of the files it came from, where these were not a built-in set's

    @model_validator(mode="after")
    def _is_of_a_kind(self) -> Self:
        if (self.classes is None) != (self.task == "regression"):
            raise ValueError(f"a {self.task} has {'no ' * (self.classes is not None)}classes")
        if (self.input_shape is None) == (self.columns is None):
            raise ValueError("must have input_shape, as images, or columns, as a table")
        if (self.columns is None) != (self.target is None):
            raise ValueError("a table has a target, and images have none")
        if self.form and isinstance(self.form, TableForm) != (self.columns is not None):
            raise ValueError("form must be that of a table for a table, and that of pictures for images")
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
    train_sha256: Digest  # of data/prepared/train.safetensors


class ModelDescription(DataDescription):
    """models/model.json: all that is needed besides the weights to build a model and to name what it says."""

    weights_sha256: Digest  # of models/model.safetensors
    train_sha256: Digest  # of data/prepared/train.safetensors
    score: str  # of the curves: what chose the epoch
    selected_epoch: Size
    architecture: dict[str, Any]  # of the section `model` how the network is built
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


class ExportMetrics(Record):
    """metrics/export.json: what the ONNX file was checked on, see `serving.onnx_check`.

    The largest difference is printed: its digits are the processor's, since onnxruntime takes what that has.
    """

    examples: Size
    largest_difference_below: Amount  # the tolerance
    onnx_sha256: Digest  # of models/model.onnx


class LrRangeMetrics(Record):
    """metrics/lr_range.json."""

    suggested_lr: Annotated[float, Field(gt=0)]


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


def used_files(ledger: "pd.DataFrame", part: Literal["train", "test"]) -> tuple[str, ...]:
    """The file of each example of a part, in the order of these; none where they were no files."""
    return tuple(ledger["file"][(ledger["part"] == part) & (ledger["state"] == "used")])


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
