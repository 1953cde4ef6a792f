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
        p, different = _unlike(counts)
        if p * len(compared) < CHANCE and different >= DIFFERENT:
            shares = counts / counts.sum(axis=1, keepdims=True)
            most = int(np.argmax(np.abs(shares[0] - shares[1])))
            example = f"{names[most]}: {shares[0, most]:.0%} of training, {shares[1, most]:.0%} of test"
            severe = different >= OTHER and parts.by_stratum
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


def _unlike(counts: np.ndarray) -> tuple[float, float]:
    """The chance that samples of one distribution differ so, and the share of the rows that would have to change.

    `counts` is int64 (2, bins). Bins too rare to compare are one, as are categories that only one part can have.
    """
    sizes, both = counts.sum(axis=1), counts.sum(axis=0)
    rare = both * sizes.min() < LEAST * sizes.sum()
    counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    both = counts.sum(axis=0)
    counts, both = counts[:, both > 0], both[both > 0]
    if counts.shape[1] < 2:
        return 1.0, 0.0
    from scipy.special import chdtrc  # scipy.stats has it as chi2.sf, and takes seconds to load

    expected = sizes[:, np.newaxis] * both / sizes.sum()
    kept = both * sizes.min() >= LEAST * sizes.sum()  # the rare ones together may still be
    statistic = float(((counts - expected) ** 2 / expected)[:, kept].sum())
    shares = counts / sizes[:, np.newaxis]
    return float(chdtrc(counts.shape[1] - 1, statistic)), float(np.abs(shares[0] - shares[1]).sum() / 2)
