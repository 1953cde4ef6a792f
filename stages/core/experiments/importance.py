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
from stages.core.scores.comparison import MAIN, RESAMPLES
from stages.core.scores.tasks import SCORES

DRAWS = 10  # of another order for each column
PREDICTIONS = 1_000_000  # that are asked of the model, more only for the sake of `least` examples

# Of each example what it adds to the mean error, and what the score loses by that: accuracy the share of wrong answers.
_ERRORS: Mapping[Task, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "classification": lambda targets, outputs: (predict(outputs) != targets).astype(np.float64),
    "regression": lambda targets, outputs: (outputs[:, 0] - targets) ** 2,
}
_LOST: Mapping[Task, Callable[[np.ndarray], np.ndarray]] = {"classification": np.asarray, "regression": np.sqrt}


def examples_for(columns: int, least: int) -> int:
    """How many examples to take, so as not to ask too much of the model."""
    return max(least, PREDICTIONS // (DRAWS * max(1, columns)))


def permutation_importance(
    data: Examples, columns: Sequence[str], task: Task, outputs: Callable[[np.ndarray], np.ndarray], seed: int
) -> pd.DataFrame:
    """By how much the task's main score gets worse without each of the `columns`, columns as IMPORTANCE.

    It is the accuracy lost, or what is added to the RMSE, over several draws of another order; its 95% interval is, as
    everywhere, for a test set of other examples. Without any a model that does not use the column has exactly 0.
    `outputs` (N, K) are what the model says of inputs (N, F). For no columns there are no rows.
    """
    if not columns:
        return pd.DataFrame(columns=list(IMPORTANCE.columns))
    errors_of, lost = _ERRORS[task], _LOST[task]
    targets, rounded = data.targets, SCORES[task][MAIN[task]].rounded
    errors = [errors_of(targets, outputs(data.inputs))]
    for place, name in enumerate(columns):
        generator, inputs = numpy_generator(seed, "importance", name), data.inputs.copy()
        total = np.zeros(len(data))
        for _ in range(DRAWS):
            inputs[:, place] = generator.permutation(data.inputs[:, place])
            total += errors_of(targets, outputs(inputs))
        errors.append(total / DRAWS)

    strata = targets if targets.dtype == np.int64 else np.zeros(len(data), np.int64)
    order = np.argsort(strata, kind="stable")
    groups = None if data.groups is None else data.groups[order]
    parts = [mean_sums("error", on_fitting_grid(each[order])) for each in errors]
    found = replicates(parts, strata[order], RESAMPLES, numpy_generator(seed, "importance"), groups)
    as_it_is, *shuffled = (lost(np.append(each.mean(), of["error"])) for each, of in zip(errors, found, strict=True))
    rows = []
    for name, losses in zip(columns, shuffled, strict=True):
        value, *resampled = losses - as_it_is
        rows.append((name, *map(rounded, (value, *percentile_interval(np.array(resampled))))))
    return pd.DataFrame(rows, columns=list(IMPORTANCE.columns))
