"""stress: the final model on test inputs made worse, in several ways and five severities; which columns it goes by.

It says how the model may fail on data worse than those it knows; nothing is chosen by it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base.command import InputError, run
from stages.core.base.schemas import IMPORTANCE, STRESS, ModelDescription, StressMetrics
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.sections import StressConfig
from stages.core.data.examples import Examples, check_fit
from stages.core.data.splits import strata, stratified_sample
from stages.core.experiments.corruptions import corruptions_of
from stages.core.experiments.importance import examples_for, permutation_importance
from stages.core.experiments.robustness import corruption_scores, mean_corruption_score
from stages.core.networks.store import read_model
from stages.core.scores.tasks import MAIN
from stages.core.training.objectives import predict
from stages.core.training.parallel import Workers

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
OUTPUTS = {
    "metrics": Path("metrics/stress.json"),
    "scores": Path("plots/stress.csv"),
    "importance": Path("plots/importance.csv"),
}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    stress: StressConfig


def main() -> None:
    params = Params.load()
    test, description = Examples.read(INPUTS["test"]), ModelDescription.read(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    model = read_model(description, INPUTS["description"], INPUTS["weights"])
    task, names = description.task, [column.name for column in description.columns or ()]
    score = MAIN[task]

    def sample(size: int) -> Examples:
        generator = numpy_generator(params.seed, "stress")
        return test.take(stratified_sample(strata(test.targets), min(size, len(test)), generator))

    data = sample(params.stress.examples)
    with Workers.at_hand() as workers:

        def outputs(inputs: np.ndarray) -> np.ndarray:
            found = predict(task, model, inputs, workers)
            if not np.isfinite(found).all():
                raise InputError(f"{INPUTS['weights']}: the model gives predictions that are not finite")
            return found.reshape(len(inputs), -1)

        def scored(inputs: np.ndarray) -> float:
            return score.rounded(score.value(data.targets, outputs(inputs)))

        scores = corruption_scores(np.asarray(data.inputs), corruptions_of(description), scored, params.seed)
        more = sample(max(1, examples_for(len(names))))
        importance = permutation_importance(more, names, task, outputs, params.seed)

    STRESS.write(OUTPUTS["scores"], scores)
    IMPORTANCE.write(OUTPUTS["importance"], importance)
    mean = {f"mean_corruption_{score.name}": score.rounded(mean_corruption_score(scores))}
    StressMetrics.model_validate(mean).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
