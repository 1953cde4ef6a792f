"""What must not cross a split, and classes that cannot be split."""

import numpy as np

from stages.core.data.audit.finding import Finding, Parts


def groups_across(parts: Parts) -> list[Finding]:
    """Test examples of a group that training examples are of, too: severe."""
    known, own = parts.train.groups, parts.test.groups
    if known is None or own is None or not (across := np.isin(own, known)).any():
        return []
    row = int(np.argmax(across))
    names = [parts.name(place) for place in (len(known) + row, int(np.argmax(known == own[row])))]
    example = f"{', '.join(names)}: both of one group"
    return [Finding("groups_across", int(across.sum()), True, example)]


def times_across(parts: Parts) -> list[Finding]:
    """Test examples that are no later than the last training example: severe."""
    known, own = parts.train.times, parts.test.times
    if known is None or own is None or not (across := own <= known.max()).any():
        return []
    row, last = int(np.argmin(own)), int(np.argmax(known))
    example = f"test {row} at {own[row]:.10g}, training {last} at {known[last]:.10g}"
    return [Finding("times_across", int(across.sum()), True, example)]


def rare_class(parts: Parts) -> list[Finding]:
    """Classes with fewer training examples than cross-validation has folds: severe, some fold lacks them."""
    if not parts.facts.classes:
        return []
    counts = np.bincount(parts.train.targets, minlength=len(parts.facts.classes))
    rare = np.flatnonzero(counts < parts.folds)
    if not len(rare):
        return []
    least = rare[np.argmin(counts[rare])]
    example = f"{parts.facts.classes[least]}: {counts[least]} training examples for {parts.folds} folds"
    return [Finding("rare_class", len(rare), True, example, parts.facts.target or "class")]
