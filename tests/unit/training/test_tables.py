"""Training on tables, for classes and for numbers: it learns, and keeps the engine's promises."""

import numpy as np
import pytest
import torch

from stages.core.base.schemas import Encoding
from stages.core.config.automatic import LOSSES, MODELS
from stages.core.training import rows
from stages.core.training.checkpoint import Checkpoint
from stages.core.training.engine import Engine
from stages.core.training.fit import Fit, fit
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers
from stages.core.training.prediction import predict_outputs
from tests.unit.training.tables import COLUMNS, recipe, table

TASKS = tuple(LOSSES)


def train(task, data, validation=None, workers: int = 1, sections=None, **options) -> Fit:
    config = recipe(task, **(sections or {}))
    validation = table(60, task, seed=1) if validation is None else validation
    with Workers(workers) as pool:
        width = 3 if task == "classification" else 1
        return fit(
            *(config, data, validation, objective_of(config.train, task), width, pool), columns=COLUMNS, **options
        )


def weights(fitted: Fit) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in fitted.model.state_dict().items()}


@pytest.mark.parametrize("name", MODELS["table"])
@pytest.mark.parametrize(("task", "loss"), [(task, loss) for task, losses in LOSSES.items() for loss in losses])
def test_every_network_learns_by_every_loss(name, task, loss):
    sections = {"model": {"name": name, "hidden": [16]}, "train": {"loss": loss, "epochs": 12, "lr": 0.05}}
    fitted = train(task, table(200, task), sections=sections)
    best, spread = fitted.history[fitted.best_epoch - 1], table(60, task, seed=1).targets.std()
    # One length and one colour in ten are missing.
    assert best.validation_score > 0.7 if task == "classification" else best.validation_score < 0.7 * spread
    if task == "classification":
        assert best.validation_score == max(epoch.validation_score for epoch in fitted.history)
    else:
        assert best.validation_loss == min(epoch.validation_loss for epoch in fitted.history)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_no_bit(task, workers):
    sections = {"model": {"hidden": [8, 8], "dropout": 0.3}, "train": {"batch_size": 32}}
    data = table(150, task)
    alone, shared = train(task, data, sections=sections), train(task, data, workers=workers, sections=sections)
    assert weights(alone) == weights(shared) and alone.history == shared.history
    assert alone.validation_outputs.tobytes() == shared.validation_outputs.tobytes()


@pytest.mark.parametrize("task", TASKS)
def test_rows_encoded_once_and_rows_encoded_in_every_step_give_the_same_bits(task, monkeypatch):
    data = table(100, task)
    once = train(task, data)
    monkeypatch.setattr(rows, "ENCODED", 0)
    assert weights(train(task, data)) == weights(once)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(task, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    data, sections = table(100, task), {"train": {"epochs": 4}}
    whole = train(task, data, sections=sections)

    def stop(history) -> None:
        if len(history) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task, data, sections=sections, checkpoint=Checkpoint("run"), on_epoch=stop)
    resumed = train(task, data, sections=sections, checkpoint=Checkpoint("run"))
    assert weights(resumed) == weights(whole) and resumed.history == whole.history


def test_all_that_is_learned_is_learned_on_the_part_trained_on():
    data = table(100, "regression")
    first, second = data.take(np.arange(50)), data.take(np.arange(50, 100))
    fits = [train("regression", first, validation=second), train("regression", second, validation=first)]
    centres = [fitted.learned.columns[0].center for fitted in fits if isinstance(fitted.learned, Encoding)]
    assert centres == [np.nanmedian(part.inputs[:, 0]) for part in (first, second)]
    means = [fitted.objective.calibrate(np.empty(0), np.empty(0)).mean for fitted in fits]
    assert means == pytest.approx([first.targets.mean(), second.targets.mean()])


def test_predictions_are_in_the_targets_unit_and_do_not_depend_on_their_batch():
    fitted = train("regression", table(200, "regression"), sections={"train": {"epochs": 20}})
    data = table(2500, "regression", seed=2)
    with Workers(2) as pool:
        outputs = predict_outputs(fitted.model, data.inputs, pool)
    predictions = fitted.objective.predictions(outputs)
    assert predictions.shape == (2500,) and predictions.dtype == np.float64
    assert abs(predictions.mean() - data.targets.mean()) < data.targets.std() / 2


def test_a_member_of_a_network_is_trained_to_be_right_by_itself():
    data, config = table(64, "regression"), recipe("regression")
    with Workers(1) as pool:
        engine = Engine(config, data, objective_of(config.train, "regression"), 1, pool, 0, COLUMNS)
        outputs = engine.sharded.replicas[0](torch.from_numpy(data.inputs))
        expected = ((outputs[..., 0] - engine.targets[:, None]) ** 2).mean().item()
        assert engine.step(torch.arange(64), 0.0, ("try",)) == pytest.approx(expected, rel=1e-5)
