"""evaluate: the final model on the test set, once: its predictions, its scores and the tables the plots are drawn from.

No stage that trains or chooses reads the test set, so nothing can have been chosen on it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base.artifacts import read_arrays, read_json, write_arrays, write_csv, write_json
from stages.core.base.command import InputError, run
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.sections import EvaluateConfig
from stages.core.data.examples import Labelled, check_fit
from stages.core.scores.classification import tables

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
OUTPUTS = {
    "predictions": Path("models/predictions.safetensors"),
    "metrics": Path("metrics/evaluate.json"),
    "confusion": Path("plots/confusion.csv"),
    "roc": Path("plots/roc.csv"),
    "precision_recall": Path("plots/precision_recall.csv"),
    "classes": Path("plots/classes.csv"),
    "calibration": Path("plots/calibration.csv"),
}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    evaluate: EvaluateConfig


def main() -> None:
    params = Params.load()

    # Only now, with the parameters accepted: torch and SciPy take a second to load.
    from stages.core.networks.model import load_model
    from stages.core.scores.calibration import reliability_table
    from stages.core.scores.intervals import summarise
    from stages.core.training.parallel import Workers
    from stages.core.training.prediction import predict_probabilities

    test, description = Labelled(**read_arrays(INPUTS["test"])), read_json(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    targets, classes = test.targets, description["classes"]
    if targets.min() == targets.max():
        raise InputError(f"{INPUTS['test']}: all targets are class {classes[targets[0]]!r}; scoring needs two classes")
    model = load_model(description, read_arrays(INPUTS["weights"]))

    with Workers.at_hand() as workers:
        probabilities = predict_probabilities(model, test.inputs, workers)
    if not np.isfinite(probabilities).all():
        raise InputError(f"{INPUTS['weights']}: the model gives probabilities that are not finite")

    write_arrays(OUTPUTS["predictions"], {"targets": targets, "probabilities": probabilities})
    generator = numpy_generator(params.seed, "bootstrap")
    metrics = summarise(targets, probabilities, classes, params.evaluate.resamples, generator)
    write_json(OUTPUTS["metrics"], metrics)
    found = tables(targets, probabilities, classes, params.evaluate.curve_points)
    for name, table in {**found, "calibration": reliability_table(targets, probabilities)}.items():
        write_csv(OUTPUTS[name], table.round(6))


if __name__ == "__main__":
    run(main)
