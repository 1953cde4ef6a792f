"""What was found of a regression, and whether it belongs together."""

import math

import numpy as np
import pandas as pd

from stages.core.pictures.findings.findings import Findings, numbers
from stages.core.scores.predictions import ValuePredictions
from stages.core.scores.regression import tables

TABLES = ("predictions", "deciles", "coverage")  # that a classifier has no rows in


def worst_decile(found: Findings) -> pd.Series:
    """The row of plots/deciles.csv with the largest error, the first of equals."""
    table = found.tables["deciles"]
    return table.iloc[int(table["rmse"].to_numpy().argmax())]


def ends(found: Findings, row: pd.Series, low: str = "from", high: str = "to") -> str:
    """The predictions of a decile in words."""
    first, last = found.amount(row[low]), found.amount(row[high])
    return first if first == last else f"{first} to {last}"


def foreign_tables(found: Findings, predictions: ValuePredictions) -> list[str]:
    """The names of the tables that are not of these predictions."""
    return [
        name
        for name, table in tables(predictions).items()
        if len(table) != len(found.tables[name])
        or not all(np.array_equal(numbers(table[c]), numbers(found.tables[name][c]), equal_nan=True) for c in table)
    ]


def covered(found: Findings) -> float:
    """The share of the test values inside their interval."""
    table = found.tables["coverage"]
    return math.fsum(table["examples"] * table["coverage"]) / math.fsum(table["examples"])
