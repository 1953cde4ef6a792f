"""fetch: bring the raw files of the data set, each verified by its SHA-256, from the first source that has them."""

from pathlib import Path

from stages.core.base.command import run
from stages.core.config.params import StageParams
from stages.core.config.sections import OWN_FOLDER, DatasetConfig
from stages.core.data.sources import collect

INPUTS = {"checked": Path("data/checked")}  # not read: nothing runs before `check` has accepted params.yaml
OUTPUTS = {"raw": Path("data/raw")}


class Params(StageParams):
    data: DatasetConfig


def main() -> None:
    params = Params.load()
    if params.data.dataset == "images":  # before DVC looks at it, which it does for `prepare`
        from stages.core.data.folders import check_recordable  # a second that others need not pay

        for path in {params.data.path, params.data.test_path} - {OWN_FOLDER}:
            check_recordable(path)
    collect(params.data.dataset, OUTPUTS["raw"])


if __name__ == "__main__":
    run(main)
