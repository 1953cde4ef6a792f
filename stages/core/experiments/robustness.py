"""How well a model does on images made worse: a score for each corruption and severity, and their mean."""

from collections.abc import Callable

import pandas as pd

from stages.core.base.schemas import STRESS
from stages.core.base.seeding import numpy_generator
from stages.core.experiments.corruptions import CORRUPTIONS, SEVERITIES, Images, corrupt


def corruption_scores(images: Images, score: Callable[[Images], float], seed: int) -> pd.DataFrame:
    """`score` of uint8 `images` (N, C, H, W) under each corruption and severity, columns as STRESS.

    Severity 0 is the images as they are, scored once and listed with each corruption. Every corruption has a random
    stream of its own, derived from the root `seed`.
    """
    clean = score(images)
    rows = []
    for corruption in CORRUPTIONS:
        rows.append((corruption, 0, len(images), clean))
        for severity in SEVERITIES:
            worse = corrupt(images, corruption, severity, numpy_generator(seed, "stress", corruption))
            rows.append((corruption, severity, len(images), score(worse)))
    return pd.DataFrame(rows, columns=list(STRESS.columns))


def mean_corruption_score(table: pd.DataFrame) -> float:
    """The mean over corruptions of the mean over their severities from 1, to six digits; `table` is as STRESS.

    Of accuracies it is one minus the mean corruption error of Hendrycks and Dietterich (2019), without dividing by
    that of another network.
    """
    of_corruption = table[table["severity"] > 0].groupby("corruption", sort=False)["score"].mean()
    return round(float(of_corruption.mean()), 6)
