"""A recipe's batches: they go with the data, and each fills its shards, or the recipe is refused."""

import numpy as np
import pytest
from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.config.recipe import check_batch_size, check_batches, steps_per_epoch

PLAIN = {"name": "cnn", "batch_norm": False}
STARTS = {"name": "resnet18", "weights": "file", "weights_file": "a.pth"}
FROZEN = STARTS | {"freeze": "backbone"}


@pytest.mark.parametrize(
    ("model", "batch_size", "shards", "message"),
    [
        ({"batch_norm": True}, 8, 4, None),
        ({"batch_norm": True}, 7, 4, "at least 8, 2 examples for each of the train.shards = 4, since model.batch_norm"),
        ({"batch_norm": True}, 1, 1, "at least 2, 2 examples for each of the train.shards = 1, since model.batch_norm"),
        (PLAIN, 4, 4, None),
        (PLAIN, 3, 4, "at least 4, one example for each of the train.shards = 4"),
        ({"name": "linear"}, 4, 4, None),  # batch_norm is for a cnn
        (
            {"name": "resnet18"},
            7,
            4,
            "at least 8, 2 examples for each of the train.shards = 4, since model.name",
        ),
        (FROZEN, 4, 4, None),  # its statistics are those that it started with
        ({"name": "mlp"}, 15, 16, "at least 16, one example for each of the train.shards = 16"),
    ],
)
def test_a_whole_batch_fills_its_shards(recipe, model, batch_size, shards, message):
    keys = {"model": model, "train": {"batch_size": batch_size, "shards": shards}}
    if message is None:
        recipe(**keys)
        return
    with pytest.raises(ValidationError) as error:
        recipe(**keys)
    assert f"train.batch_size = {batch_size}: must be {message}" in str(error.value)


@pytest.mark.parametrize("model", [{"batch_norm": True}, PLAIN, {"name": "linear"}])
@pytest.mark.parametrize("examples", range(16, 60))
def test_every_batch_of_an_epoch_fills_its_shards(recipe, model, examples):
    """An epoch cut as the trainer cuts it (NumPy's array_split is torch's tensor_split) says which are refused."""
    made = recipe(model=model, train={"batch_size": 9, "shards": 4})
    batches = np.array_split(np.arange(examples), steps_per_epoch(made.train, examples))
    smallest = min(len(shard) for batch in batches for shard in np.array_split(batch, 4))
    if smallest >= (2 if model == {"batch_norm": True} else 1):
        check_batches(made, examples)
    else:
        with pytest.raises(InputError, match=rf"params\.yaml: train\.batch_size = 9: .*{min(map(len, batches))}; must"):
            check_batches(made, examples)


def test_messages(recipe):
    made = recipe(train={"batch_size": 9, "shards": 4})
    with pytest.raises(InputError) as error:
        check_batches(made, 28, "examples of the fold")
    assert str(error.value) == (
        "params.yaml: train.batch_size = 9: makes 4 batches of the 28 examples of the fold, the smallest of 7; "
        "must be at least 8, 2 examples for each of the train.shards = 4, since model.batch_norm = true"
    )
    for check in (lambda: check_batches(made, 8), lambda: check_batch_size(made.train, 8)):
        with pytest.raises(InputError) as error:
            check()
        assert str(error.value) == "params.yaml: train.batch_size = 9: must be at most 8, the training examples"


def test_a_batch_drawn_by_itself_is_as_large_as_it_says(recipe):
    """The learning-rate range test draws whole batches, also from data that an epoch would cut too small."""
    check_batch_size(recipe(train={"batch_size": 9, "shards": 4}).train, 28)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "cnn"}, "weights = 'file' goes with name = resnet18 or .* or convnext_tiny, found 'cnn'"),
        ({"weights_file": "models/own"}, "weights = 'file' needs the path of one, found weights_file = 'models/own'"),
        ({"weights": "none"}, "freeze = 'backbone' keeps weights as they come, found weights = 'none'"),
        ({"weights": "imagenet"}, "Input should be 'none', 'default' or 'file'"),
        ({"name": "resnet19"}, "Input should be 'linear', 'mlp', 'cnn', 'tabular', 'resnet18'"),
    ],
)
def test_what_a_network_starts_from_goes_with_it(recipe, change, message):
    assert recipe(model=FROZEN).model.freeze == "backbone"
    with pytest.raises(ValidationError, match=message):
        recipe(model=FROZEN | change)
