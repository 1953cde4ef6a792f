"""prepare: parse the raw files, check them, and write images, targets and facts in the schema the other stages read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from stages.core.base.artifacts import read_bytes, sha256, write_arrays
from stages.core.base.command import InputError, run
from stages.core.base.seeding import numpy_generator
from stages.core.config.builtin import BuiltinImages
from stages.core.config.datasets import datasets
from stages.core.config.params import StageParams
from stages.core.config.sections import DataConfig, PrepareConfig
from stages.core.data import idx
from stages.core.data.examples import Examples, counts, facts, labelled, limited, normalisation

INPUTS = {"raw": Path("data/raw")}
OUTPUTS = {
    "train": Path("data/prepared/train.safetensors"),
    "test": Path("data/prepared/test.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "metrics": Path("metrics/prepare.json"),
}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    data: DataConfig
    prepare: PrepareConfig


def load(part: str, classes: Sequence[str]) -> Examples:
    """The raw files whose names begin with `part`, checked."""
    images, labels = (
        idx.parse(read_bytes(path), str(path))
        for path in (INPUTS["raw"] / f"{part}-images-idx3-ubyte", INPUTS["raw"] / f"{part}-labels-idx1-ubyte")
    )
    return labelled(images, labels, classes, f"{INPUTS['raw'] / part}-*")


def main() -> None:
    params = Params.load()
    dataset = params.data.dataset
    builtin = datasets()[dataset]
    assert isinstance(builtin, BuiltinImages)
    classes = builtin.classes
    train, test = load("train", classes), load("t10k", classes)
    if train.inputs.shape[1:] != test.inputs.shape[1:]:
        raise InputError(
            f"{INPUTS['raw']}: training and test images must have one shape, "
            f"found {train.inputs.shape[1:]} and {test.inputs.shape[1:]}"
        )
    generators = (numpy_generator(params.seed, "prepare", "train"), numpy_generator(params.seed, "prepare", "test"))
    train, test = limited(train, test, params.prepare.limit, generators)
    normalisation(train.inputs)  # refuses data that training could not normalise

    for name, part in (("train", train), ("test", test)):
        write_arrays(OUTPUTS[name], part.arrays())
    facts(dataset, classes, train, sha256(OUTPUTS["train"])).write(OUTPUTS["facts"])
    counts(train, test).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
