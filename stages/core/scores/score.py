"""A score: its name, what it means, and how it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    name: str
    label: str
    meaning: str
    share: bool
    greater_is_better: bool
    headline: bool
