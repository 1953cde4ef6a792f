"""ROC and precision-recall curves of one score, the areas under them, their macro average, and thinning for a table.

A curve is a polyline (x, y) with x from 0 to 1, never falling; where several points share an x it jumps there. All is
counted in whole examples, so the order of the rows changes no bit, and equal scores move together, as they must.
"""

import heapq
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """Points (x, y) of a polyline: ROC has x = false positive rate, precision-recall has x = recall."""

    x: Floats
    y: Floats


class Ranking(NamedTuple):
    """How many positives and negatives score at least each distinct score, from the highest score down."""

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @property
    def one_sided(self) -> bool:
        """Whether positives or negatives are missing, so that nothing can be ranked."""
        return bool(self.true_positives[-1] == 0 or self.false_positives[-1] == 0)


def rank(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Ranking:
    """Count along the thresholds `scores` (N,) offers; `positive` (N,) tells which examples are of the class. N > 0."""
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    last_of_ties = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true_positives = np.cumsum(positive[order], dtype=np.int64)[last_of_ties]
    return Ranking(true_positives, last_of_ties + 1 - true_positives)


def roc(ranking: Ranking) -> Curve:
    """False positive rate against true positive rate, from (0, 0) to (1, 1). Not for a one-sided ranking."""
    true_positives, false_positives = (np.insert(counts, 0, 0) for counts in ranking)
    return Curve(false_positives / false_positives[-1], true_positives / true_positives[-1])


def roc_auc(ranking: Ranking) -> float:
    """The area under `roc`: how likely a positive scores above a negative, ties counting half. In [0, 1]."""
    true_positives, false_positives = (np.insert(counts, 0, 0) for counts in ranking)
    twice_the_pairs = np.sum(np.diff(false_positives) * (true_positives[1:] + true_positives[:-1]))
    return float(twice_the_pairs / (2 * true_positives[-1] * false_positives[-1]))


def precision_recall(ranking: Ranking) -> Curve:
    """Recall against precision as the steps whose area is `average_precision`. Not for a one-sided ranking.

    From recall 0 on, the precision over each step is that of the threshold which reaches the step's end; straight
    lines between thresholds would promise more than any threshold gives (Davis and Goadrich, 2006).
    """
    true_positives, false_positives = ranking
    recall = true_positives / true_positives[-1]
    precision = true_positives / (true_positives + false_positives)
    return Curve(np.append(0.0, np.repeat(recall, 2)[:-1]), np.repeat(precision, 2))


def average_precision(ranking: Ranking) -> float:
    """Precision averaged over the recall each threshold adds. In [0, 1]."""
    true_positives, false_positives = ranking
    gained = np.diff(true_positives, prepend=0)
    return math.fsum(gained * true_positives / (true_positives + false_positives)) / float(true_positives[-1])


def macro(curves: list[Curve]) -> Curve:
    """The mean of the curves' heights at every x where one of them has a point; its area is the mean of their areas."""
    grid = np.unique(np.concatenate([curve.x for curve in curves]))
    before = sum(height(curve, grid, "left") for curve in curves) / len(curves)
    after = sum(height(curve, grid, "right") for curve in curves) / len(curves)
    return Curve(np.repeat(grid, 2), np.stack([before, after], axis=1).ravel())


def height(curve: Curve, x: Floats, side: str = "right") -> Floats:
    """The curve's y at each of `x` in [0, 1]; where it jumps, the y it comes from ("left") or goes to ("right")."""
    if side == "left":
        return height(Curve(-curve.x[::-1], curve.y[::-1]), -x)
    start = np.searchsorted(curve.x, x, side="right") - 1
    end = np.minimum(start + 1, len(curve.x) - 1)
    run = np.where(end > start, curve.x[end] - curve.x[start], 1.0)
    return curve.y[start] + (x - curve.x[start]) / run * (curve.y[end] - curve.y[start])


def thin(curve: Curve, points: int, tolerance: float = 1e-6) -> Curve:
    """At most `points` (>= 2) of the curve's own points, both ends among them.

    Douglas and Peucker's method, widest gap first: the point that lies farthest, vertically, from the line drawn so
    far is added until every point lies within `tolerance` or `points` are reached.
    """
    kept = [0, len(curve.x) - 1]
    gaps: list[tuple[float, int, int, int]] = []  # (-deviation, farthest point, start, end): a heap, ties by position

    def measure(start: int, end: int) -> None:
        x, y = curve.x[start : end + 1], curve.y[start : end + 1]
        run = x[-1] - x[0]
        chord = y[0] + (x - x[0]) / run * (y[-1] - y[0]) if run > 0 else np.clip(y, *sorted((y[0], y[-1])))
        deviation = np.abs(y - chord)
        farthest = int(np.argmax(deviation))
        if deviation[farthest] > tolerance:
            heapq.heappush(gaps, (-float(deviation[farthest]), start + farthest, start, end))

    measure(*kept)
    while gaps and len(kept) < points:
        _, farthest, start, end = heapq.heappop(gaps)
        kept.append(farthest)
        measure(start, farthest)
        measure(farthest, end)
    kept.sort()
    return Curve(curve.x[kept], curve.y[kept])
