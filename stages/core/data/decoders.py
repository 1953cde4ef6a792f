"""Processes that share out the decoding of pictures, as many as there are cores or WORKERS.

Processes, since half the time that a small picture takes is Python's; and our own, since those of `multiprocessing`
load all that the stage has loaded, which takes seconds, and outlive a stage that is killed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from tqdm import tqdm

from stages.core.base.command import InputError
from stages.core.base.cores import thread_count
from stages.core.data import decoder

FILES, BYTES = 2048, 1 << 24  # that take a process about a second, which is what it takes to start another
_ROOT = Path(__file__).parents[3]

Result = TypeVar("Result")


class Decoders:
    """Processes for as many files of as many bytes in all, none beside this one where they are few; a context manager.

    How many there are changes no byte of what they find.
    """

    def __init__(self, files: int, size: int) -> None:
        workers = thread_count()
        self.processes = [_started() for _ in range(workers if workers > 1 and files / FILES + size / BYTES > 1 else 0)]
        self.free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for process in self.processes:
            self.free.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            if kind:
                process.kill()
            with suppress(BrokenPipeError), process:  # which closes its input, and waits for its end
                pass

    def map(
        self, function: Callable[..., list[Result]], jobs: Sequence[Mapping[str, Any]], files: int, title: str
    ) -> list[list[Result]]:
        """What the `function` of `decoder` gives for each of `jobs`, in their order; a bar counts `files`.

        Raises `InputError` where a process is ended, or the system refuses.
        """
        with tqdm(total=files, desc=title, unit="file", disable=None) as bar:
            if not self.processes:
                found = []
                for job in jobs:
                    found.append(function(**job))
                    bar.update(len(found[-1]))
                return found
            pool = ThreadPoolExecutor(len(self.processes))
            try:
                answers = [pool.submit(self._ask, function.__name__, job) for job in jobs]
                for answer in as_completed(answers):
                    bar.update(len(answer.result()))
                return [answer.result() for answer in answers]
            except BaseException:  # Ctrl-C, too
                for process in self.processes:
                    process.kill()
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _ask(self, function: str, job: Mapping[str, Any]) -> list[Any]:
        process = self.free.get()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps({"function": function, **job}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            self.free.put(process)
        if not line:
            raise InputError("a process that decodes pictures was ended, maybe for lack of memory; run it again")
        answer = json.loads(line)
        if "error" in answer:
            raise InputError(answer["error"])
        found: list[Any] = answer["found"]
        return found


def _started() -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-m", decoder.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path},
    )
