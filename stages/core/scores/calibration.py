"""Calibration: whether a model that says "90%" is right nine times in ten.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. The confidence of a prediction is the
probability of the predicted class, the most probable one.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special
from scipy.stats import binomtest

from stages.core.scores.bootstrap import Floats, Integers, Sums, on_grid

if TYPE_CHECKING:
    import pandas as pd

BINS = 15
_Z = 1.959963984540054  # the normal distribution's 97.5% point
_HALVINGS = 32  # leave less of the interval's end open than the six digits of the metrics show
_TINY = 2.0**-24  # the least variance, in examples squared, so that one may divide by it


def expected_calibration_error(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean distance between confidence and accuracy, in [0, 1].

    The predictions are sorted by confidence into 15 bins of equal width, ((k - 1)/15, k/15], and

        ECE = sum over the bins k of  n_k / N * |accuracy_k - mean confidence_k|,

    n_k of the N examples being in bin k. Source: Guo et al., On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    bins, confidence, right = _binned(targets, probabilities)
    gaps = [abs(math.fsum(confidence[bins == k]) - int(right[bins == k].sum())) for k in range(BINS)]
    return math.fsum(gaps) / len(targets)


def calibration_interval(targets: Integers, probabilities: NDArray[np.floating]) -> tuple[float, float]:
    """The 95% interval of the expected calibration error, within [0, 1]: the errors that the observed one allows.

    Noise in a bin adds to the error, whatever its sign, and a resample adds it anew, so a test is inverted instead. The
    gaps n_k * |accuracy_k - mean confidence_k| are all made smaller, or all larger, by the same multiple of their
    standard deviations, between 0 and n_k. Their sum belongs to the interval as long as the observed sum is within
    1.96 standard deviations of the one expected under them. So what may well be noise vanishes first; gaps shrunk in
    proportion would keep it, and cover the truth in as few as 63% of samples where one bin is bad and others are good.

    The noise of a bin is taken as normal, so its gap as folded normal, with the variance of the supposed accuracy: the
    observed one is 0 where five of five are right. The spread of the sum takes the larger of the two, and one example
    more for the steps in which the sum moves; too large a spread only widens the interval. The estimate is never left
    out, though noise may have made it larger than all the errors that pass the test.

    Sources: Carpenter, Test Inversion Bootstrap Confidence Intervals (1999), for the test along one family of truths;
    Leone et al., The Folded Normal Distribution (1961).
    """
    bins, confidence, right = _binned(targets, probabilities)
    size, examples = len(targets), np.bincount(bins, minlength=BINS)
    hits, confident = np.bincount(bins, right, BINS), np.bincount(bins, on_grid(confidence), BINS)
    examples, hits, confident = (sums[examples > 0] for sums in (examples, hits, confident))
    gaps, over = np.abs(confident - hits), np.where(confident < hits, -1, 1)
    chance = (hits + 1) / (examples + 2)  # Laplace's rule of succession: never 0 or 1
    deviation = np.sqrt(examples * chance * (1 - chance))

    def supposed(multiple: float) -> Floats:
        truth: Floats = np.clip(gaps + multiple * deviation, 0, examples)
        return truth

    def excess(multiple: float) -> float:
        """The observed sum less the expected one, in standard deviations."""
        truth = supposed(multiple)
        accuracy = np.clip((hits + over * (gaps - truth)) / examples, 0, 1)
        # How many are right, and how many fall into the bin.
        variance = examples * accuracy * (1 - accuracy) + truth**2 * (1 / examples - 1 / size)
        noise = np.sqrt(np.maximum(variance, _TINY))
        wider = np.maximum(noise, deviation)
        spread = (truth**2 + wider**2 - _folded_mean(truth, wider) ** 2).sum() + 1
        return float((gaps - _folded_mean(truth, noise)).sum() / math.sqrt(spread))

    most = float((examples / deviation).max())  # moves every gap to the end of its range
    low = _furthest(lambda multiple: excess(multiple) <= _Z, -most)
    high = _furthest(lambda multiple: excess(multiple) >= -_Z, most)
    estimate = expected_calibration_error(targets, probabilities)  # not on the grid, hence the last bits
    return min(math.fsum(supposed(low)) / size, estimate), max(math.fsum(supposed(high)) / size, estimate)


def brier_score(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean squared distance between the probabilities and what came true, summed over the classes: in [0, 2].

    The bootstrap needs each example's distance; scikit-learn's gives the mean alone, computed in float32.
    Source: Brier, Verification of Forecasts Expressed in Terms of Probability (1950), eq. 2.
    """
    return math.fsum(_squared_distance(targets, probabilities)) / len(targets)


def reliability_table(targets: Integers, probabilities: NDArray[np.floating]) -> "pd.DataFrame":
    """The 15 bins of `expected_calibration_error`, one row each, empty cells where a bin is empty.

    Columns: confidence_from, confidence_to (the bin's edges), examples, confidence (mean), accuracy, and accuracy_low
    and accuracy_high, its 95% interval by Wilson's score method, which holds for few examples and near 0 and 1 too.
    """
    import pandas as pd

    bins, confidence, right = _binned(targets, probabilities)
    rows = []
    for k in range(BINS):
        inside = bins == k
        examples, hits = int(inside.sum()), int(right[inside].sum())
        row = {"confidence_from": k / BINS, "confidence_to": (k + 1) / BINS, "examples": examples}
        if examples:
            low, high = wilson_interval(hits, examples)
            row |= {
                "confidence": math.fsum(confidence[inside]) / examples,
                "accuracy": hits / examples,
                "accuracy_low": low,
                "accuracy_high": high,
            }
        rows.append(row)
    columns = [
        "confidence_from",
        "confidence_to",
        "examples",
        "confidence",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
    ]
    return pd.DataFrame(rows, columns=columns)


def wilson_interval(hits: int, examples: int) -> tuple[float, float]:
    """The 95% interval of a share, `hits` of `examples` > 0. Source: Wilson, Probable Inference (1927)."""
    found = binomtest(hits, examples).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def brier_sums(targets: Integers, probabilities: NDArray[np.floating]) -> Sums:
    """The Brier score as the sum of the squared distances."""
    squares = on_grid(_squared_distance(targets, probabilities))
    return Sums(sparse.csr_array(squares[None]), lambda sums: {"brier": sums[0] / len(targets)})


def _folded_mean(mean: Floats, deviation: Floats) -> Floats:
    """The mean of the absolute value of a normal variable."""
    ratio = mean / deviation
    tails: Floats = deviation * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2)
    folded: Floats = tails + mean * special.erf(ratio / math.sqrt(2))
    return folded


def _furthest(holds: Callable[[float], bool], end: float) -> float:
    """How far one gets from 0 to `end` while `holds`, by halving.

    `exp` and `erf` may differ between processors in their last bit. It only enters comparisons here, which are hardly
    ever that close, so that the numbers tried are the same, and the one found is, to the bit.
    """
    if holds(end):
        return end
    inside, outside = 0.0, end
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def _binned(targets: Integers, probabilities: NDArray[np.floating]) -> tuple[Integers, Floats, NDArray[np.bool_]]:
    """Each prediction's bin, its confidence and whether it is right, (N,) each."""
    predicted = np.argmax(probabilities, axis=1)
    confidence = probabilities[np.arange(len(targets)), predicted].astype(np.float64)
    bins = np.ceil(confidence * BINS).astype(np.int64) - 1
    return np.clip(bins, 0, BINS - 1), confidence, predicted == targets


def _squared_distance(targets: Integers, probabilities: NDArray[np.floating]) -> Floats:
    """Each example's squared distance between its probabilities and its class, (N,)."""
    came_true = np.arange(probabilities.shape[1]) == targets[:, None]
    squares: Floats = ((probabilities.astype(np.float64) - came_true) ** 2).sum(axis=1)
    return squares
