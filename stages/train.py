"""train: fit the model to the training part less a validation slice, and keep the epoch that does best on the slice."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from stages.core.base.artifacts import read_arrays, sha256, write_arrays
from stages.core.base.command import convenience, run
from stages.core.base.schemas import TRAINING, TrainMetrics
from stages.core.base.seeding import numpy_generator
from stages.core.config.automatic import settle_by_data
from stages.core.config.recipe import Recipe, check_batches, steps_per_epoch
from stages.core.data.examples import read_training
from stages.core.data.splits import holdout
from stages.core.networks.model import describe_model
from stages.core.training.batches import first_examples
from stages.core.training.checkpoint import Checkpoint, run_key
from stages.core.training.fit import Epoch, fit
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers
from stages.core.training.progress import StepBar

INPUTS = {
    "audited": Path("data/audited"),  # not read: nothing is trained before `audit` is passed
    "train": Path("data/prepared/train.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "pretrained": Path("models/pretrained.safetensors"),
}
OUTPUTS = {
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
    "first": Path("models/first_examples.safetensors"),
    "metrics": Path("metrics/train.json"),
    "curves": Path("plots/training.csv"),
}


class Params(Recipe):
    pass


def main() -> None:
    data, facts = read_training(INPUTS["train"], INPUTS["facts"])
    params = Params.load(settle=settle_by_data(facts.kind, facts.task, len(data), len(facts.classes or ())))
    objective = objective_of(params.train, facts.task)
    objective.learned(data.targets)  # refuses, before it is trained, what the validation slice alone may hold
    generator = numpy_generator(params.seed, "validation")
    parts = holdout(data, params.train.val_fraction, generator)
    train, validation = map(data.take, parts)
    del data  # the parts are copies
    check_batches(params, len(train))  # before a progress bar is drawn
    start = sha256(INPUTS["pretrained"])
    checkpoint = Checkpoint(run_key(params, facts.train_sha256, facts.columns, start, "train", *parts))

    with Workers.at_hand() as workers:

        def write_curves(history: Sequence[Epoch]) -> None:
            """Every epoch, so that what watches the file shows a run in flight."""
            with convenience("the run goes on, its curves are not seen yet"):
                if workers.rank == 0:
                    TRAINING.write(OUTPUTS["curves"], curves(history))

        steps = params.train.epochs * steps_per_epoch(params.train, len(train))
        with StepBar("train", steps, workers) as bar:
            trained = fit(
                *(params, train, validation, objective, facts.width, workers),
                checkpoint=checkpoint,
                on_step=bar.update,
                on_resume=bar.resume,
                on_epoch=write_curves,
                columns=facts.columns,
                pretrained=read_arrays(INPUTS["pretrained"]),
            )
    if workers.rank:
        return  # torchrun's rank 0 alone writes

    TRAINING.write(OUTPUTS["curves"], curves(trained.history))
    write_arrays(OUTPUTS["weights"], {name: tensor.numpy() for name, tensor in trained.model.state_dict().items()})
    validated = trained.validation_outputs, validation.targets  # what the epoch was chosen by
    description = describe_model(
        *(params.model, facts, trained.learned, trained.objective.calibrate(*validated)),
        score=objective.score,
        selected_epoch=trained.best_epoch,
        weights_sha256=sha256(OUTPUTS["weights"]),
        interval=trained.objective.interval(*validated),
    )
    description.write(OUTPUTS["description"])
    write_arrays(OUTPUTS["first"], first_examples(params, train).arrays())
    best = trained.history[trained.best_epoch - 1]
    found = {f"val_{objective.score}": float(f"{best.validation_score:.6g}")} if len(validation) else {}
    TrainMetrics.model_validate(found).write(OUTPUTS["metrics"])
    checkpoint.discard()


def curves(history: Sequence[Epoch]) -> pd.DataFrame:
    return pd.DataFrame(map(asdict, history))


if __name__ == "__main__":
    run(main)
