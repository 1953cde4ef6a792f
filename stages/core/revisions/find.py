"""Files of other revisions: what DVC tracks in a Git revision or an experiment, found in the local cache.

Only the cache is looked into: nothing is fetched, so no network is needed.
"""

from pathlib import Path

from stages.core.base.command import InputError
from stages.core.revisions.repository import LOCK, commit

WORKSPACE = "workspace"  # as DVC calls the files that lie there


def find(path: Path, revision: str) -> Path:
    """Where the content that `path` has in `revision` lies: a Git revision, an experiment's name, or the workspace.

    Raises `InputError` when there is no such revision, when it does not track `path`, and when the content is not
    here; the message then says what brings it.
    """
    if revision == WORKSPACE:
        if not path.is_file():
            raise InputError(f"{path}: not in the workspace; `dvc checkout {path}` or `dvc repro` brings it")
        return path

    found = commit(revision)

    # DVC takes most of a second to load, so only now.
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    # With the parameters of then: what is changed in the workspace would go along.
    remedy = f"`git stash`, `git switch --detach {found[:7]}` and `dvc repro` make it anew"
    with Repo() as here:
        try:
            with here.switch(found):
                entry = here.dvcfs.info(str(path))
        except (FileNotFoundError, NotDvcRepoError):
            raise InputError(f"{revision}: does not track {path}") from None
        except DvcException as error:
            raise InputError(f"{revision}: {str(error).splitlines()[0]}") from None
        if "md5" not in entry:
            where = "in Git there, not in DVC's cache" if "fs_info" in entry else f"not in its {LOCK}; {remedy}"
            raise InputError(f"{revision}: {path} is {where}")
        cached = Path(here.cache.local.oid_to_path(entry["md5"]))
        remote = here.config["core"].get("remote")

    if not cached.is_file():
        if remote:
            remedy = f"`dvc fetch --all-commits {path}` brings it if the remote {remote!r} has it, else {remedy}"
        raise InputError(f"{revision}: {path} is not in the cache; {remedy}")
    return cached
