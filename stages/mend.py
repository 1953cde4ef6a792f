"""mend: remove what a killed DVC left half-written, so that it refuses every command from then on. No stage of DVC.

`make repro` calls it when DVC fails. Exit code 1 where there is nothing to mend: what failed is something else.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from stages.core.base.command import InputError, run
from stages.core.revisions.repository import LOCK

RWLOCK = Path(".dvc/tmp/rwlock")  # which process of DVC uses which files


def main() -> None:
    need_repository()
    mended = [mend_rwlock(), mend_lock()]
    sys.exit(0 if any(mended) else 1)


def mend_rwlock() -> bool:
    """Remove a damaged RWLOCK, and one that names processes that are no DVC's: a number is given out again."""
    if not RWLOCK.exists():
        return False
    import zc.lockfile

    try:
        guard = zc.lockfile.LockFile(f"{RWLOCK}.lock")
    except zc.lockfile.LockError:
        raise InputError(f"{RWLOCK}: another process of DVC is at work; wait until it ends") from None
    try:
        if not blocks(RWLOCK.read_text(encoding="utf-8", errors="replace")):
            return False
        RWLOCK.unlink()
    finally:
        guard.close()
    logging.warning("%s: left by a killed process of DVC; removed", RWLOCK)
    return True


def blocks(rwlock: str) -> bool:
    """Whether DVC refuses its work for this RWLOCK, though no process of DVC is behind it."""
    import psutil
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        held: dict[str, Any] = SCHEMA(json.loads(rwlock))
    except (ValueError, Invalid):
        return True
    holders = [*held["write"].values(), *(reader for readers in held["read"].values() for reader in readers)]
    alive = [psutil.Process(holder["pid"]) for holder in holders if psutil.pid_exists(holder["pid"])]
    return bool(alive) and not any("dvc" in " ".join(process.cmdline()) for process in alive)


def mend_lock() -> bool:
    """Remove a dvc.lock that DVC cannot read. What ran is in DVC's cache of runs, from where `dvc repro` takes it."""
    lock = Path(LOCK)
    if not lock.exists():
        return False
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    text = lock.read_text(encoding="utf-8", errors="replace")
    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, LOCK))
        return False
    except (YAMLFileCorruptedError, Invalid):
        if "\n<<<<<<< " in f"\n{text}":  # somebody is at it
            raise InputError(
                f"{LOCK}: in conflict; `git checkout HEAD -- {LOCK}` and `make repro` make it anew"
            ) from None
        lock.unlink()
    logging.warning("%s: half-written by a killed process of DVC; removed", LOCK)
    return True


def need_repository() -> None:
    """Raise `InputError` where DVC looks for a Git repository and finds none, as in a downloaded archive."""
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        Repo().close()
    except SCMError as error:
        raise InputError(f"{error}; `dvc config --local core.no_scm true` lets `dvc repro` do without") from None


if __name__ == "__main__":
    run(main)
