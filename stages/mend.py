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

# Which process of DVC uses which files: of the workspace, of the experiments.
DAMAGED = Path(".dvc/tmp/dvc.lock.damaged")
RWLOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))


def main() -> None:
    sys.exit(0 if mend() else 1)


def mend() -> bool:
    """Whether there was something to mend."""
    need_repository()
    return any([*map(mend_rwlock, RWLOCKS), mend_lock()])


def mend_rwlock(path: Path) -> bool:
    """Remove it if it is damaged, or names processes that are no DVC's: a killed one's number is given out again."""
    if not path.exists():
        return False
    import zc.lockfile

    try:
        guard = zc.lockfile.LockFile(f"{path}.lock")
    except zc.lockfile.LockError:
        raise InputError(f"{path}: another process of DVC is at work; wait until it ends") from None
    try:
        if not blocks(path.read_text(encoding="utf-8", errors="replace")):
            return False
        path.unlink()
    finally:
        guard.close()
    logging.warning("%s: left by a killed process of DVC; removed", path)
    return True


def blocks(rwlock: str) -> bool:
    """Whether DVC refuses its work for this rwlock, though no process of DVC is behind it."""
    import psutil
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        held: dict[str, Any] = SCHEMA(json.loads(rwlock))
    except (ValueError, Invalid):
        return True

    def is_dvc(process: int) -> bool:
        try:
            return "dvc" in " ".join(psutil.Process(process).cmdline())
        except psutil.AccessDenied:  # who knows
            return True
        except psutil.NoSuchProcess:  # ended just now, or dead and not yet taken note of
            return False

    holders = [*held["write"].values(), *(reader for readers in held["read"].values() for reader in readers)]
    alive = [holder["pid"] for holder in holders if psutil.pid_exists(holder["pid"])]
    return bool(alive) and not any(map(is_dvc, alive))


def mend_lock() -> bool:
    """Set a dvc.lock aside that DVC cannot read. What ran is in DVC's cache of runs, where `dvc repro` finds it."""
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
        DAMAGED.parent.mkdir(parents=True, exist_ok=True)
        lock.replace(DAMAGED)
    logging.warning("%s: DVC cannot read it, as one half-written by a killed process; removed to %s", LOCK, DAMAGED)
    return True


def need_repository() -> None:
    """Raise `InputError` where DVC looks for a Git repository and finds none, as in a downloaded archive."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        with Repo():
            pass
    except SCMError as error:
        raise InputError(f"{error}; `dvc config --local core.no_scm true` lets `dvc repro` do without") from None
    except DvcException as error:
        raise InputError(str(error)) from None


if __name__ == "__main__":
    run(main)
