"""New inputs, some at a time, and what is to be said of each besides what the model says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

OK, UNREADABLE = "ok", "unreadable"


@dataclass(frozen=True)
class Batch:
    """N inputs of one source, in its order, M of which can be read."""

    names: Mapping[str, pa.Array]  # what tells them apart: columns of the answer, N values each
    inputs: np.ndarray  # uint8 (M, C, H, W) or float64 (M, F), as the model takes them
    readable: np.ndarray  # bool (N,)
    status: np.ndarray  # text (N,)
    size: int  # of the source, done with it: in bytes, or files
