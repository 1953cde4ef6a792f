"""The networks of torchvision, up to their last layer: resnet18, mobilenet_v3_small, efficientnet_b0, convnext_tiny.

Layers, strides and names of weights are torchvision's. All draws are the run's: initial weights spread as torchvision's
do, but uniformly, since a normal draw takes a logarithm, and dropout and stochastic depth are ours.
"""

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import nn
from torchvision.models import get_model, get_model_weights
from torchvision.ops import StochasticDepth as TorchvisionDepth

from stages.core.base.command import InputError
from stages.core.config.recipe import Architecture
from stages.core.networks.layers import DrawnLayer, Dropout, StochasticDepth, dense

HEADS = {
    "resnet18": "fc",
    "mobilenet_v3_small": "classifier.3",
    "efficientnet_b0": "classifier.1",
    "convnext_tiny": "classifier.2",
}  # the last layer of each, which is left out


def body(config: Architecture, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    named = f"params.yaml: model.name = {config.name!r}"
    if len(input_shape) != 3:
        raise InputError(f"{named}: goes with images, found rows of a table")
    channels, *size = input_shape
    if channels not in (1, 3):
        raise InputError(f"{named}: takes images of 1 or 3 channels, found {channels}")
    least: tuple[int, int] = get_model_weights(config.name)["DEFAULT"].meta["min_size"]
    if size[0] < least[0] or size[1] < least[1]:
        raise InputError(
            f"{named}: takes images of {least[0]} x {least[1]} pixels or more, found {size[0]} x {size[1]}"
        )
    backbone = Backbone(config.name)
    features = backbone.features
    return [backbone, *dense(features, config.hidden, config.dropout)], (features, *config.hidden)[-1]


class Backbone(DrawnLayer):
    """From images float32 (N, 1 or 3, H, W) to (N, features), by the network called `name`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.frozen = name, False
        self.network = get_model(name, weights=None)
        self.features = int(self.network.get_submodule(HEADS[name]).in_features)
        self.network.set_submodule(HEADS[name], nn.Identity())
        for path, layer in list(self.network.named_modules()):
            if isinstance(layer, nn.Dropout):
                self.network.set_submodule(path, Dropout(layer.p))
            elif isinstance(layer, TorchvisionDepth):
                self.network.set_submodule(path, StochasticDepth(layer.p) if layer.p else nn.Identity())

    def freeze(self) -> None:
        """Keep all as it is while others train: the weights, and the statistics and units of which layers take some."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        return super().train(mode and not self.frozen)

    def draw(self, generator: torch.Generator) -> None:
        for layer in self.network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                bound = math.sqrt(3) * self._spread(layer)
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()

    def _spread(self, layer: nn.Linear | nn.Conv2d) -> float:
        """The standard deviation of torchvision's initial weights."""
        if self.name == "convnext_tiny":
            return 0.02
        fan_out = layer.weight[:, 0].numel()
        return 0.01 if isinstance(layer, nn.Linear) else math.sqrt(2 / fan_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Gray counts as three equal channels: one network for both, and what was trained on colours fits.
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        features: torch.Tensor = self.network(x)
        return features
