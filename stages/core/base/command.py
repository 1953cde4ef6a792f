"""How a stage script runs: a user's mistake ends it with one line and exit code 1, a bug of ours with a traceback."""

import os
import signal
import sys
from collections.abc import Callable


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the key or file, the value found and the rule."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; turn an `InputError` into its message on stderr and exit code 1.

    SIGTERM and Ctrl-C end the stage too without a traceback, and let it tidy up its temporary files. Of the processes
    that torchrun starts, only the first gives the message.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}" if os.environ.get("RANK", "0") == "0" else 1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
