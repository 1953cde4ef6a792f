"""mlp: the fully connected layers of `hidden` on the pixels."""

import math
from collections.abc import Sequence

from torch import nn

from stages.core.config.recipe import ModelConfig
from stages.core.networks.layers import dense


def body(config: ModelConfig, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    pixels = math.prod(input_shape)
    return [nn.Flatten(), *dense(pixels, config.hidden, config.dropout)], (pixels, *config.hidden)[-1]
