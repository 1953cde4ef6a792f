"""evaluate: the final model on the test set, once: its predictions, its scores and the tables the plots are drawn from.

No stage that trains or chooses reads the test set, so nothing can have been chosen on it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base import schemas
from stages.core.base.command import InputError, run
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.plain import shown
from stages.core.config.sections import EvaluateConfig
from stages.core.data.examples import Examples, check_fit
from stages.core.networks.store import read_model
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.scores.tasks import TABLES, evaluate_metrics, headlines, scores_with_intervals, tables
from stages.core.training.objectives import conformal, predict
from stages.core.training.parallel import Workers

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
OUTPUTS = {
    "predictions": Path("models/predictions.safetensors"),
    "metrics": Path("metrics/evaluate.json"),
    "scores": Path("plots/scores.csv"),
    **{f"{name} table": Path(f"plots/{name}.csv") for name in TABLES},
}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    evaluate: EvaluateConfig


def main() -> None:
    params = Params.load()
    test = Examples.read(INPUTS["test"])
    description = schemas.ModelDescription.read(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    classes = description.classes or ()
    if classes and test.targets.min() == test.targets.max():
        only = classes[test.targets[0]]
        raise InputError(f"{INPUTS['test']}: all targets are class {shown(repr(only))}; scoring needs two classes")
    model = read_model(description, INPUTS["description"], INPUTS["weights"])

    with Workers.at_hand() as workers:
        said = predict(description.task, model, test.inputs, workers)
    if not np.isfinite(said).all():
        raise InputError(f"{INPUTS['weights']}: the model gives predictions that are not finite")
    predictions: AnyPredictions
    if classes:
        predictions = Predictions(test.targets, said, test.groups)
    else:
        low, high = conformal.interval(description.interval, said) if description.interval else (None, None)
        predictions = ValuePredictions(test.targets, said, low, high, test.groups)

    predictions.write(OUTPUTS["predictions"])
    generator = numpy_generator(params.seed, "bootstrap")
    scores = scores_with_intervals(predictions, params.evaluate.resamples, generator)
    schemas.SCORES.write(OUTPUTS["scores"], scores)
    for name, table in tables(predictions, classes, params.evaluate.curve_points).items():
        TABLES[name].write(OUTPUTS[f"{name} table"], table)
    evaluate_metrics(description.task)(**headlines(description.task, scores)).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
