"""`python -m stages.compare` in a repository of its own, where predictions of several revisions are tracked."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.compare import PREDICTIONS
from stages.core.base.artifacts import write_arrays
from stages.core.scores.predictions import ValuePredictions
from tests import verify
from tests.pipeline import warm
from tests.pipeline.project import IDENTITY, ROOT

SIZE = 900


class Repository:
    """Git and DVC in `root`, and DVC's remote beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        env = {**warm.environment(verify.environment(self.root.parent)), **IDENTITY, "PYTHONPATH": str(ROOT)}
        result = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)
        assert not check or result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
        return result

    def dvc(self, *arguments: str) -> str:
        return self.run("dvc", *arguments).stdout

    def compare(self, *arguments: str) -> str:
        return self.run("python", "-m", "stages.compare", *arguments).stdout

    def refusal(self, *arguments: str) -> str:
        """The message, of one line, with which a comparison is refused."""
        result = self.run("python", "-m", "stages.compare", *arguments, check=False)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    def write(self, accuracy: float, seed: int, size: int = SIZE) -> None:
        """Predictions of a made-up model into the workspace."""
        generator = np.random.default_rng(seed)
        targets = np.arange(size) % 3
        predicted = (targets + np.where(generator.random(size) < accuracy, 0, generator.integers(1, 3, size))) % 3
        probabilities = np.where(np.arange(3) == predicted[:, None], 0.8, 0.1).astype(np.float32)
        write_arrays(self.root / PREDICTIONS, {"targets": targets, "probabilities": probabilities})

    def write_values(self, spread: float, seed: int) -> None:
        """Those of a made-up regression."""
        targets = np.arange(float(SIZE))
        values = targets + spread * np.random.default_rng(seed).normal(size=SIZE)
        ValuePredictions(targets, values).write(self.root / PREDICTIONS)

    def commit(self, tag: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", tag)
        self.run("git", "tag", tag)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Tags none (nothing tracked), good, bad and small, an experiment; the workspace is that of good once more."""
    repository = Repository(tmp_path_factory.mktemp("compare") / "project")
    repository.root.mkdir()
    repository.run("git", "init", "--quiet")
    repository.dvc("init", "--quiet")
    repository.dvc("remote", "add", "--default", "backup", "../../backup")
    repository.commit("none")
    for tag, accuracy, seed, size in (("small", 0.9, 0, 300), ("bad", 0.6, 1, SIZE), ("good", 0.9, 2, SIZE)):
        repository.write(accuracy, seed, size)
        repository.dvc("add", str(PREDICTIONS), "--quiet")
        repository.commit(tag)
    return repository


@pytest.fixture
def repository(built: Repository, tmp_path: Path) -> Iterator[Repository]:
    shutil.copytree(built.root, tmp_path / "project", symlinks=True)
    yield Repository(tmp_path / "project")


def test_head_and_workspace_are_the_default(repository: Repository) -> None:
    assert repository.compare().endswith("workspace makes the same predictions as HEAD.\n")
    repository.write(0.6, 3)
    assert "workspace is worse than HEAD: accuracy -" in repository.compare()
    repository.write(0.9, 3)
    assert "workspace is indistinguishable from HEAD" in repository.compare()


def test_two_revisions_in_all_styles(repository: Repository) -> None:
    shutil.rmtree(repository.root / PREDICTIONS.parent)  # the workspace is not asked
    data = json.loads(repository.compare("bad", "good", "--json"))
    assert (data["verdict"], data["examples"]) == ("better", SIZE)
    assert [row["score"] for row in data["scores"]] == ["accuracy", "macro_f1", "log_loss"]
    assert data["scores"][0]["ci95"][0] < data["scores"][0]["difference"] < data["scores"][0]["ci95"][1]
    assert data["sentence"] in repository.compare("bad", "good")
    assert "**`good` is better than `bad`: " in repository.compare("bad", "good", "--markdown")
    assert json.loads(repository.compare("bad", "good", "--json")) == data
    assert json.loads(repository.compare("bad", "good", "--json", "--seed", "1"))["scores"] != data["scores"]


def test_an_experiment_by_its_name(repository: Repository) -> None:
    repository.write(0.6, 3)
    repository.dvc("commit", "--force", "--quiet")
    repository.dvc("exp", "save", "--name", "tried")
    repository.run("git", "checkout", "--quiet", ".")
    assert "tried is worse than good" in repository.compare("good", "tried")


def test_other_test_sets_are_refused(repository: Repository) -> None:
    assert "HEAD and small were scored on different test sets" in repository.refusal("HEAD", "small")


def test_a_regression_is_compared_with_its_like_alone(repository: Repository) -> None:
    repository.write_values(2, 0)
    told = "HEAD predicts classes and workspace values: a classifier and a regression cannot be compared"
    assert told in repository.refusal()
    repository.dvc("commit", "--force", "--quiet")
    repository.commit("numbers")
    repository.write_values(1, 1)
    data = json.loads(repository.compare("numbers", "--json"))
    assert data["sentence"].startswith("workspace is better than numbers: RMSE -")
    assert [(row["score"], row["verdict"]) for row in data["scores"]] == [("rmse", "better"), ("mae", "better")]


def test_unknown_revision(repository: Repository) -> None:
    assert "nowhere: no revision of this repository" in repository.refusal("nowhere")


def test_a_revision_without_predictions(repository: Repository) -> None:
    assert f"none: does not track {PREDICTIONS}" in repository.refusal("none")


def test_a_workspace_without_predictions(repository: Repository) -> None:
    (repository.root / PREDICTIONS).unlink()
    message = repository.refusal()
    assert f"{PREDICTIONS}: not in the workspace" in message
    repository.dvc(*message.split("`")[1].split()[1:])
    repository.compare()


def test_what_is_not_in_the_cache_comes_with_the_command_of_the_message(repository: Repository) -> None:
    repository.dvc("push", "--all-commits")
    shutil.rmtree(repository.root / ".dvc" / "cache")
    message = repository.refusal("bad", "good")
    assert f"bad: {PREDICTIONS} is not in the cache" in message
    repository.dvc(*message.split("`")[1].split()[1:])
    assert "good is better than bad" in repository.compare("bad", "good")


def test_without_a_remote_it_is_made_anew(repository: Repository) -> None:
    repository.dvc("remote", "remove", "backup")
    shutil.rmtree(repository.root / ".dvc" / "cache")
    commit = repository.run("git", "rev-parse", "--short=7", "bad").stdout.strip()
    assert f"`git stash`, `git switch --detach {commit}` and `dvc repro` make it anew" in repository.refusal(
        "bad", "good"
    )


def test_a_cache_elsewhere(repository: Repository) -> None:
    elsewhere = repository.root.parent / "elsewhere"
    (repository.root / ".dvc" / "cache").rename(elsewhere)
    repository.dvc("cache", "dir", "--local", str(elsewhere))
    assert "good is better than bad" in repository.compare("bad", "good")


@pytest.mark.parametrize("where", ["cache", "workspace"])
def test_a_damaged_file_is_named(where: str, repository: Repository) -> None:
    workspace = repository.root / PREDICTIONS
    content = workspace.read_bytes()
    for file in [workspace] if where == "workspace" else (repository.root / ".dvc" / "cache").rglob("[0-9a-f]" * 30):
        file.unlink()
        file.write_bytes(content[: len(content) // 2])
    revision = "HEAD" if where == "cache" else "workspace"
    assert f"{revision}: " in (message := repository.refusal())
    assert "damaged, not a safetensors file" in message
