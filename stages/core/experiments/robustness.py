"""How well a model does on inputs made worse: a score for each corruption and severity, and their mean."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from stages.core.base.schemas import STRESS
from stages.core.base.seeding import numpy_generator
from stages.core.experiments.corruptions import SEVERITIES, Corruption


def corruption_scores(
    inputs: np.ndarray, corruptions: Mapping[str, Corruption], score: Callable[[np.ndarray], float], seed: int
) -> pd.DataFrame:
    """`score` of `inputs` (N, ...) under each of the `corruptions`, by name, and severity, columns as STRESS.

    Severity 0 is the inputs as they are, scored once and listed with each corruption. Every corruption has a random
    stream of its own, derived from the root `seed`.
    """
    clean = score(inputs)
    rows = []
    for name, corrupt in corruptions.items():
        rows.append((name, 0, len(inputs), clean))
        for severity in SEVERITIES:
            worse = corrupt(inputs, severity=severity, generator=numpy_generator(seed, "stress", name))
            rows.append((name, severity, len(inputs), score(worse)))
    return pd.DataFrame(rows, columns=list(STRESS.columns))


def mean_corruption_score(table: pd.DataFrame) -> float:
    """The mean over corruptions of the mean over their severities from 1; `table` is as STRESS.

    Of accuracies it is one minus the mean corruption error of Hendrycks and Dietterich (2019), without dividing by
    that of another network.
    """
    of_corruption = table[table["severity"] > 0].groupby("corruption", sort=False)["score"].mean()
    return float(of_corruption.mean())
