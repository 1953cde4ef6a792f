"""Which columns of a table a model goes by: how much worse it does when one column's cells change places.

The column then says nothing of its row, and yet holds what it always holds. Of columns that say the same each may do
without the other, and both look unimportant. Source: Breiman, Random Forests (2001), section 10; Fisher, Rudin and
Dominici, All Models are Wrong, but Many are Useful (2019).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from stages.core.base.schemas import IMPORTANCE
from stages.core.base.seeding import numpy_generator
from stages.core.config.builtin import Task
from stages.core.data.examples import Examples
from stages.core.scores.bootstrap import mean_sums, on_fitting_grid, percentile_interval, replicates
from stages.core.scores.classification import predict
from stages.core.scores.comparison import RESAMPLES
from stages.core.scores.tasks import MAIN

DRAWS = 5  # of another order for each column
PREDICTIONS, CELLS = 500_000, 250_000_000  # that the model is asked for in all, and the cells of their inputs
MOST_COLUMNS = 1_000  # of more, too few examples would be left to say anything

# Of each example what it adds to the mean error, and what the score loses by that: accuracy the share of wrong answers.
_ERRORS: Mapping[Task, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "classification": lambda targets, outputs: (predict(outputs) != targets).astype(np.float64),
    "regression": lambda targets, outputs: (outputs[:, 0] - targets) ** 2,
}
_LOST: Mapping[Task, Callable[[np.ndarray], np.ndarray]] = {"classification": np.asarray, "regression": np.sqrt}


def examples_for(columns: int) -> int:
    """How many examples to take, so as not to ask too much of the model; 50 or more of up to `MOST_COLUMNS`."""
    asked = DRAWS * max(1, columns)
    return min(PREDICTIONS // asked, CELLS // (asked * max(1, columns)))


def permutation_importance(
    data: Examples, columns: Sequence[str], task: Task, outputs: Callable[[np.ndarray], np.ndarray], seed: int
) -> pd.DataFrame:
    """By how much the task's main score gets worse without each of the `columns`, columns as IMPORTANCE.

    That is the accuracy lost, or what the RMSE gains, over several draws of another order, with its 95% interval by
    bootstrap: for a test set of other examples, like all the others here. A column that the model does not use has
    exactly 0. `outputs` (N, K) are what the model says of inputs (N, F). Without columns there are no rows, nor are
    there with more than `MOST_COLUMNS`.
    """
    if not 0 < len(columns) <= MOST_COLUMNS:
        return pd.DataFrame(columns=list(IMPORTANCE.columns))
    errors_of, lost = _ERRORS[task], _LOST[task]
    inputs, targets, rounded = np.asarray(data.inputs), data.targets, MAIN[task].rounded
    as_it_is = errors_of(targets, outputs(inputs))
    errors, shuffled = [as_it_is], inputs.copy()
    for place, name in enumerate(columns):
        generator = numpy_generator(seed, "importance", name)
        added = np.zeros(len(data))
        for _ in range(DRAWS):
            donors = generator.permutation(len(data))
            shuffled[:, place] = inputs[donors, place]
            found = (errors_of(targets, outputs(shuffled)) - as_it_is) / DRAWS
            added += found
            added[donors] += found
        shuffled[:, place] = inputs[:, place]
        # An example stands here for what it takes and for what it gives: were it another one, both would be others.
        errors.append(as_it_is + added - added.mean() / 2)

    strata = targets if targets.dtype == np.int64 else np.zeros(len(data), np.int64)
    order = np.argsort(strata, kind="stable")
    groups = None if data.groups is None else data.groups[order]
    parts = [mean_sums("error", on_fitting_grid(each[order])) for each in errors]
    resamples = replicates(parts, strata[order], RESAMPLES, numpy_generator(seed, "importance"), groups)
    before, *after = (
        lost(np.append(each.mean(), of["error"]).clip(0)) for each, of in zip(errors, resamples, strict=True)
    )
    rows = []
    for name, losses in zip(columns, after, strict=True):
        value, *resampled = losses - before
        rows.append((name, *map(rounded, (value, *percentile_interval(np.array(resampled))))))
    return pd.DataFrame(rows, columns=list(IMPORTANCE.columns))
