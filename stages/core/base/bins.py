"""Numbers in bins of as many each, the same bins in whatever order the numbers come."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def bin_edges(values: Floats, most: int, least: int = 1) -> Floats:
    """The rising edges between up to `most` bins of `values` (N,), of equal numbers but for ties, `least` or more each.

    Equal values are in one bin. N > 0.
    """
    ordered = np.sort(values)
    size, begun = len(values), 0
    most = max(1, min(most, size // least))
    edges = []
    for place in range(1, most):
        edge = ordered[size * place // most]
        below = int(np.searchsorted(ordered, edge))
        if below - begun >= least and size - below >= least:
            edges.append(edge)
            begun = below
    return np.array(edges, np.float64)


def bin_of(edges: Floats, values: Floats) -> NDArray[np.int64]:
    """The bin, from 0, that each of `values` is in, (N,); an edge belongs to the bin above it."""
    return np.searchsorted(edges, values, side="right")
