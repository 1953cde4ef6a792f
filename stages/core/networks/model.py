"""The networks, from images uint8 (N, C, H, W) or rows float64 (N, F) to outputs (N, width); descriptions of them."""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import (
    DataDescription,
    Encoding,
    ModelDescription,
    Normalisation,
    PredictionInterval,
    PrepareFacts,
    TargetScale,
)
from stages.core.config.recipe import Architecture
from stages.core.networks.bodies import body, output, takes_pieces
from stages.core.networks.fronts import Learned, front
from stages.core.networks.layers import DrawnLayer, RandomLayer, Temperature, Units

IMAGES = "uint8 images (N, C, H, W) with values from 0 to 255"
ROWS = "float64 rows (N, columns): numbers, and places in the lists of categories, -1 if not there; NaN if missing"
LOGITS = "logits (N, classes); their softmax is the probability of each class"
NUMBERS = "float64 numbers (N, 1), in the target's unit"


def build_model(
    config: Architecture,
    input_shape: Sequence[int],
    width: int,
    learned: Learned,
    generator: torch.Generator,
) -> nn.Sequential:
    """A network from inputs (C, H, W) or (F,), by a front end as was `learned`, to `width` outputs.

    Its weights are drawn from `generator`. Raises `InputError` when its body cannot be built for such inputs.
    """
    first, shape = front(learned, input_shape, takes_pieces(config))
    layers, features = body(config, shape)
    model = nn.Sequential(first, *layers, output(config, features, width))
    initialise(model, generator)
    return model


def describe_model(
    config: Architecture,
    facts: PrepareFacts,
    learned: Learned,
    scale: float | TargetScale,
    score: str,
    selected_epoch: int,
    weights_sha256: str,
    interval: PredictionInterval | None = None,
) -> ModelDescription:
    """All that `load_model` needs besides the weights, the digest of their file, and how they were chosen.

    `scale` is what the objective has found its outputs to mean: a temperature of classes, or the scale of a number, of
    which the `interval` says how far off it may be.
    """
    images, classes = facts.kind == "image", facts.classes is not None
    return ModelDescription(
        **{name: getattr(facts, name) for name in DataDescription.model_fields},
        train_sha256=facts.train_sha256,
        weights_sha256=weights_sha256,
        score=score,
        selected_epoch=selected_epoch,
        architecture=config.model_dump(mode="json", include=set(Architecture.model_fields)),
        input=IMAGES if images else ROWS,
        output=LOGITS if classes else NUMBERS,
        normalisation=learned if isinstance(learned, Normalisation) else None,
        encoding=learned if isinstance(learned, Encoding) else None,
        temperature=None if isinstance(scale, TargetScale) else scale,
        target_scale=scale if isinstance(scale, TargetScale) else None,
        interval=interval,
    )


def load_model(description: ModelDescription, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The model of a `description` from `describe_model`, with its `weights`, in evaluation mode.

    Raises `InputError` when the description's architecture is none, or the weights are another model's.
    """
    learned, scale = description.normalisation or description.encoding, description.target_scale
    assert learned is not None  # else it were no description
    try:
        config = Architecture.model_validate(description.architecture)
        model = build_model(config, description.shape, description.width, learned, torch.Generator())
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (TypeError, ValidationError, RuntimeError) as error:
        raise InputError(f"the model's weights and description do not belong together: {error}") from None
    return model.append(Units(scale) if scale else Temperature(description.temperature or 1.0)).eval()


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as torch's layers do, uniform in +-1/sqrt(fan-in), but from `generator`.

    Weights that come from a file are loaded afterwards; what other layers draw, `check_alike` refuses.
    """
    with torch.no_grad():
        if isinstance(model, DrawnLayer):
            model.draw(generator)
        elif isinstance(model, nn.Linear | nn.Conv2d):
            bound = model.weight[0].numel() ** -0.5
            for tensor in model.parameters():
                tensor.uniform_(-bound, bound, generator=generator)
        else:
            for layer in model.children():
                initialise(layer, generator)


def check_alike(model: nn.Module, again: nn.Module) -> None:
    """Raise `InputError`, naming it, on a layer whose weights or buffers differ in the same network, built again.

    They were drawn, and not from the run's generator.
    """
    for (name, layer), other in zip(model.named_modules(), again.modules(), strict=True):
        own, others = ((*one.parameters(recurse=False), *one.buffers(recurse=False)) for one in (layer, other))
        if not all(map(torch.equal, own, others)):
            raise InputError(
                f"network: layer {name} ({type(layer).__name__}): its initial weights or buffers are drawn from "
                "torch's own generator, must be from the run's; teach `initialise` to draw them"
            )


def check_draws(model: nn.Module, input_shape: Sequence[int]) -> None:
    """Raise `InputError`, naming it, on a layer that draws from torch's own generator in training.

    All threads share that one, so that what it gives would depend on them. It is tried, not looked up: two blank
    inputs of `input_shape`, (C, H, W) or (F,), pass a copy of `model` (on the CPU).
    """
    trial = copy.deepcopy(model).train()

    def watch(name: str, layer: nn.Module) -> None:
        def check(*_: object) -> None:
            if not torch.equal(torch.get_rng_state(), untouched):
                raise InputError(
                    f"network: layer {name} ({type(layer).__name__}): draws from torch's own generator, must be a "
                    "RandomLayer, which draws from the run's"
                )

        layer.register_forward_hook(check)

    for name, layer in trial.named_modules():
        if isinstance(layer, RandomLayer):
            layer.generator = torch.Generator()
        watch(name, layer)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        untouched = torch.get_rng_state()
        trial(torch.zeros((2, *input_shape), dtype=torch.uint8 if len(input_shape) == 3 else torch.float64))


def normalises_batches(model: nn.Module) -> bool:
    """Whether a layer takes its statistics from the batch, and so needs two examples of it at least.

    One that is frozen takes none: it stays in evaluation mode when the others train.
    """
    layers = copy.deepcopy(model).train().modules()
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training for layer in layers)
