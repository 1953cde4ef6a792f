"""How the process of a stage ends: quietly at a signal, and with the dvc and the torchrun that started it."""

import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE_S = 10  # for tidying up


def die_at_signals() -> None:
    """Until `unwinding`: Ctrl-C ends the process as SIGTERM does, where Python would give a traceback of imports."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where nohup and the like ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def unwinding() -> Iterator[None]:
    """In the block Ctrl-C, SIGTERM and SIGHUP raise, so that temporary files are tidied away."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    for number in (number for number, handler in before.items() if handler is signal.SIG_DFL):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with(starter: str) -> None:
    """Watch all parents up to the process that set the environment variable `starter`, and end when one ends. On Linux.

    Not PR_SET_PDEATHSIG: between a stage and its dvc there may be a shell or torchrun, which would live on.
    """
    if not hasattr(os, "pidfd_open"):
        return
    parents = select.poll()
    child, parent = os.getpid(), os.getppid()
    try:
        parents.register(os.pidfd_open(parent), select.POLLIN)
        while _has(parent, starter):
            child, parent = parent, _parent(parent)
            parents.register(os.pidfd_open(parent), select.POLLIN)
        # An orphan is given to a process that started it not: one of another session.
        orphan = os.getsid(parent) != os.getsid(child)
    except ProcessLookupError:
        orphan = True
    except OSError:  # an old kernel, or a container that forbids it
        return
    threading.Thread(target=_end, args=(parents, 0 if orphan else None), daemon=True).start()


def _end(parents: select.poll, timeout: int | None) -> None:
    """Wait until one of `parents` has ended, `timeout` ms at the most; then end this process."""
    parents.poll(timeout)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _has(process: int, variable: str) -> bool:
    """Whether `process` was started with this environment variable; not if that cannot be known."""
    try:
        return f"\0{variable}=".encode() in b"\0" + Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return False


def _parent(process: int) -> int:
    try:
        found = re.search(r"^PPid:\s*(\d+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    except OSError:
        raise ProcessLookupError from None
    return int(found[1]) if found else 1
