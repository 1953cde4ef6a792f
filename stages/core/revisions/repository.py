"""The Git repository that the pipeline lies in, at its root or in a folder below, and dvc.lock in each of its commits.

Whatever is wrong with it is told in one line, as an `InputError`, in Git's own words where Git has some.
"""

import os
import subprocess

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.base.command import InputError

LOCK = "dvc.lock"


def git(*arguments: str) -> str:
    """What git prints, run here."""
    try:
        environment = {**os.environ, "LC_ALL": "C"}
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment)  # noqa: S603, S607
    except FileNotFoundError:
        raise InputError("git: not found, must be installed and on PATH") from None
    if result.returncode:
        first, *others = result.stderr.strip().splitlines() or ["failed"]
        remedy = [f"; `{line.strip()}` permits it" for line in others if line.startswith("\tgit config ")]
        raise InputError(f"git: {first.removeprefix('fatal: ')}{''.join(remedy)}")
    return result.stdout


def commit(revision: str) -> str:
    """The hash of the commit that `revision` names, which may be an experiment's name, too."""
    git("rev-parse", "--git-dir")  # is there a repository, and may we read it?
    if revision and (found := _commit(revision) or _commit(_experiment(revision))):
        return found
    if not git("rev-list", "--all", "--max-count=1"):
        why = "this repository has no commit yet"
    elif git("rev-parse", "--is-shallow-repository").strip() == "true":
        why = "not in this shallow clone; `git fetch --unshallow` brings all commits"
    else:
        why = "no revision of this repository"
    raise InputError(f"{revision or repr('')}: {why}")


def _commit(revision: str) -> str:
    """The hash of the commit that Git knows by this name, else ""."""
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except InputError:
        return ""


def _experiment(name: str) -> str:
    """The hash of an experiment, else ""."""
    # DVC takes most of a second to load, so only now.
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import resolve_rev

    try:
        with Repo() as here:
            return str(resolve_rev(here.scm, name))
    except DvcException:
        return ""


def lock(commit: str) -> str:
    """The text of dvc.lock in a commit; "" where there is none."""
    if not git("ls-tree", "--name-only", commit, LOCK):
        return ""
    return git("show", f"{commit}:./{LOCK}")


def promised(text: str, name: str) -> dict[str, str]:
    """The hash of every output, by its path, that a dvc.lock lists; `name` says which one is damaged if it is."""
    try:
        stages = (YAML(typ="safe", pure=True).load(text) or {}).get("stages", {})
        return {str(out["path"]): str(out["md5"]) for stage in stages.values() for out in stage.get("outs", [])}
    except (YAMLError, AttributeError, KeyError, TypeError):
        why = "in conflict: Git could not merge it" if "\n<<<<<<<" in f"\n{text}" else "damaged"
        raise InputError(
            f"{name}: {why}; `git checkout COMMIT -- {LOCK}` brings a whole one, and `dvc repro` what is new"
        ) from None
