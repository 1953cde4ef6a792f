"""What the accuracies under corruption say together."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def summarise(table: "pd.DataFrame", examples: int) -> dict[str, Any]:
    """The metrics of a table (corruption, severity, accuracy), in which severity 0 is the clean images.

    `mean_corruption_accuracy` is the mean over corruptions of the mean over their severities from 1: one minus the
    mean corruption error of Hendrycks and Dietterich (2019), without dividing by that of another network. What stands
    in lists does not show in DVC's tables, which would else be too wide to read.
    """
    of_corruption = table[table["severity"] > 0].groupby("corruption", sort=False)["accuracy"].mean()
    return {
        "mean_corruption_accuracy": round(float(of_corruption.mean()), 6),
        "corruptions": [
            {"corruption": name, "accuracy": round(float(accuracy), 6)} for name, accuracy in of_corruption.items()
        ],
        "clean": [{"accuracy": float(table["accuracy"][table["severity"] == 0].iloc[0]), "examples": examples}],
    }
