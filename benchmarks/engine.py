"""Our code called directly, in a process of its own: the one module here that knows what is inside `stages`.

`fit` on the recipe in params.yaml: its time without the process's start, its score. `--native` gives back the
environment that importing `stages` pinned, before torch and NumPy load and read it: the same code then runs in the
numerics that torch would choose by itself. `--pairs FOLDER ...`: the models trained in these folders, compared.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch


class Clock:
    """How many seconds each call of the functions it times has taken."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    @property
    def seconds(self) -> float:
        return sum(self.calls)

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.calls.append(time.perf_counter() - start)
            return result

        return call


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=0, help="train on the first N examples; 0: all")
    parser.add_argument("--epochs", type=int, default=0, help="0: as params.yaml says")
    parser.add_argument("--native", action="store_true", help="the fastest numerics of this processor")
    parser.add_argument("--threads", type=int, default=0, help="threads inside an operator; 0: as the numerics say")
    parser.add_argument("--pairs", nargs="+", type=Path, help="folders in which `train` and `evaluate` have run")
    options = parser.parse_args()
    environment = dict(os.environ)
    import stages  # noqa: F401 - for what it does to the environment

    if options.native:
        os.environ.clear()
        os.environ.update(environment)
    print(json.dumps(pairs(options.pairs) if options.pairs else timed_fit(options)))


def timed_fit(options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np
    import torch

    from stages.core.config.automatic import settle_by_data
    from stages.core.config.recipe import Recipe
    from stages.core.data.examples import Examples, read_training
    from stages.core.training.augmentation import Augmenter
    from stages.core.training.engine import Engine
    from stages.core.training.fit import fit
    from stages.core.training.objectives import objective_of
    from stages.core.training.parallel import Workers
    from stages.core.training.prediction import predict_outputs
    from stages.core.training.rows import Rows
    from stages.train import INPUTS

    if options.threads:
        torch.set_num_threads(options.threads)
    data, facts = read_training(INPUTS["train"], INPUTS["facts"])
    recipe = Recipe.load(settle=settle_by_data(facts.kind, facts.task, len(data)))
    recipe = recipe.with_epochs(options.epochs or recipe.train.epochs)
    data = data.take(np.arange(min(options.examples or len(data), len(data))))
    nothing = data.take(np.arange(0))
    test = Examples.read(INPUTS["train"].with_name("test.safetensors"))
    objective = objective_of(recipe.train, facts.task)
    epochs, drawing, varying, encoding = Clock(), Clock(), Clock(), Clock()
    with (
        patch.object(Engine, "train_epoch", epochs.timed(Engine.train_epoch)),
        patch.object(Augmenter, "draw", drawing.timed(Augmenter.draw)),
        patch.object(Augmenter, "batch", varying.timed(Augmenter.batch)),
        patch.object(Rows, "__init__", encoding.timed(Rows.__init__)),
        # One call too many, for the sample of the curve: a millisecond.
        patch.object(torch, "randperm", drawing.timed(torch.randperm)),
        Workers.at_hand() as workers,
    ):
        start = time.perf_counter()
        trained = fit(recipe, data, nothing, objective, facts.width, workers, select=False, columns=facts.columns)
        seconds = time.perf_counter() - start
        outputs = predict_outputs(trained.model, test.inputs, workers)
    return {
        "fit_seconds": seconds,
        "epochs_seconds": epochs.seconds,
        "epoch_seconds": epochs.calls,
        # The workers share out what is done for each shard; of it each takes its part of the time.
        "input_seconds": drawing.seconds + varying.seconds / min(workers.helpers + 1, recipe.train.shards),
        "encoding_seconds": encoding.seconds,
        f"test_{objective.score}": trained.objective.loss_and_score(outputs, test.targets)[1],
        "weights": sum(parameter.numel() for parameter in trained.model.parameters()),
        "recipe": recipe.model_dump(mode="json"),
        "learned": trained.learned.model_dump(mode="json"),
    }


def pairs(folders: list[Path]) -> dict[str, Any]:
    """Each model against the next, the last against the first, as `python -m stages.compare` would judge them."""
    from stages.compare import PREDICTIONS
    from stages.core.base.seeding import numpy_generator
    from stages.core.scores.comparison import check_comparable, compare
    from stages.core.scores.predictions import Predictions

    files = [folder / PREDICTIONS for folder in folders]
    models = [Predictions.read(file) for file in files]
    found = []
    for index, model in enumerate(models):
        other = (index + 1) % len(models)
        check_comparable(model, models[other], str(files[index]), str(files[other]))
        verdict = compare(model, models[other], numpy_generator(0, "compare"))
        difference = verdict.differences[0].difference
        assert verdict.discordant, "of classifiers, without groups"
        found.append({"verdict": verdict.verdict, "p_value": verdict.discordant.p_value, "difference": difference})
    return {"pairs": found}


if __name__ == "__main__":
    main()
