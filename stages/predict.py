"""predict: what a trained model says of new files: pictures, folders of them, or tables. No stage of DVC.

Columns of a table go by name, in any order. Each row or picture gets a row: the prediction, its probability or 90%
interval, and a status: ok, missing, unseen category or out of range with the column, or unreadable.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.base.command import InputError, run
from stages.core.revisions.find import WORKSPACE, find

if TYPE_CHECKING:
    from torch import nn

    from stages.core.base.schemas import ModelDescription
    from stages.core.serving.batch import Batch

DESCRIPTION, WEIGHTS = Path("models/model.json"), Path("models/model.safetensors")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.predict", description=__doc__)
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a picture or a folder of them; a CSV, TSV or Parquet file; - for CSV on standard input",
    )
    parser.add_argument(
        "--revision",
        metavar="REV",
        default=WORKSPACE,
        help=f"whose model: a Git revision or an experiment ({WORKSPACE})",
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="where to write (standard output)")
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="of what is written (csv)")
    return parser.parse_args()


def model_of(revision: str) -> "tuple[ModelDescription, nn.Module]":
    """The model of a revision. Raises `InputError` where it is not here, or its files do not belong together."""
    files = [find(path, revision) for path in (DESCRIPTION, WEIGHTS)]

    from stages.core.base.schemas import ModelDescription
    from stages.core.networks.store import read_model

    try:
        description = ModelDescription.read(files[0])
        return description, read_model(description, *files)
    except InputError as error:
        raise InputError(str(error) if revision == WORKSPACE else f"{revision}: {error}") from None


def main() -> None:
    given = arguments()
    if given.output and any(
        given.output.exists() and Path(file).exists() and given.output.samefile(file) for file in given.files
    ):
        raise InputError(f"--output {given.output}: must be another file than those to predict for")
    description, model = model_of(given.revision)

    from tqdm import tqdm

    from stages.core.base.schemas import PictureForm, TableForm
    from stages.core.serving import answers, images, tables
    from stages.core.training.objectives import predict
    from stages.core.training.parallel import Workers

    def table_batches() -> "Iterator[Batch]":
        form = description.form if isinstance(description.form, TableForm) else TableForm()
        for file in given.files:
            yield from tables.batches(file, description.columns or (), form)

    with Workers.at_hand() as workers:
        if description.input_shape:
            form = description.form if isinstance(description.form, PictureForm) else PictureForm()
            paths = images.found(given.files)
            batches, total = images.batches(paths, description.input_shape, form, workers), len(paths)
        else:
            batches, total = table_batches(), sum(map(tables.size, given.files))
        unit = {"unit": "file"} if description.input_shape else {"unit": "B", "unit_scale": True}
        with (
            answers.writing(given.output, given.format) as write,
            tqdm(total=total or None, disable=None, **unit) as bar,
        ):
            for batch in batches:
                said = predict(description.task, model, batch.inputs, workers)
                write(answers.answers(description, batch, said))
                bar.update(batch.size)


if __name__ == "__main__":
    run(main)
