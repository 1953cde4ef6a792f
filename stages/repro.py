"""repro: `dvc repro`, for which parameters, cache and what a killed DVC has left are looked after. No stage of DVC.

`make repro` calls it. Exit code as of `dvc repro`.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from stages.core.base.artifacts import read_bytes
from stages.core.base.command import InputError, run
from stages.core.revisions.repository import LOCK, promised
from stages.mend import mend


def main() -> None:
    # First our check of params.yaml, since DVC itself reads on for minutes in a hostile one.
    if failed := call("stages.check"):
        sys.exit(failed)
    failed = repro()
    if failed and mend():
        failed = repro()
    sys.exit(failed)


def repro() -> int:
    """Take from the cache what is missing here, as a restored one has it, and run what is not up to date."""
    if missing := missing_outputs():
        # Others stay as they are; what the cache has not got, DVC may complain of, and then makes.
        call("dvc", "checkout", "--quiet", "--allow-missing", *missing, quiet=True)
    return call("dvc", "repro")


def missing_outputs() -> list[str]:
    """The outputs in dvc.lock that are not here; none where it cannot be read, of which DVC tells."""
    with suppress(InputError):
        outputs = promised(read_bytes(Path(LOCK)).decode(errors="replace"), LOCK)
        return [path for path in outputs if not Path(path).exists()]
    return []


def call(module: str, *arguments: str, quiet: bool = False) -> int:
    """The exit code of `python -m module`; what ends us ends it, too."""
    nothing = subprocess.DEVNULL if quiet else None
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=nothing, stderr=nothing) as process:  # noqa: S603
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            raise


if __name__ == "__main__":
    run(main)
