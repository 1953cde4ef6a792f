"""The networks, one to a file: what lies between the normalised input and the linear output.

A new file with a `body` is a network; its name goes into `ModelConfig`, and its knobs into the section `model`.
"""

import importlib
from collections.abc import Callable, Sequence

from torch import nn

from stages.core.config.recipe import ModelConfig

Body = tuple[list[nn.Module], int]  # layers from float32 (N, C, H, W) to (N, F), and F


def body(config: ModelConfig, input_shape: Sequence[int]) -> Body:
    """The layers of the network `config.name` for inputs (C, H, W); `InputError` where they cannot be built."""
    build: Callable[[ModelConfig, Sequence[int]], Body]
    build = importlib.import_module(f"{__name__}.{config.name}").body
    return build(config, input_shape)
