"""What folds say together, against values worked out by hand and by simulation."""

import numpy as np
import pytest

from stages.core.config.sections import CrossValidateConfig, training_sizes
from stages.core.data.splits import stratified_folds, subset
from stages.core.experiments.cross_validation import corrected_interval, summarise


def test_interval_by_hand():
    # Scores 1, 2, 3: mean 2, variance 1. (1/3 + 1/2) * 1 = 5/6; t(0.975, 2 degrees of freedom) = 4.302653.
    low, high = corrected_interval([1.0, 2.0, 3.0], test_share=1 / 3)
    assert (low + high) / 2 == pytest.approx(2)
    assert high - 2 == pytest.approx(4.302653 * (5 / 6) ** 0.5, rel=1e-6)


def test_interval_of_equal_scores_is_a_point():
    assert corrected_interval([0.9, 0.9, 0.9], 1 / 3) == pytest.approx((0.9, 0.9))


def test_interval_covers_at_the_nominal_rate_where_scores_are_correlated_as_assumed():
    # The correction assumes a correlation of test_share between any two folds' scores; then it must be exact.
    generator = np.random.default_rng(0)
    share, k, trials = 0.2, 5, 4000
    common = generator.normal(0, share**0.5, (trials, 1))
    scores = common + generator.normal(0, (1 - share) ** 0.5, (trials, k))
    intervals = [corrected_interval(row, share) for row in scores]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / trials) ** 0.5)


def test_summary():
    folds = [
        {"accuracy": 0.9, "macro_f1": 0.8, "loss": 0.3, "train_accuracy": 0.95},
        {"accuracy": 0.8, "macro_f1": 0.7, "loss": 0.5, "train_accuracy": 0.95},
    ]
    summary = summarise(folds)
    assert summary["accuracy"] == 0.85
    assert summary["accuracy_gap"] == pytest.approx(0.1)
    assert [score["score"] for score in summary["scores"]] == ["accuracy", "macro_f1", "loss"]
    assert summary["scores"][2]["mean"] == 0.4
    assert summary["scores"][2]["std"] == pytest.approx(0.02**0.5, abs=1e-6)
    low, high = summary["scores"][0]["ci95"]
    assert low < 0.85 < high
    assert [fold.pop("accuracy_gap") for fold in summary["folds"]] == [0.05, 0.15]
    assert summary["folds"] == folds


@pytest.mark.parametrize("examples", [40, 41, 43, 44, 59])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_training_sizes_are_those_of_the_folds(examples, folds):
    config = CrossValidateConfig(folds=folds, epochs=1, learning_curve=[0.3, 0.7])
    targets, generator = np.arange(examples) % 4, np.random.default_rng(0)
    rest = [np.delete(targets, fold) for fold in stratified_folds(targets, folds, generator)]
    taken = {len(subset(train, round(share * len(train)), generator)) for train in rest for share in config.shares}
    assert training_sizes(config, examples) == sorted(taken)


@pytest.mark.parametrize("shares", [[0.5, 0.2], [0.2, 0.2]])
def test_a_learning_curve_that_does_not_ascend_is_refused(shares):
    with pytest.raises(ValueError, match="each fraction must be above the one before"):
        CrossValidateConfig(folds=2, epochs=1, learning_curve=shares)
