"""A labelled set of images: made from raw arrays and checked, cut to a subset, and described by exact numbers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stages.core.base.artifacts import sha256
from stages.core.base.command import InputError
from stages.core.base.schemas import EXAMPLES, DataDescription, Normalisation, PartCounts, PrepareFacts, PrepareMetrics
from stages.core.data.splits import apportion, draw


@dataclass(frozen=True)
class Labelled:
    """Images and their classes: `inputs` uint8 (N, C, H, W), `targets` int64 (N,), each an index of a class name."""

    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The examples at `path`, one at least; raises `InputError`, which names it, unless they are some."""
        return cls(**EXAMPLES.read(path))

    def take(self, indices: np.ndarray) -> Self:
        """The examples at `indices` (int64 (M,)), in that order."""
        return type(self)(self.inputs[indices], self.targets[indices])


def labelled(images: np.ndarray, labels: np.ndarray, classes: Sequence[str], name: str) -> Labelled:
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
    return Labelled(images[:, np.newaxis], labels.astype(np.int64))


def limited(
    train: Labelled, test: Labelled, limit: int, generators: tuple[np.random.Generator, np.random.Generator]
) -> tuple[Labelled, Labelled]:
    """Stratified subsets: `limit` training examples (0: all of both) and the test part cut in the same proportion.

    Every class keeps at least one example in either part, in the order they came. Raises `InputError` when `limit`
    is larger than the training part, or too small for its classes.
    """
    classes = len(np.unique(train.targets))
    if limit == 0:
        return train, test
    if not classes <= limit <= len(train):
        raise InputError(
            f"params.yaml: prepare.limit = {limit}: must be 0 (all) or from {classes} (one example a class) "
            f"to {len(train)} (the whole training part)"
        )
    test_limit = max(classes, round(limit * len(test) / len(train)))
    return sample_of_every_class(train, limit, generators[0]), sample_of_every_class(test, test_limit, generators[1])


def sample_of_every_class(data: Labelled, size: int, generator: np.random.Generator) -> Labelled:
    """`size` examples in their old order: one of each class first, then the rest in proportion to what is left."""
    counts = np.bincount(data.targets)
    sizes = 1 + apportion(counts - 1, size - len(counts))
    return data.take(draw(data.targets, sizes, generator))


def normalisation(inputs: np.ndarray) -> Normalisation:
    """Mean and (population) standard deviation of each channel of `inputs` / 255; `inputs` is uint8 (N, C, H, W).

    From integer sums over a histogram of the 256 values, hence exact until the last rounding and the same on every
    machine. Raises `InputError` when a channel is constant: nothing can be learned from it, nor divided by its zero.
    """
    mean, std = [], []
    for channel, pixels in enumerate(np.moveaxis(inputs, 1, 0)):
        # In chunks, since bincount makes eight bytes of each pixel.
        chunks = np.array_split(pixels, 64)
        counts = np.sum([np.bincount(chunk.ravel(), minlength=256) for chunk in chunks], axis=0).tolist()
        number = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value**2 * count for value, count in enumerate(counts))
        if number * squares == total**2:
            raise InputError(f"training part: every pixel of channel {channel} has the same value, must vary")
        mean.append(total / (255 * number))
        std.append(math.sqrt(number * squares - total**2) / (255 * number))
    return Normalisation(mean=tuple(mean), std=tuple(std))


def duplicates(train: Labelled, test: Labelled) -> dict[str, int]:
    """How many images repeat another one, pixel for pixel, whatever their labels.

    "train" and "test" count the images that equal an earlier one of the same part, "across" the test images that
    are also in the training part: those a model can score on by heart.
    """
    train_images, test_images = ([hashlib.sha256(image).digest() for image in part.inputs] for part in (train, test))
    known = set(train_images)
    return {
        "train": len(train_images) - len(known),
        "test": len(test_images) - len(set(test_images)),
        "across": sum(image in known for image in test_images),
    }


def facts(dataset: str, classes: Sequence[str], train: Labelled, train_sha256: str) -> PrepareFacts:
    """What a model must know about its data: task, names of the classes, shape of an input, digest."""
    channels, height, width = train.inputs.shape[1:]
    return PrepareFacts(
        task="classification",
        dataset=dataset,
        classes=tuple(classes),
        input_shape=(channels, height, width),
        train_sha256=train_sha256,
    )


def counts(train: Labelled, test: Labelled) -> PrepareMetrics:
    """Examples and class counts of each part, and the duplicates."""
    of_train, of_test = (
        PartCounts(examples=len(part), class_counts=tuple(np.bincount(part.targets).tolist())) for part in (train, test)
    )
    return PrepareMetrics(train=of_train, test=of_test, duplicates=duplicates(train, test))


def read_training(train_file: Path, facts_file: Path) -> tuple[Labelled, PrepareFacts]:
    """The training part and its facts; raises `InputError` unless both are whole and belong together."""
    train, facts = Labelled.read(train_file), PrepareFacts.read(facts_file)
    check_fit(train, facts, train_file, facts_file)
    if sha256(train_file) != facts.train_sha256:
        raise InputError(f"{train_file}: is not the file that {facts_file} tells of; `dvc repro` makes both")
    return train, facts


def check_fit(data: Labelled, description: DataDescription, file: Path, description_file: Path) -> None:
    """Raise `InputError` unless `data` is such as the `description` tells of.

    The files are for the message alone.
    """
    shape, targets, classes = data.inputs.shape[1:], data.targets, len(description.classes)
    if shape != description.input_shape:
        raise InputError(f"{file}: inputs of shape {shape}, but {description_file} tells of {description.input_shape}")
    if not (targets.min() >= 0 and targets.max() < classes):
        raise InputError(
            f"{file}: targets from {targets.min()} to {targets.max()}, "
            f"but {description_file} knows {classes} classes: 0 to {classes - 1}"
        )
