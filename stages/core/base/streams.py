"""stdout and stderr, whose reader may have gone and whose disk may be full."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

STDOUT = "standard output"  # the name of the file in an `OSError`


@contextmanager
def that_may_close() -> Iterator[None]:
    """In the block nobody is told anything once stderr fails; where stdout fails, it ends with an `OSError`.

    But an error of the block is not replaced by that.
    """
    failed = False
    with (
        Path(os.devnull).open("w") as void,
        redirect_stdout(sys.stdout or void),  # None: closed by the caller
        redirect_stderr(cast(TextIO, _Listener(sys.stderr or void))),
    ):
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            try:
                sys.stdout.flush()
            except OSError as error:
                _into_the_void(sys.stdout)
                if not failed:
                    raise OSError(error.errno, error.strerror, STDOUT) from None


class _Listener:
    """stderr; from its first failure on, it swallows what is written."""

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
