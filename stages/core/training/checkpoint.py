"""What a killed training run goes on from: its state after each epoch, in scratch that outlives DVC's clean-up.

DVC deletes a stage's outputs before it runs the stage, so the state lies under .dvc/tmp/, which Git ignores; in an
experiment's temporary workspace, under that of the main one. It is named by a hash of everything that determines the
run, and so never taken for another run's. A run's file is deleted when its stage has written its outputs, and so are
then the files of runs that were given up.
"""

import hashlib
import json
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from stages.core.base.artifacts import replacing
from stages.core.base.command import check_recorded, convenience
from stages.core.config.recipe import Recipe

CODE = Path(__file__).parents[2]  # the folder `stages`
ROOMS = ("base", "config", "data", "networks", "training")  # what a run computes with
GIVEN_UP = 7 * 24 * 3600  # seconds since a run last saved its state
LOSS = "the run goes on, but one that is killed starts anew"


def run_key(recipe: Recipe, data_digest: str, *more: object) -> str:
    """SHA-256 of all that determines a training run: the code of its rooms, torch's version, parameters and data.

    `data_digest` is that of the file the examples come from. `more` tells apart the runs on it: who trains, fold and
    share, and as arrays the indices of the examples.
    """
    digest = hashlib.sha256()
    for path in [
        CODE / "__init__.py",
        *(path for room in ROOMS for path in sorted((CODE / "core" / room).rglob("*.py"))),
    ]:
        digest.update(f"{path.relative_to(CODE)}\n".encode() + path.read_bytes())
    parameters = recipe.model_dump(mode="json", include=set(Recipe.model_fields))
    digest.update(json.dumps([torch.__version__, parameters, data_digest, *map(_identity, more)]).encode())
    return digest.hexdigest()


def _identity(value: object) -> str:
    if isinstance(value, np.ndarray):  # whose repr leaves most of it out
        content = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
        return f"{value.dtype.str} {value.shape} {content}"
    return repr(value)


class Checkpoint:
    """The saved state of the run called `key`: named arrays, with a digest that a damaged or foreign file fails."""

    def __init__(self, key: str) -> None:
        self.key = key
        # DVC_ROOT is the main repository, also in an experiment's workspace. It says where to look, not what is found.
        root = Path(os.environ.get("DVC_ROOT", "."))
        self.path = root / ".dvc" / "tmp" / "checkpoints" / key

    def save(self, state: dict[str, np.ndarray]) -> None:
        from safetensors.numpy import save

        with convenience(LOSS):
            content = save(state)
            with replacing(self.path) as temporary:
                temporary.write_bytes(self._digest(content) + content)

    def load(self) -> dict[str, np.ndarray] | None:
        """The state last saved, or None where there is none; a file that is not this run's is reported and ignored."""
        from safetensors.numpy import load

        with convenience(LOSS):
            if not self.path.is_file():
                return None
            stored = self.path.read_bytes()
            digest, content = stored[:32], stored[32:]
            if digest == self._digest(content):
                return load(content)
            logging.warning("%s: damaged, or another run's checkpoint; ignored, training starts anew", self.path)
        return None

    def discard(self) -> None:
        """Delete the state, and what runs have left behind that are given up.

        Raises `InputError`, and deletes nothing, where DVC would record another run than this: it may go on from here.
        """
        check_recorded()
        with convenience("it stays there"):
            self.path.unlink(missing_ok=True)
            for left in self.path.parent.glob("*"):
                with suppress(FileNotFoundError):  # another run may be tidying up, too
                    if time.time() - left.stat().st_mtime > GIVEN_UP:
                        left.unlink()

    def _digest(self, content: bytes) -> bytes:
        return hashlib.sha256(self.key.encode() + content).digest()
