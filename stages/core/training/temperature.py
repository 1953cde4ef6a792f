"""Temperature scaling: one number that makes a trained model's probabilities mean what they say.

Training with label smoothing leaves a model too modest, training for long too sure of itself. Dividing the logits by a
temperature mends either, and changes no prediction.
Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
"""

import numpy as np
from numpy.typing import NDArray

COLDEST, HOTTEST = 0.05, 20.0
DIGITS = 3  # of the result: finer ones are noise, and the last bits of exp are the machine's own


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """The temperature at which `logits` (N, C), divided by it, have the lowest log loss against `targets` (N,).

    Within [0.05, 20], to three decimals; 1.0, which changes nothing, where there are no examples.
    """
    if len(targets) == 0:
        return 1.0
    scores = logits.astype(np.float64)
    actual = np.take_along_axis(scores, targets[:, None], axis=1)[:, 0]
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(60):  # bisection: the log loss is convex in the inverse temperature
        middle = (low + high) / 2
        weights = np.exp(middle * (scores - scores.max(axis=1, keepdims=True)))
        expected = (weights * scores).sum(axis=1) / weights.sum(axis=1)
        if (expected - actual).sum() > 0:
            high = middle
        else:
            low = middle
    return round(1 / middle, DIGITS)
