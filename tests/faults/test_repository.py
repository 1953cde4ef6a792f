"""Where the pipeline may lie (folders of other repositories, worktrees, archives), and what a crash or a move leaves.

The pipeline here is a small one that copies files, so that DVC's own second is all that a run takes.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from stages import changes, mend, repro
from stages.compare import PREDICTIONS, comparison_of
from stages.core.base.artifacts import write_arrays
from stages.core.base.command import InputError
from stages.core.revisions.find import WORKSPACE
from stages.core.revisions.repository import LOCK
from tests import verify
from tests.faults.kills import Found, Victim, kill_and_go_on
from tests.pipeline.project import IDENTITY, ROOT, Project

PIPELINE = """
stages:
  evaluate:
    cmd: mkdir -p models metrics && cp source models/predictions.safetensors && echo {} > metrics/evaluate.json
    deps: [source]
    outs: [models/predictions.safetensors, metrics/evaluate.json: {cache: false}]
  plot:
    cmd: sleep 0.3 && mkdir -p plots && cp models/predictions.safetensors plots/page
    deps: [models/predictions.safetensors]
    outs: [plots/page]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small pipeline after its run, without Git."""
    project = Project(tmp_path_factory.mktemp("ran"))
    (project.root / ".dvc").mkdir(parents=True)
    (project.root / ".dvc/config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
    (project.root / ".dvc/.gitignore").write_text("/tmp\n/cache\n")
    (project.root / ".gitignore").write_text("/models\n/plots\n")
    (project.root / "dvc.yaml").write_text(PIPELINE)
    for name in ("Makefile", "requirements.lock", "params.yaml"):
        shutil.copy(ROOT / name, project.root)
    (project.root / "stages").symlink_to(ROOT / "stages")
    targets = np.arange(60) % 3
    source = {"targets": targets, "probabilities": np.eye(3, dtype=np.float32)[targets] * 0.7 + np.float32(0.1)}
    write_arrays(project.root / "source", source)
    project.dvc("repro")
    (project.root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    return project


@pytest.fixture
def project(ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy to change; Git and DVC see no settings but its own."""
    for name, value in {**verify.environment(tmp_path), **IDENTITY}.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    project = ran.copy(tmp_path)
    monkeypatch.chdir(project.root)
    return project


def shell(script: str) -> None:
    result = subprocess.run(["sh", "-ec", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


COMMIT = "git init -q && git add -A && git commit -qm one"
BRING = "cp -a --parents models plots .dvc/cache"  # what Git does not
PLACES = {  # how to get there from the folder of the pipeline, and where it then lies
    "a repository of its own": (COMMIT, "."),
    "a detached HEAD": (f"{COMMIT} && git checkout -q --detach", "."),
    "a folder of a repository": ("mkdir ../all && cp -a . ../all/sub && cd ../all && " + COMMIT, "../all/sub"),
    "two folders down": ("mkdir -p ../all/a && cp -a . '../all/a/b c' && cd ../all && " + COMMIT, "../all/a/b c"),
    "a worktree": (f"{COMMIT} && git worktree add -q ../tree && {BRING} ../tree", "../tree"),
    "a submodule": (
        f"{COMMIT} && mkdir ../super && cd ../super && git init -q && git -c protocol.file.allow=always submodule add "
        f"-q ../project sub && git commit -qm one && cd ../project && {BRING} ../super/sub",
        "../super/sub",
    ),
    "a shallow clone": (
        f"{COMMIT} && git commit -qm two --allow-empty && git clone -q --depth 1 file://$PWD ../shallow "
        f"&& {BRING} ../shallow",
        "../shallow",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_works_in(place: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    script, folder = PLACES[place]
    shell(script)
    monkeypatch.chdir(folder)
    assert comparison_of("HEAD", WORKSPACE, seed=0).identical
    promises = changes.promises("HEAD")
    assert promises == changes.promised(Path(LOCK).read_text(), LOCK)
    assert str(PREDICTIONS) in promises
    shutil.copy(PREDICTIONS, "plots/page")  # an experiment in the folder is found by its name, too
    shell("git update-ref refs/exps/aa/" + "b" * 38 + "/tried HEAD")
    assert changes.promises("tried") == promises
    assert comparison_of("tried", "HEAD", seed=0).identical


def test_verify_in_a_folder_of_a_repository(project: Project, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    script, folder = PLACES["two folders down"]
    shell(script)
    monkeypatch.setattr(verify, "ROOT", Path(folder).resolve())
    monkeypatch.setattr("tempfile.tempdir", str(project.folder))
    assert verify.main() == 0
    printed = capfd.readouterr().out
    assert "Every output is identical." in printed
    assert printed.count(" yes\n") >= 4


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("true", "git: not a git repository"),
        ("git init -q", "git: Not a valid object name HEAD"),
        (f"rm {LOCK} && {COMMIT}", "the last commit has no dvc.lock"),
        (f"echo '<<<<<<< HEAD' > {LOCK} && {COMMIT}", "dvc.lock: damaged or in conflict in the last commit"),
    ],
)
def test_verify_is_refused(script: str, message: str, project: Project, monkeypatch, capfd) -> None:
    shell(script)
    monkeypatch.setattr(verify, "ROOT", project.root)
    monkeypatch.setattr("tempfile.tempdir", str(project.folder))
    try:
        code = verify.main()
    except SystemExit as refused:
        code = refused.code
    assert code
    printed = capfd.readouterr().out + str(code)
    assert f"error: {message}" in printed


CONFLICT = f"(echo '<<<<<<< HEAD'; cat {LOCK}; echo =======; cat {LOCK}; echo '>>>>>>> other') > l && mv l {LOCK}"
REFUSED = {  # what is wrong, and for which revision; what compare says of it, and what changes says
    "an archive": ("true", "HEAD", "git: not a git repository", "git: not a git repository"),
    "no commit": ("git init -q", "HEAD", "HEAD: this repository has no commit yet", "HEAD: this repository has no"),
    "an unknown revision": (COMMIT, "nowhere", "nowhere: no revision of", "nowhere: no revision of"),
    "an option": (COMMIT, "--all", "--all: no revision of", "--all: no revision of"),
    "a file for a commit": (COMMIT, "HEAD:source", "HEAD:source: no revision", "HEAD:source: no revision"),
    "a shallow clone": (
        f"{COMMIT} && git commit -qm two --allow-empty && git rev-parse HEAD > .git/shallow",
        "HEAD~1",
        "HEAD~1: not in this shallow clone; `git fetch --unshallow`",
        "HEAD~1: not in this shallow clone; `git fetch --unshallow`",
    ),
    "no dvc.lock there": (
        f"git init -q && echo {LOCK} >> .gitignore && {COMMIT}",
        "HEAD",
        "is not in its dvc.lock",
        "",
    ),
    "a dvc.lock in conflict": (f"{CONFLICT} && {COMMIT}", "HEAD", "HEAD: ", "HEAD: dvc.lock: in conflict"),
    "a damaged dvc.lock": (f"echo '[1]' > {LOCK} && {COMMIT}", "HEAD", "HEAD: ", "HEAD: dvc.lock: damaged"),
    "the folder came later": (
        "git init -q && git commit -qm one --allow-empty && git add -A && git commit -qm two",
        "HEAD~1",
        f"HEAD~1: does not track {PREDICTIONS}",
        "",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_wrong_is_told_in_a_line(fault: str, project: Project) -> None:
    script, revision, *messages = REFUSED[fault]
    shell(script)
    calls = (lambda: comparison_of(revision, WORKSPACE, seed=0), lambda: changes.promises(revision))
    for call, message in zip(calls, messages, strict=True):
        if not message:  # nothing promised there is an answer, too
            assert call() == {}
            continue
        with pytest.raises(InputError) as refused:
            call()
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", "dubious ownership.*; `git config --global --add safe.*` permits"),
        ("PATH", "", "git: not found, must be installed"),
    ],
)  # fmt: skip
def test_a_git_that_cannot_be_used(name: str, value: str, message: str, project: Project, monkeypatch) -> None:
    shell(COMMIT)
    monkeypatch.setenv(name, value)
    for call in (lambda: comparison_of("HEAD", WORKSPACE, seed=0), lambda: changes.promises("HEAD")):
        with pytest.raises(InputError, match=message):
            call()


ME = {"pid": os.getpid(), "cmd": "dvc repro"}
GONE, OTHER = {"pid": 2**22 + 1, "cmd": "dvc repro"}, {"pid": 1, "cmd": "dvc repro"}


@pytest.mark.parametrize("path", mend.RWLOCKS)
@pytest.mark.parametrize(
    ("content", "mended"),
    [
        ("", True),
        ('{"write": {', True),
        ("[]", True),
        ('{"write": 3}', True),
        ("{}", False),
        (json.dumps({"write": {"/a": GONE}, "read": {}}), False),  # DVC sees by itself that it is gone
        (json.dumps({"write": {"/a": OTHER}, "read": {"/b": [GONE]}}), True),  # a number given out again
    ],
)  # fmt: skip
def test_rwlock_that_no_process_holds(path: Path, content: str, mended: bool, project: Project) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    assert mend.mend_rwlock(path) == mended
    assert path.exists() != mended


def test_rwlock_that_a_process_of_dvc_holds_stays(project: Project) -> None:
    path = mend.RWLOCKS[0]
    with subprocess.Popen([sys.executable, "-c", "input()", "dvc"], stdin=subprocess.PIPE) as process:
        path.write_text(json.dumps({"write": {"/a": {"pid": process.pid, "cmd": "dvc"}}}))
        assert not mend.mend_rwlock(path)
        process.kill()
    script = "import sys, zc.lockfile; lock = zc.lockfile.LockFile(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, f"{path}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline()
        path.write_text("")
        with pytest.raises(InputError, match="another process of DVC is at work"):
            mend.mend_rwlock(path)
        process.kill()


def test_rwlock_of_a_process_that_is_dead_and_still_listed_goes(project: Project) -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        mend.RWLOCKS[0].write_text(json.dumps({"write": {"/a": {"pid": process.pid, "cmd": "dvc"}}, "read": {}}))
        assert psutil.pid_exists(process.pid) and mend.mend_rwlock(mend.RWLOCKS[0])


def test_damaged_settings_of_dvc_are_told(project: Project) -> None:
    shell(COMMIT)
    Path(".dvc/config.local").write_text("[core\n")
    with pytest.raises(InputError, match="config"):
        mend.mend()


@pytest.mark.parametrize(
    ("script", "mended"),
    [
        (f": > {LOCK}", True),
        (f"head -c 30 {LOCK} > l; mv l {LOCK}", True),
        (f"printf 'schema: \\377' > {LOCK}", True),
        (f"rm {LOCK}", False),
        ("true", False),
    ],
)
def test_half_written_lock(script: str, mended: bool, project: Project) -> None:
    shell(script)
    content = Path(LOCK).read_bytes() if mended else b""
    assert mend.mend_lock() == mended
    assert not mended or (mend.DAMAGED.read_bytes() == content and not Path(LOCK).exists())


def test_a_lock_in_conflict_stays(project: Project) -> None:
    shell(CONFLICT)
    with pytest.raises(InputError, match=r"dvc\.lock: in conflict; `git checkout HEAD -- dvc.lock`"):
        mend.mend_lock()
    assert "<<<<<<<" in Path(LOCK).read_text()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Make, with the environment that the tests run in for that of the folder."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "--assume-old=.venv/requirements.lock", *arguments]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def test_make_repro_mends_what_a_kill_left_and_uses_a_restored_cache(project: Project) -> None:
    shell(f"{COMMIT} && git clone -q . ../restored && cp -a .dvc/cache ../restored/.dvc && mkdir ../restored/.dvc/tmp")
    os.chdir("../restored")
    mend.RWLOCKS[0].touch()
    result = make("repro")
    assert result.returncode == 0, result.stderr
    assert "rwlock: left by a killed process of DVC; removed" in result.stderr
    assert "Running stage" not in result.stdout
    assert PREDICTIONS.read_bytes() == Path("source").read_bytes()


def test_what_is_in_no_cache_keeps_nothing_else_from_being_restored(project: Project) -> None:
    """And nothing that lies here is taken away: what dvc.lock says may be in no cache."""
    shell(f"{COMMIT} && rm models/predictions.safetensors plots/page")
    page = re.compile(r"(path: plots/page\s+hash: md5\s+md5: )\w+")
    text, found = page.subn(r"\g<1>" + "a" * 32, Path(LOCK).read_text())
    assert found == 1
    Path(LOCK).write_text(text)
    Path("plots/page").write_text("mine, and in no cache")
    assert repro.missing_outputs() == ["models/predictions.safetensors"]
    repro.call("dvc", "checkout", "--quiet", "--allow-missing", *repro.missing_outputs(), quiet=True)
    assert PREDICTIONS.exists() and Path("plots/page").read_text() == "mine, and in no cache"


def test_a_signal_to_make_ends_what_it_started(project: Project) -> None:
    shell(COMMIT)
    Path("dvc.yaml").write_text("stages: {long: {cmd: 'touch begun && exec sleep 60', outs: [done]}}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "--assume-old=.venv/requirements.lock", "repro"]
    mark = {"TESTS_FAULTS_SIGNAL": str(project.root)}
    with subprocess.Popen(command, env={**os.environ, "PATH": path, **mark}, stderr=subprocess.DEVNULL) as process:
        while not Path("begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()

    def dvc() -> list[psutil.Process]:
        return [one for one in psutil.process_iter() if of_this_run(one, mark) and "repro" in one.cmdline()]

    end = time.monotonic() + 10
    while dvc() and time.monotonic() < end:
        time.sleep(0.1)
    assert dvc() == []


def of_this_run(process: psutil.Process, mark: dict[str, str]) -> bool:
    try:
        return mark.items() <= process.environ().items()
    except psutil.Error:  # gone, a zombie or another user's
        return False


def test_make_repro_ends_as_dvc_does_where_there_is_nothing_to_mend(project: Project) -> None:
    shell(f"{COMMIT} && rm source")
    result = make("repro")
    assert result.returncode and "source" in result.stderr
    assert "Traceback" not in result.stderr and "killed" not in result.stderr


def test_an_archive_without_git_is_told_how_to_go_on(project: Project) -> None:
    remedy = "`dvc config --local core.no_scm true`"
    with pytest.raises(InputError, match=f"is not a git repository; {remedy} lets `dvc repro` do without"):
        mend.need_repository()
    Path(".dvc/config.local").write_text("[core]\n    no_scm = true\n")  # what that writes
    mend.need_repository()


def environment(folder: Path) -> None:
    """An environment of the Python that runs this, whole as far as make can see."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv/lib").glob("python*/site-packages")
    (packages / "markupsafe.py").touch()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copy(ROOT / "requirements.lock", folder / ".venv")


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("true", True),
        ("mv here there && ln -s there here", True),
        ("mv here there", False),
        ("cp -a here there", False),
        ("cp -a here there && rm -r here", False),
        ("ln -sfn /nowhere/python here/.venv/bin/python", False),  # uninstalled
        ("cd here/.venv/lib && mv python* python3.0", False),  # upgraded, from 3.0
        ("rm here/.venv/requirements.lock", False),
        ("rm -r here/.venv/bin here/.venv/requirements.lock", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("parent", ["plain", "with a space"])
def test_environment_that_cannot_be_used_is_built_anew(change: str, kept: bool, parent: str, tmp_path: Path) -> None:
    here = tmp_path / parent / "here"
    here.mkdir(parents=True)
    environment(here)
    subprocess.run(["sh", "-c", change], cwd=here.parent, check=True)
    folder = here.parent / "there" if (here.parent / "there/Makefile").exists() else here
    result = subprocess.run(
        ["make", "-j4", "-C", str(folder), "env", "PYTHON=no-such-python"], capture_output=True, text=True
    )
    assert (result.returncode == 0) == kept, result.stderr
    assert kept or "no-such-python: not found" in result.stderr


def test_killed_at_random_moments_it_ends_in_the_same_bytes(project: Project) -> None:
    """A handful of what `python -m tests.faults.kills` does at length."""
    shell(COMMIT)
    expected, outputs = Path(LOCK).read_text(), project.outputs()
    shell(f"rm -r {LOCK} models plots metrics .dvc/cache")
    found = Found()
    draw = random.Random(5)
    kill_and_go_on(Victim(project, "repro"), (draw.uniform(0.2, 0.8) for _ in range(4)), expected, outputs, found)
    assert found.faults == []
    assert found.kills.total() > 0


def cures(*words: str) -> str:
    """The command in docs/after-a-crash.md that has these words."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/after-a-crash.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if all(word in block for word in words)]
    return found.replace("python", sys.executable, 1)


def test_documented_cures(project: Project) -> None:
    shell("touch params.yaml && mkdir -p metrics && " + COMMIT)
    left = [Path(".dvc/tmp") / name for name in ("exps/standalone/tmp1/x", "exps/tmp2/x", "exps/run/3/x")]
    kept = [Path(".dvc/tmp/checkpoints/key"), Path(".dvc/tmp/exps/celery/x")]
    for path in (*left, *kept, mend.RWLOCKS[1]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    shell(cures("rm -rf"))
    shell(cures("stages.mend"))
    assert [path for path in (*left, mend.RWLOCKS[1]) if path.exists()] == []
    assert all(path.exists() for path in kept)


def test_documented_way_back_from_parameters_that_git_cannot_see(project: Project) -> None:
    Path(".gitignore").write_text("/models\n/plots/page\n")
    Path("params.yaml").write_text("lr: 1\n")
    Path("plots/table").touch()
    Path("data").mkdir(exist_ok=True)
    Path("data/schema.csv").touch()
    os.utime("params.yaml", (0, 0))
    shell(f"{COMMIT} && git config core.trustctime false")
    Path("params.yaml").write_text("lr: 2\n")  # as long as before, and as old
    os.utime("params.yaml", (0, 0))
    shell("git checkout -- params.yaml && grep 2 params.yaml")
    shell(cures("git checkout -- params.yaml"))
    assert Path("params.yaml").read_text() == "lr: 1\n"
