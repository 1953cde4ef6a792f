"""The networks, from uint8 images (N, C, H, W) to outputs (N, width), and their way into a description and back."""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import ModelDescription, Normalisation, PrepareFacts
from stages.core.config.recipe import ModelConfig
from stages.core.networks.bodies import body
from stages.core.networks.layers import Normalise, RandomLayer, Temperature


def build_model(
    config: ModelConfig,
    input_shape: Sequence[int],
    width: int,
    normalisation: Normalisation,
    generator: torch.Generator,
) -> nn.Sequential:
    """A network from inputs (C, H, W), first normalised, to `width` outputs, with weights from `generator`.

    Raises `InputError` when its body cannot be built for such inputs.
    """
    layers, features = body(config, input_shape)
    model = nn.Sequential(Normalise(normalisation.mean, normalisation.std), *layers, nn.Linear(features, width))
    initialise(model, generator)
    return model


def describe_model(
    config: ModelConfig,
    facts: PrepareFacts,
    normalisation: Normalisation,
    temperature: float,
    score: str,
    selected_epoch: int,
) -> ModelDescription:
    """All that `load_model` needs besides the weights, and how these were chosen."""
    return ModelDescription(
        task=facts.task,
        score=score,
        selected_epoch=selected_epoch,
        architecture=config.model_dump(mode="json"),
        input_shape=facts.input_shape,
        input="uint8 images (N, C, H, W) with values from 0 to 255",
        output="logits (N, classes); their softmax is the probability of each class",
        classes=facts.classes,
        normalisation=normalisation,
        temperature=temperature,
    )


def load_model(description: ModelDescription, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The model of a `description` from `describe_model`, with its `weights`, in evaluation mode.

    Raises `InputError` when the description's architecture is none, or the weights are another model's.
    """
    try:
        config = ModelConfig.model_validate(description.architecture)
        width = description.width
        model = build_model(config, description.shape, width, description.normalisation, torch.Generator())
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (TypeError, ValidationError, RuntimeError) as error:
        raise InputError(f"the model's weights and description do not belong together: {error}") from None
    return model.append(Temperature(description.temperature)).eval()


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as torch's layers do, uniform in +-1/sqrt(fan-in), but from `generator`.

    Weights that come from a file are loaded afterwards; what other layers draw, `check_alike` refuses.
    """
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                bound = layer.weight[0].numel() ** -0.5
                for tensor in layer.parameters():
                    tensor.uniform_(-bound, bound, generator=generator)


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
    images of `input_shape` (C, H, W) pass a copy of `model` (on the CPU).
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
        trial(torch.zeros((2, *input_shape), dtype=torch.uint8))


def normalises_batches(model: nn.Module) -> bool:
    """Whether a layer takes its statistics from the batch, and so needs two examples of it at least."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.modules())
