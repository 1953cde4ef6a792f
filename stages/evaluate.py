"""evaluate: the final model on the test set, once: its predictions, its scores and the tables the plots are drawn from.

The test set is read here and nowhere else, so nothing can have been chosen on it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from stages.core.artifacts import read_arrays, read_json, write_arrays, write_csv, write_json
from stages.core.command import InputError, run
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
    from stages.core.parallel import Workers
    from stages.core.prediction import predict_probabilities

    test, description = read_arrays(INPUTS["test"]), read_json(INPUTS["description"])
    check_fit(test, description)
    model = load_model(description, read_arrays(INPUTS["weights"]))

    targets, classes = test["targets"], description["classes"]
    with Workers.at_hand() as workers:
        probabilities = predict_probabilities(model, test["inputs"], workers)
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


def check_fit(test: dict[str, np.ndarray], description: dict[str, Any]) -> None:
    """Raise `InputError` unless the test set is one the model can be scored on."""
    inputs, targets, classes = test["inputs"], test["targets"], description["classes"]
    if list(inputs.shape[1:]) != description["input_shape"]:
        raise InputError(
            f"{INPUTS['test']}: inputs of shape {list(inputs.shape[1:])}, "
            f"but {INPUTS['description']} was trained on {description['input_shape']}"
        )
    if not (targets.min() >= 0 and targets.max() < len(classes)):
        raise InputError(
            f"{INPUTS['test']}: targets from {targets.min()} to {targets.max()}, "
            f"but {INPUTS['description']} knows {len(classes)} classes: 0 to {len(classes) - 1}"
        )
    if targets.min() == targets.max():
        raise InputError(f"{INPUTS['test']}: all targets are class {classes[targets[0]]!r}; scoring needs two classes")


if __name__ == "__main__":
    run(main)
