"""stress: accuracy of the final model on corrupted test images: ten corruptions, each in five severities.

It says how the model may fail on images worse than those it knows; nothing is chosen by it.
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from stages.core.base.artifacts import read_arrays, read_json, write_csv, write_json
from stages.core.base.command import run
from stages.core.base.seeding import numpy_generator
from stages.core.config.params import StageParams
from stages.core.config.sections import StressConfig
from stages.core.data.examples import Labelled, check_fit
from stages.core.data.splits import subset
from stages.core.experiments.corruptions import CORRUPTIONS, SEVERITIES, Images, corrupt
from stages.core.experiments.robustness import summarise
from stages.core.scores.classification import predict

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
}
OUTPUTS = {"metrics": Path("metrics/stress.json"), "accuracies": Path("plots/stress.csv")}


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    stress: StressConfig


def main() -> None:
    params = Params.load()
    test, description = Labelled(**read_arrays(INPUTS["test"])), read_json(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    size = min(params.stress.examples, len(test))
    chosen = subset(test.targets, size, numpy_generator(params.seed, "stress"))
    data = test.take(chosen)

    # Only now, with everything read and accepted: torch takes a second to load.
    from stages.core.networks.model import load_model
    from stages.core.training.parallel import Workers
    from stages.core.training.prediction import predict_probabilities

    model = load_model(description, read_arrays(INPUTS["weights"]))
    rows = []
    with Workers.at_hand() as workers:

        def accuracy(images: Images) -> float:
            predicted = predict(predict_probabilities(model, images, workers))
            return round(float((predicted == data.targets).mean()), 6)

        clean = accuracy(data.inputs)
        for corruption in CORRUPTIONS:
            rows.append({"corruption": corruption, "severity": 0, "accuracy": clean})
            for severity in SEVERITIES:
                images = corrupt(data.inputs, corruption, severity, numpy_generator(params.seed, "stress", corruption))
                rows.append({"corruption": corruption, "severity": severity, "accuracy": accuracy(images)})

    table = pd.DataFrame(rows)
    write_json(OUTPUTS["metrics"], summarise(table, len(data)))
    write_csv(OUTPUTS["accuracies"], table)


if __name__ == "__main__":
    run(main)
