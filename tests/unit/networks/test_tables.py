"""The networks on tables: kinds that are refused, members, and the way to files and back."""

import numpy as np
import pytest
import torch

from stages.core.base.command import InputError
from stages.core.base.schemas import ModelDescription, Normalisation, PrepareFacts, TargetScale
from stages.core.config.automatic import MODELS
from stages.core.networks.bodies.tabular import MEMBERS, Heads, Split
from stages.core.networks.fronts import learn
from stages.core.networks.model import build_model, check_alike, check_draws, describe_model, load_model
from tests.unit.training.tables import COLUMNS, recipe, table

DATA = table(200, "regression")
LEARNED = learn(DATA.inputs, COLUMNS)
FACTS = {
    "classification": PrepareFacts(
        task="classification",
        classes=("a", "b", "c"),
        columns=COLUMNS,
        target="t",
        dataset="table",
        train_sha256="0" * 64,
    ),
    "regression": PrepareFacts(task="regression", columns=COLUMNS, target="t", dataset="table", train_sha256="0" * 64),
}
SCALES = {"classification": 2.0, "regression": TargetScale(mean=5.0, std=3.0, log=False, low=0.0, high=9.0)}


def build(seed: int = 0, width: int = 3, **model):
    config = recipe("classification", model=model).model
    return build_model(config, (3,), width, LEARNED, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", MODELS["table"])
@pytest.mark.parametrize("hidden", [[8], [8, 6], []])
def test_every_network_for_tables_gives_outputs_and_draws_from_the_runs_generator_alone(name, hidden):
    model = build(name=name, hidden=hidden, dropout=0.5 if hidden else 0.0)
    check_alike(model, build(name=name, hidden=hidden, dropout=0.5 if hidden else 0.0))
    check_draws(model, (3,))
    assert not torch.equal(next(model.parameters()), next(build(1, name=name, hidden=hidden).parameters()))
    outputs = model.eval()(torch.from_numpy(DATA.inputs))
    assert outputs.shape == (200, 3) and outputs.dtype == torch.float32 and outputs.isfinite().all()


@pytest.mark.parametrize("task", FACTS)
@pytest.mark.parametrize("name", MODELS["table"])
def test_a_description_and_weights_give_the_same_model_back(name, task, tmp_path):
    facts, config = FACTS[task], recipe("classification", model={"name": name}).model
    model = build(width=facts.width, name=name)
    weights = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    describe_model(config, facts, LEARNED, SCALES[task], "a score", 1, "0" * 64).write(tmp_path / "model.json")
    loaded = load_model(ModelDescription.read(tmp_path / "model.json"), weights)
    rows = torch.from_numpy(np.concatenate([DATA.inputs, [[np.nan] * 3, [1e9, -1.0, -1e9]]]))
    outputs, expected = loaded(rows), model.eval()(rows)
    assert torch.equal(outputs, expected / 2 if task == "classification" else expected.double() * 3 + 5)


def test_a_logarithm_is_undone_within_what_was_trained_on():
    config = recipe("regression", model={"name": "linear"}).model
    model = build(width=1, name="linear")
    weights = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    scale = TargetScale(mean=0.0, std=1.0, log=True, low=-0.1, high=0.1)
    loaded = load_model(describe_model(config, FACTS["regression"], LEARNED, scale, "rmse", 1, "0" * 64), weights)
    rows = torch.from_numpy(DATA.inputs)
    expected = model.eval()(rows).double().clamp(-0.1, 0.1).exp()
    torch.testing.assert_close(loaded(rows), expected, rtol=1e-15, atol=0)


def test_members_answer_one_by_one_in_training_and_with_one_voice_afterwards():
    model = build(name="tabular", hidden=[8, 6])
    rows = torch.from_numpy(DATA.inputs)
    each = model.train()(rows)
    assert each.shape == (200, MEMBERS, 3)
    torch.testing.assert_close(model.eval()(rows), each.mean(dim=1))
    first, *rest = each.unbind(dim=1)
    assert all((first - other).abs().max() > 0.01 for other in rest)


def test_a_member_is_the_network_of_scaled_features():
    model = build(name="tabular", hidden=[8])
    front, split, heads = model
    assert isinstance(split, Split) and isinstance(heads, Heads)
    assert split.scale.unique().tolist() == [-1, 1]
    features = front(torch.from_numpy(DATA.inputs))
    for member in range(MEMBERS):
        hidden = torch.relu((features * split.scale[member]) @ split.weight.T + split.bias)
        expected = hidden @ heads.weight[member] + heads.bias[member]
        torch.testing.assert_close(model.train()(features)[:, member], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "learned", "refusal"),
    [
        ("cnn", (3,), LEARNED, r"model\.name = 'cnn': goes with images, found rows of a table"),
        ("tabular", (1, 9, 9), Normalisation(mean=(0.5,), std=(0.5,)), r"model\.name = 'tabular': goes with rows"),
    ],
)
def test_a_network_for_another_kind_of_data_is_refused(name, shape, learned, refusal):
    config = recipe("classification").model.model_copy(update={"name": name})
    with pytest.raises(InputError, match=rf"^params\.yaml: {refusal}"):
        build_model(config, shape, 3, learned, torch.Generator())
