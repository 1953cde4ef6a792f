"""The front end of tables: what it learns of columns, and how it encodes rows."""

import math

import numpy as np
import pytest
import torch

from stages.core.base.schemas import CategoryEncoding, InputColumn, NumberEncoding
from stages.core.networks.fronts.columns import RARE, Columns, learn_encoding, number_of_bins

NAN = math.nan
NUMBER, CATEGORY = InputColumn(name="n"), InputColumn(name="c", categories=("a", "b", "c", "d"))


def learn_one(column: InputColumn, values: list[float]) -> NumberEncoding | CategoryEncoding:
    (encoding,) = learn_encoding(np.array(values)[:, None], [column]).columns
    return encoding


def encode(column: InputColumn, training: list[float], values: list[float], pieces: bool = False) -> np.ndarray:
    layer = Columns(learn_encoding(np.array(training)[:, None], [column]), pieces)
    return layer(torch.tensor(values, dtype=torch.float64)[:, None]).numpy()


def test_numbers_are_scaled_by_median_and_quartiles_and_bounded():
    encoding = learn_one(NUMBER, [0.0, 1.0, 2.0, 3.0, 1000.0])
    assert isinstance(encoding, NumberEncoding)
    assert (encoding.center, encoding.scale, encoding.missing) == (2.0, 2.0, False)
    found = encode(NUMBER, [-1e300, 0.0, 1.0, 2.0, 3.0, 4.0, 1e300], [2.0, 5.0, -1e300, 1e300])[:, 0]
    assert found == pytest.approx([0, 1 / math.sqrt(1 + 1 / 9), -3, 3])


@pytest.mark.parametrize(
    "training",
    [
        np.random.default_rng(6).normal(size=400).tolist(),
        [7.0] * 5,  # a constant, of which nothing was learned
    ],
)
def test_a_number_further_out_than_any_in_training_counts_as_the_furthest(training):
    ends = encode(NUMBER, training, [min(training), max(training)], pieces=True)
    beyond = encode(NUMBER, training, [min(training) - 5, max(training) + 5], pieces=True)
    assert beyond == pytest.approx(ends, abs=1e-3)  # edges have three decimals


def test_a_number_that_training_has_only_missing_says_nothing():
    assert encode(NUMBER, [NAN, NAN], [-5.0, 5.0]).tolist() == [[0, 0], [0, 0]]


def test_the_pieces_of_a_number_are_finite_whatever_its_outliers():
    encoding = learn_one(NUMBER, [0.0, 1e-90, 2e-90, 3e-90, 1e100])
    assert isinstance(encoding, NumberEncoding) and encoding.edges[-1] == 3


@pytest.mark.parametrize(
    ("values", "center", "scale"),
    [
        ([7.0] * 9 + [3.0, 13.0], 7.0, 5.0),  # quartiles alike: half of the range
        ([7.0, 7.0], 7.0, 1.0),
        ([NAN, NAN], 0.0, 1.0),
        ([1.7e9, 1.7e9 + 1, 1.7e9 + 2], 1.7e9 + 1, 1.0),  # seconds of a date, which float32 could not tell apart
    ],
)
def test_columns_that_hardly_vary_or_lie_far_from_zero(values, center, scale):
    encoding = learn_one(NUMBER, values)
    assert isinstance(encoding, NumberEncoding)
    assert (encoding.center, encoding.scale) == (center, scale)
    assert np.isfinite(encode(NUMBER, values, [*values, 5.0, NAN], pieces=True)).all()


def test_a_missing_number_is_the_median_with_an_indicator_if_that_occurred_in_training():
    assert encode(NUMBER, [1.0, 2.0, 3.0, NAN], [2.0, NAN, 3.0])[:, 1].tolist() == [0, 1, 0]
    assert encode(NUMBER, [1.0, 2.0, 3.0, NAN], [2.0, NAN])[:, 0].tolist() == [0, 0]
    assert encode(NUMBER, [1.0, 2.0, 3.0], [2.0, NAN]).tolist() == [[0], [0]]


def test_pieces_are_those_of_the_paper():
    training = np.random.default_rng(0).normal(size=400).tolist()
    encoding = learn_one(NUMBER, training)
    assert isinstance(encoding, NumberEncoding)
    edges, values = encoding.edges, [-9.0, -0.7, 0.0, 0.01, 1.3, 9.0]
    assert len(edges) == number_of_bins(400) + 1 == 4
    scaled, *pieces = encode(NUMBER, training, values, pieces=True).T
    for place, piece in enumerate(pieces):
        expected = (scaled - edges[place]) / (edges[place + 1] - edges[place])
        assert piece == pytest.approx(expected.clip(0, 1), abs=1e-5)


def test_bins_hold_equally_many_and_grow_with_the_data():
    values = np.random.default_rng(1).exponential(size=60_000)
    encoding = learn_one(NUMBER, values.tolist())
    assert isinstance(encoding, NumberEncoding)
    scaled = (values - encoding.center) / encoding.scale
    counts, _ = np.histogram(scaled / np.sqrt(1 + (scaled / 3) ** 2), encoding.edges)
    assert len(counts) == 32 and counts.min() > 0.9 * 60_000 / 32
    assert [number_of_bins(examples) for examples in (1, 150, 1000, 10_000, 10**6)] == [2, 2, 5, 16, 32]
    few = learn_one(NUMBER, [0.0, 1.0] * 30_000)
    assert isinstance(few, NumberEncoding) and len(few.edges) <= 3


def test_categories_are_levels_and_rare_unseen_and_missing_ones_have_their_own():
    training = [0.0] * RARE + [1.0] * RARE + [2.0] * (RARE - 1) + [NAN]
    assert learn_one(CATEGORY, training) == CategoryEncoding(levels=(0, 1), others=True, missing=True)
    found = encode(CATEGORY, training, [0.0, 1.0, 2.0, 3.0, -1.0, NAN])
    zero, one, others, missing = np.eye(4)
    assert found.tolist() == np.stack([zero, one, others, others, others, missing]).tolist()


def test_a_level_that_training_has_not_seen_says_nothing():
    training = [0.0] * RARE + [3.0] * RARE
    found = encode(CATEGORY, training, [0.0, 1.0, 2.0, 3.0, -1.0, NAN])
    assert found.tolist() == [[1, 0], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]


def test_of_many_categories_the_most_frequent_have_levels():
    training = [float(code) for code in range(300) for _ in range(5 + (code % 2))]
    encoding = learn_one(InputColumn(name="c", categories=tuple(map(str, range(300)))), training)
    assert isinstance(encoding, CategoryEncoding)
    assert encoding.levels == tuple(range(1, 256, 2)) and encoding.others


def test_columns_stand_in_order_and_encoded_rows_are_left_alone():
    rows = np.random.default_rng(2).normal(size=(50, 3))
    rows[:, 1] = np.arange(50) % 2
    encoding = learn_encoding(rows, [NUMBER, CATEGORY, NUMBER])
    for pieces, width in ((False, 2 + 2), (True, 2 + 2 * 2 + 2)):
        layer = Columns(encoding, pieces)
        encoded = layer(torch.from_numpy(rows))
        assert encoded.dtype == torch.float32 and encoded.shape == (50, width) and layer.width == width
        assert encoded[:, -2:].argmax(dim=1).tolist() == rows[:, 1].tolist()
        assert layer(encoded) is encoded and not layer.state_dict()


def test_a_row_is_encoded_alike_whatever_stands_beside_it():
    rows = np.random.default_rng(3).normal(size=(100, 4))
    layer = Columns(learn_encoding(rows, [NUMBER] * 4), pieces=True)
    whole = layer(torch.from_numpy(rows))
    one_by_one = torch.cat([layer(torch.from_numpy(row[None])) for row in rows])
    assert whole.numpy().tobytes() == one_by_one.numpy().tobytes()


def test_what_was_learned_does_not_depend_on_the_order_of_the_rows():
    rows = np.random.default_rng(4).normal(size=(1000, 2))
    rows[:, 1] = np.floor(rows[:, 1]).clip(-1, 3)
    shuffled = np.random.default_rng(5).permutation(rows)
    assert learn_encoding(rows, [NUMBER, CATEGORY]) == learn_encoding(shuffled, [NUMBER, CATEGORY])
