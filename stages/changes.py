"""changes: one Markdown page on what sets the workspace apart from a revision, for a pull request. No stage of DVC."""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stages.compare import comparison_of
from stages.core.base.artifacts import read_bytes
from stages.core.base.command import InputError, run
from stages.core.revisions.changes import Changes, changed, markdown_page
from stages.core.revisions.find import WORKSPACE
from stages.core.revisions.repository import LOCK, commit, lock, promised

PICTURES = Path("plots/images")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.changes", description=__doc__)
    parser.add_argument("base", metavar="BASE", nargs="?", default="HEAD", help="the revision to compare with (HEAD)")
    parser.add_argument("--verify", metavar="FILE", type=Path, help="what `make verify` printed, to be shown, too")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    base = given.base
    before, head = promises(base), promises("HEAD")
    here = promised(read_bytes(Path(LOCK)).decode("utf-8", "replace"), LOCK)
    found = Changes(
        base=base,
        verdict=verdict_against(base),
        metrics=dvc("metrics", "diff", "--md", base),
        params=dvc("params", "diff", "--md", base),
        pictures=changed_pictures(before),
        differing=changed(head, here),
        stale=sorted(json.loads(dvc("status", "--json"))),
        verified=text(given.verify) if given.verify else "",
    )
    sys.stdout.write(markdown_page(found))


def verdict_against(base: str) -> str:
    """Whether the model is better, worse or the same; or why that cannot be said here."""
    from stages.core.revisions.verdict import as_markdown

    try:
        return as_markdown(comparison_of(base, WORKSPACE, seed=0), base, WORKSPACE)
    except InputError as error:
        return f"The models cannot be compared here: {error}."


def promises(revision: str) -> dict[str, str]:
    """The hash of every output in the dvc.lock of a revision."""
    return promised(lock(commit(revision)), f"{revision}: {LOCK}")


def changed_pictures(before: Mapping[str, str]) -> dict[str, tuple[str, str]] | None:
    """The pictures that are others than those of these outputs; None where the cache does not know its pictures."""
    from dvc.repo import Repo

    files: list[dict[str, str]] = []
    if digest := before.get(str(PICTURES)):
        with Repo() as here:
            listing = Path(here.cache.local.oid_to_path(digest))
        if not listing.is_file():
            return None
        files = json.loads(listing.read_text())
    after = {path.name: md5(path) for path in PICTURES.glob("*.png")}
    return changed({file["relpath"]: file["md5"] for file in files}, after)


def text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def dvc(*arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if result.returncode:
        said = re.findall(r"^ERROR: (.*)", result.stderr, re.MULTILINE) or result.stderr.strip().splitlines()[-1:]
        raise InputError(f"dvc {' '.join(arguments)}: {said[0] if said else 'failed'}")
    return result.stdout


if __name__ == "__main__":
    run(main)
