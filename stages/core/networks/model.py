"""The networks, from uint8 images (N, C, H, W) to logits (N, classes), and their way into a description and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.schemas import ModelDescription, Normalisation
from stages.core.config.recipe import ModelConfig


class Normalise(nn.Module):
    """uint8 (N, C, H, W) to float32 with mean 0 and standard deviation 1 per channel, as measured on training data."""

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # Constants of the description, not weights: not saved a second time.
        stds, means = (torch.tensor(values).view(-1, 1, 1) for values in (std, mean))
        self.register_buffer("scale", 1 / (255 * stds), persistent=False)
        self.register_buffer("offset", -means / stds, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # Channels last: convolutions then reorder neither inputs nor outputs, and run up to 1.9 x faster on a CPU.
        pixels = images.to(torch.float32, memory_format=torch.channels_last, copy=True)
        return pixels.mul_(self.scale).add_(self.offset)


class Dropout(nn.Module):
    """Dropout from a generator of its own, given before each pass; torch's draws from one that all threads share."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        assert self.generator is not None, "a training pass needs a generator for dropout"
        kept = torch.rand(x.shape, generator=self.generator) >= self.p
        return x * kept.to(x.device) / (1 - self.p)


class Temperature(nn.Module):
    """Logits divided by a temperature, see `stages.core.training.objectives.classification`."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits / self.temperature


def build_model(
    config: ModelConfig,
    input_shape: tuple[int, int, int],
    classes: int,
    normalisation: tuple[Sequence[float], Sequence[float]],
    generator: torch.Generator,
) -> nn.Sequential:
    """A network for inputs (C, H, W), normalised by `normalisation` (mean, std), with weights from `generator`.

    `linear` is one layer on the pixels; `mlp` puts the layers of `hidden` before it; `cnn` puts a convolution block
    per entry of `channels` before those. Raises `InputError` when the blocks leave no pixel.
    """
    layers: list[nn.Module] = [Normalise(*normalisation)]
    channels, height, width = input_shape
    if config.name == "cnn":
        for index, filters in enumerate(config.channels):
            # A wide view of the pixels first, unpadded since the border is empty; then small, cheap ones.
            size, padding = (5, 0) if index == 0 else (3, 1)
            layers += _convolution_block(channels, filters, size, padding, config.batch_norm)
            channels = filters
            height, width = ((side + 2 * padding - size + 1) // 2 for side in (height, width))
            if min(height, width) < 1:
                raise InputError(
                    f"params.yaml: model.channels = {list(config.channels)}: each block halves the image, "
                    f"and block {index + 1} leaves nothing of {input_shape[1]} x {input_shape[2]} pixels"
                )
    layers.append(nn.Flatten())
    features = channels * height * width
    for units in () if config.name == "linear" else config.hidden:
        layers += [nn.Linear(features, units), nn.ReLU()]
        features = units
        if config.dropout:
            layers.append(Dropout(config.dropout))
    layers.append(nn.Linear(features, classes))
    model = nn.Sequential(*layers)
    _initialise(model, generator)
    return model


def describe_model(
    config: ModelConfig,
    input_shape: Sequence[int],
    class_names: Sequence[str],
    normalisation: tuple[Sequence[float], Sequence[float]],
    temperature: float,
    score: str = "accuracy",
    selected_epoch: int = 1,
) -> ModelDescription:
    """All that `load_model` needs besides the weights, and how these were chosen."""
    mean, std = map(tuple, normalisation)
    channels, height, width = input_shape
    return ModelDescription(
        task="classification",
        score=score,
        selected_epoch=selected_epoch,
        architecture=config.model_dump(mode="json"),
        input_shape=(channels, height, width),
        input="uint8 images (N, C, H, W) with values from 0 to 255",
        output="logits (N, classes); their softmax is the probability of each class",
        classes=tuple(class_names),
        normalisation=Normalisation(mean=mean, std=std),
        temperature=temperature,
    )


def load_model(description: ModelDescription | Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The model of a `description` from `describe_model`, with its `weights`, in evaluation mode.

    Raises `InputError` when the description is not one, or the weights are another model's.
    """
    try:
        known = ModelDescription.model_validate(description)
        config = ModelConfig.model_validate(known.architecture)
        normalisation = known.normalisation.mean, known.normalisation.std
        model = build_model(config, known.input_shape, len(known.classes), normalisation, torch.Generator())
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (KeyError, TypeError, ValidationError, RuntimeError) as error:
        raise InputError(f"the model's weights and description do not belong together: {error}") from None
    return model.append(Temperature(known.temperature)).eval()


def _convolution_block(channels: int, filters: int, size: int, padding: int, batch_norm: bool) -> list[nn.Module]:
    """Convolution, halved by its maxima, then batch norm and ReLU, which cost a quarter on the halved image."""
    convolution = nn.Conv2d(channels, filters, size, padding=padding, bias=not batch_norm)
    return [convolution, nn.MaxPool2d(2), *([nn.BatchNorm2d(filters)] if batch_norm else []), nn.ReLU()]


def _initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as torch's layers do, uniform in +-1/sqrt(fan-in), but from `generator`."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                bound = layer.weight[0].numel() ** -0.5
                for tensor in layer.parameters():
                    tensor.uniform_(-bound, bound, generator=generator)
