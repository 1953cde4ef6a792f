"""Scores of a regression, each with its interval in one entry of `SCORES`; the tables behind its plots.

`targets` are float64 (N,), N > 0. `outputs` are float64 (N, 1), the predicted values, or (N, 3), with the ends of their
90% intervals; functions that take `values` want those alone, (N,). All are in the target's own unit, and so are all
scores but R2 and the coverage. An error is predicted less actual. Nothing depends on the order of the rows.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

from stages.core.base import schemas
from stages.core.base.bins import bin_edges, bin_of
from stages.core.scores.bootstrap import Floats, Sums, canonical_order, mean_sums, on_fitting_grid
from stages.core.scores.calibration import wilson_interval
from stages.core.scores.predictions import ValuePredictions
from stages.core.scores.score import Score, significant

DECILES = 10
POINTS = 1000  # of the scatter plots at most: more would be one blot, and their table is in Git


def rmse(targets: Floats, values: Floats) -> float:
    """The root of the mean squared error. Added without rounding, so that the order of the rows changes no bit."""
    return math.sqrt(_mean((values - targets) ** 2))


def mae(targets: Floats, values: Floats) -> float:
    """The mean absolute error."""
    return _mean(np.abs(values - targets))


def r2(targets: Floats, values: Floats) -> float:
    """The share of the targets' variance that is predicted: 1 - mean squared error / variance, at most 1.

    Of targets that are all the same, 1 for perfect predictions, else 0 (as scikit-learn with `force_finite`).
    """
    squares, variance = _mean((values - targets) ** 2), _mean((targets - _mean(targets)) ** 2)
    return 1 - squares / variance if targets.min() < targets.max() and variance else float(squares == 0)


def median_absolute_error(targets: Floats, values: Floats) -> float:
    """What half of the predictions are closer than."""
    return float(np.median(np.abs(values - targets)))


def rmse_sums(targets: Floats, values: Floats) -> Sums:
    part = mean_sums("rmse", on_fitting_grid((values - targets) ** 2))
    return Sums(part.contributions, lambda sums: {"rmse": np.sqrt(part.scores(sums)["rmse"])})


def mae_sums(targets: Floats, values: Floats) -> Sums:
    return mean_sums("mae", on_fitting_grid(np.abs(values - targets)))


def r2_sums(targets: Floats, values: Floats) -> Sums:
    """R2 as a function of the sums of squared errors, of the targets and of their squares.

    The targets are taken from their mean, so that the variance is no small difference of large sums.
    """
    centred = on_fitting_grid(targets - _mean(targets))
    squares = on_fitting_grid(centred**2)
    rows = [on_fitting_grid((values - targets) ** 2), centred, squares, np.ones(len(targets))]
    rounding = np.spacing(4 * len(targets) * squares.max())  # of one of the squares

    def scores(sums: Floats) -> dict[str, Floats]:
        errors, linear, squared, examples = sums
        variation = squared - linear**2 / examples
        some = variation > rounding * examples  # else the resample's targets are all the same
        shares = 1 - errors / np.where(some, variation, 1)
        return {"r2": np.where(some, shares, errors == 0)}

    return Sums(sparse.csr_array(np.stack(rows)), scores)


def median_sums(targets: Floats, values: Floats) -> Sums:
    """The median as a function of how often each error was drawn, the smallest first: their running sum passes half.

    Where half is between two errors it is their mean, as it is of an even number of them.
    """
    errors = np.abs(values - targets)
    order = np.argsort(errors, kind="stable")
    ordered = errors[order]
    size = len(errors)

    def scores(sums: Floats) -> dict[str, Floats]:
        reached = np.cumsum(sums, axis=0)
        examples = reached[-1]
        lower, upper = (_first(reached, place) for place in (np.ceil(examples / 2), examples // 2 + 1))
        return {"median_absolute_error": (ordered[lower] + ordered[upper]) / 2}

    return Sums(sparse.csr_array((np.ones(size), (np.arange(size), order))), scores)


def coverage(targets: Floats, outputs: Floats) -> float:
    """The share of the targets that are inside their intervals, ends included; `outputs` are (N, 3)."""
    return float(_inside(targets, outputs).mean())


def coverage_sums(targets: Floats, outputs: Floats) -> Sums:
    return mean_sums("coverage", _inside(targets, outputs).astype(np.float64))


def of_values(
    name: str,
    label: str,
    meaning: str,
    value: Callable[[Floats, Floats], float],
    sums: Callable[[Floats, Floats], Sums],
    in_unit: bool = True,
    greater_is_better: bool = False,
    compared: bool = False,
) -> Score:
    """A score of the predicted values alone."""
    return Score(
        *(name, label, meaning),
        value=lambda targets, outputs: value(targets, outputs[:, 0]),
        sums=lambda targets, outputs: sums(targets, outputs[:, 0]),
        in_unit=in_unit,
        greater_is_better=greater_is_better,
        headline=True,
        compared=compared,
    )


# To add a score, add an entry: it then is in metrics and tables, on the page, and has an interval.
SCORES = {
    score.name: score
    for score in (
        of_values(
            *("rmse", "RMSE", "root of the mean squared error: how far off, large errors weighing most"),
            *(rmse, rmse_sums),
            compared=True,
        ),
        of_values(*("mae", "MAE", "mean absolute error: how far off on average"), *(mae, mae_sums), compared=True),
        of_values(
            *("median_absolute_error", "median error", "half of the predictions are closer than this"),
            *(median_absolute_error, median_sums),
        ),
        of_values(
            *("r2", "R²", "share of the variance that is predicted; 1 is perfect, 0 no better than always the mean"),
            *(r2, r2_sums),
            in_unit=False,
            greater_is_better=True,
        ),
        Score(
            *("coverage", "coverage", "share of the true values inside their 90% interval"),
            value=coverage,
            sums=coverage_sums,
            share=True,
            headline=True,
        ),
    )
}
WITH_INTERVAL = frozenset({"coverage"})  # the scores that a model without prediction intervals has not


def tables(predictions: ValuePredictions) -> dict[str, pd.DataFrame]:
    """The tables behind the plots, rounded."""
    return {
        "predictions": _rounded(prediction_table(predictions)),
        "deciles": _rounded(decile_table(predictions)),
        "coverage": _rounded(coverage_table(predictions)),
    }


def prediction_table(predictions: ValuePredictions, points: int = POINTS) -> pd.DataFrame:
    """Up to `points` examples, evenly taken from all in the order of their actual values, the ends among them.

    Columns: actual, predicted, residual (actual less predicted), low and high, empty where there are no intervals.
    """
    order = canonical_order(predictions.targets, predictions.outputs)
    count = min(points, len(order))
    taken = order[np.arange(count) * (len(order) - 1) // max(1, count - 1)]
    actual, predicted = predictions.targets[taken], predictions.values[taken]
    low, high = (np.nan if ends is None else ends[taken] for ends in (predictions.low, predictions.high))
    columns = {"actual": actual, "predicted": predicted, "residual": actual - predicted, "low": low, "high": high}
    return pd.DataFrame(columns)


def decile_table(predictions: ValuePredictions) -> pd.DataFrame:
    """The errors by tenths of the examples, from the smallest predictions to the largest; equal ones are in one tenth.

    By what is predicted, which is known when a prediction is used; by what is true even the best model predicts the
    smallest values too large and the largest too small. Columns: decile (from 1), from and to (its smallest and largest
    prediction), examples, rmse, mae and bias, the mean error: below 0 where predictions are too small.
    """
    rows = []
    for decile, own in enumerate(_deciles(predictions.values), 1):
        actual, predicted = predictions.targets[own], predictions.values[own]
        scores = rmse(actual, predicted), mae(actual, predicted), _mean(predicted - actual)
        rows.append((decile, predicted.min(), predicted.max(), len(actual), *scores))
    return pd.DataFrame(rows, columns=list(schemas.DECILES.columns))


def coverage_table(predictions: ValuePredictions) -> pd.DataFrame:
    """How many of the true values are inside their interval, by the tenths of `decile_table`; 90% is meant.

    Columns: decile, prediction_from, prediction_to, examples, coverage with low and high, its 95% interval by Wilson's
    method, which takes each example for one of its own, and mean_width of the intervals. No rows without intervals.
    """
    rows = []
    if predictions.low is not None and predictions.high is not None:
        inside = _inside(predictions.targets, predictions.outputs)
        for decile, own in enumerate(_deciles(predictions.values), 1):
            predicted, hits, examples = predictions.values[own], int(inside[own].sum()), len(own)
            width = _mean(predictions.high[own] - predictions.low[own])
            share = hits / examples, *wilson_interval(hits, examples)
            rows.append((decile, predicted.min(), predicted.max(), examples, *share, width))
    return pd.DataFrame(rows, columns=list(schemas.COVERAGE.columns))


def _deciles(values: Floats) -> list[np.ndarray]:
    """The examples of each tenth, of which fewer or many equal values leave less than ten."""
    edges = bin_edges(values, DECILES)
    tenths = bin_of(edges, values)
    return [np.flatnonzero(tenths == place) for place in range(len(edges) + 1)]


def _first(rising: Floats, bound: Floats) -> np.ndarray:
    """The first row of `rising` (N, B) that is `bound` (B,) or more, in each column, by bisection; some row must be."""
    low, high = np.zeros((2, len(bound)), np.int64)
    high += len(rising) - 1
    while (low < high).any():
        middle = (low + high) // 2
        below = rising[middle, np.arange(len(bound))] < bound
        low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
    return low


def _inside(targets: Floats, outputs: Floats) -> np.ndarray:
    return (outputs[:, 1] <= targets) & (targets <= outputs[:, 2])


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values)


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with its fractions to six significant digits: values may be of any magnitude."""
    fractions = [name for name in table if table[name].dtype.kind == "f"]
    return table.assign(**{str(name): table[name].map(significant) for name in fractions})
