"""What `auto` stands for follows from the data, and a network or loss that does not go with them is refused by name."""

import copy
import re
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.config.automatic import AUTO, LEAST_TRAINED, LOSSES, MANY, MILLIONS, MODELS, settle_by_data, settled
from stages.core.config.params import PARAMS_FILE
from stages.core.config.plain import leaves
from stages.core.config.recipe import Recipe
from stages.core.config.sections import AllParams, kind_and_task

DEFAULTS: dict[str, Any] = yaml.safe_load(PARAMS_FILE.read_text())
TABLE = {"dataset": "table", "path": "a.csv", "target": "y"}


def changed(changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    values = copy.deepcopy(DEFAULTS)
    for section, keys in changes.items():
        values[section] |= keys
    return values


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("task", LOSSES)
@pytest.mark.parametrize("examples", [20, 137, 5_000, MANY])
def test_nothing_is_auto_any_longer_and_what_was_given_stays(kind, task, examples) -> None:
    before = copy.deepcopy(DEFAULTS)
    values = settle_by_data(kind, task, examples)(DEFAULTS)
    assert before == DEFAULTS, "what was read is not what is changed"
    after = dict(leaves(values, inside=(dict,)))
    given = {key: value for key, value in leaves(DEFAULTS, inside=(dict,)) if value != AUTO}
    # But of `data`, which `prepare` settles by the files.
    assert AUTO not in [str(value) for key, value in after.items() if not key.startswith("data.")]
    assert given.items() == {key: after[key] for key in given}.items()
    assert 4 <= values["train"]["batch_size"] <= max(examples // 2, 4), "each shard gets an example, in a fold, too"


@pytest.mark.parametrize("examples", [10, 16, 24, 48, 95, 96, 142, 354, 5_000, 900_000])
def test_few_rows_get_small_batches_and_a_larger_slice(examples: int) -> None:
    train = settled(DEFAULTS, "table", "regression", examples)["train"]
    assert LEAST_TRAINED <= train["batch_size"] <= (256 if examples < MILLIONS else 1024)
    assert examples < 48 or train["batch_size"] <= examples // 6, "what folds in time begin with has a batch"
    assert train["batch_size"] <= examples - round(examples / 5), "what is left of it in folds and beside the slice"
    assert 0.05 <= train["val_fraction"] <= 0.2
    assert examples < 500 or train["val_fraction"] * examples >= 100


@pytest.mark.parametrize(
    ("examples", "epochs", "batch_size", "val_fraction", "in_folds"),
    [(10, 20, 4, 0.2, 0), (100, 20, 16, 0.2, 0), (1_500, 20, 64, 0.067, 0), (19_999, 15, 256, 0.05, 0)],
)
def test_few_images_are_seen_more_often(examples, epochs, batch_size, val_fraction, in_folds) -> None:
    values = settled(DEFAULTS, "image", "classification", examples)
    train = values["train"]
    assert (train["epochs"], train["batch_size"], train["val_fraction"]) == (epochs, batch_size, val_fraction)
    assert values["cross_validate"]["epochs"] == in_folds


def test_for_mnist_it_is_what_it_was() -> None:
    values = settled(DEFAULTS, "image", "classification", 60_000)
    assert (values["model"]["name"], values["model"]["hidden"], values["train"]["loss"]) == ("cnn", [], "cross_entropy")
    assert (values["train"]["epochs"], values["train"]["batch_size"], values["cross_validate"]["epochs"]) == (5, 256, 2)
    assert values["train"]["val_fraction"] == 0.05


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"dataset": "mnist"}, ("image", "classification")),
        ({"dataset": "diamonds", "task": "classification"}, ("table", "regression")),
        ({"dataset": "penguins", "task": "regression"}, ("table", "classification")),
        ({"dataset": "table", "task": "regression"}, ("table", "regression")),
        ({"dataset": "table", "task": "banana"}, ("table", "classification")),
        ({"dataset": ["mnist"]}, ("image", "classification")),
        ({}, ("image", "classification")),
    ],
)
def test_kind_and_task_are_those_of_the_data_set(data, expected) -> None:
    assert kind_and_task(data) == expected


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": {"name": "tabular"}}, "model.name = 'tabular': must be auto or cnn or mlp or linear"),
        ({"data": TABLE, "model": {"name": "cnn"}}, "model.name = 'cnn': must be auto or tabular or mlp or linear"),
        ({"train": {"loss": "mse"}}, "train.loss = 'mse': must be auto or cross_entropy or focal or multi_margin"),
        (
            {"data": {"dataset": "diamonds"}, "train": {"loss": "focal"}},
            "train.loss = 'focal': must be auto or mse or mae or huber, which goes with regression",
        ),
    ],
)
def test_what_does_not_go_with_the_data_is_refused_by_name(changes, problem, tmp_path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(changed(changes)))
    data = changed(changes)["data"]
    for params, settle in ((AllParams, None), (Recipe, settle_by_data(*kind_and_task(data), MANY))):
        with pytest.raises(InputError, match="params.yaml: " + re.escape(problem)):
            params.load(path, settle)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"dataset": "table"}, "needs the path of a file, found path = 'data/own'"),
        ({"dataset": "table", "path": "a.csv"}, "needs the name of a column as target, found none"),
        (TABLE | {"group": "g", "time": "t"}, "a split goes by one of them, not both"),
        (TABLE | {"delimiter": ",", "decimal": ","}, "delimiter and decimal: must differ"),
        (TABLE | {"delimiter": "::"}, "data.delimiter"),
        (TABLE | {"delimiter": "é"}, "must be one ASCII sign"),
        (TABLE | {"delimiter": '"'}, "must be one ASCII sign"),
        (TABLE | {"test_path": TABLE["path"]}, "path and test_path: must be two files"),
        (TABLE | {"columns": {"x": "text"}}, "columns.x"),
        (TABLE | {"test_fraction": 0.6}, "less than or equal to 0.5"),
        (TABLE | {"test_fraction": 0}, "must be written as 0.0|greater than 0"),
        (TABLE | {"path": ""}, "at least 1 character"),
    ],
)
def test_a_block_that_tells_of_no_table_is_refused(data, problem) -> None:
    with pytest.raises(ValidationError, match=problem.replace("data.", "")):
        AllParams.model_validate(changed({"data": data}))


@pytest.mark.parametrize("section", ["model", "train", "cross_validate", "data", "prepare"])
@pytest.mark.parametrize("value", [None, 3, [], "auto"])
def test_a_section_that_is_none_is_refused_as_ever(section: str, value: object) -> None:
    with pytest.raises(ValidationError, match=section):
        AllParams.model_validate(DEFAULTS | {section: value})


@pytest.mark.parametrize(
    ("examples", "classes", "expected"),
    [(60_000, 10, 0.05), (816, 102, 0.125), (8000, 1000, 0.125), (2000, 1000, 0.5), (300, 10, 0.2), (9, 9, 0.5)],
)
def test_the_validation_slice_has_room_for_every_class(examples: int, classes: int, expected: float) -> None:
    values = settle_by_data("table", "classification", examples, classes)(DEFAULTS)
    assert values["train"]["val_fraction"] == expected
