"""Calibration: whether a model that says "90%" is right nine times in ten.

`targets` are class indices int64 (N,), `probabilities` float32 (N, C), N > 0. The confidence of a prediction is the
probability of the predicted class, the most probable one.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stages.core.bootstrap import Floats, Integers, Sums, on_grid

if TYPE_CHECKING:
    import pandas as pd

BINS = 15
_Z = 1.959963984540054  # the normal distribution's 97.5% point


def expected_calibration_error(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean distance between confidence and accuracy, in [0, 1].

    The predictions are sorted by confidence into 15 bins of equal width, ((k - 1)/15, k/15], and

        ECE = sum over the bins k of  n_k / N * |accuracy_k - mean confidence_k|,

    n_k of the N examples being in bin k. Source: Guo et al., On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    bins, confidence, right = _binned(targets, probabilities)
    gaps = [abs(math.fsum(confidence[bins == k]) - int(right[bins == k].sum())) for k in range(BINS)]
    return math.fsum(gaps) / len(targets)


def brier_score(targets: Integers, probabilities: NDArray[np.floating]) -> float:
    """The mean squared distance between the probabilities and what came true, summed over the classes: in [0, 2].

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
    share, z2 = hits / examples, _Z * _Z
    centre = (share + z2 / (2 * examples)) / (1 + z2 / examples)
    half = _Z / (1 + z2 / examples) * math.sqrt(share * (1 - share) / examples + z2 / (4 * examples**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def calibration_sums(targets: Integers, probabilities: NDArray[np.floating]) -> Sums:
    """`ece` and `brier` as functions of sums: each bin's confidence less its hits, and the squared distances."""
    bins, confidence, right = _binned(targets, probabilities)
    examples = np.arange(len(targets))
    contributions = sparse.csr_array(
        (
            np.concatenate([on_grid(confidence) - right, on_grid(_squared_distance(targets, probabilities))]),
            (np.concatenate([bins, np.full(len(targets), BINS)]), np.tile(examples, 2)),
        ),
        shape=(BINS + 1, len(targets)),
    )

    def scores(sums: Floats) -> dict[str, Floats]:
        return {"ece": np.abs(sums[:BINS]).sum(axis=0) / len(targets), "brier": sums[BINS] / len(targets)}

    return Sums(contributions, scores)


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
