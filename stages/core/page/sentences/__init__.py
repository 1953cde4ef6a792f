"""What the numbers say: the report's sentences, those of a task in its own file.

Every sentence is computed. The rules behind the judgements are `rules`, which the report shows, too.
"""

from stages.core.page.sentences import audit, baselines, classification, regression
from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings

_OF_TASK = {"classification": classification, "regression": regression}


def answers(found: Findings) -> list[Answer]:
    """What a reader asks first."""
    return [*_OF_TASK[found.data.task].answers(found), baselines.verdict(found), audit.verdict(found)]


def rules(found: Findings) -> str:
    return _OF_TASK[found.data.task].rules(found)


def intervals_by(found: Findings) -> str:
    """How the intervals of the test scores were found."""
    return _OF_TASK[found.data.task].INTERVALS
