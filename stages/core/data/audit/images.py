"""Test images that are nearly, but not wholly, those of the training part: saved anew, made lighter, from one burst.

Candidates by a perceptual hash, confirmed by their pixels: a hash of 64 bits alone finds digits of one shape alike.
"""

from collections.abc import Iterator

import numpy as np

from stages.core.base.stored import Rows
from stages.core.data.audit.finding import MANY, Finding, Parts

ROWS, COLUMNS = 8, 9  # of the cells an image is averaged over; a bit for each step from one to the next in its row
STEP = 12  # grey levels: below, a step may come from noise or compression
BITS = 3  # of 64 that may differ
NEARLY = 0.02  # squared distance, as a share of the images' own spread
PORTION, PAIRS = 1 << 22, 1 << 19  # pixels and pairs looked at together, for the memory's sake


def near_duplicates(parts: Parts) -> list[Finding]:
    """Test images within 2% of a training image, equal ones left out: severe above 2% of the test part.

    The share is of the squared distance, but for one in brightness, in the squared spread of the pixels: what a JPEG of
    quality 50, noise of 8 grey levels or a tenth less light do to a digit stays below. Images of fewer than 8 x 9
    pixels are not looked at.
    """
    train, test = parts.train.inputs, parts.test.inputs
    if parts.columns or train.shape[2] < ROWS or train.shape[3] < COLUMNS:
        return []
    nearest, partner = np.full(len(test), np.inf), np.zeros(len(test), dtype=np.int64)
    for ours, theirs, distances in _near(train, test):
        # The nearest of each in this portion first, then against those before.
        order = np.lexsort((theirs, distances, ours))
        rows, firsts = np.unique(ours[order], return_index=True)
        closest = order[firsts]
        better = distances[closest] < nearest[rows]
        nearest[rows[better]], partner[rows[better]] = distances[closest[better]], theirs[closest[better]]
    equal = np.isin(parts.alike[len(train) :], parts.alike[: len(train)])  # which `duplicates_across` finds
    rows = np.flatnonzero(np.isfinite(nearest) & ~equal)
    if not len(rows):
        return []
    row = rows[np.argmin(nearest[rows])]
    names = [parts.name(place, parts.target(place)) for place in (len(train) + row, partner[row])]
    example = " ~ ".join(names)
    return [Finding("near_duplicates", len(rows), len(rows) > MANY * len(test), example)]


def _near(train: Rows, test: Rows) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of images nearly alike: their places in `test` and in `train`, and the share that tells them apart."""
    channels, height, width = train.shape[1:]
    size = channels * height * width
    cells, spreads = zip(_described(train), _described(test), strict=True)
    weights = np.outer(_sizes(height, ROWS), _sizes(width, COLUMNS)).ravel() * channels
    means = [_weighted(part.reshape(len(part), -1), weights) for part in cells]
    for ours, theirs in _candidates(*_hashes(*cells)):
        spread = np.minimum(spreads[0][theirs], spreads[1][ours])
        # No two images are closer than the means of their cells (Cauchy-Schwarz), which are fewer than the pixels.
        steps = means[0][theirs] - means[1][ours]
        least = size * np.einsum("ij,ij->i", steps, steps)
        maybe = least < 1.001 * NEARLY * spread  # more by what rounding may take away
        ours, theirs, spread = ours[maybe], theirs[maybe], spread[maybe]
        for some in _portions(len(ours), size):
            step = train[theirs[some]].astype(np.int64) - test[ours[some]]
            distance = size * (step**2).sum(axis=(1, 2, 3)) - step.sum(axis=(1, 2, 3)) ** 2
            near = distance < NEARLY * spread[some]
            yield ours[some][near], theirs[some][near], distance[near] / spread[some][near]


def _described(images: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean of all channels in each cell, float32 (N, 8, 9), and size times squared spread, int64 (N,): both exact."""
    count, channels, height, width = images.shape
    areas = np.outer(_sizes(height, ROWS), _sizes(width, COLUMNS)) * channels
    cells, spreads = np.empty((count, ROWS, COLUMNS), dtype=np.float32), np.empty(count, dtype=np.int64)
    for some in _portions(count, channels * height * width):
        pixels = images[some].astype(np.int32)
        by_row = np.add.reduceat(pixels.sum(axis=1), _starts(height, ROWS), axis=1)
        cells[some] = np.add.reduceat(by_row, _starts(width, COLUMNS), axis=2) / areas
        spreads[some] = pixels[0].size * (pixels**2).sum(axis=(1, 2, 3)) - pixels.sum(axis=(1, 2, 3)) ** 2
    return cells, spreads


def _weighted(cells: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Float32 (N, 72): what differs from the mean of the image, such that squares add up to those of the pixels."""
    means: np.ndarray = cells @ weights / weights.sum()
    weighted: np.ndarray = (cells - means[:, np.newaxis]) * np.sqrt(weights)
    return weighted.astype(np.float32)


def _hashes(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.uint64]]:
    """The hashes of cells of both parts, uint64, and masks that part their bits in bands, each as telling.

    A bit says whether a step is above its median in the training part (a difference hash, which asks whether it is
    above 0, would be the same in all the black corners), or above `STEP`, where the median is flat.
    """
    steps = [np.diff(part, axis=2).reshape(len(part), -1) for part in (train, test)]
    middle = (len(train) - 1) // 2
    median = np.partition(steps[0], middle, axis=0)[middle]
    bits = [part > np.where(np.abs(median) < STEP, STEP, median) for part in steps]
    balance = np.abs(2 * bits[0].sum(axis=0) - len(train))
    bands = np.argsort(np.argsort(balance, kind="stable")) % (BITS + 1)
    return _packed(bits[0]), _packed(bits[1]), [_packed(bands[np.newaxis] == band)[0] for band in range(BITS + 1)]


def _candidates(train: np.ndarray, test: np.ndarray, bands: list[np.uint64]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places in `test` and in `train` of hashes that differ in `BITS` bits at most, each pair once, in portions.

    Then they are equal in one band at least (the pigeonhole principle), of which there is one more.
    """
    for place, band in enumerate(bands):
        order = np.argsort(train & band, kind="stable")
        keys = (train & band)[order]
        starts, ends = (np.searchsorted(keys, test & band, side) for side in ("left", "right"))
        totals = np.concatenate([[0], np.cumsum(ends - starts)])
        for first in range(0, int(totals[-1]), PAIRS):
            pairs = np.arange(first, min(first + PAIRS, int(totals[-1])))
            ours = np.searchsorted(totals, pairs, side="right") - 1
            theirs = order[starts[ours] + pairs - totals[ours]]
            unlike = test[ours] ^ train[theirs]
            kept = np.bitwise_count(unlike) <= BITS
            for earlier in bands[:place]:
                kept &= (unlike & earlier) != 0
            yield ours[kept], theirs[kept]


def _packed(bits: np.ndarray) -> np.ndarray:
    """Bool (N, 64) as uint64 (N,)."""
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def _starts(size: int, cells: int) -> np.ndarray:
    return np.arange(cells) * size // cells


def _sizes(size: int, cells: int) -> np.ndarray:
    return np.diff(_starts(size, cells), append=size)


def _portions(count: int, size: int) -> Iterator[slice]:
    """Slices of `count` images of `size` pixels each."""
    length = max(1, PORTION // size)
    return (slice(start, start + length) for start in range(0, count, length))
