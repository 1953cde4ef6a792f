"""make verify: does the last commit reproduce, from nothing and bit for bit?

Clones it into a temporary folder, runs every stage there with no cache to fall back on, and prints a table of every
output: the hash the commit promises, and the hash this run got. The exit code is 0 only if all are identical.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def main() -> int:
    if changes := git("status", "--porcelain", "."):
        print(f"note: the last commit is verified, without these changes:\n{changes}")
    if not git("ls-tree", "HEAD", "dvc.lock"):
        print("error: the last commit has no dvc.lock: run `make repro` and commit what it changes")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="verify-"))
    try:
        return reproduced(folder)
    except BaseException:  # a signal: there is nothing to look into
        shutil.rmtree(folder, ignore_errors=True)
        raise


def reproduced(folder: Path) -> int:
    """The exit code: 0 if all is identical. The folder is then removed, else kept, and named."""
    git("clone", "--quiet", git("rev-parse", "--show-toplevel").strip(), str(folder / "clone"))
    clone = folder / "clone" / git("rev-parse", "--show-prefix").strip()  # the repository may be a larger one
    promised = hashes(clone, cache=ROOT / ".dvc/cache")

    start = time.monotonic()
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache"]
    if call(command, cwd=clone, env=environment(folder)):
        print(f"error: the pipeline failed; the folder is kept: {clone}")
        return 1
    got = hashes(clone, cache=clone / ".dvc/cache")
    print(f"\nReproduced {git('rev-parse', '--short', 'HEAD').strip()} in {time.monotonic() - start:.0f} s:\n")
    print(table(promised, got))
    if promised.items() - got.items():  # an output that nobody promised changes dvc.lock
        print(f"\nerror: not reproduced; the folder is kept: {clone}")
        return 1
    shutil.rmtree(folder)
    print("\nEvery output is identical.")
    return 0


def call(command: list[str], cwd: Path, env: dict[str, str]) -> int:
    """The exit code of `command`. What ends us ends it and all that it has started, which are a group of their own."""
    with subprocess.Popen(command, cwd=cwd, env=env, process_group=0) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def git(*arguments: str) -> str:
    """What git prints, run in this repository, also when a Git hook of another one called us."""
    command = ["git", *arguments]
    try:
        result = subprocess.run(command, cwd=ROOT, env=without_git(), capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("error: git: not found, must be installed and on PATH")
    if result.returncode:
        sys.exit(f"error: git: {result.stderr.strip().removeprefix('fatal: ')}")
    return result.stdout


def without_git() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def environment(folder: Path) -> dict[str, str]:
    """The caller's environment, but DVC finds no settings and no cache outside of `folder`.

    The raw files may come from this repository: `fetch` accepts them by their SHA-256, wherever they lie.
    """
    raw = Path(os.environ.get("DATA_DIR", ROOT / "data/raw")).expanduser().absolute()  # the clone lies elsewhere
    return {
        **without_git(),
        **({"DATA_DIR": str(raw)} if raw.exists() else {}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "dvc"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / "dvc"),
        "DVC_SITE_CACHE_DIR": str(folder / "dvc"),
    }


def hashes(repository: Path, cache: Path) -> dict[str, str]:
    """The MD5 of dvc.lock and of every output it lists, by path; also of a folder's files, if `cache` knows them.

    Where the file itself is there it counts, whatever dvc.lock says of it: what Git tracks is promised as it is.
    """
    lock = repository / "dvc.lock"
    found = {"dvc.lock": md5(lock)}
    try:
        stages = yaml.safe_load(lock.read_text())["stages"].values()
    except (yaml.YAMLError, KeyError, TypeError):
        sys.exit(f"error: {lock.name}: damaged or in conflict in the last commit")
    for stage in stages:
        for out in stage.get("outs", []):
            path, digest = out["path"], out["md5"]
            found[path] = md5(repository / path) if (repository / path).is_file() else digest
            listing = cache / "files/md5" / digest[:2] / digest[2:]
            if digest.endswith(".dir") and listing.exists():
                found |= {f"{path}/{file['relpath']}": file["md5"] for file in json.loads(listing.read_text())}
    return found


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def table(promised: dict[str, str], got: dict[str, str]) -> str:
    width = max(map(len, promised))
    lines = [f"{'output':{width}}  {'promised':36}  {'got':36}  identical"]
    for path, before in sorted(promised.items()):
        after = got.get(path, "-")
        lines.append(f"{path:{width}}  {before:36}  {after:36}  {'yes' if before == after else 'NO'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
