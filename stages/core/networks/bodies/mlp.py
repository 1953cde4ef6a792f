"""mlp: the fully connected layers of `hidden` on the pixels, or on the columns."""

import math
from collections.abc import Sequence

from torch import nn

from stages.core.config.recipe import Architecture
from stages.core.networks.layers import dense


def body(config: Architecture, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    features = math.prod(input_shape)
    layers = dense(features, config.hidden, config.dropout, rows=len(input_shape) == 1)
    return [nn.Flatten(), *layers], (features, *config.hidden)[-1]
