"""export: the model as one ONNX file that needs none of our code, checked on the whole test part with onnxruntime."""

import sys
from pathlib import Path

import numpy as np

from stages.core.base import recorded, schemas
from stages.core.base.artifacts import sha256, write_bytes
from stages.core.base.command import InputError, run
from stages.core.config.params import StageParams
from stages.core.data.examples import Examples, check_fit
from stages.core.networks.store import read_model
from stages.core.scores.predictions import read_predictions
from stages.core.serving import onnx_check, onnx_file

INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
    "predictions": Path("models/predictions.safetensors"),
}
OUTPUTS = {"onnx": Path("models/model.onnx"), "metrics": Path("metrics/export.json")}
CODE = ("base", "config", "data", "networks", "training")  # the rooms that made the model


class Params(StageParams):
    pass


def main() -> None:
    test = Examples.read(INPUTS["test"])
    description = schemas.ModelDescription.read(INPUTS["description"])
    check_fit(test, description, INPUTS["test"], INPUTS["description"])
    predictions = read_predictions(INPUTS["predictions"])
    if predictions.task != description.task or not np.array_equal(predictions.targets, test.targets):
        raise InputError(f"{INPUTS['predictions']}: of another run than {INPUTS['test']}; `dvc repro` makes both")
    model = read_model(description, INPUTS["description"], INPUTS["weights"])

    metadata = onnx_file.metadata_of(description, recorded.digest_of_rooms(CODE))
    content = onnx_file.serialised(onnx_file.exported(model, description, metadata))
    difference = onnx_check.largest_difference(content, description, test.inputs, predictions)

    sys.stderr.write(f"{OUTPUTS['onnx']}: differs by {difference:.1g} at most on {len(test):,} test examples\n")

    write_bytes(OUTPUTS["onnx"], content)
    schemas.ExportMetrics(
        examples=len(test),
        largest_difference_below=onnx_check.TOLERANCE,
        onnx_sha256=sha256(OUTPUTS["onnx"]),
    ).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
