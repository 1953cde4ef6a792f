"""cross_validate: train the recipe anew on all folds of the training part but one, and score the one left out; k times.

The scores say how good the recipe is and how much that depends on the data at hand; the test set stays unread.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.base.artifacts import read_arrays, sha256
from stages.core.base.command import convenience, run
from stages.core.base.schemas import CROSS_VALIDATE, FOLD_SCORES, LEARNING_CURVE, CrossValidateMetrics
from stages.core.config.automatic import settle_by_data
from stages.core.config.recipe import Recipe
from stages.core.config.sections import CrossValidateConfig
from stages.core.data.examples import read_training
from stages.core.experiments.cross_validation import CrossValidation, cross_validate
from stages.core.scores import tasks
from stages.core.training.checkpoint import Checkpoint, run_key
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers

INPUTS = {
    "audited": Path("data/audited"),  # not read: nothing is trained before `audit` is passed
    "train": Path("data/prepared/train.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "pretrained": Path("models/pretrained.safetensors"),
}
OUTPUTS = {
    "metrics": Path("metrics/cross_validate.json"),
    "curves": Path("plots/cross_validate.csv"),
    "fold_scores": Path("plots/fold_scores.csv"),
    "learning_curve": Path("plots/learning_curve.csv"),
}


class Params(Recipe):
    cross_validate: CrossValidateConfig


def main() -> None:
    data, facts = read_training(INPUTS["train"], INPUTS["facts"])
    params = Params.load(settle=settle_by_data(facts.kind, facts.task, len(data), len(facts.classes or ())))
    objective = objective_of(params.train, facts.task)
    start = sha256(INPUTS["pretrained"])
    checkpoints: list[Checkpoint] = []

    def checkpoint(recipe: Recipe, fold: int, share: float, taken: NDArray[np.int64]) -> Checkpoint:
        checkpoints.append(
            Checkpoint(run_key(recipe, facts.train_sha256, facts.columns, start, "cross_validate", fold, share, taken))
        )
        return checkpoints[-1]

    with Workers.at_hand() as workers:

        def show(so_far: CrossValidation) -> None:
            """After each fold, so that `dvc plots` and editors show a run in flight."""
            with convenience("the run goes on, its curves are not seen yet"):
                if workers.rank == 0:
                    write_tables(so_far)

        result = cross_validate(
            *(params, params.cross_validate, data, objective, facts.width, workers),
            scores=tasks.FOLD_SCORES[facts.task],
            on_fold=show,
            checkpoint=checkpoint,
            columns=facts.columns,
            pretrained=read_arrays(INPUTS["pretrained"]),
        )

    if workers.rank:
        return  # torchrun's rank 0 alone writes
    write_tables(result)
    score = objective.score
    found = {score: result.mean(score), f"{score}_gap": result.gap(score)}
    CrossValidateMetrics.model_validate(found).write(OUTPUTS["metrics"])
    for done in checkpoints:
        done.discard()


def write_tables(so_far: CrossValidation) -> None:
    CROSS_VALIDATE.write(OUTPUTS["curves"], so_far.curves)
    LEARNING_CURVE.write(OUTPUTS["learning_curve"], so_far.learning_curve)
    FOLD_SCORES.write(OUTPUTS["fold_scores"], so_far.fold_scores)


if __name__ == "__main__":
    run(main)
