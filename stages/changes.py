"""changes: one Markdown page on what sets the workspace apart from a revision, for a pull request. No stage of DVC."""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from stages.compare import comparison_of
from stages.core.base.command import InputError, run
from stages.core.revisions.changes import Changes, changed, markdown_page
from stages.core.revisions.find import WORKSPACE

PICTURES = Path("plots/images")
LOCK = "dvc.lock"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.changes", description=__doc__)
    parser.add_argument("base", metavar="BASE", nargs="?", default="HEAD", help="the revision to compare with (HEAD)")
    parser.add_argument("--verify", metavar="FILE", type=Path, help="what `make verify` printed, to be shown, too")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    base = given.base
    if git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}") is None:
        raise InputError(f"{base}: no revision of this repository")
    found = Changes(
        base=base,
        verdict=verdict_against(base),
        metrics=dvc("metrics", "diff", "--md", base),
        params=dvc("params", "diff", "--md", base),
        pictures=changed_pictures(git("show", f"{base}:{LOCK}") or ""),
        differing=changed(promised(git("show", f"HEAD:{LOCK}") or ""), promised(Path(LOCK).read_text())),
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


def changed_pictures(lock: str) -> dict[str, tuple[str, str]] | None:
    """The pictures that are others than in that dvc.lock; None where the cache does not know its pictures."""
    from dvc.repo import Repo

    before: list[dict[str, str]] = []
    if digest := promised(lock).get(str(PICTURES)):
        listing = Path(Repo().cache.local.oid_to_path(digest))
        if not listing.is_file():
            return None
        before = json.loads(listing.read_text())
    after = {path.name: md5(path) for path in PICTURES.glob("*.png")}
    return changed({file["relpath"]: file["md5"] for file in before}, after)


def promised(lock: str) -> dict[str, str]:
    """The hash of every output that a dvc.lock lists."""
    stages = (YAML(typ="safe", pure=True).load(lock) or {}).get("stages", {})
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def git(*arguments: str) -> str | None:
    """What git prints; None if it fails."""
    command = ["git", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    return result.stdout if result.returncode == 0 else None


def dvc(*arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if result.returncode:
        raise InputError(f"dvc {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


if __name__ == "__main__":
    run(main)
