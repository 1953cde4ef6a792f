"""evaluate: the final model on the test set, once: its predictions, its scores and the tables the plots are drawn from.

No stage that trains or chooses reads the test set, so nothing can have been chosen on it.
"""

from pathlib import Path

import numpy as np

from stages.core.artifacts import read_arrays, read_json, write_arrays, write_csv, write_json
from stages.core.command import InputError, run
from stages.core.dataset import Labelled, check_fit
from stages.core.params import StageParams
from stages.core.scoring import (
    EvaluateConfig,
    class_table,
    confusion,
    confusion_table,
    headline,
    precision_recall_table,
    predict,
    roc_table,
)

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
}


class Params(StageParams):
    evaluate: EvaluateConfig


def main() -> None:
    points = Params.load().evaluate.curve_points
    from stages.core.model import load_model
    from stages.core.parallel import Workers, worker_count
    from stages.core.prediction import predict_probabilities

    test, description = Labelled(**read_arrays(INPUTS["test"])), read_json(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    targets, classes = test.targets, description["classes"]
    if targets.min() == targets.max():
        raise InputError(f"{INPUTS['test']}: all targets are class {classes[targets[0]]!r}; scoring needs two classes")
    model = load_model(description, read_arrays(INPUTS["weights"]))

    with Workers(worker_count()) as workers:
        probabilities = predict_probabilities(model, test.inputs, workers)
    if not np.isfinite(probabilities).all():
        raise InputError(f"{INPUTS['weights']}: the model gives probabilities that are not finite")

    write_arrays(OUTPUTS["predictions"], {"targets": targets, "probabilities": probabilities})
    write_json(OUTPUTS["metrics"], {name: round(score, 6) for name, score in headline(targets, probabilities).items()})
    counts = confusion(targets, predict(probabilities), len(classes))
    for name, table in {
        "confusion": confusion_table(counts, classes),
        "roc": roc_table(targets, probabilities, classes, points),
        "precision_recall": precision_recall_table(targets, probabilities, classes, points),
        "classes": class_table(targets, probabilities, classes),
    }.items():
        write_csv(OUTPUTS[name], table.round(6))


if __name__ == "__main__":
    run(main)
