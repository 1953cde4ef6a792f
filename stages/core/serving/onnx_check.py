"""Whether an ONNX file says what the model said of the test part, to a tolerance; by onnxruntime, as its users run it.

Of classes the difference is that of a probability, of numbers a share of the standard deviation of the target, or of
its logarithm where that was trained on.
"""

import numpy as np
import onnxruntime

from stages.core.base.command import InputError
from stages.core.base.cores import thread_count
from stages.core.base.schemas import ModelDescription
from stages.core.base.stored import Rows
from stages.core.scores.predictions import AnyPredictions, Predictions
from stages.core.serving.onnx_file import fed, names_of_outputs
from stages.core.training.objectives import conformal

TOLERANCE = 1e-4


def largest_difference(
    content: bytes, description: ModelDescription, inputs: Rows, predictions: AnyPredictions
) -> float:
    """By how much the file differs from the `predictions` of all `inputs` at most.

    Raises `InputError` where a difference is not below the tolerance, or another class is the likeliest.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = thread_count(), 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    parts = [session.run(None, some) for some in fed(description, inputs)]
    outputs = {name: np.concatenate(part) for name, part in zip(names, zip(*parts, strict=True), strict=True)}
    said = {name: outputs[called] for name, called in names_of_outputs(description).items() if called in outputs}

    if isinstance(predictions, Predictions):
        assert description.classes
        differences = [np.abs(said["probabilities"] - predictions.probabilities)]
        places = {name: place for place, name in enumerate(description.classes)}
        chosen = np.array([places[name] for name in said["prediction"]])
        probabilities = predictions.probabilities
        # Of two that are equally likely, to the tolerance, either may be the likeliest.
        behind = probabilities.max(axis=1) - probabilities[np.arange(len(chosen)), chosen]
        if (behind >= TOLERANCE).any():
            row = int(np.argmax(behind))
            found = description.classes[int(probabilities[row].argmax())]
            raise InputError(
                f"ONNX: {int((behind >= TOLERANCE).sum()):,} of {len(chosen):,} decisions are others than the model's; "
                f"test example {row}: {said['prediction'][row]!r}, must be {found!r}"
            )
    else:
        assert description.target_scale
        # What moves a value's logarithm by one standard deviation, or the value itself.
        scale = description.target_scale.std * (np.abs(predictions.values) if description.target_scale.log else 1.0)
        differences = [np.abs(said["value"] - predictions.values) / scale]
        if description.interval:
            # By its own values: one at the end of a bin may be beyond it, and so have another width.
            ends = conformal.interval(description.interval, said["value"])
            differences += [np.abs(said[name] - end) / scale for name, end in zip(("low", "high"), ends, strict=True)]
    largest = max(float(one.max()) for one in differences)
    if not largest < TOLERANCE:
        raise InputError(f"ONNX: differs from the model by {largest:.2g}, must be below {TOLERANCE:g}")
    return largest
