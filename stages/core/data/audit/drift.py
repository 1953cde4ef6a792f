"""Columns that are distributed otherwise in the test part than in the training part."""

from itertools import pairwise

import numpy as np

from stages.core.base.schemas import InputColumn
from stages.core.data.audit.finding import Finding, Parts, cell

BINS = 10
LEAST = 5  # examples to be expected in a bin of either part, below which chi-squared says little
CHANCE = 0.001  # of finding any column, where none differs
DIFFERENT, OTHER = 0.1, 0.25  # shares of the rows that would have to change for the parts to be alike


def drift(parts: Parts) -> list[Finding]:
    """Columns, the target among them, of which a tenth of the rows differs (severe: a quarter), and not by chance.

    The chi-squared test of homogeneity on the categories, or on the tenths of the numbers, with empty cells as one
    more: one test for both, which sees also that cells are missing; p by Bonferroni for all columns. Where groups or
    times decide the split, parts differ by design, and it is a notice.
    """
    target = parts.facts.target or "class"
    classes = parts.facts.classes
    compared = [
        (column, parts.train.inputs[:, place], parts.test.inputs[:, place])
        for place, column in enumerate(parts.columns)
    ]
    compared.append((InputColumn(name=target, categories=classes), parts.train.targets, parts.test.targets))
    found = []
    for column, train, test in compared:
        labels, names = _binned(column, np.concatenate([train, test]).astype(np.float64))
        counts = np.stack([np.bincount(part, minlength=len(names)) for part in np.split(labels, [len(train)])])
        counts, names = _merged(counts, names)
        shares = counts / counts.sum(axis=1, keepdims=True)
        steps = np.abs(shares[0] - shares[1])
        if _chance(counts) * len(compared) < CHANCE and (different := steps.sum() / 2) >= DIFFERENT:
            most = int(np.argmax(steps))
            example = f"{names[most]}: {shares[0, most]:.0%} of training, {shares[1, most]:.0%} of test"
            severe = bool(different >= OTHER) and parts.by_stratum
            found.append(Finding("drift", 1, severe, example, column.name))
    return found


def _binned(column: InputColumn, cells: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The bin of each cell, int64 (N,), and what each bin is called."""
    missing = np.isnan(cells)
    if column.categories is not None:
        values, labels = np.unique(cells, return_inverse=True)
        return labels, [cell(column, value) for value in values]
    present = np.sort(cells[~missing])
    edges = np.unique(present[np.arange(1, BINS) * len(present) // BINS]) if len(present) else np.empty(0)
    labels = np.where(missing, len(edges) + 1, np.searchsorted(edges, cells, side="right"))
    ends = [f"{edge:.6g}" for edge in edges]
    names = [f"from {low} to {high}" for low, high in pairwise(ends)]
    return labels, [f"below {ends[0]}", *names, f"from {ends[-1]}", "missing"] if ends else ["any", "missing"]


def _merged(counts: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """The bins, int64 (2, bins), with all that are too rare to compare, or not in training, as one.

    Together, since of many rare categories each part has some that the other has not.
    """
    sizes = counts.sum(axis=1)
    rare = (counts.sum(axis=0) * sizes.min() < LEAST * sizes.sum()) | (counts[0] == 0)
    kept = [name for name, others in zip(names, rare, strict=True) if not others]
    if not rare.any():
        return counts, kept
    (last,) = np.flatnonzero(rare) if rare.sum() == 1 else (None,)
    merged = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    return merged, [*kept, "rare or new values" if last is None else names[last]]


def _chance(counts: np.ndarray) -> float:
    """That two samples of one distribution differ so or more: the chi-squared test of homogeneity of (2, bins)."""
    sizes, both = counts.sum(axis=1), counts.sum(axis=0)
    told = both * sizes.min() >= LEAST * sizes.sum()  # all but, it may be, the rare ones together
    if told.sum() < 2:
        return 1.0
    from scipy.special import chdtrc  # scipy.stats has it as chi2.sf, and takes seconds to load

    expected = np.outer(sizes, both[told]) / sizes.sum()
    return float(chdtrc(told.sum() - 1, ((counts[:, told] - expected) ** 2 / expected).sum()))
