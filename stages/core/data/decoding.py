"""Many pictures decoded side by side, straight into a file: it never holds more than a few of them in memory.

What is decoded lies in scratch that outlives DVC's clean-up, so that a run that is killed goes on from there. The
scratch is named by all that determines it, and deleted once the examples are written.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

import numpy as np
import PIL

from stages.core.base.artifacts import writing
from stages.core.base.command import convenience
from stages.core.base.stored import Stored
from stages.core.data import decoder, pictures
from stages.core.data.decoder import Outcome
from stages.core.data.decoders import Decoders
from stages.core.data.pictures import Form, Look

TOGETHER = 64  # files that a process is given at a time
GIVEN_UP = 7 * 24 * 3600  # seconds since a scratch was last added to


def forms(paths: Sequence[str], max_pixels: int, decoders: Decoders) -> list[Form]:
    """The form of each picture that has one, by its header."""
    jobs = [{"paths": portion, "max_pixels": max_pixels} for _, portion in _portions(paths)]
    found = decoders.map(decoder.forms, jobs, len(paths), "headers")
    return [Form(*form) for portion in found for form in portion if form]


class Scratch:
    """The pictures at `paths`, as `look` has them, as far as they are decoded."""

    def __init__(self, paths: Sequence[str], look: Look) -> None:
        self.paths, self.look = paths, look
        digest = hashlib.sha256()
        for code in (__file__, decoder.__file__, pictures.__file__):
            digest.update(Path(code).read_bytes())
        digest.update(repr((PIL.__version__, TOGETHER, astuple(look))).encode())
        for path in paths:
            # Its time, not its content: a scratch decides nothing but how long a run takes.
            with suppress(OSError):
                at = os.stat(path)  # noqa: PTH116 - Paths would take most of this loop's time
                digest.update(os.fsencode(path) + repr((at.st_size, at.st_mtime_ns, at.st_ino)).encode())
        root = Path(os.environ.get("DVC_ROOT", "."))  # the main repository, also in an experiment's workspace
        self.folder = root / ".dvc" / "tmp" / "pictures" / digest.hexdigest()

    def decoded(self, decoders: Decoders) -> tuple[Stored, list[Outcome]]:
        """All pictures, uint8 (N, C, H, W), and the outcome of each; one that has none is black."""
        pixels = self.folder / "pixels"
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with pixels.open("ab") as file:
                file.truncate(int(np.prod(self.look.shape)) * len(self.paths))
        jobs = [
            {"paths": portion, "first": first, "folder": str(self.folder), "look": astuple(self.look)}
            for first, portion in _portions(self.paths)
        ]
        found = decoders.map(decoder.decode, jobs, len(self.paths), "pictures")
        outcomes = [Outcome(*outcome) for portion in found for outcome in portion]
        return Stored(pixels, 0, (len(self.paths), *self.look.shape), np.dtype(np.uint8)), outcomes

    def discard(self) -> None:
        """Delete it, and what runs have left behind that were given up."""
        with convenience("it stays there"):
            for left in self.folder.parent.glob("*"):
                with suppress(FileNotFoundError):  # another run may be tidying up, too
                    if left == self.folder or time.time() - left.stat().st_mtime > GIVEN_UP:
                        shutil.rmtree(left)


def _portions(paths: Sequence[str]) -> list[tuple[int, Sequence[str]]]:
    return [(first, paths[first : first + TOGETHER]) for first in range(0, len(paths), TOGETHER)]
