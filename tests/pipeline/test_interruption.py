"""A stage that trains writes the same bytes after any number of kills, and for any number of workers and ranks.

The data is made up here: four classes of bars under noise, in the schema that `prepare` writes.
"""

import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from stages.core.base.artifacts import write_arrays
from stages.core.base.schemas import PrepareFacts
from tests.pipeline import warm

ROOT = Path(__file__).parents[2]
STAGES = {
    "train": ["models/model.safetensors", "models/model.json", "metrics/train.json", "plots/training.csv"],
    "cross_validate": ["metrics/cross_validate.json", "plots/cross_validate.csv"],
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with prepared data and parameters of a run of two or three seconds, imports apart."""
    generator = np.random.default_rng(0)
    targets = np.arange(600) % 4
    inputs = generator.integers(0, 90, (600, 1, 12, 12), dtype=np.uint8)
    for image, target in zip(inputs, targets, strict=True):
        image[0, 3 * target : 3 * target + 2] = 150
    prepared = tmp_path / "data" / "prepared"
    prepared.mkdir(parents=True)
    save_file({"inputs": inputs, "targets": targets}, prepared / "train.safetensors")
    PrepareFacts(
        task="classification",
        dataset="made up",
        classes=("a", "b", "c", "d"),
        input_shape=(1, 12, 12),
        train_sha256=hashlib.sha256((prepared / "train.safetensors").read_bytes()).hexdigest(),
    ).write(prepared / "facts.json")
    write_arrays(tmp_path / "models/pretrained.safetensors", {})
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"] |= {"channels": [4, 8], "hidden": [16], "dropout": 0.2}
    params["train"] |= {"epochs": 24, "batch_size": 32, "val_fraction": 0.2}
    params["cross_validate"] |= {"folds": 2, "epochs": 12}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def start(workspace: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=workspace,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(workspace: Path, *command: str, **environment: str) -> str:
    """Run to the end, a stage alone as a fork; returns what it said on stderr."""
    env = warm.environment() | {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        ["python", "-m", *command], cwd=workspace, env=env, stderr=subprocess.PIPE, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def outputs(workspace: Path, stage: str) -> dict[str, str]:
    """The hashes of the stage's outputs, which are then deleted, as DVC does before it runs a stage again."""
    hashes = {}
    for name in STAGES[stage]:
        hashes[name] = hashlib.sha256((workspace / name).read_bytes()).hexdigest()
        (workspace / name).unlink()
    return hashes


def checkpoints(workspace: Path) -> list[Path]:
    folder = workspace / ".dvc" / "tmp" / "checkpoints"
    return sorted(path for path in folder.iterdir() if path.suffix != ".part") if folder.exists() else []


def saves(workspace: Path) -> list[tuple[str, int]]:
    """Which checkpoints there are, and when each was last saved."""
    return [(path.name, path.stat().st_mtime_ns) for path in checkpoints(workspace)]


def interrupted(workspace: Path, stage: str, after: float = 0) -> None:
    """Kill the stage `after` so many seconds once it has finished another epoch, unless it is done by then."""
    before = saves(workspace)
    process = start(workspace, f"stages.{stage}")
    while process.poll() is None and saves(workspace) == before:
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(workspace: Path, stage: str):
    finish(workspace, f"stages.{stage}")
    expected = outputs(workspace, stage)
    assert checkpoints(workspace) == []

    moments = random.Random(1)
    left = []
    for _ in range(3):
        interrupted(workspace, stage, after=moments.uniform(0, 0.2))
        left.append(saves(workspace))
    assert left[0] and left[1] and left[0] != left[1], "no second run went on from where a first was killed"

    said = finish(workspace, f"stages.{stage}")
    assert re.search(r"resuming after epoch \d+ of \d+", said)
    assert outputs(workspace, stage) == expected
    assert checkpoints(workspace) == []


def test_a_damaged_or_foreign_checkpoint_is_reported_and_ignored(workspace: Path):
    finish(workspace, "stages.train")
    expected = outputs(workspace, "train")
    interrupted(workspace, "train")
    (checkpoint,) = checkpoints(workspace)

    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    said = finish(workspace, "stages.train")
    assert f"{checkpoint.relative_to(workspace)}: damaged, or another run's checkpoint; ignored" in said
    assert outputs(workspace, "train") == expected

    interrupted(workspace, "train")
    (mine,) = checkpoints(workspace)
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "seed: 1"))
    interrupted(workspace, "train")  # a run with another seed has a checkpoint of its own
    (other,) = set(checkpoints(workspace)) - {mine}
    other.write_bytes(mine.read_bytes())
    assert "another run's checkpoint; ignored" in finish(workspace, "stages.train")
    assert outputs(workspace, "train") != expected


def test_ranks_and_workers_change_no_byte(workspace: Path):
    finish(workspace, "stages.train", WORKERS="1")
    expected = outputs(workspace, "train")
    finish(workspace, "stages.train", WORKERS="3")
    assert outputs(workspace, "train") == expected
    for ranks in ("2", "4"):
        said = finish(workspace, "torch.distributed.run", "--nproc-per-node", ranks, "-m", "stages.train", WORKERS="1")
        assert said.count("| 0/360 [") == 1  # one rank alone shows the bar
        assert outputs(workspace, "train") == expected


def test_of_two_machines_the_first_ones_checkpoint_counts(workspace: Path, tmp_path_factory: pytest.TempPathFactory):
    finish(workspace, "stages.train")
    expected = outputs(workspace, "train")
    interrupted(workspace, "train")
    assert checkpoints(workspace)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = ("torch.distributed.run", "--nnodes", "2", "--master-addr", "127.0.0.1", "--master-port", port)
    elsewhere = {"DVC_ROOT": str(tmp_path_factory.mktemp("second")), "WORKERS": "1"}  # where nothing was saved
    second = start(workspace, *common, "--node-rank", "1", "-m", "stages.train", **(warm.environment() | elsewhere))
    try:
        finish(workspace, *common, "--node-rank", "0", "-m", "stages.train", WORKERS="1")
        _, said = second.communicate(timeout=60)
    finally:
        second.kill()
    assert second.returncode == 0, said
    assert outputs(workspace, "train") == expected
    assert checkpoints(workspace) == []


def test_ranks_that_do_not_fit_the_shards_are_refused(workspace: Path):
    ranks = ("torch.distributed.run", "--nproc-per-node", "3", "-m", "stages.train")
    process = start(workspace, *ranks, **warm.environment())
    _, said = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "error: 3 ranks do not fit train.shards = 4: must be one of 1, 2, 4" in said
    assert not (workspace / "models/model.safetensors").exists()


def test_a_gpu_that_is_not_there_is_refused(workspace: Path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("device: cpu", "device: cuda"))
    process = start(workspace, "stages.train")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "params.yaml: train.device = 'cuda': no CUDA device" in said and "Traceback" not in said
