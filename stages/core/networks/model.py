"""The networks, from uint8 images (N, C, H, W) to logits (N, classes), and their way into a description and back."""

import copy
from collections.abc import Mapping, Sequence

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


class RandomLayer(nn.Module):
    """A layer that draws in training, from a generator of its own that it is given before each pass."""

    generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Dropout from its own generator; torch's draws from one that all threads share."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

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
    initialise(model, generator)
    return model


def describe_model(
    config: ModelConfig,
    input_shape: Sequence[int],
    class_names: Sequence[str],
    normalisation: tuple[Sequence[float], Sequence[float]],
    temperature: float,
    score: str,
    selected_epoch: int,
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


def load_model(description: ModelDescription, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The model of a `description` from `describe_model`, with its `weights`, in evaluation mode.

    Raises `InputError` when the description's architecture is none, or the weights are another model's.
    """
    try:
        config = ModelConfig.model_validate(description.architecture)
        normalisation = description.normalisation.mean, description.normalisation.std
        shape, classes = description.input_shape, len(description.classes)
        model = build_model(config, shape, classes, normalisation, torch.Generator())
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (TypeError, ValidationError, RuntimeError) as error:
        raise InputError(f"the model's weights and description do not belong together: {error}") from None
    return model.append(Temperature(description.temperature)).eval()


def _convolution_block(channels: int, filters: int, size: int, padding: int, batch_norm: bool) -> list[nn.Module]:
    """Convolution, halved by its maxima, then batch norm and ReLU, which cost a quarter on the halved image."""
    convolution = nn.Conv2d(channels, filters, size, padding=padding, bias=not batch_norm)
    return [convolution, nn.MaxPool2d(2), *([nn.BatchNorm2d(filters)] if batch_norm else []), nn.ReLU()]


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as torch's layers do, uniform in +-1/sqrt(fan-in), but from `generator`.

    Weights that come from a file are loaded afterwards. Raises `InputError`, naming it, on a layer of another kind
    whose weights were drawn, which is when they are not all alike: those draws were nobody's stream.
    """
    with torch.no_grad():
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                bound = layer.weight[0].numel() ** -0.5
                for tensor in layer.parameters():
                    tensor.uniform_(-bound, bound, generator=generator)
            elif any((tensor != tensor.view(-1)[0]).any() for tensor in layer.parameters(recurse=False)):
                raise InputError(
                    f"network: layer {name} ({type(layer).__name__}): its initial weights are drawn from torch's own "
                    "generator, must be from the run's; teach `initialise` to draw them"
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
