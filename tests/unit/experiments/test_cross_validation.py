"""What folds say together, against values worked out by hand and by simulation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.base.schemas import CROSS_VALIDATE, FOLD_SCORES, LEARNING_CURVE
from stages.core.config.recipe import Recipe
from stages.core.config.sections import CrossValidateConfig, fold_sizes
from stages.core.data.examples import Examples
from stages.core.data.splits import split_folds
from stages.core.experiments.cross_validation import (
    CrossValidation,
    Fold,
    corrected_interval,
    cross_validate,
)
from stages.core.scores.classification import macro_f1
from stages.core.training.checkpoint import Checkpoint, run_key
from stages.core.training.objectives import Objective, objective_of
from stages.core.training.parallel import Workers

Digits = Callable[..., Examples]
SCORES = {"macro_f1": macro_f1}


def objective(recipe: Recipe) -> Objective:
    return objective_of(recipe.train, "classification")


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


@pytest.fixture
def small(recipe: Callable[..., Recipe]) -> Recipe:
    return recipe(model={"name": "linear"}, train={"epochs": 3})


def fold(accuracy: float, f1: float, loss: float, train: float) -> Fold:
    return Fold({"accuracy": accuracy, "macro_f1": f1, "loss": loss}, train)


def result(folds: list[Fold], of: int = 2) -> CrossValidation:
    return CrossValidation(pd.DataFrame(), pd.DataFrame(), folds, 1 / of)


def test_what_folds_say_together() -> None:
    both = result([fold(0.9, 0.8, 0.3, train=0.95), fold(0.8, 0.7, 0.5, train=0.95)])
    assert both.mean("accuracy") == 0.85
    assert both.gap("accuracy") == pytest.approx(0.1)
    scores = both.fold_scores.set_index("score")
    assert scores.index.tolist() == ["accuracy", "macro_f1", "loss"]
    assert scores["mean"].tolist() == [0.85, 0.75, 0.4]
    assert scores["std"]["loss"] == pytest.approx(0.02**0.5, abs=1e-6)
    assert scores["low"]["accuracy"] < 0.85 < scores["high"]["accuracy"]


def test_one_fold_of_several_has_no_spread_yet(tmp_path: Path) -> None:
    scores = result([fold(0.9, 0.8, 0.3, 0.95)]).fold_scores
    FOLD_SCORES.write(tmp_path / "fold_scores.csv", scores)
    assert (tmp_path / "fold_scores.csv").read_text() == "score,mean,std,low,high\n"


def test_a_part_of_the_folds_is_taken_for_folds_of_their_size() -> None:
    folds = [fold(score, score, score, score) for score in (0.7, 0.8, 0.9)]
    [low], [high] = result(folds, of=10).fold_scores.query("score == 'loss'")[["low", "high"]].to_numpy().T
    assert (low, high) == pytest.approx(corrected_interval([0.7, 0.8, 0.9], test_share=1 / 10), abs=1e-6)


def test_the_folds_are_trained_scored_and_shown_one_after_another(small: Recipe, digits: Digits) -> None:
    config = CrossValidateConfig(folds=3, epochs=2, learning_curve=[0.5])
    seen: list[CrossValidation] = []
    with Workers(1) as workers:
        whole = cross_validate(small, config, digits(72), objective(small), 4, workers, SCORES, on_fold=seen.append)

    assert [len(so_far.folds) for so_far in seen] == [1, 2, 3] and seen[-1] is whole
    for so_far in seen:  # each a beginning of the next, and a valid table
        assert so_far.curves.equals(whole.curves.iloc[: len(so_far.curves)])
        assert so_far.learning_curve.equals(whole.learning_curve.iloc[: len(so_far.learning_curve)])
        CROSS_VALIDATE.checked(so_far.curves, "curves")
        LEARNING_CURVE.checked(so_far.learning_curve, "learning curve")
        FOLD_SCORES.checked(so_far.fold_scores, "fold scores")

    assert whole.curves[["fold", "epoch"]].to_numpy().tolist() == [[f, e] for f in (1, 2, 3) for e in (1, 2)]
    rows = whole.learning_curve
    assert rows[["fold", "share", "examples"]].to_numpy().tolist() == [
        [fold, share, examples] for fold in (1, 2, 3) for share, examples in ((0.5, 24), (1.0, 48))
    ]
    last = whole.curves.query("epoch == 2")
    assert last["validation_score"].tolist() == rows.query("share == 1")["validation_score"].tolist()
    assert last["validation_score"].tolist() == whole.values("accuracy").tolist()
    assert last["train_score"].tolist() == [fold.train_score for fold in whole.folds]
    assert last["validation_loss"].tolist() == whole.values("loss").tolist()
    assert whole.mean("accuracy") > 0.25  # better than chance


def test_folds_that_roll_forward_test_on_more_beside_what_they_train_on(small: Recipe, digits: Digits) -> None:
    config, data = CrossValidateConfig(folds=2, epochs=1, learning_curve=[]), digits(48)
    with Workers(1) as workers:
        shares = [
            cross_validate(small, config, one, objective(small), 4, workers, SCORES).test_share
            for one in (data, replace(data, times=np.arange(48.0)))
        ]
    assert shares == [1 / 2, pytest.approx(0.75 / 1.75)]  # 16 beside 16, then 16 beside 32


def test_epochs_of_zero_are_those_of_training(small: Recipe, digits: Digits) -> None:
    config = CrossValidateConfig(folds=2, epochs=0, learning_curve=[])
    with Workers(1) as workers:
        assert (
            cross_validate(small, config, digits(48), objective(small), 4, workers, SCORES).curves["epoch"].tolist()
            == [1, 2, 3] * 2
        )


def test_a_run_goes_on_from_its_folds_checkpoints(
    small: Recipe, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after the first fold, it does not train that one anew, and ends in the same tables."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    config = CrossValidateConfig(folds=2, epochs=1, learning_curve=[])

    def checkpoint(recipe: Recipe, fold: int, share: float, taken: np.ndarray) -> Checkpoint:
        return Checkpoint(run_key(recipe, "0" * 64, fold, share, taken))

    def interrupt(so_far: CrossValidation) -> None:
        raise KeyboardInterrupt

    with Workers(1) as workers:
        whole = cross_validate(small, config, digits(48), objective(small), 4, workers, SCORES)
        with pytest.raises(KeyboardInterrupt):
            cross_validate(
                small,
                config,
                digits(48),
                objective(small),
                4,
                workers,
                SCORES,
                interrupt,
                checkpoint,
            )
        [saved] = (tmp_path / ".dvc/tmp/checkpoints").iterdir()
        before = saved.stat().st_mtime_ns
        again = cross_validate(small, config, digits(48), objective(small), 4, workers, SCORES, checkpoint=checkpoint)
    assert saved.stat().st_mtime_ns == before and len(list(saved.parent.iterdir())) == 2
    assert again.curves.equals(whole.curves) and again.fold_scores.equals(whole.fold_scores)


@pytest.mark.parametrize("examples", [40, 41, 43, 44, 59])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_training_sizes_are_those_of_the_folds(examples, folds):
    data = Examples(np.zeros((examples, 1)), np.arange(examples) % 4)
    parts = split_folds(data, folds, np.random.default_rng(0))
    assert fold_sizes(folds, examples) == sorted({len(rest) for rest, _ in parts})


@pytest.mark.parametrize("shares", [[0.5, 0.2], [0.2, 0.2]])
def test_a_learning_curve_that_does_not_ascend_is_refused(shares):
    with pytest.raises(ValueError, match="each fraction must be above the one before"):
        CrossValidateConfig(folds=2, epochs=1, learning_curve=shares)
