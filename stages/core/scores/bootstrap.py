"""Stratified bootstrap: how far the scores of a test set would move, had it been another sample of the same kind.

A resample draws, from each stratum (a class; of a regression there is one), as many of its examples as it has, with
replacement. All scores here are functions of sums over the examples, so one sparse matrix that says what each example
adds to each sum, times how often each example was drawn, gives the sums of many resamples at once: no score is ever
recomputed from the examples.

Where examples come in groups (of one patient, of one house) whole groups are drawn instead, as many as there are and
without strata: examples of one group are alike, and an interval that took them for so many would be too narrow.

The draws are integers and the summands multiples of a power of two, which float64 adds without rounding: neither the
order of the additions nor the processor's vector width changes a bit. Source: Efron and Tibshirani, An Introduction to
the Bootstrap (1993), chapters 6, 8 and 13; Davison and Hinkley, Bootstrap Methods and their Application (1997), 3.8.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONFIDENCE = 0.95
# Examples or groups: fewer than 8 are all on one side by chance in one of 100 cases, and no resample tells.
LEAST_DRAWN = 8
_GRID = 2.0**24
_AT_ONCE = 64  # resamples: the counts of 10,000 examples then fit a processor's cache
_MEMORY = 2**23  # counts held at a time (64 MiB, and as much for their draws); of one resample at least


class Sums(NamedTuple):
    """Scores that are functions of sums over the examples.

    `contributions` (S, N) holds what each example adds to each sum: whole numbers, or values that `on_grid` or
    `on_fitting_grid` has rounded. `scores` turns the sums (S, B) of B resamples into every score's B values; a resample
    of groups has not always N examples.
    """

    contributions: sparse.csr_array
    scores: Callable[[Floats], dict[str, Floats]]


def on_grid(values: Floats) -> Floats:
    """`values` rounded to multiples of 2**-24: sums of them are exact in float64 as long as they stay below 2**29."""
    return np.rint(values * _GRID) / _GRID


def on_fitting_grid(values: Floats) -> Floats:
    """`values` (N,), of any magnitude, rounded to multiples of a power of two so small that 4 N of them add exactly."""
    _, exponent = np.frexp(4 * len(values) * np.abs(values).max())
    rounded: Floats = np.ldexp(np.rint(np.ldexp(values, 53 - exponent)), exponent - 53)
    return rounded


def mean_sums(name: str, rounded: Floats) -> Sums:
    """The score that is the mean of `rounded` (N,), which are on a grid."""
    contributions = sparse.csr_array(np.stack([rounded, np.ones(len(rounded))]))
    return Sums(contributions, lambda sums: {name: sums[0] / sums[1]})


def canonical_order(targets: NDArray[Any], *outputs: NDArray[np.floating]) -> Integers:
    """The examples, (N,), sorted by target and then by what was predicted, so that their order in a file is no matter.

    Examples that stay tied are alike in everything that is counted, so it is no matter which of them is drawn either.
    """
    columns = [column for table in outputs for column in table.T]
    return np.lexsort([*columns, targets])


def replicates(
    parts: Sequence[Sums],
    strata: Integers,
    resamples: int,
    generator: np.random.Generator,
    groups: Integers | None = None,
) -> list[dict[str, Floats]]:
    """Each part's scores on each of `resamples` stratified resamples of the examples, (resamples,) each.

    `strata` (N,) are sorted; N > 0. With `groups` (N,) whole groups are drawn, and strata are no matter.
    All parts see the same resamples, so differences between two models are paired.
    """
    stacked = sparse.vstack([part.contributions for part in parts], format="csr")
    if groups is not None:
        names, member = np.unique(groups, return_inverse=True)  # by their codes: of alike examples none is the first
        places = np.arange(len(groups)), member
        stacked = (stacked @ sparse.csr_array((np.ones(len(groups)), places))).tocsr()  # what each group adds
        strata = np.zeros(len(names), np.int64)
    ends = np.cumsum([part.contributions.shape[0] for part in parts])[:-1]
    chunks = [
        [part.scores(sums) for part, sums in zip(parts, np.split(stacked @ counts, ends), strict=True)]
        for counts in _counts(strata, resamples, generator)
    ]
    return [
        {name: np.concatenate([chunk[name] for chunk in own]) for name in own[0]} for own in zip(*chunks, strict=True)
    ]


def percentile_interval(values: Floats, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a score, or of a difference in one: the middle `confidence` of its replicates.

    Percentiles never leave a score's range and follow its skew, and need nothing of a score but its replicates. They
    lack BCa's corrections, which would move the ends by about 0.14 standard errors where 48 of 10,000 are wrong: with a
    true accuracy of 99.5% they cover it in 95.8% of samples (BCa in 95.9%), but miss it above them in 1.4% and below
    them in 2.9%.
    """
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _counts(strata: Integers, resamples: int, generator: np.random.Generator) -> Iterator[Floats]:
    """How often each resample draws each example, (N, B) for some resamples at a time; `strata` are sorted."""
    sizes = np.bincount(strata)
    sizes = sizes[sizes > 0]
    firsts = np.cumsum(sizes) - sizes
    at_once = max(1, min(_AT_ONCE, _MEMORY // len(strata)))
    for start in range(0, resamples, at_once):
        batch = min(at_once, resamples - start)
        drawn = np.concatenate(
            [first + generator.integers(0, size, (batch, size)) for first, size in zip(firsts, sizes, strict=True)],
            axis=1,
        )
        for resample in drawn:
            resample[:] = np.bincount(resample, minlength=len(strata))
        yield drawn.T.astype(np.float64, order="C")  # written by columns, it takes twice as long
