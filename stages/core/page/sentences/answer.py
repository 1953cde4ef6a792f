"""An answer at the top of the page."""

from typing import NamedTuple


class Answer(NamedTuple):
    question: str
    short: str
    text: str
