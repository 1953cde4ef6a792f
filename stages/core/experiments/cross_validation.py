"""Cross-validation: the recipe trained anew on all folds of the data but one, k times, and what the folds say together.

That is mean, spread and interval of each score, and the gap between training and validation.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from stages.core.base.schemas import CROSS_VALIDATE, FOLD_SCORES, LEARNING_CURVE, InputColumn
from stages.core.base.seeding import numpy_generator
from stages.core.config.recipe import Recipe, steps_per_epoch
from stages.core.config.sections import CrossValidateConfig, check_training_sizes
from stages.core.data.examples import Examples
from stages.core.data.splits import split_folds, strata, stratified_sample
from stages.core.scores.tasks import rounded
from stages.core.training.checkpoint import Checkpoint
from stages.core.training.fit import fit
from stages.core.training.objectives import Objective
from stages.core.training.parallel import Workers
from stages.core.training.progress import StepBar

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Fold:
    """The scores of a model trained on all of its fold's training part: first the objective's, last its loss."""

    scores: Mapping[str, float]
    train_score: float


@dataclass(frozen=True)
class CrossValidation:
    """What the folds done so far give; `test_share` is the part of the data that a fold tests on, of all on average."""

    curves: pd.DataFrame  # columns as CROSS_VALIDATE
    learning_curve: pd.DataFrame  # columns as LEARNING_CURVE
    folds: Sequence[Fold]
    test_share: float

    def values(self, score: str) -> np.ndarray:
        """A score of each fold (folds,)."""
        return np.array([fold.scores[score] for fold in self.folds])

    def mean(self, score: str) -> float:
        """Its mean over the folds, rounded."""
        return rounded(score, float(self.values(score).mean()))

    def gap(self, score: str) -> float:
        """The mean of training minus validation score, that of the objective, rounded.

        Large and positive means overfitting, near zero at a low score underfitting.
        """
        return rounded(score, float(np.mean([fold.train_score for fold in self.folds] - self.values(score))))

    @property
    def fold_scores(self) -> pd.DataFrame:
        """Mean, spread and 95% interval of each score, columns as FOLD_SCORES; no rows before the second fold."""
        rows = []
        for score in self.folds[0].scores if len(self.folds) > 1 else ():
            values = self.values(score)
            low, high = corrected_interval(values, self.test_share)
            rows.append((score, *(rounded(score, float(v)) for v in (values.mean(), values.std(ddof=1), low, high))))
        return pd.DataFrame(rows, columns=list(FOLD_SCORES.columns))


def cross_validate(
    recipe: Recipe,
    config: CrossValidateConfig,
    data: Examples,
    objective: Objective,
    width: int,
    workers: Workers,
    scores: Mapping[str, Callable[[NDArray[Any], np.ndarray], float]],
    on_fold: Callable[[CrossValidation], object] = lambda so_far: None,
    checkpoint: Callable[[Recipe, int, float, NDArray[np.int64]], Checkpoint | None] = lambda *run: None,
    columns: Sequence[InputColumn] | None = None,
    pretrained: Mapping[str, np.ndarray] | None = None,
) -> CrossValidation:
    """Train `recipe` on each fold's training part, and on the shares of it that the learning curve takes.

    Besides the objective's, each fold has the `scores`, functions of targets and predictions. `on_fold` is called after
    each fold with what there is so far. `checkpoint`, called with what determines a training run (recipe, fold, share,
    indices of the examples trained on), gives the one that the run goes on from. Of a table `columns` tell which are
    numbers. A backbone starts from the weights `pretrained`.
    Raises `InputError` when the batches do not go with the folds' sizes or a loss is not finite.
    """
    folds = split_folds(data, config.folds, numpy_generator(recipe.seed, "folds"))
    for rest, _ in folds:
        check_training_sizes(recipe, config, len(rest))
    # Folds that roll forward in time train on ever more: what counts is how much is tested on beside it.
    beside = float(np.mean([len(held_out) / len(rest) for rest, held_out in folds]))
    test_share = 1 / config.folds if data.times is None else beside / (1 + beside)
    recipe = recipe.with_epochs(config.epochs or recipe.train.epochs)

    curves: list[pd.DataFrame] = []
    sizes: list[tuple[int, float, int, float, float]] = []
    scored: list[Fold] = []
    for fold, (rest, held_out) in enumerate(folds, 1):
        validation = data.take(held_out)
        for share in config.shares:
            taken = rest
            if share < 1:
                generator = numpy_generator(recipe.seed, "learning curve", fold)
                taken = rest[stratified_sample(strata(data.targets[rest]), round(share * len(rest)), generator)]
            train = data.take(taken)
            steps = recipe.train.epochs * steps_per_epoch(recipe.train, len(train))
            title = f"fold {fold} of {config.folds}" + (f", {share:.0%}" if share < 1 else "")
            with StepBar(title, steps, workers) as bar:
                trained = fit(
                    *(recipe, train, validation, objective, width, workers, fold),
                    select=False,
                    checkpoint=checkpoint(recipe, fold, share, taken),
                    on_step=bar.update,
                    on_resume=bar.resume,
                    columns=columns,
                    pretrained=pretrained,
                )
            last = trained.history[-1]
            sizes.append((fold, share, len(train), last.train_score, last.validation_score))
            if share < 1:
                continue
            found = {objective.score: last.validation_score}
            said = trained.objective.predictions(torch.from_numpy(trained.validation_outputs))
            found |= {name: score(validation.targets, said) for name, score in scores.items()}
            scored.append(Fold(found | {"loss": last.validation_loss}, last.train_score))
            curve = pd.DataFrame(map(asdict, trained.history)).assign(fold=fold)
            curves.append(curve[list(CROSS_VALIDATE.columns)])
        learning_curve = pd.DataFrame(sizes, columns=list(LEARNING_CURVE.columns))
        result = CrossValidation(pd.concat(curves, ignore_index=True), learning_curve, tuple(scored), test_share)
        on_fold(result)
        del train, validation, trained  # before the next fold's copies are made
    return result


def corrected_interval(scores: Sequence[float] | np.ndarray, test_share: float) -> tuple[float, float]:
    """The 95% interval of the mean of k >= 2 fold scores, by the corrected resampled t-test.

    The folds' training sets overlap, so their scores are correlated and the plain t interval is too narrow; the
    variance of the mean is taken as (1/k + test_share / (1 - test_share)) times that of the scores, `test_share`
    in (0, 1) being the part of the data that a fold tests on.
    Source: Nadeau and Bengio, Inference for the Generalization Error (2003), section 3.
    """
    k = len(scores)
    scale = math.sqrt((1 / k + test_share / (1 - test_share)) * np.var(scores, ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, k - 1)) * scale
    return float(np.mean(scores)) - half, float(np.mean(scores)) + half
