"""Simple models on made-up data whose answer is known, and the network's place beside them."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from stages.core.base.schemas import BASELINES, DataDescription, InputColumn
from stages.core.data.examples import Examples
from stages.core.experiments import baselines
from stages.core.experiments.baselines import baseline_predictions, baseline_table, best_baseline
from stages.core.scores import simple_models
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions

COLUMNS = (InputColumn(name="x"), InputColumn(name="y"), InputColumn(name="c", categories=("a", "b", "c")))
NUMBER = DataDescription(task="regression", columns=COLUMNS, target="t")
CLASSES = ("no", "yes", "never seen")
CLASS = DataDescription(task="classification", classes=CLASSES, columns=COLUMNS, target="t")
IMAGES = DataDescription(task="classification", classes=tuple("0123"), input_shape=(1, 12, 12))


def rows(size: int, seed: int) -> np.ndarray:
    """Two columns of numbers and one of categories, a twentieth of the cells empty."""
    generator = np.random.default_rng(seed)
    table = np.concatenate([generator.normal(size=(size, 2)), generator.integers(0, 3, (size, 1))], axis=1)
    table[generator.random(table.shape) < 0.05] = np.nan
    return table


def linear(size: int, seed: int) -> Examples:
    """A sum of a number and something for each category, and what an empty cell adds; noise of deviation 1."""
    inputs = rows(size, seed)
    sums = np.where(np.isnan(inputs[:, 0]), 9, 3 * inputs[:, 0]) + np.where(inputs[:, 2] == 1, 5, 0)
    return Examples(inputs, sums + np.random.default_rng(seed + 1).normal(size=size))


def crossed(size: int, seed: int) -> Examples:
    """Yes where two numbers have the same sign, which no sum of them says."""
    inputs = rows(size, seed)
    return Examples(inputs, (np.nan_to_num(inputs[:, 0] * inputs[:, 1]) > 0).astype(np.int64))


def said(train: Examples, test: Examples, description: DataDescription, seed: int = 0) -> dict[str, AnyPredictions]:
    return dict(baseline_predictions(train, test, description, seed))


def rmse(found: AnyPredictions) -> float:
    assert isinstance(found, ValuePredictions)
    return float(np.sqrt(np.mean((found.values - found.targets) ** 2)))


def accuracy(found: AnyPredictions) -> float:
    return float((found.outputs.argmax(axis=1) == found.targets).mean())


def test_of_numbers_ridge_finds_sums_and_both_make_use_of_empty_cells() -> None:
    train, test = linear(2000, 0), linear(2000, 10)
    found = said(train, test, NUMBER)
    assert list(found) == ["median", "ridge_regression", "boosted_trees"]
    assert np.ptp(found["median"].outputs) == 0
    assert found["median"].outputs[0, 0] == pytest.approx(np.median(train.targets))
    assert rmse(found["ridge_regression"]) == pytest.approx(1, abs=0.1)
    assert 1 < rmse(found["boosted_trees"]) < 1.5 < 3 < rmse(found["median"])


def test_of_classes_trees_find_what_no_sum_says_and_all_know_every_class() -> None:
    found = said(crossed(2000, 0), test := crossed(2000, 10), CLASS)
    assert list(found) == ["majority_class", "logistic_regression", "boosted_trees"]
    majority = max(test.targets.mean(), 1 - test.targets.mean())
    assert accuracy(found["majority_class"]) == pytest.approx(majority)
    assert accuracy(found["logistic_regression"]) < 0.6 < 0.95 < accuracy(found["boosted_trees"])
    for each in found.values():
        assert isinstance(each, Predictions) and each.probabilities.shape == (2000, 3)
        assert np.allclose(each.probabilities.sum(axis=1), 1, atol=1e-5) and not each.probabilities[:, 2].any()


@pytest.mark.parametrize("seen", [3, 300])
def test_categories_and_cells_that_training_lacks_are_no_harm(seen: int) -> None:
    """Of 300 categories the trees can no longer tell each apart."""
    columns = (InputColumn(name="c", categories=tuple(map(str, range(400)))), InputColumn(name="n"))
    train = Examples(np.stack([np.arange(600) % seen, np.full(600, np.nan)], axis=1), np.arange(600) % seen + 0.0)
    test = Examples(np.array([[1, np.nan], [-1, 3.0], [350, -3.0], [np.nan, np.nan]]), np.ones(4))
    found = said(train, test, DataDescription(task="regression", columns=columns, target="t"))
    assert all(np.isfinite(each.outputs).all() for each in found.values())
    assert found["ridge_regression"].outputs[0, 0] == pytest.approx(1, abs=60 if seen > 3 else 0.1)


def test_of_images_a_linear_model_learns_from_a_stratified_part(digits, monkeypatch: pytest.MonkeyPatch) -> None:
    found = said(digits(200), digits(100, seed=1), IMAGES)
    assert list(found) == ["majority_class", "logistic_regression"]
    assert accuracy(found["majority_class"]) == 0.25 and accuracy(found["logistic_regression"]) == 1
    monkeypatch.setattr(simple_models, "IMAGES", 8)
    part = said(digits(200), digits(100, seed=1), IMAGES)
    assert np.array_equal(part["majority_class"].outputs, found["majority_class"].outputs)
    assert not np.array_equal(part["logistic_regression"].outputs, found["logistic_regression"].outputs)


def test_large_images_are_scored_a_portion_at_a_time(digits, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = said(digits(200), digits(100, seed=1), IMAGES)
    monkeypatch.setattr(baselines, "PORTION", 12 * 12 * 7)
    parts = said(digits(200), digits(100, seed=1), IMAGES)
    for name, one in whole.items():
        assert np.allclose(one.outputs, parts[name].outputs, atol=1e-6)


def test_where_all_are_of_one_class_there_is_no_more_to_learn() -> None:
    train, test = crossed(100, 0), crossed(100, 1)
    assert list(said(Examples(train.inputs, np.zeros(100, np.int64)), test, CLASS)) == ["majority_class"]


def test_what_would_take_minutes_is_left_out_and_the_rest_learns_from_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = crossed(2000, 0), crossed(500, 10)
    whole = said(train, test, CLASS)
    monkeypatch.setattr(simple_models, "ROWS", 1500)
    monkeypatch.setattr(simple_models, "TREES", 2)
    part = said(train, test, CLASS)
    assert list(part) == ["majority_class", "logistic_regression"]
    assert np.array_equal(part["majority_class"].outputs, whole["majority_class"].outputs)
    assert not np.array_equal(part["logistic_regression"].outputs, whole["logistic_regression"].outputs)


def test_portions_of_the_test_part_say_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = said(train := linear(300, 0), test := linear(100, 10), NUMBER)
    monkeypatch.setattr(baselines, "PORTION", 3 * 7)
    for name, found in said(train, test, NUMBER).items():
        assert found.outputs == pytest.approx(whole[name].outputs, rel=1e-12)


@pytest.mark.parametrize("size", [1e60, 1e-60])
def test_targets_of_any_size_are_learned_alike(size: float) -> None:
    """The trees' float32 ends at 3e38."""
    train, test = linear(2000, 0), linear(500, 10)
    found = said(train, test, NUMBER)
    large = said(Examples(train.inputs, train.targets * size), Examples(test.inputs, test.targets * size), NUMBER)
    for name, each in large.items():
        assert each.outputs / size == pytest.approx(found[name].outputs, abs=0.2)


def test_a_class_of_one_example_does_not_stop_the_trees() -> None:
    """They stop early on a part of more than 10,000 examples, which scikit-learn refuses to split then."""
    train = crossed(10_001, 0)
    train.targets[0] = 2
    assert "boosted_trees" in said(train, crossed(100, 1), CLASS)


def test_the_network_is_judged_beside_each() -> None:
    found = said(linear(2000, 0), test := linear(2000, 10), NUMBER)
    noise = np.random.default_rng(2).normal(0, rmse(found["boosted_trees"]), 2000)
    noisy = ValuePredictions(test.targets, test.targets + noise)
    table = baseline_table(found, noisy, seed=0)
    pd.testing.assert_frame_equal(table, BASELINES.checked(table, "table"))
    main = table[table["score"] == "rmse"].set_index("baseline")
    assert main["verdict"].to_dict() == {
        "median": "better",
        "ridge_regression": "worse",
        "boosted_trees": "indistinguishable",
    }
    assert (main["model"] - main["value"]).to_numpy() == pytest.approx(main["difference"].to_numpy(), abs=1e-4)
    assert (main["low"] < main["difference"]).all() and (main["difference"] < main["high"]).all()
    assert best_baseline(table, "regression") == main["value"].min() == main["value"]["ridge_regression"]


def test_the_best_of_classes_has_the_highest_accuracy() -> None:
    found = said(crossed(2000, 0), crossed(2000, 10), CLASS)
    table = baseline_table(found, found["logistic_regression"], seed=0)
    assert best_baseline(table, "classification") == round(accuracy(found["boosted_trees"]), 6)
    itself = table[table["baseline"] == "logistic_regression"]
    assert (itself["difference"] == 0).all() and set(itself["verdict"]) == {"indistinguishable"}


@pytest.mark.parametrize(("make", "description"), [(linear, NUMBER), (crossed, CLASS)])
def test_threads_change_no_digit(make, description: DataDescription, monkeypatch: pytest.MonkeyPatch) -> None:
    for trees in ("HistGradientBoostingRegressor", "HistGradientBoostingClassifier"):
        monkeypatch.setattr(baselines, trees, partial(getattr(baselines, trees), max_iter=20))
    train, test = make(12_000, 0), make(500, 10)
    tables = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found = said(train, test, description)
            tables.append(baseline_table(found, found["boosted_trees"], seed=0))
    assert tables[0].equals(tables[1])
