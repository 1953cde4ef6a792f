"""The table of a model's scores, each with its interval, and the headlines among them, whatever the task."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic import create_model

from stages.core.base import schemas
from stages.core.base.declared import Record
from stages.core.scores.bootstrap import Integers, canonical_order, percentile_interval, replicates
from stages.core.scores.score import Outputs, Score, Targets


def with_intervals(
    scores: Mapping[str, Score],
    targets: Targets,
    outputs: Outputs,
    strata: Integers,
    resamples: int,
    generator: np.random.Generator,
    groups: Integers | None = None,
) -> pd.DataFrame:
    """Every score with its 95% interval: rows (score, value, low, high), rounded.

    The intervals, by bootstrap, are for a test set of other examples and the same strata, or of other groups: they say
    how sure the scores of this model are, not how another training run would turn out. `strata` (N,) rise with the
    targets.
    """
    order = canonical_order(targets, outputs)
    ordered = targets[order], outputs[order]
    parts = [score.sums(*ordered) for score in scores.values() if score.sums]
    resampled = {
        name: percentile_interval(values)
        for found in replicates(parts, strata[order], resamples, generator, None if groups is None else groups[order])
        for name, values in found.items()
    }
    rows = []
    for name, score in scores.items():
        low, high = score.interval(*ordered) if score.interval else resampled[name]
        rows.append((name, *map(score.rounded, (score.value(targets, outputs), low, high))))
    return pd.DataFrame(rows, columns=list(schemas.SCORES.columns))


def headlines(scores: Mapping[str, Score], table: pd.DataFrame) -> dict[str, float]:
    """The headline values of a table of `with_intervals`, as they go into metrics/evaluate.json."""
    values = dict(zip(table["score"], table["value"].tolist(), strict=True))
    return {name: values[name] for name, score in scores.items() if score.headline and name in values}


def evaluate_metrics(scores: Mapping[str, Score], may_lack: frozenset[str] = frozenset()) -> type[Record]:
    """The declaration of metrics/evaluate.json: a number for each headline."""
    fields: dict[str, Any] = {
        name: (float | None, None) if name in may_lack else float for name, score in scores.items() if score.headline
    }
    return create_model("EvaluateMetrics", __base__=Record, **fields)
