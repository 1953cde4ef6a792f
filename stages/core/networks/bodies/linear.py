"""linear: nothing between the pixels, or the columns, and the output."""

import math
from collections.abc import Sequence

from torch import nn

from stages.core.config.recipe import Architecture


def body(config: Architecture, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    return [nn.Flatten()], math.prod(input_shape)
