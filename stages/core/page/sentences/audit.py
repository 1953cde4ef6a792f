"""What the audit's findings mean."""

from collections.abc import Mapping

import pandas as pd

from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count, listed, plain

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


def verdict(found: Findings) -> Answer:
    table = found.tables["audit"]
    severe = table[table["severity"] == "severe"]
    notices = len(table) - len(severe)
    if table.empty:
        return Answer(QUESTION, "Nothing found", "The audit of the data found nothing that would make the scores lies.")
    rest = f"{count(notices, 'notice')} to look at"
    if severe.empty:
        return Answer(
            QUESTION, count(notices, "notice"), f"The audit found nothing severe, and {rest}: {_checks(table)}."
        )
    text = f"The scores may be lies: the audit found {_checks(severe)}"
    return Answer(QUESTION, count(len(severe), "severe finding"), f"{text}{f', and {rest}' if notices else ''}.")


def _checks(table: pd.DataFrame) -> str:
    return listed(list(dict.fromkeys(map(plain, table["check"]))))
