"""A model as one ONNX file that needs none of our code: raw columns or pixels in, probabilities or a number out.

Whatever was learned lies inside: imputation, encoding, normalisation, temperature, the widths of the intervals. What it
came from stands in its metadata.
"""

import io
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import nn

from stages.core.base.schemas import ModelDescription, PredictionInterval
from stages.core.base.stored import Rows
from stages.core.training.objectives import conformal

OPSET, ML_OPSET, IR = 20, 4, 10  # which onnxruntime 1.17 reads
BATCH = 500  # examples that the check runs at a time
UNSEEN = "(none of these)"  # a text that is no category, underscores added until it is none


class Answer(nn.Module):
    """What people are told of outputs: of classes (N, C) the likeliest and probabilities, of a number its interval."""

    edges: torch.Tensor
    widths: torch.Tensor

    def __init__(self, model: nn.Module, interval: PredictionInterval | None, classes: bool) -> None:
        super().__init__()
        self.model, self.interval, self.classes = model, interval, classes
        if interval:
            self.register_buffer("edges", torch.tensor(interval.edges, dtype=torch.float64))
            self.register_buffer("widths", torch.tensor(interval.widths, dtype=torch.float64))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self.model(inputs)
        if self.classes:
            return outputs.argmax(dim=1), outputs.softmax(dim=1)
        value = outputs.double().reshape(-1)
        if not self.interval:
            return (value,)
        width = self.widths[(value[:, None] >= self.edges).sum(dim=1)]
        ends = (value / width, value * width) if self.interval.factors else (value - width, value + width)
        return value, *(end.clamp(-conformal.LARGEST, conformal.LARGEST) for end in ends)


def exported(model: nn.Module, description: ModelDescription, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The model, as loaded from its files, as ONNX."""
    classes, named = description.classes or (), names_of_outputs(description)
    answer = Answer(model, description.interval, bool(classes)).eval()
    names = ["index", "probabilities"] if classes else ["value", "low", "high"][: 3 if description.interval else 1]
    blank = torch.zeros(2, *description.shape, dtype=torch.float64 if description.columns else torch.uint8)
    # By the exporter that traces: a second, where the one of torch.export takes 15 to 25 for the same answers.
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and says so
        torch.onnx.export(
            answer,
            (blank,),
            buffer,
            dynamo=False,
            dynamic_axes={n: {0: "N"} for n in ["inputs", *names]},
            input_names=["inputs"],
            output_names=names,
            opset_version=OPSET,
            # Or batch norm is folded into convolutions, by a root that each make of processor rounds in its own way.
            training=torch.onnx.TrainingMode.PRESERVE,
            verbose=False,
        )
    graph = onnx.load_model_from_string(buffer.getvalue()).graph
    for one in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        one.ClearField("metadata_props")  # traces of the code, with its paths
        one.ClearField("doc_string")
    graph.ClearField("value_info")
    prefix = "network/"
    while any(column.name.startswith(prefix) for column in description.columns or ()):
        prefix += "/"
    whole = compose.add_prefix_graph(graph, prefix)
    whole.name = "model"
    if description.columns:
        _take_columns(whole, description, f"{prefix}inputs")
    else:
        _called(whole, f"{prefix}inputs", "images")
    for name in names:
        if name == "index":
            _say_classes(whole, classes, f"{prefix}index", named["prediction"])
        else:
            _called(whole, f"{prefix}{name}", named[name])
    found = helper.make_model(
        whole,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR,
        producer_name="pytorch",
        producer_version=torch.__version__.split("+")[0],
    )
    helper.set_model_props(found, {name: metadata[name] for name in sorted(metadata)})
    onnx.checker.check_model(found, full_check=True)
    return found


def names_of_outputs(description: ModelDescription) -> dict[str, str]:
    """What the outputs are called; with underscores after it, where a column of the table has that name."""
    taken = {column.name for column in description.columns or ()}
    found = {}
    for name in ("prediction", "probabilities", "value", "low", "high"):
        found[name] = name
        while found[name] in taken:
            found[name] += "_"
    return found


def serialised(model: onnx.ModelProto) -> bytes:
    """The same bytes for the same model."""
    return bytes(model.SerializeToString(deterministic=True))


def _called(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Rename an input or output of the graph."""
    for one in (*graph.input, *graph.output):
        if one.name == old:
            one.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]


def _take_columns(graph: onnx.GraphProto, description: ModelDescription, rows: str) -> None:
    """An input for each column, (N,), in place of the `rows`: numbers, NaN if missing; texts, "" if missing."""
    nodes, inputs, parts = [], [], []
    graph.initializer.append(helper.make_tensor(f"{rows}/axis", TensorProto.INT64, [1], [1]))
    for place, column in enumerate(description.columns or ()):
        values = column.name
        kind = TensorProto.DOUBLE if column.categories is None else TensorProto.STRING
        inputs.append(helper.make_tensor_value_info(column.name, kind, ["N"]))
        if column.categories is not None:
            # As the rows of training have them: a place in the list, -1 where it is not there; -2 counts as missing.
            codes, values = f"{rows}/{place}/codes", f"{rows}/{place}/values"
            keys, known = [*column.categories, ""], [*range(len(column.categories)), -2]
            encoder: dict[str, Any] = {"keys_strings": keys, "values_int64s": known, "default_int64": -1}
            nodes.append(helper.make_node("LabelEncoder", [column.name], [codes], domain="ai.onnx.ml", **encoder))
            nodes.append(helper.make_node("Cast", [codes], [values], to=TensorProto.DOUBLE))
        parts.append(f"{rows}/{place}")
        nodes.append(helper.make_node("Unsqueeze", [values, f"{rows}/axis"], [parts[-1]]))
    nodes.append(helper.make_node("Concat", parts, [rows], axis=1))
    nodes += graph.node
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    graph.input.extend(inputs)


def _say_classes(graph: onnx.GraphProto, classes: tuple[str, ...], index: str, called: str) -> None:
    """The name of the likeliest class as an output (N,), in place of its `index`."""
    names = f"{index}/names"
    texts: Any = [name.encode() for name in classes]
    graph.initializer.append(helper.make_tensor(names, TensorProto.STRING, [len(classes)], texts))
    graph.node.append(helper.make_node("Gather", [names, index], [called]))
    place = next(place for place, output in enumerate(graph.output) if output.name == index)
    graph.output[place].CopyFrom(helper.make_tensor_value_info(called, TensorProto.STRING, ["N"]))


def metadata_of(description: ModelDescription, code_sha256: str) -> dict[str, str]:
    """What stands in the file about it, all texts: classes and columns in JSON, and hashes."""
    columns = [
        {"name": column.name, "kind": "date" if column.dates else "number", "low": column.low, "high": column.high}
        if column.categories is None
        else {"name": column.name, "kind": "category", "categories": column.categories}
        for column in description.columns or ()
    ]
    told: dict[str, Any] = {"task": description.task, "classes": description.classes, "columns": columns or None,
                            "target": description.target, "input_shape": description.input_shape}  # fmt: skip
    hashes = {
        "weights_sha256": description.weights_sha256,
        "data_sha256": description.train_sha256,
        "code_sha256": code_sha256,
    }
    return hashes | {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in told.items()
        if value is not None
    }


def fed(description: ModelDescription, inputs: Rows) -> Iterator[dict[str, np.ndarray]]:
    """What the file takes for prepared `inputs`, some at a time: raw cells again, or images."""
    unseen = UNSEEN
    while any(unseen in (column.categories or ()) for column in description.columns or ()):
        unseen += "_"
    for start in range(0, len(inputs), BATCH):
        some = np.asarray(inputs[start : start + BATCH])
        if not description.columns:
            yield {"images": some}
            continue
        cells: dict[str, np.ndarray] = {}
        for values, column in zip(some.T, description.columns, strict=True):
            if column.categories is None:
                cells[column.name] = np.ascontiguousarray(values)
            else:
                texts = np.array([*column.categories, unseen, ""], object)  # -1 is unseen
                places = np.where(np.isnan(values), len(texts) - 1, np.where(values < 0, len(texts) - 2, values))
                cells[column.name] = texts[places.astype(np.int64)]
        yield cells
