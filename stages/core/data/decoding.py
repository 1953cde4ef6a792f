"""Many pictures decoded side by side, straight into a file: it never holds more than a few of them in memory.

What is decoded lies in scratch that outlives DVC's clean-up, so that a run that is killed goes on from there. The
scratch is named by all that determines it, and deleted once the examples are written.
"""

import hashlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from functools import partial
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL
from tqdm import tqdm

from stages.core.base.artifacts import replacing, writing
from stages.core.base.command import InputError, convenience
from stages.core.base.cores import thread_count
from stages.core.base.stored import Stored
from stages.core.data import pictures
from stages.core.data.pictures import Form, Look, UnusableError, form, picture

TOGETHER = 128  # files that a process is given at a time
FEW = 1024  # files that are not worth another process, which takes a second to start
GIVEN_UP = 7 * 24 * 3600  # seconds since a scratch was last added to

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """Of one file: its SHA-256, or why it gives no picture."""

    digest: str
    why: str


def forms(paths: Sequence[str], max_pixels: int) -> list[Form | None]:
    """The form of each picture, by its header; None where it has none."""
    return _side_by_side(partial(_forms, max_pixels=max_pixels), _portions(paths), len(paths), "headers")


def _forms(portion: tuple[int, Sequence[str]], max_pixels: int) -> list[Form | None]:
    found: list[Form | None] = []
    for path in portion[1]:
        try:
            found.append(form(path, max_pixels))
        except UnusableError:
            found.append(None)
    return found


class Scratch:
    """The pictures at `paths`, as `look` has them, as far as they are decoded."""

    def __init__(self, paths: Sequence[str], look: Look) -> None:
        self.paths, self.look = paths, look
        digest = hashlib.sha256(Path(pictures.__file__).read_bytes() + Path(__file__).read_bytes())
        digest.update(repr((PIL.__version__, astuple(look))).encode())
        for path in paths:
            # Its time, not its content: a scratch decides nothing but how long a run takes.
            with suppress(OSError):
                at = Path(path).stat()
                digest.update(os.fsencode(path) + repr((at.st_size, at.st_mtime_ns, at.st_ino)).encode())
        root = Path(os.environ.get("DVC_ROOT", "."))  # the main repository, also in an experiment's workspace
        self.folder = root / ".dvc" / "tmp" / "pictures" / digest.hexdigest()

    def decoded(self) -> tuple[Stored, list[Outcome]]:
        """All pictures, uint8 (N, C, H, W), and the outcome of each; one that has none is black."""
        pixels = self.folder / "pixels"
        size = int(np.prod(self.look.shape))
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with pixels.open("ab") as file:
                file.truncate(size * len(self.paths))
        work = partial(_decode, folder=self.folder, look=self.look)
        outcomes = _side_by_side(work, _portions(self.paths), len(self.paths), "pictures")
        return Stored(pixels, 0, (len(self.paths), *self.look.shape), np.dtype(np.uint8)), outcomes

    def discard(self) -> None:
        """Delete it, and what runs have left behind that were given up."""
        with convenience("it stays there"):
            for left in self.folder.parent.glob("*"):
                with suppress(FileNotFoundError):  # another run may be tidying up, too
                    if left == self.folder or time.time() - left.stat().st_mtime > GIVEN_UP:
                        shutil.rmtree(left)


def _decode(portion: tuple[int, Sequence[str]], folder: Path, look: Look) -> list[Outcome]:
    """Decode a portion into its place, unless that is done."""
    first, paths = portion
    note, place = folder / f"{first}.json", first * int(np.prod(look.shape))
    pixels = np.zeros((len(paths), *look.shape), np.uint8)
    with (folder / "pixels").open("r+b") as file:
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(note.read_bytes())
            os.preadv(file.fileno(), [pixels.data], place)
            if found["sha256"] == hashlib.sha256(pixels.data).hexdigest() and len(found["outcomes"]) == len(paths):
                return [Outcome(*outcome) for outcome in found["outcomes"]]
        pixels[:] = 0
        outcomes = []
        for index, path in enumerate(paths):
            try:
                pixels[index], digest = picture(path, look)
                outcomes.append(Outcome(digest, ""))
            except UnusableError as error:
                outcomes.append(Outcome("", str(error)))
        with writing(folder):
            file.seek(place)
            file.write(pixels.data)
    text = {"sha256": hashlib.sha256(pixels.data).hexdigest(), "outcomes": [astuple(outcome) for outcome in outcomes]}
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(text))
    return outcomes


def _portions(paths: Sequence[str]) -> list[tuple[int, Sequence[str]]]:
    return [(first, paths[first : first + TOGETHER]) for first in range(0, len(paths), TOGETHER)]


def _side_by_side(
    function: Callable[[tuple[int, Sequence[str]]], list[Result]],
    portions: Sequence[tuple[int, Sequence[str]]],
    files: int,
    title: str,
) -> list[Result]:
    """What `function` gives for all portions, in their order, by as many processes as there are cores or WORKERS."""
    workers = min(thread_count(), len(portions))
    found: dict[int, list[Result]] = {}
    with (
        tqdm(total=files, desc=title, unit="file", disable=None) as bar,
        _given(function, portions, workers if files > FEW else 1) as done,
    ):
        for first, results in done:
            found[first] = results
            bar.update(len(results))
    return [result for first, _ in portions for result in found[first]]


@contextmanager
def _given(
    function: Callable[[tuple[int, Sequence[str]]], list[Result]],
    portions: Sequence[tuple[int, Sequence[str]]],
    workers: int,
) -> Iterator[Iterable[tuple[int, list[Result]]]]:
    if workers == 1:
        yield ((portion[0], function(portion)) for portion in portions)
        return
    # Processes, since half the time of a small picture is Python's; started anew, since this one may have threads.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)
    try:
        futures: dict[Future[list[Result]], int] = {pool.submit(function, one): one[0] for one in portions}
        yield ((futures[future], future.result()) for future in as_completed(futures))
    except BrokenProcessPool:
        raise InputError("a process that decodes pictures was ended, maybe for lack of memory; run it again") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """In a new process: leave Ctrl-C to the one that started it, and end when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent: Any = parent_process()

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
