"""How a stage script runs: a user's mistake ends it with one line and exit code 1, a bug of ours with a traceback."""

import os
import sys
from collections.abc import Callable

from stages.core.base import process, recorded

_NAMED = 3  # changes in a message


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the key or file, the value found and the rule."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; turn an `InputError` into its message on stderr and exit code 1.

    A stage, which declares `INPUTS`, is refused at its end where DVC would record what it has not run with. SIGTERM and
    Ctrl-C end it too without a traceback, and let it tidy up its temporary files. Of the processes that torchrun
    starts, only the first gives the message.
    """
    inputs = getattr(sys.modules[main.__module__], "INPUTS", None)
    try:
        with process.unwinding():
            if inputs is None:
                main()
            else:
                with recorded.noting(inputs.values()):
                    main()
                    check_recorded()
    except InputError as error:
        sys.exit(f"error: {error}" if os.environ.get("RANK", "0") == "0" else 1)


def check_recorded() -> None:
    """Raises `InputError` where parameters, code or inputs are no longer those that the stage runs with."""
    if names := recorded.changed():
        more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
        told = "; ".join([*(name[:100] for name in names[:_NAMED]), *more])
        raise InputError(f"changed while the stage ran: {told}; DVC would record what did not run, so run it again")
