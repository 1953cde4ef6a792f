"""The networks, one to a file, those of torchvision in one: what lies between the front end and the outputs.

A new file with a `body` is a network; its name goes into `Architecture`, and its knobs into the section `model`. A file
may say more: `PIECES = True`, that numbers of a table should come in pieces, too; and `output`, which layer gives the
outputs, where that is not torch's linear one.
"""

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import get_args

from torch import nn

from stages.core.config.recipe import Architecture, Backbone

Body = tuple[list[nn.Module], int]  # layers from what the front end gives, float32 (N, ...), to (N, F), and F


def body(config: Architecture, input_shape: Sequence[int]) -> Body:
    """The layers of the network `config.name` for (C, H, W) or (F,); `InputError` where they cannot be built."""
    build: Callable[[Architecture, Sequence[int]], Body] = _network(config).body
    return build(config, input_shape)


def output(config: Architecture, features: int, width: int) -> nn.Module:
    """The last layer of the network, from float32 (N, features) to (N, width)."""
    build: Callable[[Architecture, int, int], nn.Module] | None = getattr(_network(config), "output", None)
    return build(config, features, width) if build else nn.Linear(features, width)


def takes_pieces(config: Architecture) -> bool:
    """Whether the network wants the numbers of a table cut into pieces, too."""
    return getattr(_network(config), "PIECES", False)


def _network(config: Architecture) -> ModuleType:
    file = "backbone" if config.name in get_args(Backbone) else config.name
    return importlib.import_module(f"{__name__}.{file}")
