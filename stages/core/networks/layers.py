"""The layers that torch does not have, or has with draws from a generator that all threads share."""

from collections.abc import Sequence

import torch
from torch import nn

from stages.core.base.schemas import TargetScale
from stages.core.networks.dense import DenseReLU
from stages.core.networks.logarithm import exp


class RandomLayer(nn.Module):
    """A layer that draws in training, from a generator of its own that it is given before each pass."""

    generator: torch.Generator | None = None


class LeavesOut(RandomLayer):
    """In training, leaves out each of what it draws for with probability `p`, and scales what stays by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def stays(self, shape: Sequence[int]) -> torch.Tensor:
        """Which values of that shape stay, bool."""
        assert self.generator is not None, f"a training pass needs a generator for {type(self).__name__}"
        return torch.rand(tuple(shape), generator=self.generator) >= self.p


class Dropout(LeavesOut):
    """Dropout from its own generator; torch's draws from one that all threads share."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.stays(x.shape).to(x.device) / (1 - self.p) if self.training else x


class StochasticDepth(LeavesOut):
    """Leaves out the branch of a residual block, float32 (N, ...), of each example with probability `p`.

    Source: Huang et al., Deep networks with stochastic depth (2016); torchvision's draws as torch's dropout does.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * (self.stays((len(x), *[1] * (x.dim() - 1))) / (1 - self.p)).to(x.device)


class DrawnLayer(nn.Module):
    """A layer with initial weights of its own kind, which it draws itself, those of layers inside it, too."""

    def draw(self, generator: torch.Generator) -> None:
        raise NotImplementedError


class Temperature(nn.Module):
    """Logits divided by a temperature, see `stages.core.training.objectives.classification`."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits / self.temperature


class Units(nn.Module):
    """From what a network says of a number, float32 (N, 1), to that number in its own unit, float64 (N, 1)."""

    def __init__(self, scale: TargetScale) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        scale = self.scale
        numbers = outputs.double() * scale.std + scale.mean
        return exp(numbers.clamp(scale.low, scale.high)) if scale.log else numbers


def dense(features: int, hidden: Sequence[int], dropout: float, rows: bool = False) -> list[nn.Module]:
    """Fully connected layers of `hidden` units on (N, features), each with ReLU and, if asked for, dropout.

    Those on `rows` of a table are faster.
    """
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [DenseReLU(features, units)] if rows else [nn.Linear(features, units), nn.ReLU()]
        features = units
        if dropout:
            layers.append(Dropout(dropout))
    return layers
