"""Checkpoints: what determines a run names them, and a file that is not this run's is never trusted."""

import logging
import os
import time

import numpy as np
import pytest

from stages.core.training.checkpoint import GIVEN_UP, Checkpoint, run_key
from stages.core.training.engine import Trainer
from stages.core.training.fit import fit
from stages.core.training.parallel import Workers

STATE = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "best_epoch": np.array(3)}


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def test_a_state_comes_back_and_is_discarded():
    checkpoint = Checkpoint("key")
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    loaded = checkpoint.load()
    assert loaded is not None and loaded.keys() == STATE.keys()
    assert all(np.array_equal(loaded[name], STATE[name]) for name in STATE)
    checkpoint.discard()
    assert checkpoint.load() is None
    checkpoint.discard()


def test_runs_that_were_given_up_are_tidied_away_and_no_others():
    mine, recent, given_up = Checkpoint("mine"), Checkpoint("recent"), Checkpoint("given up")
    half = mine.path.with_name(".given up.1.part")  # what a kill in the midst of saving leaves
    for checkpoint in (mine, recent, given_up):
        checkpoint.save(STATE)
    half.write_bytes(b"half")
    for path in (given_up.path, half):
        os.utime(path, times=(0, time.time() - GIVEN_UP - 60))
    mine.discard()
    assert sorted(path.name for path in mine.path.parent.iterdir()) == ["recent"]


@pytest.mark.parametrize("position", [0, 40, -1])
def test_a_flipped_bit_is_noticed(caplog, position):
    checkpoint = Checkpoint("key")
    checkpoint.save(STATE)
    content = bytearray(checkpoint.path.read_bytes())
    content[position] ^= 1
    checkpoint.path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load() is None
    assert f"{checkpoint.path}: damaged, or another run's checkpoint; ignored" in caplog.text


@pytest.mark.parametrize("size", [0, 10, 100])
def test_half_a_file_is_noticed(size):
    checkpoint = Checkpoint("key")
    checkpoint.save(STATE)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:size])
    assert checkpoint.load() is None


def test_another_runs_file_is_noticed():
    mine, other = Checkpoint("mine"), Checkpoint("other")
    other.save(STATE)
    other.path.rename(mine.path)
    assert mine.load() is None


def test_everything_that_determines_a_run_is_in_its_key(recipe, digits):
    data, more = digits(20), digits(20, seed=1)
    keys = [
        run_key(recipe(), data, more, 0),
        run_key(recipe(seed=1), data, more, 0),
        run_key(recipe(train={"lr": 0.5}), data, more, 0),
        run_key(recipe(augment={"shift": 1}), data, more, 0),
        run_key(recipe(), more, more, 0),
        run_key(recipe(), data, data, 0),
        run_key(recipe(), data, more, 1),
    ]
    assert len(set(keys)) == len(keys)
    assert run_key(recipe(), digits(20), digits(20, seed=1), 0) == keys[0]


def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(recipe, digits):
    config = recipe(model={"hidden": [8], "dropout": 0.5}, train={"epochs": 4, "schedule": "plateau"})
    data, validation = digits(50), digits(20, seed=1)

    def run(checkpoint: Checkpoint | None, on_step=lambda steps: None):
        with Workers(1) as workers:
            return fit(config, data, validation, 4, workers, checkpoint=checkpoint, on_step=on_step)

    whole = run(None)
    seen: list[int] = []

    def stop_in_the_third_epoch(steps: int) -> None:
        seen.append(steps)
        if sum(seen) == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Checkpoint("run"), stop_in_the_third_epoch)
    seen.clear()
    resumed = run(Checkpoint("run"), seen.append)
    assert seen[0] == 8 and sum(seen) == 16  # two epochs of four steps were not computed again
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch
    for name, tensor in whole.model.state_dict().items():
        assert tensor.numpy().tobytes() == resumed.model.state_dict()[name].numpy().tobytes()


def test_a_trainer_goes_back_to_an_earlier_state(recipe, digits):
    with Workers(1) as workers:
        trainer = Trainer(recipe(), digits(32), 4, workers)
        trainer.train_epoch(1, [], lambda: None)
        earlier = {name: tensor.clone() for name, tensor in trainer.state().items()}
        trainer.train_epoch(2, [], lambda: None)
        later = {name: tensor.clone() for name, tensor in trainer.state().items()}
        trainer.restore(earlier)
        trainer.train_epoch(2, [], lambda: None)
        assert all(later[name].equal(tensor) for name, tensor in trainer.state().items())
        assert not later["weights"].equal(earlier["weights"])
