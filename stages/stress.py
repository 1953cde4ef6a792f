"""stress: accuracy of the final model on corrupted test images: ten corruptions, each in five severities.

It says how the model may fail on images worse than those it knows; nothing is chosen by it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base.command import InputError, run
from stages.core.base.schemas import STRESS, ModelDescription, StressMetrics
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.sections import StressConfig
from stages.core.data.examples import Examples, check_fit
from stages.core.data.splits import stratified_sample
from stages.core.experiments.corruptions import Images
from stages.core.experiments.robustness import corruption_scores, mean_corruption_score
from stages.core.networks.store import read_model
from stages.core.scores.classification import predict as likeliest
from stages.core.training.objectives import predict
from stages.core.training.parallel import Workers

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
OUTPUTS = {"metrics": Path("metrics/stress.json"), "scores": Path("plots/stress.csv")}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    stress: StressConfig


def main() -> None:
    params = Params.load()
    test, description = Examples.read(INPUTS["test"]), ModelDescription.read(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    model = read_model(description, INPUTS["description"], INPUTS["weights"])
    size = min(params.stress.examples, len(test))
    data = test.take(stratified_sample(test.targets, size, numpy_generator(params.seed, "stress")))

    with Workers.at_hand() as workers:

        def accuracy(images: Images) -> float:
            probabilities = predict(description.task, model, images, workers)
            if not np.isfinite(probabilities).all():
                raise InputError(f"{INPUTS['weights']}: the model gives probabilities that are not finite")
            return round(float((likeliest(probabilities) == data.targets).mean()), 6)

        table = corruption_scores(data.inputs, accuracy, params.seed)

    STRESS.write(OUTPUTS["scores"], table)
    StressMetrics(mean_corruption_accuracy=mean_corruption_score(table)).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
