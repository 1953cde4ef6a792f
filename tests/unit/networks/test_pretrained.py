"""Weights to start from: files that fit, what is refused and how, torchvision's own without its home, and freezing."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from stages.core.base.artifacts import read_arrays, write_arrays
from stages.core.base.command import InputError
from stages.core.base.schemas import Normalisation
from stages.core.config.recipe import WeightsConfig
from stages.core.networks.model import build_model, normalises_batches
from stages.core.networks.pretrained import pretrained, start_from

NAME = "mobilenet_v3_small"
FIRST = "features.0.0.weight"


@pytest.fixture(scope="module")
def theirs() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return get_model(NAME, weights=None).state_dict()


@pytest.fixture
def taken(tmp_path):
    """What becomes of weights in a file of the given name."""

    def take(weights: object, file: str = "own.safetensors") -> dict[str, np.ndarray]:
        path = tmp_path / file
        if file.endswith(".safetensors"):
            write_arrays(path, {name: tensor.numpy() for name, tensor in weights.items()})
        else:
            torch.save(weights, path)
        return pretrained(WeightsConfig(name=NAME, weights="file", weights_file=str(path)))

    return take


@pytest.mark.parametrize("file", ["own.safetensors", "own.pth", "own.pt"])
def test_a_file_gives_all_but_the_last_layer(taken, theirs, tmp_path, file):
    found = taken(theirs, file)
    expected = {name: t.numpy() for name, t in theirs.items() if not name.startswith("classifier.3.")}
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in found)
    write_arrays(tmp_path / "kept.safetensors", found)
    assert read_arrays(tmp_path / "kept.safetensors").keys() == found.keys()


def test_a_file_without_last_layer_and_counts_of_batches_gives_the_same(taken, theirs):
    less = {k: t for k, t in theirs.items() if not k.endswith("num_batches_tracked") and "classifier.3" not in k}
    whole, found = taken(theirs), taken(less)
    assert whole.keys() == found.keys() and all(np.array_equal(whole[name], found[name]) for name in whole)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"module.x": torch.ones(1), "z": torch.ones(1)}, "does not fit .* unknown module.x, and 1 more"),
        ({FIRST: None}, f"does not fit model.name = '{NAME}': missing {FIRST}$"),
        (
            {FIRST: torch.ones(16, 1, 3, 3)},
            rf"{FIRST}: must be .*\(16, 3, 3, 3\) .* found float32 \(16, 1, 3, 3\)",
        ),
        ({FIRST: torch.ones(16, 3, 3, 3).half()}, f"{FIRST}: must be float32 .* found float16"),
        ({FIRST: torch.full((16, 3, 3, 3), torch.nan)}, f"{FIRST}: must be finite numbers"),
    ],
)
@pytest.mark.parametrize("file", ["own.safetensors", "own.pth"])
def test_what_does_not_fit_is_refused_by_file_and_key(taken, theirs, file, change, refusal):
    weights = {name: tensor for name, tensor in (theirs | change).items() if tensor is not None}
    with pytest.raises(InputError, match=rf"{file}: {refusal}"):
        taken(weights, file)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ({"state_dict": {"a": torch.ones(1)}, "epoch": 3}, "must hold tensors by name, .* found 'state_dict'"),
        ([1, 2], "must hold tensors by name, .* found 'list'"),
        (SimpleNamespace(a=1), r"torch\.load\(weights_only=True\) refuses it"),  # a pickle that would run code
    ],
)
def test_a_file_of_something_else_is_refused(taken, content, refusal):
    with pytest.raises(InputError, match=rf"own\.pth: {refusal}"):
        taken(content, "own.pth")


@pytest.mark.parametrize(
    ("file", "content", "refusal"),
    [
        ("own.pth", b"no zip", r"torch\.load\(weights_only=True\) refuses it"),
        ("own.safetensors", b"no header", "damaged, not a safetensors file"),
        ("own.bin", b"", r"weights must be in a file \.safetensors, \.pth or \.pt"),
        ("absent.pth", None, "there is no such file"),
    ],
)
def test_a_damaged_foreign_or_absent_file_is_refused(tmp_path, file, content, refusal):
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{file}.*: {refusal}") as caught:
        pretrained(WeightsConfig(name=NAME, weights="file", weights_file=str(tmp_path / file)))
    assert "\n" not in str(caught.value)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    def download(url: str, *_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "folder"))
    return WeightsConfig(name=NAME, weights="default", weights_file="models/own")


def test_offline_the_default_says_what_it_tried_and_what_else_works(offline, tmp_path):
    with pytest.raises(InputError) as caught:
        pretrained(offline)
    told = str(caught.value)
    assert told.startswith("params.yaml: model.weights = 'default': mobilenet_v3_small-047dcff4.pth is not to be had")
    for part in (str(tmp_path / "folder"), str(tmp_path / "home"), "https://", "no route to host", "DATA_DIR"):
        assert part in told
    assert told.endswith("model.weights = file and model.weights_file") and "\n" not in told and len(told) < 600


@pytest.mark.parametrize("folder", ["folder", "home/hub/checkpoints"])
def test_the_default_is_taken_where_it_lies_by_its_digest_alone(offline, tmp_path, monkeypatch, theirs, folder):
    path = tmp_path / folder / "made_up.pth"
    path.parent.mkdir(parents=True)
    torch.save(theirs, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    for name, fits in ((f"net-{digest}.pth", True), ("net-00000000.pth", False)):
        known = {"DEFAULT": SimpleNamespace(url=f"https://example.org/{name}")}
        monkeypatch.setattr("torchvision.models.get_model_weights", lambda _, known=known: known)
        Path(path).with_name(name).write_bytes(path.read_bytes())
        if fits:
            assert np.array_equal(pretrained(offline)[FIRST], theirs[FIRST].numpy())
        else:
            with pytest.raises(InputError, match=r"net-00000000\.pth: its SHA-256 must begin with 00000000"):
                pretrained(offline)


@pytest.mark.parametrize("freeze", ["none", "backbone"])
def test_a_network_starts_from_them_and_a_frozen_one_stays_as_it_is(recipe, taken, theirs, freeze):
    config = recipe(model={"name": NAME, "weights": "file", "weights_file": "a.pth", "freeze": freeze}).model
    normalisation = Normalisation(mean=(0.0,) * 3, std=(1 / 255,) * 3)
    model = build_model(config, (3, 32, 32), 4, normalisation, torch.Generator().manual_seed(0))
    head = model[2].weight.clone()
    start_from(model, config, taken(theirs))
    frozen = freeze == "backbone"
    assert torch.equal(model[1].network.state_dict()[FIRST], theirs[FIRST]) and torch.equal(model[2].weight, head)
    assert [name for name, p in model.named_parameters() if p.requires_grad][:1] == (
        ["2.weight"] if frozen else [f"1.network.{FIRST}"]
    )
    assert normalises_batches(model.train()) != frozen
    before = {name: tensor.clone() for name, tensor in model[1].state_dict().items()}
    if frozen:
        model(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))  # draws nothing, and takes no statistics
        assert all(torch.equal(before[name], tensor) for name, tensor in model[1].state_dict().items())


def test_the_weights_of_another_network_are_refused(recipe):
    config = recipe(model={"name": NAME, "weights": "file", "weights_file": "a.pth"}).model
    normalisation = Normalisation(mean=(0.0,) * 3, std=(1 / 255,) * 3)
    model = build_model(config, (3, 32, 32), 4, normalisation, torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=f"the weights to start from are not those of {NAME}"):
        start_from(model, config, {})
