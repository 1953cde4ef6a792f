"""fetch: bring the raw files of the data set, each verified by its SHA-256, from the first source that has them."""

from pathlib import Path

from stages.core.command import run
from stages.core.params import StageParams
from stages.core.sources import DataConfig, collect

INPUTS = {"checked": Path("data/checked")}  # not read: nothing runs before `check` has accepted params.yaml
OUTPUTS = {"raw": Path("data/raw")}


class Params(StageParams):
    data: DataConfig


def main() -> None:
    params = Params.load()
    collect(params.data.dataset, OUTPUTS["raw"])


if __name__ == "__main__":
    run(main)
