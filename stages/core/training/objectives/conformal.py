"""90% prediction intervals by split conformal prediction: how far off a prediction may be, learned from the errors on a
validation slice, whatever the model and however its errors are distributed.

Of n errors and one to come each place in their order is as likely, so the ceil(0.9 (n + 1))-th smallest of the n is not
exceeded with a chance of 90% or more, of 90% + 1 / (n + 1) at most. Large values have large errors: one width for all
would be too wide for small predictions and too narrow for large ones. So predictions are sorted by size into up to ten
bins of as many validation examples each, and each bin has the width that its own errors ask for: 90% is kept in each.
Of positive values whose logarithm was trained on the error is a factor, and the interval goes from value / factor to
value * factor, so that a price is never below nothing.

It holds for examples like those of the slice. The epoch was chosen on it, which makes its errors a little too small;
how many of the test values are inside, the stage `evaluate` measures. Where examples come in groups,
it holds on average over groups, less surely the fewer they are. Sources: Vovk et al., Algorithmic Learning in a Random
World (2005), 4.5 (by bins: Mondrian); Lei et al., Distribution-Free Predictive Inference for Regression (2018), 2.2.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stages.core.base.bins import bin_edges, bin_of
from stages.core.base.schemas import NOMINAL_COVERAGE, PredictionInterval

Floats = NDArray[np.float64]

BINS = 10
LARGEST = 1e100  # of the ends: that of any target
_WIDEST = 1e200  # which times that is still a number
_LEAST = 50  # examples in a bin, so that at most 2% more than 90% are inside


def calibrate(targets: Floats, values: Floats, factors: bool = False) -> PredictionInterval | None:
    """The interval's widths from the validation slice's `targets` (N,) and predicted `values` (N,), in one unit.

    With `factors`, for which all of both must be above 0, they are factors, 1 or more.

    None where there are no examples. Fewer than 9 cannot tell what nine in ten keep to: their largest error is taken,
    which N of N + 1 keep to.
    """
    if len(targets) == 0:
        return None
    edges = bin_edges(values, BINS, _LEAST)
    bins = bin_of(edges, values)
    with np.errstate(over="ignore"):
        errors = np.maximum(targets / values, values / targets) if factors else np.abs(targets - values)
    widths = []
    for place in range(len(edges) + 1):
        own = np.sort(errors[bins == place])
        rank = min(math.ceil(NOMINAL_COVERAGE * (len(own) + 1)), len(own))
        widths.append(min(float(own[rank - 1]), _WIDEST))
    return PredictionInterval(edges=tuple(edges.tolist()), widths=tuple(widths), factors=factors)


def interval(found: PredictionInterval, values: Floats) -> tuple[Floats, Floats]:
    """The ends, (N,) each, of the 90% intervals around predicted `values` (N,), in the unit of `calibrate`."""
    width = np.array(found.widths)[bin_of(np.array(found.edges), values)]
    low, high = (values / width, values * width) if found.factors else (values - width, values + width)
    return low.clip(-LARGEST, LARGEST), high.clip(-LARGEST, LARGEST)
