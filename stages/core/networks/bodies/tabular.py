"""tabular: four networks in one, which share the fully connected layers of `hidden` and tell the features apart.

Each member scales the features in its own way and has outputs of its own; each learns by itself, and they are averaged.
Numbers come whole and in pieces. Without `hidden` it is one network: a sum of a function of each column.
Source: Gorishniy et al., TabM (2025), section 3, TabM-mini.
"""

from collections.abc import Sequence

import torch
from torch import nn

from stages.core.base.command import InputError
from stages.core.config.recipe import Architecture
from stages.core.networks.dense import dense_relu
from stages.core.networks.layers import DrawnLayer, Dropout, dense

PIECES = True
MEMBERS = 4


def body(config: Architecture, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    if len(input_shape) != 1:
        raise InputError("params.yaml: model.name = 'tabular': goes with rows of a table, found images")
    if not config.hidden:
        return [], input_shape[0]
    first, *rest = config.hidden
    dropout = [Dropout(config.dropout)] if config.dropout else []
    return [Split(input_shape[0], first), *dropout, *dense(first, rest, config.dropout, rows=True)], config.hidden[-1]


def output(config: Architecture, features: int, width: int) -> nn.Module:
    return Heads(features, width) if config.hidden else nn.Linear(features, width)


class Split(DrawnLayer):
    """The first layer of all members: from (N, features) to (N * MEMBERS, units), those of an example together."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(MEMBERS, 1, features))
        self.weight = nn.Parameter(torch.empty(units, features))
        self.bias = nn.Parameter(torch.empty(units))

    def draw(self, generator: torch.Generator) -> None:
        bound = self.weight.shape[1] ** -0.5
        self.weight.uniform_(-bound, bound, generator=generator)
        self.bias.uniform_(-bound, bound, generator=generator)
        self.scale.copy_(2 * torch.randint(0, 2, self.scale.shape, generator=generator) - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # One product with all members' weights, rather than every member's own inputs with the same weights.
        weights = (self.weight * self.scale).flatten(0, 1)
        return dense_relu(x, weights, self.bias.expand(MEMBERS, -1).flatten()).view(-1, len(self.bias))


class Heads(DrawnLayer):
    """From (N * MEMBERS, features) to the outputs of each member (N, MEMBERS, width); in evaluation to their mean."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(MEMBERS, features, width))
        self.bias = nn.Parameter(torch.empty(MEMBERS, 1, width))

    def draw(self, generator: torch.Generator) -> None:
        bound = self.weight.shape[1] ** -0.5
        for tensor in (self.weight, self.bias):
            tensor.uniform_(-bound, bound, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        members = x.view(-1, MEMBERS, x.shape[1]).transpose(0, 1)
        outputs = torch.baddbmm(self.bias, members, self.weight).transpose(0, 1)
        return outputs if self.training else outputs.mean(dim=1)
