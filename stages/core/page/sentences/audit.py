"""What the audit's findings mean."""

from collections.abc import Mapping

import pandas as pd

from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count, plain

QUESTION = "Are the data sound?"
MEANING: Mapping[str, str] = {
    "duplicate_rows": "the same more than once in a part: it counts more than others",
    "duplicates_across": "the same in training and test: the model is asked what it was told",
    "contradictions": "equal inputs with different targets: nobody can tell them apart",
    "groups_across": "a group on both sides of the split: the scores are for groups it knows",
    "times_across": "test rows no later than training rows: the scores are for times it knows",
    "leak": "one column nearly gives the target away: is it known when a prediction is made?",
    "identifier": "nearly all values differ: the model may learn rows by heart",
    "constant": "always the same: nothing can be learned from it",
    "drift": "distributed differently in training and test",
    "rare_class": "fewer examples than folds: some fold lacks the class",
    "near_duplicates": "nearly the same in training and test",
}


_FOUND: Mapping[str, str] = {
    "duplicate_rows": "equal {things} within a part",
    "duplicates_across": "test {things} that are in the training part, too",
    "contradictions": "equal {things} with different targets",
    "groups_across": "groups on both sides of the split",
    "times_across": "test {things} no later than the training {things}",
    "leak": "a column that nearly gives the target away",
    "identifier": "a column that may only name the {things}",
    "constant": "a column that is always the same",
    "drift": "a column that is distributed differently in the test part",
    "rare_class": "classes too rare for the folds",
    "near_duplicates": "test {things} nearly equal to training {things}",
}
_COLUMNS = 3  # named for each check


def verdict(found: Findings) -> Answer:
    table = found.tables["audit"]
    severe = table[table["severity"] == "severe"]
    notices = table.drop(severe.index)
    if table.empty:
        return Answer(QUESTION, "Nothing found", "The audit of the data found nothing that would make the scores lies.")
    if severe.empty:
        text = f"The audit found nothing severe. To look at: {_told(found, notices)}."
        return Answer(QUESTION, count(len(notices), "notice"), text)
    text = f"The scores may be lies. The audit found {_told(found, severe)}."
    if len(notices):
        text += f" To look at: {_told(found, notices)}."
    return Answer(QUESTION, count(len(severe), "severe finding"), text)


def _told(found: Findings, table: pd.DataFrame) -> str:
    """What each check found, with the columns in which it did."""
    told = []
    for check, rows in table.groupby("check", sort=False):
        columns = [str(name) for name in rows["column"] if name]
        more = f" and {len(columns) - _COLUMNS} more" if len(columns) > _COLUMNS else ""
        named = f" ({', '.join(columns[:_COLUMNS])}{more})" if columns else ""
        told.append(_FOUND.get(str(check), plain(str(check))).format(things=found.things) + named)
    return "; ".join(told)
