"""train: fit the model to the training part less a validation slice, and keep the epoch that does best on the slice."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from stages.core.base.artifacts import read_arrays, read_json, write_arrays, write_csv, write_json
from stages.core.base.command import run
from stages.core.base.seeding import numpy_generator
from stages.core.config.recipe import Recipe, check_batches, steps_per_epoch
from stages.core.data.examples import Labelled
from stages.core.data.splits import stratified_holdout
from stages.core.training.temperature import fit_temperature

INPUTS = {"train": Path("data/prepared/train.safetensors"), "facts": Path("data/prepared/facts.json")}
OUTPUTS = {
    "weights": Path("models/model.safetensors"),
    "description": Path("models/model.json"),
    "metrics": Path("metrics/train.json"),
    "curves": Path("plots/training.csv"),
}


class Params(Recipe):
    pass


def main() -> None:
    params = Params.load()
    config = params.train
    data, facts = Labelled(**read_arrays(INPUTS["train"])), read_json(INPUTS["facts"])
    parts = stratified_holdout(data.targets, config.val_fraction, numpy_generator(params.seed, "validation"))
    train, validation = map(data.take, parts)
    check_batches(params, len(train))

    # Only now, with everything read and accepted: torch takes a second to load.
    from stages.core.networks.model import describe_model
    from stages.core.training.checkpoint import Checkpoint, run_key
    from stages.core.training.fit import fit
    from stages.core.training.parallel import Workers

    steps = config.epochs * steps_per_epoch(config, len(train))
    checkpoint = Checkpoint(run_key(params, train, validation))
    with (
        Workers.at_hand() as workers,
        tqdm(desc="train", total=steps, unit="step", mininterval=1, disable=workers.rank > 0) as bar,
    ):
        trained = fit(
            params, train, validation, len(facts["classes"]), workers, checkpoint=checkpoint, on_step=bar.update
        )
    if workers.rank:
        return  # torchrun's rank 0 alone writes

    weights = {name: tensor.numpy() for name, tensor in trained.model.state_dict().items()}
    write_arrays(OUTPUTS["weights"], weights)
    temperature = fit_temperature(trained.validation_logits, validation.targets)  # chosen as the epoch is
    shape, classes = facts["input_shape"], facts["classes"]
    description = describe_model(params.model, shape, classes, trained.normalisation, temperature)
    write_json(OUTPUTS["description"], description)
    best = trained.history[trained.best_epoch - 1]
    validated = {"val_accuracy": round(best.validation_accuracy, 6)} if len(validation) else {}
    # In a list, which DVC's tables skip: they would else be too wide to read.
    selected = [{"epoch": trained.best_epoch, "temperature": temperature}]
    write_json(OUTPUTS["metrics"], {**validated, "selected": selected})
    write_csv(OUTPUTS["curves"], pd.DataFrame(map(asdict, trained.history)))
    checkpoint.discard()


if __name__ == "__main__":
    run(main)
