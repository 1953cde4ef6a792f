"""prepare: parse the raw files or your own, check them, and write inputs, targets, facts and a schema for review."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from stages.core.base import recorded
from stages.core.base.artifacts import sha256, write_arrays
from stages.core.base.command import run
from stages.core.base.schemas import FILES, SCHEMA
from stages.core.config.builtin import BuiltinFolder, BuiltinImages
from stages.core.config.datasets import datasets
from stages.core.config.params import StageParams
from stages.core.config.sections import OWN_FOLDER, DataConfig, PrepareConfig
from stages.core.data import image_files, images, tables

INPUTS = {"raw": Path("data/raw")}  # and data.path and data.test_path
OUTPUTS = {
    "train": Path("data/prepared/train.safetensors"),
    "test": Path("data/prepared/test.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "files": Path("data/prepared/files.csv"),
    "schema": Path("data/schema.csv"),
    "metrics": Path("metrics/prepare.json"),
}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    data: DataConfig
    prepare: PrepareConfig


def main() -> None:
    params = Params.load()
    own = [Path(path) for path in (params.data.path, params.data.test_path) if path != OWN_FOLDER]
    looked_at = recorded.stamps if params.data.dataset == "images" else recorded.digests  # of files that may be many
    recorded.note(looked_at(own), lambda: looked_at(own))
    builtin, limit = datasets().get(params.data.dataset), params.prepare.limit
    scratch = None
    if isinstance(builtin, BuiltinImages):
        prepared = images.prepared(INPUTS["raw"], builtin, limit, params.seed)
    elif isinstance(builtin, BuiltinFolder) or params.data.dataset == "images":
        data = image_files.settled(params.data, INPUTS["raw"], builtin)
        prepared, scratch = image_files.prepared(data, limit, params.seed, keep)
    else:
        data = tables.settled(params.data, INPUTS["raw"], builtin)
        prepared = tables.prepared(data, limit, params.seed)

    write_arrays(OUTPUTS["train"], prepared.train.arrays())
    write_arrays(OUTPUTS["test"], prepared.test.arrays())
    prepared.facts(params.data.dataset, sha256(OUTPUTS["train"])).write(OUTPUTS["facts"])
    SCHEMA.write(OUTPUTS["schema"], prepared.schema)
    prepared.metrics().write(OUTPUTS["metrics"])
    if scratch:
        scratch.discard()
    else:
        keep(pd.DataFrame(columns=list(FILES.columns)))


def keep(ledger: pd.DataFrame) -> None:
    """Before anything is refused, since DVC leaves what a stage that fails has written."""
    FILES.write(OUTPUTS["files"], ledger)


if __name__ == "__main__":
    run(main)
