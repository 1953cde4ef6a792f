"""ROC and precision-recall curves of one class against the rest, their macro average, and thinning for a table.

A curve is a polyline (x, y) with x from 0 to 1, never falling; where several points share an x it jumps there.
scikit-learn counts whole examples and moves equal scores together, so the order of the rows changes no bit.
"""

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from stages.core.scores.bootstrap import Floats


class Curve(NamedTuple):
    """Points (x, y) of a polyline: ROC has x = false positive rate, precision-recall has x = recall."""

    x: Floats
    y: Floats


def roc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Curve:
    """False positive rate against true positive rate, from (0, 0) to (1, 1); of `scores` (N,) at least one is of
    the class, `positive` (N,), and one is not.
    """
    false_positive_rate, true_positive_rate, _ = roc_curve(positive, scores, drop_intermediate=False)
    return Curve(false_positive_rate, true_positive_rate)


def precision_recall(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Curve:
    """Recall against precision as the steps whose area is the average precision, of `scores` as for `roc`.

    From recall 0 on, the precision over each step is that of the threshold which reaches the step's end; straight
    lines between thresholds would promise more than any threshold gives (Davis and Goadrich, 2006).
    """
    precision, recall, _ = precision_recall_curve(positive, scores)
    precision, recall = precision[-2::-1], recall[-2::-1]  # upwards, without the (0, 1) that no threshold gives
    return Curve(np.append(0.0, np.repeat(recall, 2)[:-1]), np.repeat(precision, 2))


def macro(curves: list[Curve]) -> Curve:
    """The mean of the curves' heights at every x where one of them has a point; its area is the mean of their areas.

    scikit-learn has none: its example interpolates linearly, which a curve that jumps is not.
    """
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
    far is added until every point lies within `tolerance` or `points` are reached. scikit-learn's `drop_intermediate`
    drops points on straight lines alone: of a ragged curve thousands stay, and the tables are in Git.
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
