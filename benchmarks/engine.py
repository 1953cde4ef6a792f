"""Our `fit` in a process of its own, on the recipe in params.yaml: its time without the process's start, its accuracy.

The one place that calls the engine directly. `--native` gives back the environment that importing `stages` pinned,
before torch and NumPy load and read it: the same code then runs in the numerics that torch would choose by itself.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

CORES = (1, 2, 4, 8)


class Clock:
    """How many seconds the functions it times have taken together."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds += time.perf_counter() - start
            return result

        return call


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=0, help="train on the first N examples; 0: all")
    parser.add_argument("--epochs", type=int, default=0, help="0: as params.yaml says")
    parser.add_argument("--native", action="store_true", help="the fastest numerics of this processor")
    parser.add_argument("--threads", type=int, default=0, help="threads inside an operator; 0: as the numerics say")
    parser.add_argument("--schedule", action="store_true", help="with one worker, the schedule on more cores")
    options = parser.parse_args()

    environment = dict(os.environ)
    import stages  # noqa: F401 - for what it does to the environment

    if options.native:
        os.environ.clear()
        os.environ.update(environment)
    import numpy as np
    import torch

    from stages.core.base.artifacts import read_arrays
    from stages.core.config.recipe import Recipe
    from stages.core.data.examples import Labelled
    from stages.core.training.augmentation import Augmenter
    from stages.core.training.engine import Engine
    from stages.core.training.fit import fit
    from stages.core.training.objectives.classification import loss_and_accuracy
    from stages.core.training.parallel import Workers
    from stages.core.training.prediction import predict_outputs
    from stages.train import INPUTS

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = Recipe.load()
    recipe = recipe.with_epochs(options.epochs or recipe.train.epochs)
    data = Labelled(**read_arrays(INPUTS["train"]))
    data = data.take(np.arange(min(options.examples or len(data), len(data))))
    nothing = data.take(np.arange(0))

    class TimedWorkers(Workers):
        """One worker that notes how long each item took, and how long the items would take on more cores."""

        def __init__(self) -> None:
            super().__init__(1)
            self.shared = 0.0
            self.spans = dict.fromkeys(CORES, 0.0)

        def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
            results, durations = [], []
            for item in items:
                start = time.perf_counter()
                results.append(function(item))
                durations.append(time.perf_counter() - start)
            self.shared += sum(durations)
            for cores in CORES:
                self.spans[cores] += makespan(durations, cores)
            return results

    epochs, input_side = Clock(), Clock()
    with (
        patch.object(Engine, "train_epoch", epochs.timed(Engine.train_epoch)),
        patch.object(Augmenter, "batch", input_side.timed(Augmenter.batch)),
        # One call too many, for the sample of the curve: a millisecond.
        patch.object(torch, "randperm", input_side.timed(torch.randperm)),
        TimedWorkers() if options.schedule else Workers.at_hand() as workers,
    ):
        start, start_cpu = time.perf_counter(), time.process_time()
        trained = fit(recipe, data, nothing, 10, workers, select=False)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
        schedule = {}
        if isinstance(workers, TimedWorkers):
            schedule = {str(cores): seconds - workers.shared + workers.spans[cores] for cores in CORES}
        test = Labelled(**read_arrays(INPUTS["train"].with_name("test.safetensors")))
        accuracy = loss_and_accuracy(predict_outputs(trained.model, test.inputs, workers), test.targets)[1]
    tensors = [tensor.numpy() for tensor in trained.model.state_dict().values()]
    facts = {
        "fit_seconds": seconds,
        "fit_cpu_seconds": cpu_seconds,
        "epochs_seconds": epochs.seconds,
        "input_seconds": input_side.seconds,
        "schedule": schedule,
        "test_accuracy": accuracy,
        "weights": sum(parameter.numel() for parameter in trained.model.parameters()),
        "sha256": hashlib.sha256(b"".join(tensor.tobytes() for tensor in tensors)).hexdigest(),
    }
    print(json.dumps(facts))


def makespan(durations: list[float], cores: int) -> float:
    """How long items of these durations take on `cores` cores, each given to the core that is free first."""
    busy = [0.0] * cores
    for duration in durations:
        first = busy.index(min(busy))
        busy[first] += duration
    return max(busy)


if __name__ == "__main__":
    main()
