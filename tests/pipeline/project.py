"""A project to try things in: a Git repository with this one's files, a DVC cache of its own and small parameters."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import verify
from tests.pipeline import warm

ROOT = Path(__file__).parents[2]
QUICK: dict[str, Any] = {  # with whatever data
    "cross_validate.folds": 2,
    "cross_validate.epochs": 1,
    "evaluate.resamples": 100,
    "stress.examples": 20,
    "lr_range.steps": 10,
    "plot.dpi": 50,
}
SMALL: dict[str, Any] = {  # MNIST
    **QUICK,
    "prepare.limit": 600,
    "model.channels": [4, 8, 8],
    "train.epochs": 2,
    "train.batch_size": 100,
    "stress.examples": 50,
}
IDENTITY = {f"GIT_{role}_{key}": "nobody@localhost" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Project:
    folder: Path  # holds the repository, and what DVC keeps outside of it

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @classmethod
    def create(cls, folder: Path) -> "Project":
        """The files of this repository as they are now, those that Git ignores left out, as the first commit."""
        project = cls(folder)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        for source in (ROOT / name for name in names if name and (ROOT / name).exists()):
            target = project.root / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        project.run("git", "init", "--quiet")
        project.commit("The pipeline")
        return project

    def copy(self, folder: Path) -> "Project":
        """The same once more, outputs and cache included, to change at will."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Project(folder)

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**warm.environment(verify.environment(self.folder)), **IDENTITY, **environment}
        result = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)
        assert not check or result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
        return result

    def dvc(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("dvc", *arguments, check=check, **environment)

    def dvc_json(self, *arguments: str) -> Any:
        return json.loads(self.dvc(*arguments, "--json").stdout)

    def stage(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a stage's command by itself, nearly as DVC would: see `warm`."""
        return self.run(*self.pipeline["stages"][name]["cmd"].split(), check=False, **environment)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def set(self, changes: dict[str, Any]) -> None:
        """Change params.yaml; keys are written `train.lr`, and None takes a key out."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *sections, name = key.split(".")
            section = params
            for part in sections:
                section = section[part]
            if value is None:
                del section[name]
            else:
                section[name] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    @contextmanager
    def parameters(self, changes: dict[str, Any]) -> Iterator[None]:
        """`set` for as long as the block lasts."""
        path = self.root / "params.yaml"
        before = path.read_bytes()
        self.set(changes)
        try:
            yield
        finally:
            path.write_bytes(before)

    @property
    def pipeline(self) -> Any:
        return yaml.safe_load((self.root / "dvc.yaml").read_text())

    def outputs(self) -> dict[str, str]:
        """The hash of every output as it lies there: of a file, or of all files of a folder together."""
        return {path: fingerprint(self.root / path) for path in outs(self.pipeline["stages"].values())}


def outs(stages: Iterable[Any]) -> set[str]:
    """The outputs that stages of dvc.yaml declare; a path may carry settings: `path` or `{path: {cache: false}}`."""
    entries = [entry for stage in stages for entry in stage["outs"]]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def sections(stage: Any) -> list[str]:
    """The sections of params.yaml that a stage of dvc.yaml depends on, or on keys of: those listed, or all."""
    listed = stage.get("params", [])
    if listed == [{"params.yaml": None}]:
        return list(yaml.safe_load((ROOT / "params.yaml").read_text()))
    return list(dict.fromkeys(key.partition(".")[0] for key in listed))


def declared(stage: Any, params: dict[str, Any]) -> dict[str, Any]:
    """What the stage depends on of `params`, the content of a params.yaml, and no more."""
    found: dict[str, Any] = {}
    listed = stage.get("params", [])
    for key in sections(stage) if listed == [{"params.yaml": None}] else listed:
        section, _, own = key.partition(".")
        if own:
            found.setdefault(section, {})[own] = params[section][own]
        else:
            found[section] = params[section]
    return found


def fingerprint(path: Path) -> str:
    if path.is_dir():
        return " ".join(f"{file.name}:{verify.md5(file)}" for file in sorted(path.iterdir()))
    return verify.md5(path) if path.exists() else "missing"


def stages_run(result: subprocess.CompletedProcess[str]) -> set[str]:
    """The stages that a `dvc repro` or `dvc exp run` ran."""
    return set(re.findall(r"Running stage '(\w+)'", result.stdout))


def users(pipeline: Any, section: str, same: Iterable[str] = ()) -> set[str]:
    """The stages that use a section of params.yaml, and all that use what these make, but for what stays the `same`.

    `check` uses every section, but makes the same file of them all, and `audit` one that training waits for.
    """
    same = {"data/audited", *same}
    stages = {name: stage for name, stage in pipeline["stages"].items() if name != "check"}
    found = {name for name, stage in stages.items() if section in sections(stage)}
    while (
        more := {
            name
            for name, stage in stages.items()
            if (outs(stages[user] for user in found) - same) & set(stage.get("deps", []))
        }
        - found
    ):
        found |= more
    return found | {"check"}
