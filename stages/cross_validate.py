"""cross_validate: train the recipe anew on all folds of the training part but one, and score the one left out; k times.

The scores say how good the recipe is and how much that depends on the data at hand; the test set stays unread.
"""

from dataclasses import asdict
from itertools import product
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from stages.core.base.artifacts import read_arrays, write_csv, write_json
from stages.core.base.command import run
from stages.core.base.schemas import PrepareFacts
from stages.core.base.seeding import numpy_generator
from stages.core.config.recipe import Recipe, steps_per_epoch
from stages.core.config.sections import CrossValidateConfig, check_training_sizes
from stages.core.data.examples import Labelled
from stages.core.data.splits import stratified_folds, subset
from stages.core.experiments.cross_validation import summarise
from stages.core.scores.classification import class_scores, confusion, predict

INPUTS = {"train": Path("data/prepared/train.safetensors"), "facts": Path("data/prepared/facts.json")}
OUTPUTS = {
    "metrics": Path("metrics/cross_validate.json"),
    "curves": Path("plots/cross_validate.csv"),
    "learning_curve": Path("plots/learning_curve.csv"),
}


class Params(Recipe):
    cross_validate: CrossValidateConfig


def main() -> None:
    params = Params.load()
    data = Labelled(**read_arrays(INPUTS["train"]))
    facts = PrepareFacts.read(INPUTS["facts"])
    classes = len(facts.classes)
    config = params.cross_validate
    folds = stratified_folds(data.targets, config.folds, numpy_generator(params.seed, "folds"))
    check_training_sizes(params, config, len(data))
    recipe = params.with_epochs(config.epochs or params.train.epochs)

    # Only now, with everything read and accepted: torch takes a second to load.
    from stages.core.training.checkpoint import Checkpoint, run_key
    from stages.core.training.fit import fit
    from stages.core.training.parallel import Workers

    scores, curves, sizes, checkpoints = [], [], [], []
    with Workers.at_hand() as workers:
        for (fold, held_out), share in product(enumerate(folds, 1), config.shares):
            rest, validation = data.split(held_out)
            drawn = subset(rest.targets, round(share * len(rest)), numpy_generator(params.seed, "learning curve", fold))
            train = rest.take(drawn) if share < 1 else rest
            checkpoints.append(
                Checkpoint(run_key(recipe, facts.train_sha256, "cross_validate", fold, share, held_out, drawn))
            )
            steps = recipe.train.epochs * steps_per_epoch(recipe.train, len(train))
            title = f"fold {fold} of {config.folds}" + (f", {share:.0%}" if share < 1 else "")
            with tqdm(desc=title, total=steps, unit="step", mininterval=1, disable=workers.rank > 0) as bar:
                trained = fit(
                    *(recipe, train, validation, classes, workers, fold),
                    select=False,
                    checkpoint=checkpoints[-1],
                    on_step=bar.update,
                )
            last = trained.history[-1]
            accuracies = {"train_score": last.train_score, "validation_score": last.validation_score}
            sizes.append({"fold": fold, "share": share, "examples": len(train), **accuracies})
            if share < 1:
                continue
            counts = confusion(validation.targets, predict(trained.validation_logits), classes)
            scores.append(
                {
                    "accuracy": last.validation_score,
                    "macro_f1": float(class_scores(counts).f1.mean()),
                    "loss": last.validation_loss,
                    "train_accuracy": last.train_score,
                }
            )
            curves += [{"fold": fold, **asdict(epoch)} for epoch in trained.history]

    if workers.rank:
        return  # torchrun's rank 0 alone writes
    write_json(OUTPUTS["metrics"], summarise(scores))
    write_csv(OUTPUTS["curves"], pd.DataFrame(curves).drop(columns="learning_rate"))
    write_csv(OUTPUTS["learning_curve"], pd.DataFrame(sizes))
    for checkpoint in checkpoints:
        checkpoint.discard()


if __name__ == "__main__":
    run(main)
