"""Examples that are there more than once: a model scores on them by heart, or learns two answers to one question."""

import numpy as np

from stages.core.data.audit.finding import MANY, Finding, Parts
from stages.core.data.examples import told_apart


def duplicate_rows(parts: Parts) -> list[Finding]:
    """Examples that equal an earlier one of their part in inputs and target: a notice."""
    alike = told_apart(parts.alike, np.concatenate([parts.train.targets, parts.test.targets]))
    border = len(parts.train)
    first = np.concatenate([_first(alike[:border]), border + _first(alike[border:])])
    rows = np.flatnonzero(first != np.arange(len(first)))
    if not len(rows):
        return []
    return [Finding("duplicate_rows", len(rows), False, _pair(parts, rows[0], first[rows[0]]))]


def duplicates_across(parts: Parts) -> list[Finding]:
    """Test examples whose inputs are also those of a training example: severe above 2% of the test part."""
    first = _first(parts.alike)[len(parts.train) :]
    rows = np.flatnonzero(first < len(parts.train))
    if not len(rows):
        return []
    severe = len(rows) > MANY * len(parts.test)
    return [Finding("duplicates_across", len(rows), severe, _pair(parts, len(parts.train) + rows[0], first[rows[0]]))]


def contradictions(parts: Parts) -> list[Finding]:
    """Examples with the inputs of another and a different target: severe above 2% of all.

    Among numbers that is common, and says how well any model can do; among classes one of them is likely a mistake.
    """
    targets = np.concatenate([parts.train.targets, parts.test.targets])
    first = _first(parts.alike)
    unlike = np.zeros(len(targets), dtype=bool)
    unlike[first[targets != targets[first]]] = True  # of the first of its like: not all have its target
    rows = np.flatnonzero(unlike[first])
    if not len(rows):
        return []
    row = rows[targets[rows] != targets[first[rows]]][0]
    example = f"{_pair(parts, row, first[row])}: {parts.target(row)} and {parts.target(first[row])}"
    return [Finding("contradictions", len(rows), len(rows) > MANY * len(targets), example)]


def _first(numbers: np.ndarray) -> np.ndarray:
    """Int64 (N,): the place of the first that equals each."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return first[inverse]


def _pair(parts: Parts, row: int, other: int) -> str:
    return f"{parts.name(row)} = {parts.name(other)}{parts.cells(row) if parts.columns else ''}"
