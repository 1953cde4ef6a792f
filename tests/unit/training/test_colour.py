"""Colour images, 3 x 32 x 32, through the stages `train` and `evaluate`, in process."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages import evaluate, train
from stages.core.base.artifacts import read_arrays, read_json, write_arrays
from stages.core.base.schemas import TRAINING, ModelDescription, PrepareFacts

ROOT = Path(__file__).parents[3]
NAMES = ("red", "green", "blue")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Images whose classes differ in nothing but which channel is brighter."""
    generator = np.random.default_rng(0)
    for part, examples in (("train", 180), ("test", 60)):
        targets = np.arange(examples, dtype=np.int64) % 3
        inputs = generator.integers(0, 120, (examples, 3, 32, 32), dtype=np.uint8)
        inputs[np.arange(examples), targets] += 100
        write_arrays(tmp_path / f"data/prepared/{part}.safetensors", {"inputs": inputs, "targets": targets})
    content = (tmp_path / "data/prepared/train.safetensors").read_bytes()
    PrepareFacts(
        task="classification",
        dataset="made up",
        classes=NAMES,
        input_shape=(3, 32, 32),
        train_sha256=hashlib.sha256(content).hexdigest(),
    ).write(tmp_path / "data/prepared/facts.json")
    write_arrays(tmp_path / "models/pretrained.safetensors", {})
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"]["channels"] = [4, 8]
    params["train"] |= {"epochs": 4, "batch_size": 16, "val_fraction": 0.2}
    params["evaluate"]["resamples"] = 100
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("WORKERS", "1")
    return tmp_path


def test_colour_images_are_learned_and_scored(workspace):
    train.main()
    curves = TRAINING.read(Path("plots/training.csv"))
    description = ModelDescription.read(Path("models/model.json"))
    best = curves.iloc[description.selected_epoch - 1]
    assert list(curves["epoch"]) == [1, 2, 3, 4] and best["validation_score"] == curves["validation_score"].max()
    assert (description.task, description.score, description.classes) == ("classification", "accuracy", NAMES)
    assert description.input_shape == (3, 32, 32) and len(description.normalisation.mean) == 3
    assert read_json(Path("metrics/train.json")) == {"val_accuracy": round(best["validation_score"], 6)}

    evaluate.main()
    assert read_json(Path("metrics/evaluate.json"))["accuracy"] > 0.9
    assert read_arrays(Path("models/predictions.safetensors"))["probabilities"].shape == (60, 3)


def test_the_curves_are_written_after_every_epoch(workspace, monkeypatch):
    class Stopped(BaseException):
        pass

    write, seen = TRAINING.write, []

    def stop(self, path, table):
        write(path, table)
        seen.append(len(TRAINING.read(path)))
        if len(seen) == 2:
            raise Stopped

    monkeypatch.setattr(type(TRAINING), "write", stop)
    with pytest.raises(Stopped):
        train.main()
    assert seen == [1, 2] and not Path("models/model.safetensors").exists()
    train.main()  # goes on: writes what is known at once, the epochs still to come, and all of them as its output
    assert seen == [1, 2, 2, 3, 4, 4]
