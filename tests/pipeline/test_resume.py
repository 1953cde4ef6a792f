"""A `dvc repro` or a queued experiment that was killed goes on from the last epoch, through all that DVC does between.

DVC deletes the outputs of a stage before it runs it, and runs queued experiments in workspaces of their own.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.numpy import load

from stages.core.training.checkpoint import Checkpoint
from tests.pipeline.project import Project
from tests.verify import environment

MODEL = "models/model.safetensors"
LONG = {"train.epochs": 60}  # seconds, in which to be killed


@pytest.fixture(scope="module")
def whole(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Trained for so long, without interruption."""
    project = reproduced.copy(tmp_path_factory.mktemp("whole"))
    project.set(LONG)
    project.dvc("repro", "train")
    return project


@pytest.fixture
def scratch(project: Project) -> Callable[[], int]:
    """How many epochs the one checkpoint of `project` holds; 0 where there is none."""
    folder = project.root / Checkpoint("any").path.parent

    def epochs() -> int:
        found = [path for path in folder.glob("*") if path.suffix != ".part"]
        return len(load(found[0].read_bytes()[32:])["history"]) if found else 0

    return epochs


def test_a_killed_repro_goes_on(whole: Project, project: Project, scratch: Callable[[], int]) -> None:
    project.set(LONG)
    at_first = killed(project, lambda: scratch() >= 4, scratch)
    assert not (project.root / MODEL).exists()
    at_second = killed(project, lambda: scratch() != at_first, scratch)
    assert at_second > at_first, "it started anew"
    project.dvc("repro", "train")
    assert project.outputs()[MODEL] == whole.outputs()[MODEL]
    assert scratch() == 0


def test_a_queued_experiment_that_was_killed_goes_on(
    whole: Project, project: Project, scratch: Callable[[], int]
) -> None:
    queue = ["exp", "run", "--queue", "--set-param", f"train.epochs={LONG['train.epochs']}", "train"]
    project.dvc(*queue)
    with started(project, "exp", "run", "--run-all"):
        wait_for(lambda: scratch() >= 4)
        os.kill(training(project), signal.SIGKILL)
    before = scratch()
    assert before >= 4
    assert "Failed" in project.dvc("queue", "status").stdout
    # Its worker looks every ten seconds whether there is more to do: what is queued while it ends would wait for ever.
    project.dvc("queue", "stop")
    wait_for(lambda: "0 active, 0 idle" in project.dvc("queue", "status").stdout)

    project.dvc(*queue, "--name", "again")
    with started(project, "exp", "run", "--run-all"):
        wait_for(lambda: scratch() != before)
        assert scratch() > before, "it started anew"
    project.dvc("exp", "apply", "again")
    assert project.outputs()[MODEL] == whole.outputs()[MODEL]


@contextmanager
def started(project: Project, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A DVC command in a process group of its own, waited for, and killed if the block fails.

    Not so the worker that runs a queue, which DVC detaches: it ends by itself with the last experiment.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environ = environment(project.folder)
    with subprocess.Popen(command, cwd=project.root, env=environ, start_new_session=True, **quiet) as process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def killed(project: Project, when: Callable[[], bool], scratch: Callable[[], int]) -> int:
    """Run `dvc repro train`, and kill it and all it started `when` that holds; how many epochs are saved then."""
    with started(project, "repro", "train") as process:
        wait_for(when)
        os.killpg(process.pid, signal.SIGKILL)
    return scratch()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def training(project: Project) -> int:
    """The process of the stage `train` in a workspace of `project`."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, folder = (process / "cmdline").read_bytes(), (process / "cwd").readlink()
        except OSError:  # gone, or not ours
            continue
        if command.endswith(b"-m\0stages.train\0") and folder.is_relative_to(project.folder):
            return int(process.name)
    raise AssertionError("no training runs")
