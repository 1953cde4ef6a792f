"""Small models with the weights they begin with, and data that has all a table may have."""

import hashlib

import numpy as np
import torch
import yaml
from torch import nn

from stages.core.base.schemas import InputColumn, ModelDescription, PredictionInterval, PrepareFacts, TargetScale
from stages.core.config.automatic import MANY, settled
from stages.core.config.params import PARAMS_FILE
from stages.core.config.recipe import ModelConfig
from stages.core.networks.fronts import learn
from stages.core.networks.model import build_model, describe_model, load_model

COLOURS = ("blue", "red", "network/unseen", "1")
COLUMNS = (
    InputColumn(name="network/size", low=-3.0, high=3.0),
    InputColumn(name="colour, of it", categories=COLOURS),
    InputColumn(name="day", dates=True, low=19_000.0, high=20_000.0),
    InputColumn(name="none", categories=()),
)
CLASSES = ("a", 'b"', "ü, c")
DIGEST = "0" * 64


def rows(number: int, seed: int = 0) -> np.ndarray:
    """Rows of COLUMNS with gaps, categories that are in no list, and numbers out of range."""
    generator = np.random.default_rng(seed)
    values = np.stack(
        [
            generator.normal(0, 2, number),
            generator.integers(-1, len(COLOURS), number),
            generator.integers(18_900, 20_100, number),
            np.full(number, np.nan),
        ],
        axis=1,
    )
    values[generator.random((number, 4)) < 0.1] = np.nan
    return values


def model(
    name: str,
    task: str = "classification",
    kind: str = "image",
    channels: int = 3,
    log: bool = False,
    intervals: bool = True,
    **architecture: object,
) -> tuple[ModelDescription, nn.Module, dict[str, np.ndarray]]:
    """Its description, itself as loaded, and its weights."""
    images = kind == "image"
    facts = PrepareFacts(
        task=task,
        classes=CLASSES if task == "classification" else None,
        input_shape=(channels, 32, 32) if images else None,
        columns=None if images else COLUMNS,
        target=None if images else "t",
        dataset="made up",
        train_sha256=DIGEST,
    )
    learned = learn(
        np.random.default_rng(0).integers(0, 256, (4, *facts.shape)).astype(np.uint8) if images else rows(300),
        facts.columns,
    )
    values = settled(yaml.safe_load(PARAMS_FILE.read_text()), kind, task, MANY)["model"]
    config = ModelConfig.model_validate(values | {"name": name, **architecture})
    built = build_model(config, facts.shape, facts.width, learned, torch.Generator().manual_seed(0))
    weights = {key: tensor.numpy() for key, tensor in built.state_dict().items()}
    scale: float | TargetScale = 2.0
    interval = None
    if task == "regression":
        scale = TargetScale(mean=1.0, std=0.5, log=log, low=-1.0, high=3.0)
        if intervals:
            interval = PredictionInterval(edges=(1.0, 2.0), widths=(1.5, 2.5, 3.5), factors=log)
    digest = hashlib.sha256(repr(sorted(weights)).encode()).hexdigest()
    description = describe_model(config, facts, learned, scale, "a score", 1, digest, interval)
    return description, load_model(description, weights), weights
