"""evaluate: the final model on the test set, once: its predictions, its scores and the tables the plots are drawn from.

No stage that trains or chooses reads the test set, so nothing can have been chosen on it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base import schemas
from stages.core.base.command import InputError, run
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.sections import EvaluateConfig
from stages.core.data.examples import Examples, check_fit
from stages.core.networks.store import read_model
from stages.core.scores import tasks
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.training.objectives import predict
from stages.core.training.parallel import Workers

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
TABLES = {"scores": schemas.SCORES, **tasks.TABLES}
OUTPUTS = {
    "predicted": Path("models/predictions.safetensors"),
    "metrics": Path("metrics/evaluate.json"),
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
    targets, classes = test.targets, description.classes or ()
    if classes and targets.min() == targets.max():
        raise InputError(f"{INPUTS['test']}: all targets are class {classes[targets[0]]!r}; scoring needs two classes")
    model = read_model(description, INPUTS["description"], INPUTS["weights"])

    with Workers.at_hand() as workers:
        outputs = predict(description.task, model, test.inputs, workers)
    if not np.isfinite(outputs).all():
        raise InputError(f"{INPUTS['weights']}: the model gives predictions that are not finite")

    kinds: dict[str, Callable[..., AnyPredictions]] = {"classification": Predictions, "regression": ValuePredictions}
    predictions = kinds[description.task](targets, outputs, groups=test.groups)
    predictions.write(OUTPUTS["predicted"])
    generator = numpy_generator(params.seed, "bootstrap")
    scores = tasks.scores_with_intervals(predictions, params.evaluate.resamples, generator)
    found = {"scores": scores, **tasks.tables(predictions, classes, params.evaluate.curve_points)}
    for name, table in TABLES.items():
        table.write(OUTPUTS[f"{name} table"], found[name])
    tasks.evaluate_metrics(description.task)(**tasks.headlines(description.task, scores)).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
