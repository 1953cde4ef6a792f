"""The sections of the page; a file for what each task alone has."""

from collections.abc import Callable, Mapping

from stages.core.config.builtin import Task
from stages.core.page.parts import Section
from stages.core.page.sections import classification, regression
from stages.core.pictures.findings import Findings

OF_TASK: Mapping[Task, Callable[[Findings], list[Section]]] = {
    "classification": classification.sections,
    "regression": regression.sections,
}
