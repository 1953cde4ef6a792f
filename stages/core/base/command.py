"""How a stage script runs: what a user or the system does wrong ends it with one line and exit code 1.

A bug of ours ends it with a traceback, and what is a convenience alone costs no more than a warning.
"""

import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stages.core.base import process, recorded, streams

_LINES, _LETTERS = 10, 600  # of a message, and of a line of it: what it shows of a file may be of any length
_NAMED = 3  # changes in a message
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


def run(main: Callable[[], None]) -> None:
    """Call `main`; turn an `InputError`, a failure of the system or a lack of memory into a line and exit code 1.

    A stage, which declares `INPUTS`, is refused at its end where DVC would record what it has not run with. SIGTERM and
    Ctrl-C end it too without a traceback, and let it tidy up its temporary files. Of the processes that torchrun
    starts, only the first gives the message.
    """
    inputs = getattr(sys.modules[main.__module__], "INPUTS", None)
    first = os.environ.get("RANK", "0") == "0"
    try:
        with process.unwinding(), streams.that_may_close():
            if inputs is None:
                main()
            else:
                with recorded.noting(inputs.values()):
                    main()
                    if first:  # which alone writes, and tells
                        check_recorded()
    except (InputError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError) and error.filename == streams.STDOUT:
            sys.exit(128 + signal.SIGPIPE)  # its reader, such as `head`, has all it wanted
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        sys.exit(f"error: {_reason(error)}" if first else 1)


def check_recorded() -> None:
    """Raises `InputError` where parameters, code or inputs are no longer those that the stage runs with."""
    if names := recorded.changed():
        more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
        told = "; ".join([*(name[:100] for name in names[:_NAMED]), *more])
        raise InputError(f"changed while the stage ran: {told}; DVC would record what did not run, so run it again")


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return f"{error.filename}: {reason}" if error.filename else reason
    return f"the memory does not suffice ({' '.join(str(error).split())[-200:] or 'no more to be had'})"
