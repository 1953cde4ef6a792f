"""baselines: simple models on the same parts, and whether the network is better than they are.

They learn from the training part and are scored once on the test part, beside the network's own predictions.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base.command import InputError, run
from stages.core.base.schemas import BASELINES, BaselinesMetrics
from stages.core.config.params import StageParams
from stages.core.data.examples import Examples, check_fit, read_training
from stages.core.experiments.baselines import baseline_predictions, baseline_table, best_baseline
from stages.core.scores.predictions import read_predictions
from stages.core.scores.tasks import MAIN

INPUTS = {
    "train": Path("data/prepared/train.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "test": Path("data/prepared/test.safetensors"),
    "predictions": Path("models/predictions.safetensors"),
}
OUTPUTS = {"metrics": Path("metrics/baselines.json"), "scores": Path("plots/baselines.csv")}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]


def main() -> None:
    params = Params.load()
    train, facts = read_training(INPUTS["train"], INPUTS["facts"])
    test, network = Examples.read(INPUTS["test"]), read_predictions(INPUTS["predictions"])
    check_fit(test, facts, INPUTS["test"], INPUTS["facts"])
    if network.task != facts.task or not np.array_equal(network.targets, test.targets):
        raise InputError(f"{INPUTS['predictions']}: not of the examples in {INPUTS['test']}; `dvc repro` makes both")

    found = dict(baseline_predictions(train, test, facts, params.seed))
    table = baseline_table(found, network, params.seed)
    BASELINES.write(OUTPUTS["scores"], table)
    best = {f"best_baseline_{MAIN[facts.task].name}": best_baseline(table, facts.task)}
    BaselinesMetrics.model_validate(best).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
