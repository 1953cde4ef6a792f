"""Calibration: whether a model that says "90%" is right nine times in ten.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. The confidence of a prediction is the
probability of the predicted class, the most probable one.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from stages.core.base.schemas import CALIBRATION
from stages.core.scores.bootstrap import Floats, Integers, Sums, mean_sums, on_grid

BINS = 15
_Z = 1.959963984540054  # the normal distribution's 97.5% point


def expected_calibration_error(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean distance between confidence and accuracy, in [0, 1].

    The predictions are sorted by confidence into 15 bins of equal width, ((k - 1)/15, k/15], and

        ECE = sum over the bins k of  n_k / N * |accuracy_k - mean confidence_k|,

    n_k of the N examples being in bin k. Source: Guo et al., On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    return math.fsum(_gaps(targets, probabilities)) / len(targets)


def calibration_interval(targets: Integers, probabilities: NDArray[np.floating]) -> tuple[float, float]:
    """The 95% interval of the expected calibration error, within [0, 1]; wide rather than narrow.

    1.96 standard errors and half an example, for the steps in which the error moves, to either side; and downwards also
    what noise adds to the error on average. For noise adds to a gap of zero whatever its sign, sqrt(2 / pi) standard
    errors, and a resample adds it anew, so that the bootstrap's interval lies above the truth. A gap within 1.96 of its
    own standard errors may be zero; in one beyond, noise of either sign cancels out. Of groups it knows nothing.

    Simulated: it covers the truth in 97.8% to 100% of samples of the tests' twelve models, on which its form was chosen
    (bootstraps: 0% to 99.6%), and in 94% to 100%, in the median 98.5%, of sixty others, drawn at random afterwards.
    """
    bins, _, right = _binned(targets, probabilities)
    examples, hits = np.bincount(bins, minlength=BINS), np.bincount(bins, right, BINS)
    chance = (hits + 1) / (examples + 2)  # Laplace's rule of succession: never 0 or 1
    errors = np.sqrt(examples * chance * (1 - chance))  # of the number of hits
    noise = math.fsum(math.sqrt(2 / math.pi) * errors[_gaps(targets, probabilities) < _Z * errors]) / len(targets)
    half = (_Z * math.sqrt(math.fsum(errors**2)) + 0.5) / len(targets)
    estimate = expected_calibration_error(targets, probabilities)
    return max(0.0, estimate - noise - half), min(1.0, estimate + half)


def brier_score(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean squared distance between the probabilities and what came true, summed over the classes: in [0, 2].

    The bootstrap needs each example's distance; scikit-learn's gives the mean alone, computed in float32.
    Source: Brier, Verification of Forecasts Expressed in Terms of Probability (1950), eq. 2.
    """
    return math.fsum(_squared_distance(targets, probabilities)) / len(targets)


def reliability_table(targets: Integers, probabilities: NDArray[np.floating]) -> pd.DataFrame:
    """The 15 bins of `expected_calibration_error`, one row each, empty cells where a bin is empty.

    Columns: confidence_from, confidence_to (the bin's edges), examples, confidence (mean), accuracy, and accuracy_low
    and accuracy_high, its 95% interval by Wilson's score method, which holds for few examples and near 0 and 1 too.
    """
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
    return pd.DataFrame(rows, columns=list(CALIBRATION.columns))


def wilson_interval(hits: int, examples: int) -> tuple[float, float]:
    """The 95% interval of a share, `hits` of `examples` > 0. Source: Wilson, Probable Inference (1927)."""
    found = binomtest(hits, examples).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def brier_sums(targets: Integers, probabilities: NDArray[np.floating]) -> Sums:
    """The Brier score as the mean of the squared distances."""
    return mean_sums("brier", on_grid(_squared_distance(targets, probabilities)))


def _gaps(targets: Integers, probabilities: NDArray[np.floating]) -> Floats:
    """How far each bin's sum of confidences is from its number of hits, (15,), in the same bits in any order."""
    bins, confidence, right = _binned(targets, probabilities)
    return np.array([abs(math.fsum(confidence[bins == k]) - int(right[bins == k].sum())) for k in range(BINS)])


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
