"""cnn: a convolution block per entry of `channels`, then the fully connected layers of `hidden`.

Of large images the last block is repeated, until what is left of them is small: the layers after it have a weight for
each place, unless `pooling` makes one of them all.
"""

from collections.abc import Sequence
from itertools import count

from torch import nn

from stages.core.base.command import InputError
from stages.core.config.recipe import Architecture
from stages.core.networks.layers import dense

MOST = 16  # pixels a side; of images of 28 x 28 the first block leaves fewer


def body(config: Architecture, input_shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    if len(input_shape) != 3:
        raise InputError("params.yaml: model.name = 'cnn': goes with images, found rows of a table")
    layers: list[nn.Module] = []
    channels, height, width = input_shape
    for index in count():
        if index >= len(config.channels) and max(height, width) <= MOST:
            break
        filters = config.channels[min(index, len(config.channels) - 1)]
        # A wide view of the pixels first, unpadded since the border is empty; then small, cheap ones.
        size, padding = (5, 0) if index == 0 else (3, 1)
        convolution = _convolution(channels, filters, size, padding, config.batch_norm)
        for _ in range(config.convolutions - 1):
            layers += [convolution, *_activation(filters, config.batch_norm)]
            convolution = _convolution(filters, filters, 3, 1, config.batch_norm)
        # Halved by its maxima first: batch norm and ReLU cost a quarter on what is left.
        layers += [convolution, nn.MaxPool2d(2), *_activation(filters, config.batch_norm)]
        channels = filters
        height, width = ((side + 2 * padding - size + 1) // 2 for side in (height, width))
        if min(height, width) < 1:
            raise InputError(
                f"params.yaml: model.channels = {list(config.channels)}: each block halves the image, "
                f"and block {index + 1} leaves nothing of {input_shape[1]} x {input_shape[2]} pixels"
            )
    if config.pooling == "average":
        layers.append(nn.AdaptiveAvgPool2d(1))
        height = width = 1
    features = channels * height * width
    return [*layers, nn.Flatten(), *dense(features, config.hidden, config.dropout)], (features, *config.hidden)[-1]


def _convolution(channels: int, filters: int, size: int, padding: int, batch_norm: bool) -> nn.Module:
    return nn.Conv2d(channels, filters, size, padding=padding, bias=not batch_norm)


def _activation(filters: int, batch_norm: bool) -> list[nn.Module]:
    return [*([nn.BatchNorm2d(filters)] if batch_norm else []), nn.ReLU()]
