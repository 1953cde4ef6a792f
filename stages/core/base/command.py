"""How a stage script runs: what a user or the system does wrong ends it with one line and exit code 1.

A bug of ours ends it with a traceback, and what is a convenience alone costs no more than a warning.
"""

import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

_LINES, _LETTERS = 25, 600  # of a message, and of a line of it: what it shows of a file may be of any length
_NO_MEMORY = re.compile("can't allocate memory|out of memory|could not create a (primitive|memory)")  # torch's words
_told: set[str] = set()


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the key or file, the value found and the rule."""

    def __init__(self, message: str) -> None:
        lines = message.split("\n")[:_LINES]
        super().__init__("\n".join(line if len(line) <= _LETTERS else f"{line[: _LETTERS - 4]} ..." for line in lines))


@contextmanager
def convenience(loss: str) -> Iterator[None]:
    """A block that the run can do without: where a file or the system fails it, one warning says so and the `loss`.

    The same loss is told once in a process.
    """
    try:
        yield
    except (OSError, InputError) as error:
        if loss not in _told:
            _told.add(loss)
            logging.warning("%s; %s", _reason(error), loss)


class _Listener:
    """stderr, whose reader may have gone and whose disk may be full: from then on, nobody is told anything."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._heedless():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._heedless():
            self._stream.flush()

    @contextmanager
    def _heedless(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            _into_the_void(self._stream)


def _into_the_void(stream: TextIO) -> None:
    """What waits in `stream`, or is written to it, goes nowhere: not even Python's flush at the end can fail."""
    with Path(os.devnull).open("wb") as void:
        os.dup2(void.fileno(), stream.fileno())


def run(main: Callable[[], None]) -> None:
    """Call `main`; turn an `InputError`, a failure of the system or a lack of memory into a line and exit code 1.

    SIGTERM and Ctrl-C end the stage too without a traceback, and let it tidy up its temporary files. Of the processes
    that torchrun starts, only the first gives the message.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with Path(os.devnull).open("w") as void, redirect_stdout(sys.stdout or void):  # None: closed by the caller
            with redirect_stderr(cast(TextIO, _Listener(sys.stderr or void))):
                main()
            _flush(sys.stdout)
    except (InputError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        sys.exit(f"error: {_reason(error)}" if os.environ.get("RANK", "0") == "0" else 1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError as error:
        _into_the_void(stream)
        raise OSError(error.errno, error.strerror, "standard output") from None


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return f"{error.filename}: {reason}" if error.filename else reason
    return f"the memory does not suffice ({' '.join(str(error).split())[-200:] or 'no more to be had'})"
