"""Scores against values by hand and against scikit-learn, at every magnitude; their intervals; the tables."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from stages.core.base.seeding import numpy_generator
from stages.core.scores import regression, tasks
from stages.core.scores.predictions import ValuePredictions
from stages.core.scores.regression import SCORES, coverage_table, decile_table, prediction_table

# Four examples, errors 1, -1, 2 and 0; the targets' mean is 3, their squared distances from it 4, 1, 1 and 4.
TARGETS = np.array([1.0, 2.0, 4.0, 5.0])
VALUES = np.array([2.0, 1.0, 6.0, 5.0])
UNITS = [1.0, 1e4, 1e9, 1e-6, 3e-90]


def sample(size: int, seed: int, unit: float = 1.0) -> ValuePredictions:
    """Targets from 0 to 10 on average, predicted with an error that grows with them, and intervals that hold 90%."""
    generator = np.random.default_rng(seed)
    values = unit * generator.uniform(0, 10, size)
    spread = 0.1 * values + 0.1 * unit
    half = 1.6448536 * spread
    return ValuePredictions(values + spread * generator.normal(size=size), values, values - half, values + half)


def value(name: str, predictions: ValuePredictions) -> float:
    return SCORES[name].value(predictions.targets, predictions.outputs)


@pytest.mark.parametrize("unit", UNITS)
def test_scores_by_hand(unit: float) -> None:
    four = ValuePredictions(unit * TARGETS, unit * VALUES, unit * (VALUES - 1), unit * (VALUES + 1))
    assert value("rmse", four) == pytest.approx(unit * math.sqrt(6 / 4), rel=1e-12)
    assert value("mae", four) == pytest.approx(unit * 1, rel=1e-12)
    assert value("median_absolute_error", four) == pytest.approx(unit * 1, rel=1e-12)
    assert value("r2", four) == pytest.approx(1 - 6 / 10)
    assert SCORES["coverage"].value(TARGETS, np.stack([VALUES, VALUES - 1, VALUES + 1], axis=1)) == 3 / 4


@pytest.mark.parametrize("unit", UNITS[:4])
@pytest.mark.parametrize("size", [1, 2, 999, 1000])
def test_scores_are_scikit_learn_s(size: int, unit: float) -> None:
    found = sample(size, seed=1, unit=unit)
    both = found.targets, found.values
    assert value("rmse", found) == pytest.approx(metrics.root_mean_squared_error(*both), rel=1e-12)
    assert value("mae", found) == pytest.approx(metrics.mean_absolute_error(*both), rel=1e-12)
    assert value("median_absolute_error", found) == metrics.median_absolute_error(*both)
    if size > 1:  # scikit-learn has none of one
        assert value("r2", found) == pytest.approx(metrics.r2_score(*both), rel=1e-12)


@pytest.mark.parametrize(("values", "expected"), [([3.0, 3.0], 1.0), ([3.0, 3.5], 0.0)])
def test_r2_of_equal_targets_is_scikit_learn_s(values: list[float], expected: float) -> None:
    targets = np.full(2, 3.0)
    assert regression.r2(targets, np.array(values)) == expected == metrics.r2_score(targets, values)
    part = regression.r2_sums(targets, np.array(values))
    assert part.scores(part.contributions @ np.ones((2, 1)))["r2"].tolist() == [expected]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("size", [1, 2, 3, 200, 201])
def test_scores_of_a_resample_are_those_of_its_examples(size: int, unit: float) -> None:
    """Of any number of them, as groups may have."""
    found = sample(size, seed=2, unit=unit)
    generator = np.random.default_rng(size)
    for count in (size, size + 1, 2 * size):
        drawn = generator.choice(size, count)
        counts = np.bincount(drawn, minlength=size)[:, None].astype(np.float64)
        for name, score in SCORES.items():
            assert score.sums
            part = score.sums(found.targets, found.outputs)
            [resampled] = part.scores(part.contributions @ counts)[name]
            assert resampled == pytest.approx(score.value(found.targets[drawn], found.outputs[drawn]), rel=1e-7)


def test_an_outlier_does_not_drown_the_others() -> None:
    """The grid of the squared errors is fine enough for the typical ones where one is ten billion times as large."""
    targets, values = np.zeros(1000), np.full(1000, 1.0)
    values[0] = 1e5
    part = regression.rmse_sums(targets, values)
    without = np.ones((1000, 1))
    without[0] = 0
    assert part.scores(part.contributions @ without)["rmse"][0] == pytest.approx(1, rel=1e-3)


def test_intervals_cover_the_truth_at_their_rate() -> None:
    """Of 300 intervals 95% with a standard error of 1.26%; the bounds are 3 of them away."""
    whole = sample(1_000_000, seed=0)
    truth = {name: value(name, whole) for name in SCORES} | {"coverage": 0.9}
    covered = dict.fromkeys(SCORES, 0)
    for seed in range(1, 301):
        table = tasks.scores_with_intervals(sample(400, seed), 300, numpy_generator(seed, "coverage"))
        for row in table.itertuples(index=False):
            assert row.low <= row.value <= row.high
            covered[row.score] += row.low <= truth[row.score] <= row.high
    assert {name: count for name, count in covered.items() if not 273 <= count <= 297} == {}


@pytest.mark.parametrize("by_group", [True, False])
def test_of_examples_that_are_alike_whole_groups_are_drawn(by_group: bool) -> None:
    """60 groups of 10 with one error each: an interval that takes them for 600 errors misses the truth too often."""
    covered = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        groups = np.repeat(generator.permutation(60), 10)
        targets = generator.uniform(0, 10, 600)
        found = ValuePredictions(targets, targets + generator.normal(size=60)[groups], groups=groups)
        if not by_group:
            found = ValuePredictions(found.targets, found.values)
        table = tasks.scores_with_intervals(found, 200, numpy_generator(seed, "groups")).set_index("score")
        covered += table["low"]["mae"] <= math.sqrt(2 / math.pi) <= table["high"]["mae"]
    assert covered >= 87 if by_group else covered < 70  # 95% less 4 standard errors; a third of the width


@pytest.mark.parametrize("unit", UNITS[:4])
def test_the_order_of_the_rows_is_no_matter(unit: float) -> None:
    found = sample(300, seed=3, unit=unit)
    order = np.random.default_rng(1).permutation(300)
    for here in (found, replace(found, groups=np.arange(300) // 7)):
        there = ValuePredictions(**{name: array[order] for name, array in vars(here).items() if array is not None})
        first, again = (
            tasks.scores_with_intervals(side, 200, numpy_generator(0, "bootstrap")) for side in (here, there)
        )
        assert again.equals(first)
        for name, table in tasks.tables(here, (), 200).items():
            assert table.equals(tasks.tables(there, (), 200)[name])


def test_the_predictions_of_the_plot() -> None:
    table = prediction_table(sample(12_345, seed=0), points=1000)
    assert len(table) == 1000
    assert (table["residual"] == table["actual"] - table["predicted"]).all()
    assert ((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).all()
    everything = np.sort(sample(12_345, seed=0).targets)
    places = np.searchsorted(everything, table["actual"])
    assert (places[0], places[-1]) == (0, 12_344)  # with the ends, and evenly between them
    assert set(np.diff(places)) == {12, 13}


def test_few_predictions_are_all_in_the_plot() -> None:
    table = prediction_table(ValuePredictions(TARGETS, VALUES))
    assert table["actual"].tolist() == TARGETS.tolist()
    assert table["low"].isna().all()
    assert len(prediction_table(ValuePredictions(TARGETS[:1], VALUES[:1]))) == 1


def test_the_deciles_by_hand() -> None:
    values = np.arange(20.0)
    errors = np.where(np.arange(20) % 2, 3.0, -1.0)
    table = decile_table(ValuePredictions(values - errors, values))
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["from"].tolist() == list(range(0, 20, 2)) and table["to"].tolist() == list(range(1, 20, 2))
    assert set(table["examples"]) == {2} and set(table["mae"]) == {2} and set(table["bias"]) == {1}
    assert table["rmse"].tolist() == pytest.approx([math.sqrt(5)] * 10)


def test_equal_predictions_are_in_one_decile() -> None:
    values = np.array([1.0] * 90 + [2.0] * 10)
    table = decile_table(ValuePredictions(values, values))
    assert table[["from", "to", "examples"]].to_numpy().tolist() == [[1, 1, 90], [2, 2, 10]]
    assert len(decile_table(ValuePredictions(np.ones(50), np.ones(50)))) == 1


def test_the_coverage_by_hand() -> None:
    values = np.arange(100.0)
    found = ValuePredictions(values + np.where(values % 10 == 0, 3, 1), values, values - 2, values + 2)
    table = coverage_table(found)
    assert table["coverage"].tolist() == [0.9] * 10
    assert table["prediction_from"].tolist() == list(range(0, 100, 10))
    assert set(table["mean_width"]) == {4}
    assert ((table["low"] < 0.9) & (0.9 < table["high"])).all()
    assert coverage_table(ValuePredictions(TARGETS, VALUES)).empty


def test_numbers_keep_six_digits_at_every_magnitude() -> None:
    for unit in UNITS[:4]:
        found = sample(1000, seed=0, unit=unit)
        table = tasks.scores_with_intervals(found, 100, numpy_generator(0, "bootstrap")).set_index("score")
        assert table["value"]["rmse"] == pytest.approx(value("rmse", found), rel=1e-5)
        deciles = tasks.tables(found, (), 200)["deciles"]
        assert deciles["mae"].to_numpy() == pytest.approx(decile_table(found)["mae"].to_numpy(), rel=1e-5)
