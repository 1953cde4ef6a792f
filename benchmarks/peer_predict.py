"""Rows of a CSV through a trained network, as one writes a vectorised loop: pandas, torch, and a CSV of predictions.

`python -m benchmarks.peer_predict FOLDER FILE OUTPUT`, FOLDER being one of ours with a model of a number. It checks no
cell, and gives neither intervals nor statuses.
"""

import argparse
import os
from pathlib import Path

import stages  # isort: skip  # noqa: F401 - before torch

import numpy as np
import pandas as pd
import torch

from stages.core.base.schemas import ModelDescription
from stages.core.networks.store import read_model

ROWS, BATCH = 1 << 16, 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs=3, type=Path, metavar="PATH")
    folder, file, output = parser.parse_args().paths
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # which our numerics keep to one
    files = folder / "models/model.json", folder / "models/model.safetensors"
    description = ModelDescription.read(files[0])
    model = read_model(description, *files)
    columns = description.columns or ()
    with output.open("w", encoding="utf-8") as written, torch.inference_mode():
        for table in pd.read_csv(file, usecols=[column.name for column in columns], chunksize=ROWS):
            cells = [
                table[column.name].to_numpy(np.float64)
                if column.categories is None
                else pd.Categorical(table[column.name], categories=column.categories).codes.astype(np.float64)
                for column in columns
            ]
            rows = torch.from_numpy(np.stack(cells, axis=1))
            said = torch.cat([model(batch) for batch in rows.split(BATCH)]).reshape(-1)  # type: ignore[no-untyped-call]
            pd.DataFrame({"prediction": said.numpy()}).to_csv(written, index=False, header=written.tell() == 0)


if __name__ == "__main__":
    main()
