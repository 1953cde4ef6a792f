"""Images from the raw files of a built-in data set, in IDX."""

from pathlib import Path

import pandas as pd

from stages.core.base.artifacts import read_bytes
from stages.core.base.command import InputError
from stages.core.base.schemas import SCHEMA, DataDescription
from stages.core.config.builtin import BuiltinImages
from stages.core.data import idx
from stages.core.data.examples import Prepared, labelled, limited, normalisation


def prepared(raw: Path, builtin: BuiltinImages, limit: int, seed: int) -> Prepared:
    """The data set `builtin` in the folder `raw`, cut to `limit` training examples (0: all)."""
    parts = []
    for part in ("train", "t10k"):
        images, labels = (
            idx.parse(read_bytes(path), str(path))
            for path in (raw / f"{part}-images-idx3-ubyte", raw / f"{part}-labels-idx1-ubyte")
        )
        parts.append(labelled(images, labels, builtin.classes, f"{raw / part}-*"))
    train, test = parts
    if train.inputs.shape[1:] != test.inputs.shape[1:]:
        raise InputError(
            f"{raw}: training and test images must have one shape, "
            f"found {train.inputs.shape[1:]} and {test.inputs.shape[1:]}"
        )
    train, test = limited(train, test, limit, seed)
    normalisation(train.inputs)  # refuses data that training could not normalise
    channels, height, width = train.inputs.shape[1:]
    description = DataDescription(task="classification", classes=builtin.classes, input_shape=(channels, height, width))
    return Prepared(train, test, description, pd.DataFrame(columns=list(SCHEMA.columns)))
