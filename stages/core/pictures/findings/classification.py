"""What was found of a classifier, and whether it belongs together."""

import math

import pandas as pd

from stages.core.base.schemas import MACRO
from stages.core.pictures.findings.findings import Findings
from stages.core.scores.calibration import reliability_table
from stages.core.scores.classification import confusion, predict, with_ranking
from stages.core.scores.predictions import Predictions
from stages.core.scores.tables import confusion_table

TABLES = ("confusion", "roc", "precision_recall", "classes", "calibration")  # that a regression has no rows in


def confidence(found: Findings) -> float:
    """The mean probability of the predicted class."""
    table = found.tables["calibration"]
    filled = table[table["examples"] > 0]
    return math.fsum(filled["examples"] * filled["confidence"]) / math.fsum(filled["examples"])


def confusions(found: Findings, most: int) -> list[tuple[str, str, int]]:
    """The `most` frequent mistakes (actual, predicted, times) or fewer; of equals the first in class order."""
    table = found.tables["confusion"]
    wrong = table[(table["actual"] != table["predicted"]) & (table["count"] > 0)]
    ranked = wrong.sort_values("count", ascending=False, kind="stable").head(most)
    return list(zip(ranked["actual"], ranked["predicted"], ranked["count"].tolist(), strict=True))


def foreign_tables(found: Findings, predictions: Predictions) -> list[str]:
    """The names of the tables that are not of these predictions; they have as many classes as the model."""
    targets, probabilities = predictions.targets, predictions.probabilities
    classes, tables = list(found.classes), found.tables
    counts = confusion(targets, predict(probabilities), len(classes))
    expected = {
        "confusion": confusion_table(counts, classes),
        "classes": pd.DataFrame({"class": classes, "support": counts.sum(axis=1)}),
        "calibration": reliability_table(targets, probabilities)[["examples"]],
    }
    foreign = [
        name
        for name, table in expected.items()
        if tables[name][list(table.columns)].to_numpy().tolist() != table.to_numpy().tolist()
    ]
    curves = [*(classes[index] for index in with_ranking(targets, len(classes))), MACRO]
    return foreign + [
        name for name in ("roc", "precision_recall") if list(dict.fromkeys(tables[name]["class"])) != curves
    ]
