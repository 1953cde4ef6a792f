"""lr_range: the loss while the learning rate grows from far too low to far too high, and a rate that suggests.

It changes nothing by itself: `train.lr` is for you to set.
"""

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from stages.core.base.artifacts import read_arrays, read_json, write_csv, write_json
from stages.core.base.command import run
from stages.core.base.seeding import numpy_generator
from stages.core.config.recipe import Recipe, check_batch_size
from stages.core.config.sections import LrRangeConfig
from stages.core.data.examples import Labelled
from stages.core.experiments.range_test import lowest, range_test, suggest

INPUTS = {"train": Path("data/prepared/train.safetensors"), "facts": Path("data/prepared/facts.json")}
OUTPUTS = {"metrics": Path("metrics/lr_range.json"), "curve": Path("plots/lr_range.csv")}
FOLD = -1  # a number that no training run has, hence initial weights and random streams of its own


class Params(Recipe):
    lr_range: LrRangeConfig


def main() -> None:
    params = Params.load()
    train, classes = Labelled(**read_arrays(INPUTS["train"])), len(read_json(INPUTS["facts"])["classes"])
    check_batch_size(params.train, len(train))

    # Only now, with everything read and accepted: torch takes a second to load.
    import torch

    from stages.core.training.engine import Engine
    from stages.core.training.parallel import Workers

    with Workers.at_hand() as workers:
        engine = Engine(params, train, classes, workers, FOLD)

        def take_step(step: int, rate: float) -> float:
            generator = numpy_generator(params.seed, "lr_range", step)
            batch = generator.choice(len(train), params.train.batch_size, replace=False)
            return engine.step(torch.from_numpy(batch), rate, ("lr_range", step))

        points = range_test(params.lr_range, take_step)

    best = lowest(points)
    write_json(
        OUTPUTS["metrics"],
        {
            "suggested_lr": suggest(points),
            # In a list, which DVC's tables skip: they would else be too wide to read.
            "lowest": [{"learning_rate": best.learning_rate, "smoothed_loss": round(best.smoothed_loss, 6)}],
        },
    )
    write_csv(OUTPUTS["curve"], pd.DataFrame(map(asdict, points)).round({"loss": 6, "smoothed_loss": 6}))


if __name__ == "__main__":
    run(main)
