"""What a classifier's page has: its classes, and its mistakes."""

from stages.core.page.parts import PageTable, Section
from stages.core.page.sections.cells import cells, columns
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.classification import confusions
from stages.core.pictures.wording import count, percent

_LISTED = 10  # mistakes in the table
_CONFUSIONS = 5  # in the table


def sections(found: Findings) -> list[Section]:
    return [
        Section("classes", "Classes", [_classes(found)], [_confusions(found)]),
        Section("ranking", "Ranking"),
        Section("confidence", "Confidence"),
        Section("mistakes", "Mistakes", after=[_mistakes(found)]),
    ]


def _classes(found: Findings) -> PageTable:
    shares, areas = ("precision", "recall", "f1"), ("roc_auc", "average_precision")
    rows = [
        (
            row["class"],
            *(percent(row[score]) for score in shares),
            *("–" if row[area] != row[area] else f"{row[area]:.5f}" for area in areas),  # NaN where there is none
            f"{row['support']:,}",
        )
        for _, row in found.tables["classes"].iterrows()
    ]
    numbers = ("precision", "recall", "F1", "ROC AUC", "average precision", f"test {found.things}")
    return PageTable("Each class against the rest", {"class": "", **dict.fromkeys(numbers, "number")}, rows)


def _confusions(found: Findings) -> PageTable:
    rows = [(actual, predicted, f"{times:,}") for actual, predicted, times in confusions(found, _CONFUSIONS)]
    columns = {"true class": "", "taken for": "", "times": "number"}
    return PageTable("The most frequent confusions", columns, rows, "No class is taken for another.")


def _mistakes(found: Findings) -> PageTable:
    rows = [
        (
            *(str(one.index), found.classes[one.actual], found.classes[one.predicted], percent(one.probability)),
            *cells(found, one.index),
        )
        for one in found.mistakes[:_LISTED]
    ]
    caption = f"The {len(rows)} most confident of {count(len(found.mistakes), 'mistake')}"
    names = {f"test {found.thing} (from 0)": "", "true class": "", "predicted": "", "probability": "number"}
    return PageTable(caption, names | columns(found), rows, "There is no mistake.")
