"""Examples, images or rows of a table: checked, cut to a subset, and described by exact numbers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from stages.core.base.artifacts import sha256
from stages.core.base.command import InputError
from stages.core.base.schemas import (
    EXAMPLES,
    DataDescription,
    FileCounts,
    InputColumn,
    Normalisation,
    PartCounts,
    PrepareFacts,
    PrepareMetrics,
    RowCounts,
)
from stages.core.base.seeding import numpy_generator
from stages.core.base.stored import Rows, Stored, portions
from stages.core.data.splits import apportion, draw, strata

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Examples:
    """Inputs and what is to be said of them.

    `inputs` are images, uint8 (N, C, H, W), which stay in their file where they are many, or rows of a table, float64
    (N, F): numbers, and of a column of categories the place of each in the column's list, -1 where it is not there; NaN
    where a cell is empty. One array, since a row then goes wherever an image goes. `targets` are classes, int64 (N,),
    each an index of a class name, or numbers, float64 (N,). No split parts the examples of one of the `groups`, int64
    (N,), and each tests on what came later in `times`, float64 (N,); there is one of them at most.
    """

    inputs: Rows
    targets: np.ndarray
    groups: np.ndarray | None = None
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def arrays(self) -> dict[str, Rows]:
        """What there is, by name, as a file holds it."""
        return {name: array for name, array in vars(self).items() if array is not None}

    @classmethod
    def read(cls, path: Path) -> Self:
        """The examples at `path`, one at least; raises `InputError`, which names it, unless they are some."""
        examples = cls(**EXAMPLES.read(path))
        inputs, targets = examples.inputs, examples.targets
        if not np.isfinite(targets).all() or (inputs.dtype == np.float64 and np.isinf(inputs).any()):
            raise InputError(f"{path}: inputs and targets must be finite numbers")
        return examples

    def take(self, indices: np.ndarray) -> Self:
        """The examples at `indices` (int64 (M,)), in that order."""
        taken = {name: array[indices] for name, array in self.arrays().items() if name != "inputs"}
        inputs = self.inputs
        return type(self)(inputs.take(indices) if isinstance(inputs, Stored) else inputs[indices], **taken)


@dataclass(frozen=True)
class Prepared:
    """Both parts of a data set, and what is to be said of them; also what became of a table's rows, or of files."""

    train: Examples
    test: Examples
    description: DataDescription
    schema: "pd.DataFrame"  # as `SCHEMA` declares it, without a row for images
    rows: RowCounts | None = None
    files: FileCounts | None = None

    def facts(self, dataset: str, train_sha256: str) -> PrepareFacts:
        """The description, with the name of the data set and the SHA-256 of the training part's file."""
        return PrepareFacts(**dict(self.description), dataset=dataset, train_sha256=train_sha256)

    def metrics(self) -> PrepareMetrics:
        """Examples and class counts of each part, duplicates and rows."""
        classes = self.description.classes
        of_train, of_test = (
            PartCounts(
                examples=len(part),
                class_counts=tuple(np.bincount(part.targets, minlength=len(classes)).tolist()) if classes else None,
            )
            for part in (self.train, self.test)
        )
        repeated = duplicates(self.train, self.test, self.description.columns)
        return PrepareMetrics(train=of_train, test=of_test, duplicates=repeated, rows=self.rows, files=self.files)


def labelled(images: np.ndarray, labels: np.ndarray, classes: Sequence[str], name: str) -> Examples:
    """Grey-scale `images` (uint8 (N, H, W)) and their `labels` (uint8 (N,)) as a labelled set of one channel.

    Raises `InputError`, naming the data as `name`, when the arrays have the wrong number of dimensions or no pixels,
    differ in length, or when the labels are not all of 0 ... len(classes) - 1, each at least once.
    """
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise InputError(f"{name}: images must have the shape (number, height, width), found {images.shape}")
    if labels.ndim != 1:
        raise InputError(f"{name}: labels must have the shape (number,), found {labels.shape}")
    if len(images) != len(labels):
        raise InputError(f"{name}: {len(images)} images but {len(labels)} labels, must be as many")
    counts = np.bincount(labels, minlength=len(classes))
    if len(counts) > len(classes):
        raise InputError(f"{name}: label {len(counts) - 1} found, must be from 0 to {len(classes) - 1}")
    if not counts.all():
        missing = int(np.argmin(counts))
        raise InputError(f"{name}: no example of class {classes[missing]!r} (label {missing}), must be at least one")
    return Examples(images[:, np.newaxis], labels.astype(np.int64))


def limited(train: Examples, test: Examples, limit: int, seed: int) -> tuple[Examples, Examples]:
    """Stratified subsets: `limit` training examples (0: all of both) and the test part cut in the same proportion.

    Every stratum keeps at least one example in either part, in the order they came. Raises `InputError` when `limit`
    is larger than the training part, or too small for its strata.
    """
    if limit == 0:
        return train, test
    classes, classes_of_test = (len(np.unique(strata(part.targets))) for part in (train, test))
    if not classes <= limit <= len(train):
        raise InputError(
            f"params.yaml: prepare.limit = {limit}: must be 0 (all) or from {classes} (one example a class, or "
            f"bin of numbers) to {len(train)} (the whole training part)"
        )
    test_limit = max(classes_of_test, round(limit * len(test) / len(train)))
    generators = (numpy_generator(seed, "prepare", "train"), numpy_generator(seed, "prepare", "test"))
    return from_every_stratum(train, limit, generators[0]), from_every_stratum(test, test_limit, generators[1])


def from_every_stratum(data: Examples, size: int, generator: np.random.Generator) -> Examples:
    """`size` examples in their old order: one of each stratum first, then the rest in proportion to what is left."""
    labels = strata(data.targets)
    _, counts = np.unique(labels, return_counts=True)
    sizes = 1 + apportion(counts - 1, size - len(counts))
    return data.take(draw(labels, sizes, generator))


def normalisation(inputs: Rows) -> Normalisation:
    """Mean and (population) standard deviation of each channel of `inputs` / 255; `inputs` is uint8 (N, C, H, W).

    From integer sums over a histogram of the 256 values, hence exact until the last rounding and the same on every
    machine. Raises `InputError` when a channel is constant: nothing can be learned from it, nor divided by its zero.
    """
    mean, std = [], []
    histograms = np.zeros((inputs.shape[1], 256), np.int64)
    for some in portions(inputs, size=1 << 22):  # bincount makes eight bytes of each pixel
        histograms += [np.bincount(pixels.ravel(), minlength=256) for pixels in np.moveaxis(some, 1, 0)]
    for channel, counts in enumerate(histograms.tolist()):
        number = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value**2 * count for value, count in enumerate(counts))
        if number * squares == total**2:
            raise InputError(f"training part: every pixel of channel {channel} has the same value, must vary")
        mean.append(total / (255 * number))
        std.append(math.sqrt(number * squares - total**2) / (255 * number))
    return Normalisation(mean=tuple(mean), std=tuple(std))


def duplicates(train: Examples, test: Examples, columns: Sequence[InputColumn] | None) -> dict[str, int]:
    """How many inputs repeat another one, pixel for pixel or cell for cell, whatever their targets.

    "train" and "test" count those that equal an earlier one of the same part, "across" those of the test part that are
    also in the training part: those a model can score on by heart. `columns` are those of a table.
    """
    ids = identities((train.inputs, test.inputs), columns)
    of_train, of_test = ids[: len(train)], ids[len(train) :]
    return {
        "train": len(train) - len(np.unique(of_train)),
        "test": len(test) - len(np.unique(of_test)),
        "across": int(np.isin(of_test, of_train).sum()),
    }


def identities(parts: Sequence[Rows], columns: Sequence[InputColumn] | None = None) -> np.ndarray:
    """Int64 (N,): equal numbers for equal inputs, images or rows, of all `parts`, one after the other.

    Empty cells are equal, and so are both zeros; a category that the list of its column lacks is like no other, since
    nobody knows which it is.
    """
    if columns is None:
        import pandas as pd  # half a second that most stages need not pay

        digests = [hashlib.sha256(image.data).digest() for part in parts for image in part]
        return np.asarray(pd.factorize(np.array(digests, object))[0], np.int64)
    found = np.zeros(sum(map(len, parts)), np.int64)
    unseen = np.zeros(len(found), bool)
    for place, column in enumerate(columns):
        cells = np.concatenate([np.asarray(part)[:, place] for part in parts])
        found = told_apart(found, cells)
        if column.categories is not None:
            unseen |= cells == -1
    found[unseen] = len(found) + np.arange(unseen.sum())
    return found


def told_apart(numbers: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Int64 (N,): equal where both are; the result is below N, so that no product here leaves 64 bits."""
    import pandas as pd

    codes, distinct = pd.factorize(more, use_na_sentinel=False)
    return np.asarray(pd.factorize(numbers * len(distinct) + codes)[0], np.int64)


def read_training(train_file: Path, facts_file: Path) -> tuple[Examples, PrepareFacts]:
    """The training part and its facts; raises `InputError` unless both are whole and belong together."""
    train, facts = Examples.read(train_file), PrepareFacts.read(facts_file)
    check_fit(train, facts, train_file, facts_file)
    if sha256(train_file) != facts.train_sha256:
        raise InputError(f"{train_file}: is not the file that {facts_file} tells of; `dvc repro` makes both")
    return train, facts


def check_fit(data: Examples, description: DataDescription, file: Path, description_file: Path) -> None:
    """Raise `InputError` unless `data` is such as the `description` tells of.

    The files are for the message alone.
    """
    shape, kind, targets = data.inputs.shape[1:], data.inputs.dtype, data.targets
    if shape != description.shape or (kind == np.uint8) != (description.kind == "image"):
        raise InputError(
            f"{file}: inputs of shape {shape}, {kind}, but {description_file} tells of {description.kind}s of "
            f"{description.shape}"
        )
    if (targets.dtype == np.int64) != (description.classes is not None):
        raise InputError(f"{file}: targets are {targets.dtype}, but {description_file} tells of a {description.task}")
    if description.classes and not (targets.min() >= 0 and targets.max() < len(description.classes)):
        raise InputError(
            f"{file}: targets from {targets.min()} to {targets.max()}, but {description_file} knows "
            f"{len(description.classes)} classes: 0 to {len(description.classes) - 1}"
        )
    for place, column in enumerate(description.columns or ()):
        codes = data.inputs[:, place]
        known = np.isnan(codes) | ((codes >= -1) & (codes < len(column.categories or ())) & (codes == np.floor(codes)))
        if column.categories is not None and not known.all():
            raise InputError(
                f"{file}: column {column.name!r}: {codes[~known][0]:g} is none of the {len(column.categories)} "
                f"categories that {description_file} tells of"
            )
