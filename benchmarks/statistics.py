"""Numbers with their spread, as they stand in results.json."""

import statistics
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float], digits: int = 2) -> dict[str, Any]:
    """The median, and the lowest and highest value: of times, memory and ratios."""
    return {
        "median": round(statistics.median(values), digits),
        "low": round(min(values), digits),
        "high": round(max(values), digits),
        "n": len(values),
    }


def mean_std(values: Sequence[float], digits: int = 5) -> dict[str, Any]:
    """The mean and the sample standard deviation: of accuracies over seeds."""
    deviation = round(statistics.stdev(values), digits) if len(values) > 1 else None
    return {"mean": round(statistics.fmean(values), digits), "std": deviation, "n": len(values)}


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The spread of above[i] / below[i]: pairs run one after the other, so that a slow minute hits both."""
    return spread([a / b for a, b in zip(above, below, strict=True)])
