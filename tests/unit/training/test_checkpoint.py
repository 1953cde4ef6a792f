"""Checkpoints: what determines a run names them, and a file that is not this run's is never trusted."""

import logging
import os
import re
import shutil
import time

import numpy as np
import pytest

from stages.core.training.checkpoint import CODE, GIVEN_UP, ROOMS, Checkpoint, run_key
from stages.core.training.engine import Engine
from stages.core.training.fit import fit
from stages.core.training.objectives import objective_of
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
    train, validation = np.arange(5000), np.arange(5000, 6000)
    other = np.where(train == 2500, 6000, train)  # an index that repr would not show
    keys = [
        run_key(recipe(), "data", "train", train, validation),
        run_key(recipe(seed=1), "data", "train", train, validation),
        run_key(recipe(train={"lr": 0.5}), "data", "train", train, validation),
        run_key(recipe(augment={"shift": 0.05}), "data", "train", train, validation),
        run_key(recipe(), "other data", "train", train, validation),
        run_key(recipe(), "data", "cross_validate", train, validation),
        run_key(recipe(), "data", "train", other, validation),
        run_key(recipe(), "data", "train", train, train),
        run_key(recipe(), "data", "train", train),
        run_key(recipe(), "data", "train", train, validation[:0]),
        run_key(recipe(), "data", "cross_validate", 1, 0.5),
        run_key(recipe(), "data", "cross_validate", 1, 1.0),
        run_key(recipe(), "data", "cross_validate", 2, 1.0),
    ]
    assert len(set(keys)) == len(keys)
    assert run_key(recipe(), "data", "train", train.copy(), validation.copy()) == keys[0]


def test_code_that_a_run_computes_with_is_in_its_key_and_captions_are_not(recipe, tmp_path, monkeypatch):
    code = shutil.copytree(CODE, tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("stages.core.training.checkpoint.CODE", code)
    before = run_key(recipe(), "data")
    for path in (code / "report.py", *(code / "core").rglob("*.py")):
        if path.relative_to(code).parts[1:2] != () and path.parts[len(code.parts) + 1] in ROOMS:
            continue
        path.write_text(path.read_text() + "# a caption\n")
    assert run_key(recipe(), "data") == before
    for name in ("__init__.py", *(f"core/{room}/__init__.py" for room in ROOMS), "core/training/objectives/new.py"):
        with (code / name).open("a") as file:
            file.write("# a change\n")
        after = run_key(recipe(), "data")
        assert after != before, name
        before = after


def test_the_rooms_of_the_key_are_those_that_training_imports():
    imported = set(
        re.findall(
            r"stages\.core\.(\w+)", "".join(p.read_text() for r in ROOMS for p in (CODE / "core" / r).rglob("*.py"))
        )
    )
    assert imported <= set(ROOMS)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(recipe, digits, capsys):
    config = recipe(model={"hidden": [8], "dropout": 0.5}, train={"epochs": 4, "schedule": "plateau"})
    data, validation = digits(50), digits(20, seed=1)

    def run(checkpoint: Checkpoint | None, on_step=lambda steps: None, **callbacks):
        with Workers(1) as workers:
            return fit(
                *(config, data, validation, objective_of(config.train, "classification"), 4, workers),
                **dict(checkpoint=checkpoint, on_step=on_step, **callbacks),
            )

    def interrupt(steps: int) -> None:
        raise KeyboardInterrupt

    epochs: list[int] = []
    whole = run(None, on_epoch=lambda history: epochs.append(history[-1].epoch))
    assert epochs == [1, 2, 3, 4]
    seen: list[int] = []

    def stop_in_the_third_epoch(steps: int) -> None:
        seen.append(steps)
        if sum(seen) == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Checkpoint("run"), stop_in_the_third_epoch)
    seen.clear()
    capsys.readouterr()
    curves: list[int] = []
    bar: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run(Checkpoint("run"), interrupt, on_resume=bar.append, on_epoch=lambda history: curves.append(len(history)))
    assert bar == [8] and curves == [2]
    assert capsys.readouterr().err == "resuming after epoch 2 of 4\n"
    resumed = run(Checkpoint("run"), seen.append)
    assert seen[0] == 8 and sum(seen) == 16  # two epochs of four steps were not computed again
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch
    for name, tensor in whole.model.state_dict().items():
        assert tensor.numpy().tobytes() == resumed.model.state_dict()[name].numpy().tobytes()


def test_a_trainer_goes_back_to_an_earlier_state(recipe, digits):
    with Workers(1) as workers:
        engine = Engine(recipe(), digits(32), objective_of(recipe().train, "classification"), 4, workers)
        engine.train_epoch(1, [], lambda: None)
        earlier = {name: tensor.clone() for name, tensor in engine.state().items()}
        engine.train_epoch(2, [], lambda: None)
        later = {name: tensor.clone() for name, tensor in engine.state().items()}
        engine.restore(earlier)
        engine.train_epoch(2, [], lambda: None)
        assert all(later[name].equal(tensor) for name, tensor in engine.state().items())
        assert not later["weights"].equal(earlier["weights"])
