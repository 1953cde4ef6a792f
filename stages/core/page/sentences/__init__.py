"""What the numbers say: the report's sentences, those of a task in its own file.

Every sentence is computed. The rules behind the judgements are `rules`, which the report shows, too.
"""

from collections.abc import Callable, Mapping

from stages.core.config.builtin import Task
from stages.core.page.sentences import audit, baselines, classification, regression
from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings

_ANSWERS: Mapping[Task, Callable[[Findings], list[Answer]]] = {
    "classification": classification.answers,
    "regression": regression.answers,
}
_RULES: Mapping[Task, Callable[[Findings], str]] = {
    "classification": classification.rules,
    "regression": regression.rules,
}
# How the intervals of the test scores were found.
INTERVALS: Mapping[Task, str] = {
    "classification": classification.INTERVALS,
    "regression": regression.INTERVALS,
}


def answers(found: Findings) -> list[Answer]:
    """What a reader asks first."""
    return [*_ANSWERS[found.data.task](found), baselines.verdict(found), audit.verdict(found)]


def rules(found: Findings) -> str:
    return _RULES[found.data.task](found)


def without_importance(found: Findings) -> str:
    """Why no column of a table has an importance, where none has."""
    columns = len(found.data.columns or ())
    measured = len(found.tables["importance"])
    return f"Not measured: of {columns:,} columns it would take hours." if columns and not measured else ""
