"""The front ends, one to a kind of data: from inputs as they are stored to what a network computes with.

All that they know of the data is learned on the part trained on, and kept in the model's description.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

from stages.core.base.schemas import Encoding, InputColumn, Normalisation
from stages.core.base.stored import Rows
from stages.core.data.examples import normalisation
from stages.core.networks.fronts.columns import Columns, learn_encoding
from stages.core.networks.fronts.pixels import Normalise

Learned = Normalisation | Encoding


def learn(inputs: Rows, columns: Sequence[InputColumn] | None) -> Learned:
    """What a front end must know of the `inputs` trained on: images uint8 (N, C, H, W), or rows float64 (N, F).

    Of rows the `columns` say which are numbers. Raises `InputError` where nothing can be learned from the inputs.
    """
    return normalisation(inputs) if columns is None else learn_encoding(np.asarray(inputs), columns)


def front(learned: Learned, input_shape: Sequence[int], pieces: bool) -> tuple[nn.Module, Sequence[int]]:
    """The layer that does as was `learned`, and the shape of what it gives for an input of `input_shape`.

    With `pieces` numbers of a table come cut into pieces, too.
    """
    if isinstance(learned, Normalisation):
        return Normalise(learned.mean, learned.std), input_shape
    columns = Columns(learned, pieces)
    return columns, (columns.width,)
