"""How the process of a stage ends: quietly at a signal, and with the dvc and the torchrun that started it."""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE_S = 10  # for tidying up


@contextmanager
def unwinding() -> Iterator[None]:
    """In the block Ctrl-C, SIGTERM and SIGHUP raise, so that temporary files are tidied away; ignored ones stay so."""
    numbers = [number for number in signal.Signals if number.name in {"SIGINT", "SIGTERM", "SIGHUP"}]
    defaults = {signal.SIG_DFL, signal.default_int_handler}
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) in defaults}
    for number in before:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_starter() -> None:
    """Where dvc or torchrun started this process: watch all parents up to that one, and end when one ends. On Linux.

    Not PR_SET_PDEATHSIG: between a stage and its dvc there may be a shell or torchrun, which would live on.
    """
    starter = next((name for name in ("DVC_STAGE", "TORCHELASTIC_RUN_ID") if name in os.environ), None)
    if starter is None or not hasattr(os, "pidfd_open"):
        return
    parents = select.poll()
    child, parent = os.getpid(), os.getppid()
    try:
        parents.register(os.pidfd_open(parent), select.POLLIN)
        while _has(parent, starter):
            child, parent = parent, _parent(parent)
            parents.register(os.pidfd_open(parent), select.POLLIN)
        # dvc, which leaves its session to a stage, was gone before we could look, and init has adopted us.
        late = starter == "DVC_STAGE" and _is_init(parent) and os.getsid(parent) != os.getsid(child)
    except ProcessLookupError:
        late = True
    except OSError:  # an old kernel, or a container that forbids it
        return
    threading.Thread(target=_end, args=(parents, 0 if late else None), daemon=True).start()


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
    return int(_status(process, "PPid"))


def _is_init(process: int) -> bool:
    return process == 1 or _status(process, "Name") == "systemd"  # a user's own


def _status(process: int, key: str) -> str:
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)[key].strip()
