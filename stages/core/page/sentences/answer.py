"""An answer at the top of the page."""

from typing import NamedTuple

from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count
from stages.core.scores.bootstrap import LEAST_DRAWN


def too_few_groups(found: Findings) -> str:
    """That intervals of the test part hold little, where whole groups are drawn for them and there are next to none."""
    if found.groups is None or found.groups >= LEAST_DRAWN:
        return ""
    return (
        f"The test part has {count(found.groups, 'group')}, too few for an interval that holds what it says: it takes "
        f"{LEAST_DRAWN}."
    )


class Answer(NamedTuple):
    question: str
    short: str
    text: str
