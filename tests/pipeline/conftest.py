"""The pipeline, reproduced on a small part of the real data.

The raw files come from this repository's data/raw if it is there (`make repro` makes it), else from wherever `fetch`
finds them: the folder named by the environment variable DATA_DIR, or the internet.
"""

import fcntl
import os
from pathlib import Path

import pytest

from tests.pipeline.project import SMALL, Project


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small pipeline: its parameters are one commit, what `dvc repro` made of them the next. Not to be changed.

    With pytest-xdist the first process that asks makes it, and each gets a copy: DVC locks a repository in use.
    """
    own = tmp_path_factory.mktemp("reproduced")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return reproduce(own)
    shared = tmp_path_factory.getbasetemp().parent
    with (shared / "reproduced.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "reproduced").exists():
            reproduce(own).folder.rename(shared / "reproduced")  # only once it is whole
    return Project(shared / "reproduced").copy(own)


def reproduce(folder: Path) -> Project:
    project = Project.create(folder)
    project.set(SMALL)
    project.commit("Small parameters")
    project.dvc("repro")
    project.commit("What they give")
    return project


@pytest.fixture
def project(reproduced: Project, tmp_path: Path) -> Project:
    """A copy of the reproduced pipeline for one test to change."""
    return reproduced.copy(tmp_path)
