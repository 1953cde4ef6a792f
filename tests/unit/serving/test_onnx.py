"""The ONNX file says what the model says, for every network, and is checked to."""

import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from stages.core.base.command import InputError
from stages.core.config.automatic import MODELS
from stages.core.scores.predictions import Predictions, ValuePredictions
from stages.core.serving import onnx_check
from stages.core.serving.onnx_file import exported, fed, metadata_of, serialised
from stages.core.training.objectives import conformal, predict
from stages.core.training.parallel import Workers
from tests.unit.serving import made_up

OF_IMAGES = [(name, "classification", {"kind": "image"}) for name in MODELS["image"]]
OF_TABLES = [
    (name, task, {"kind": "table", "hidden": hidden, "log": task == "regression"})
    for name in MODELS["table"]
    for task in ("classification", "regression")
    for hidden in ([6, 5], [])
]
OTHERS = [
    ("linear", "regression", {"kind": "table", "log": False}),
    ("tabular", "regression", {"kind": "table", "intervals": False}),
    (
        "cnn",
        "regression",
        {"kind": "image", "channels": 1, "convolutions": 2, "pooling": "average", "dropout": 0.5, "hidden": [7]},
    ),
]


def inputs_of(description, number):
    if description.columns:
        return made_up.rows(number, seed=1)
    return np.random.default_rng(1).integers(0, 256, (number, *description.shape)).astype(np.uint8)


def predicted(description, model, inputs):
    with Workers(1) as workers:
        said = predict(description.task, model, inputs, workers)
    if description.classes:
        return Predictions(np.zeros(len(said), np.int64), said, None)
    low, high = conformal.interval(description.interval, said) if description.interval else (None, None)
    return ValuePredictions(np.zeros(len(said)), said, low, high, None)


def content(description, model):
    return serialised(exported(model, description, metadata_of(description, "1" * 64)))


@pytest.mark.parametrize(("name", "task", "more"), [*OF_IMAGES, *OF_TABLES, *OTHERS])
def test_it_says_what_the_model_says_for_any_number_of_inputs(name, task, more):
    description, model, _ = made_up.model(name, task, **more)
    file = content(description, model)
    for number in (1, 7) if description.input_shape else (1, 7, 1203):
        inputs = inputs_of(description, number)
        difference = onnx_check.largest_difference(file, description, inputs, predicted(description, model, inputs))
        assert difference < onnx_check.TOLERANCE / 10


def test_a_wrong_file_is_refused():
    description, model, _ = made_up.model("tabular", "classification", "table")
    inputs = inputs_of(description, 50)
    expected = predicted(description, model, inputs)
    other = Predictions(expected.targets, np.roll(expected.probabilities, 1, axis=1), None)
    with pytest.raises(
        InputError, match=r"of 50 decisions are others than the model's; test example \d+: '.+', must be"
    ):
        onnx_check.largest_difference(content(description, model), description, inputs, other)
    near = Predictions(expected.targets, expected.probabilities + np.float32(1e-3), None)
    with pytest.raises(InputError, match=r"ONNX: differs from the model by 0\.001, must be below 0\.0001"):
        onnx_check.largest_difference(content(description, model), description, inputs, near)

    description, model, _ = made_up.model("linear", "regression", "table")
    right = predicted(description, model, inputs)
    wrong = ValuePredictions(right.targets, right.values * 1.01, right.low, right.high, None)
    with pytest.raises(InputError, match="ONNX: differs from the model"):
        onnx_check.largest_difference(content(description, model), description, inputs, wrong)


@pytest.mark.parametrize(
    ("name", "task", "kind"), [("cnn", "classification", "image"), ("tabular", "regression", "table")]
)
def test_it_has_the_same_bytes_each_time_and_nothing_of_the_machine(name, task, kind):
    found = [content(*made_up.model(name, task, kind)[:2]) for _ in range(2)]
    assert found[0] == found[1]
    for trace in (b".py", b"site-packages", b"/home", b"forward"):
        assert trace not in found[0]


def test_what_it_takes_and_gives_goes_by_name_and_its_metadata_say_where_it_comes_from():
    description, model, _ = made_up.model("tabular", "classification", "table")
    session = onnxruntime.InferenceSession(content(description, model))
    kinds = {one.name: (one.type, one.shape) for one in session.get_inputs()}
    assert kinds == {
        column.name: ("tensor(double)" if column.categories is None else "tensor(string)", ["N"])
        for column in made_up.COLUMNS
    }
    assert [one.name for one in session.get_outputs()] == ["prediction", "probabilities"]
    told = session.get_modelmeta().custom_metadata_map
    assert told["weights_sha256"] == description.weights_sha256 and told["data_sha256"] == made_up.DIGEST
    assert told["code_sha256"] == "1" * 64 and '"ü, c"' in told["classes"]
    assert '{"name": "day", "kind": "date", "low": 19000.0, "high": 20000.0}' in told["columns"]


def test_missing_and_unseen_cells_are_what_they_are_in_our_code():
    description, model, _ = made_up.model("tabular", "regression", "table", intervals=False)
    session = onnxruntime.InferenceSession(content(description, model))
    cells = {
        "network/size": np.array([np.nan, 1.0, 99.0]),
        "colour, of it": np.array(["", "never met", "red"], object),
        "day": np.array([19_500.0, np.nan, 19_000.0]),
        "none": np.array(["", "x", ""], object),
    }
    own = torch.tensor(
        [[np.nan, np.nan, 19_500.0, np.nan], [1.0, -1.0, np.nan, -1.0], [99.0, 1.0, 19_000.0, np.nan]],
        dtype=torch.float64,
    )
    (said,) = session.run(["value"], cells)
    np.testing.assert_allclose(said, model(own).reshape(-1).detach().numpy(), rtol=1e-6)


def test_a_category_that_is_called_like_the_unseen_one_stays_itself():
    description, _, _ = made_up.model("linear", "classification", "table")
    columns = (description.columns[0].model_copy(update={"name": "c", "categories": ("(none of these)", "x")}),)
    (cells,) = fed(description.model_copy(update={"columns": columns}), np.array([[0.0], [-1.0], [np.nan]]))
    assert cells["c"].tolist() == ["(none of these)", "(none of these)_", ""]


def test_onnx_thinks_it_is_valid():
    description, model, _ = made_up.model("cnn", channels=1)
    file = content(description, model)
    onnx.checker.check_model(onnx.load_model_from_string(file), full_check=True)
    assert hashlib.sha256(file).hexdigest() == hashlib.sha256(content(description, model)).hexdigest()


def test_an_output_gives_way_to_a_column_of_its_name():
    description, model, _ = made_up.model("linear", "regression", "table")
    names = ("low", "value", "high", "prediction")
    renamed = [one.model_copy(update={"name": name}) for one, name in zip(description.columns, names, strict=True)]
    description = description.model_copy(update={"columns": tuple(renamed)})
    file = content(description, model)
    assert [one.name for one in onnxruntime.InferenceSession(file).get_outputs()] == ["value_", "low_", "high_"]
    inputs = inputs_of(description, 9)
    assert onnx_check.largest_difference(file, description, inputs, predicted(description, model, inputs)) < 1e-5
