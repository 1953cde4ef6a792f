"""The front end of tables: numbers brought to one scale, whole and in pieces; categories and gaps as ones and zeros.

Medians, scales, bins and levels are learned on the rows trained on. A number further out than any of these counts as
the furthest, as it does for trees: of what lies beyond, often a slip of the pen, a network knows nothing. One that is
missing counts as the median, and, where that occurred in training, has an indicator. Categories too rare to learn from
make one level, `others`, together with those that training has not seen; a missing one is a level of its own.
Sources: Gorishniy et al., On Embeddings for Numerical Features in Tabular Deep Learning (2022), section 3.2, pieces;
Holzmüller et al., Better by Default (2024), section 3, robust scales and the smooth bound.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from stages.core.base.schemas import CategoryEncoding, Encoding, InputColumn, NumberEncoding

MOST_BINS = 32
MOST_LEVELS, RARE = 128, 5  # of a column of categories; so few examples are too few for a level of their own
BOUND = 3.0  # of the scaled numbers: an outlier says no more than "large"
LARGEST = 1e9  # before that: float32 can square it


def learn_encoding(rows: np.ndarray, columns: Sequence[InputColumn]) -> Encoding:
    """How to encode rows such as these, float64 (N, F), of `columns`."""
    return Encoding(
        columns=tuple(
            _learn_numbers(values) if column.categories is None else _learn_categories(values)
            for values, column in zip(rows.T, columns, strict=True)
        )
    )


def _learn_numbers(values: np.ndarray) -> NumberEncoding:
    """Median, distance of the quartiles, and bins that hold about as many of `values` (N,) each."""
    known = values[~np.isnan(values)]
    missing = len(known) < len(values)
    if len(known) == 0:
        return NumberEncoding(center=0.0, scale=1.0, edges=(), missing=missing)
    low, center, high = (float(value) for value in np.quantile(known, (0.25, 0.5, 0.75)))
    # Where half of the values are alike, their range; where all are, nothing can be learned, and anything will do.
    scale = high - low or (float(known.max()) - float(known.min())) / 2 or 1.0
    bins = number_of_bins(len(known))
    quantiles = np.quantile(known, np.arange(bins + 1) / bins)
    # Three decimals are short to write, and keep bins apart in float32.
    edges = np.unique(np.round(_bounded((quantiles - center) / scale), 3) + 0.0)
    return NumberEncoding(center=center, scale=scale, edges=tuple(edges.tolist()), missing=missing)


def number_of_bins(examples: int) -> int:
    """Few bins for few examples: what a bin can tell must not be noise."""
    return min(MOST_BINS, max(2, math.isqrt(examples) // 6))


def _bounded(scaled: np.ndarray) -> np.ndarray:
    scaled = scaled.clip(-LARGEST, LARGEST)
    return scaled / np.sqrt(1 + (scaled / BOUND) ** 2)


def _learn_categories(codes: np.ndarray) -> CategoryEncoding:
    """The codes that occur often enough, the most frequent first to be kept."""
    missing = np.isnan(codes)
    found, counts = np.unique(codes[~missing], return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    kept = np.sort(found[[place for place in frequent if counts[place] >= RARE and found[place] >= 0]])
    return CategoryEncoding(
        levels=tuple(kept.astype(int).tolist()), others=len(kept) < len(found), missing=bool(missing.any())
    )


class Columns(nn.Module):
    """Rows float64 (N, F) to float32 (N, width): scaled numbers, indicators, with `pieces` their pieces, and levels.

    Rows in float32 have been through it and are left alone, so that a training run can encode its rows once.
    """

    center: torch.Tensor
    scale: torch.Tensor
    lowest: torch.Tensor
    highest: torch.Tensor
    numbers: torch.Tensor
    gaps: torch.Tensor
    piece_of: torch.Tensor
    slope: torch.Tensor
    offset: torch.Tensor
    categories: torch.Tensor
    places: torch.Tensor
    level_of: torch.Tensor
    level: torch.Tensor

    def __init__(self, encoding: Encoding, pieces: bool) -> None:
        super().__init__()
        columns = list(enumerate(encoding.columns))
        numbers = [(place, column) for place, column in columns if isinstance(column, NumberEncoding)]
        categories = [(place, column) for place, column in columns if isinstance(column, CategoryEncoding)]
        for name, values, kind in (
            ("numbers", [place for place, _ in numbers], torch.int64),
            ("center", [column.center for _, column in numbers], torch.float64),
            ("scale", [column.scale for _, column in numbers], torch.float64),
            ("lowest", [min(column.edges, default=0.0) for _, column in numbers], torch.float32),
            ("highest", [max(column.edges, default=0.0) for _, column in numbers], torch.float32),
            ("gaps", [place for place, column in numbers if column.missing], torch.int64),
            ("categories", [place for place, _ in categories], torch.int64),
        ):
            self._constant(name, torch.tensor(values, dtype=kind))
        self._add_pieces([column.edges for _, column in numbers] if pieces else [])
        self._add_levels([column for _, column in categories])
        self.width = len(self.numbers) + len(self.gaps) + len(self.piece_of) + len(self.level_of)

    def _constant(self, name: str, values: torch.Tensor) -> None:
        # Of the description, not a weight: not saved a second time.
        self.register_buffer(name, values, persistent=False)

    def _add_pieces(self, edges: Sequence[Sequence[float]]) -> None:
        """A piece is 0 below its bin, 1 above it, and grows in between."""
        rows = [
            (place, 1 / (end - start), -start / (end - start))
            for place, ends in enumerate(edges)
            for start, end in itertools.pairwise(ends)
        ]
        piece_of, slope, offset = list(zip(*rows, strict=True)) or ([],) * 3
        self._constant("piece_of", torch.tensor(piece_of, dtype=torch.int64))
        self._constant("slope", torch.tensor(slope, dtype=torch.float32))
        self._constant("offset", torch.tensor(offset, dtype=torch.float32))

    def _add_levels(self, columns: Sequence[CategoryEncoding]) -> None:
        """`places` has for each column the levels of its codes, from -2 (missing) and -1 (unseen) on; -1: of none."""
        places = torch.full((len(columns), 2 + max((1 + max(c.levels, default=0) for c in columns), default=0)), -1)
        levels: list[tuple[int, int]] = []
        for index, column in enumerate(columns):
            others = len(column.levels) if column.others else -1
            places[index] = others
            for level, code in enumerate(column.levels):
                places[index, 2 + code] = level
            count = len(column.levels) + column.others
            if column.missing:
                places[index, 0] = count
            levels += [(index, level) for level in range(count + column.missing)]
        self._constant("places", places)
        self._constant("level_of", torch.tensor([index for index, _ in levels], dtype=torch.int64))
        self._constant("level", torch.tensor([level for _, level in levels], dtype=torch.int64))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if rows.dtype == torch.float32:
            return rows
        numbers = ((rows.index_select(1, self.numbers) - self.center) / self.scale).clamp(-LARGEST, LARGEST).float()
        # rsqrt, since torch.sqrt goes through MKL, whose last bit differs between makes of processor.
        numbers = numbers * (1 + (numbers / BOUND).square()).rsqrt()
        numbers = numbers.clamp(self.lowest, self.highest).nan_to_num(nan=0.0)
        parts = [numbers, rows.index_select(1, self.gaps).isnan().float()]
        if len(self.piece_of):
            pieces = torch.addcmul(self.offset, numbers.index_select(1, self.piece_of), self.slope)
            parts.append(pieces.clamp(0, 1))
        if len(self.level_of):
            codes = rows.index_select(1, self.categories).nan_to_num(nan=-2.0).long() + 2
            last = self.places.shape[1] - 1  # codes beyond it are unseen
            levels = self.places[torch.arange(len(self.places), device=rows.device), codes.where(codes <= last, 1)]
            parts.append((levels.index_select(1, self.level_of) == self.level).float())
        return torch.cat(parts, dim=1)
