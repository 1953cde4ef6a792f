"""What happens to a stage from outside: edits while it runs, its starter's end, foreign variables, signals.

Most cases run a probe: a stage of one line, in a copy of this repository's `stages`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.base import recorded
from stages.core.base.artifacts import write_text
from stages.core.base.command import InputError, run
from stages.core.base.cores import thread_count
from stages.core.config.params import StageParams
from stages.core.config.sections import EvaluateConfig
from stages.core.training.checkpoint import Checkpoint

ROOT = Path(__file__).parents[2]
INPUTS = {"file": Path("data.bin"), "folder": Path("raw")}
PROBE = """
import os, sys, time
from pathlib import Path
exec(os.environ.get("LOADING", ""))
from stages.core.base.artifacts import replacing
from stages.core.base.command import InputError, run
INPUTS = {}
def main():
    exec(os.environ["DOES"], globals())
if __name__ == "__main__":
    run(main)
"""
READY = "Path('ready').write_text(str(os.getpid()))"
WAITS = f"{READY}; time.sleep(60)"

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's")


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a probe: `python -m stages.probe` does there what the variable DOES says."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "stages/probe.py").write_text(PROBE)
    for name in ("PYTHONPATH", "DVC_STAGE", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def start(folder: Path, *command: str, **options: object) -> Callable[..., subprocess.Popen[str]]:
    """Start `python -m stages.probe`, or `command`, with what is to be in its environment."""

    def with_variables(**variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command or (sys.executable, "-m", "stages.probe"),
            cwd=folder,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return with_variables


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def ready(folder: Path) -> int:
    """The process of the probe, once it says that it is there."""
    file = folder / "ready"
    wait_for(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Params(StageParams):
    seed: int
    evaluate: EvaluateConfig


def edit(file: str, before: str, after: str) -> Callable[[], object]:
    return lambda: Path(file).write_text(Path(file).read_text().replace(before, after))


def same_content(file: str) -> None:
    """As an editor or `dvc checkout --relink` does it."""
    Path("new").write_bytes(Path(file).read_bytes())
    Path("new").replace(file)
    os.utime(file, (1, 1))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edit("params.yaml", "seed: 0", "seed: 1"), "params.yaml: seed"),
        (edit("params.yaml", "resamples: 5", "resamples: 6"), "params.yaml: evaluate.resamples"),
        (edit("params.yaml", "  resamples: 500\n", ""), "params.yaml: evaluate.resamples"),
        (edit("params.yaml", "  resamples: 5", "  more: 1\n  resamples: 5"), "params.yaml: evaluate.more"),
        (edit("params.yaml", "seed: 0", "seed: ["), "params.yaml: not valid YAML"),
        (lambda: Path("params.yaml").unlink(), "params.yaml: cannot be read"),
        (edit("params.yaml", "lr: 1", "lr: 2"), ""),  # a section that DVC does not record for this stage
        (edit("params.yaml", "seed: 0", "# a comment\nseed: 0x0"), ""),
        (lambda: same_content("params.yaml"), ""),
        (edit("data.bin", "old", "new"), "data.bin"),
        (lambda: Path("data.bin").unlink(), "data.bin"),
        (lambda: same_content("data.bin"), ""),
        (edit("raw/a", "old", "new"), "raw/a"),
        (lambda: Path("raw/b").write_text("more"), "raw/b"),
        (lambda: [Path(f"raw/{n}").write_text("") for n in range(9)], "raw/0; raw/1; raw/2; and 6 more"),
    ],
)
def test_a_stage_is_refused_where_dvc_would_record_what_did_not_run(
    change: Callable[[], object], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("seed: 0\nevaluate:\n  resamples: 500\n  curve_points: 50\ntrain:\n  lr: 1\n")
    Path("data.bin").write_text("old")
    Path("raw").mkdir()
    Path("raw/a").write_text("old")
    checkpoint = Checkpoint("key")

    def main() -> None:
        Params.load()
        write_text(checkpoint.path, "state")
        change()
        checkpoint.discard()

    monkeypatch.delenv("RANK", raising=False)
    if not told:
        run(main)
    else:
        with pytest.raises(SystemExit) as exit_:
            run(main)
        assert told in str(exit_.value.code) and len(str(exit_.value.code).splitlines()) == 1
    assert checkpoint.path.exists() == bool(told)
    assert recorded.changed() == []  # nothing is noted once a stage has ended


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("", ""),
        ("Path('stages/core/base/artifacts.py').open('a').write('#')", "stages/core/base/artifacts.py"),
        ("Path('stages/__init__.py').open('a').write('#')", "stages/__init__.py"),
        ("Path('stages/probe.py').open('a').write('#')", "stages/probe.py"),
        ("Path('stages/train.py').open('a').write('#')", ""),
        ("Path('stages/core/config/params.py').open('a').write('#')", ""),
        (
            "Path('stages/core/config/params.py').open('a').write('#'); import stages.core.config.params",
            "stages/core/config/params.py",
        ),
        (
            "import stages.core.page; Path('stages/core/page/style.css').open('a').write(' ')",
            "stages/core/page/style.css",
        ),
        ("import stages.core.page; Path('stages/core/page/templates/page.html').unlink()", "templates/page.html"),
        ("import stages.core.page; Path('stages/core/page/.style.css.swp').write_text('')", ""),
        ("Path('stages/core/base/artifacts.py').touch()", ""),
    ],
)
def test_a_stage_is_refused_where_its_code_has_changed(does: str, told: str, probe: Path) -> None:
    process = start(probe)(DOES=does)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == ((1, 1) if told else (0, 0)), said
    assert told in said


STARTER = "import subprocess; subprocess.run({command!r}, start_new_session={session})"
STAGE = [sys.executable, "-m", "stages.probe"]
TORCHRUN = dict.fromkeys(["RANK", "LOCAL_RANK"], "0") | dict.fromkeys(["WORLD_SIZE", "LOCAL_WORLD_SIZE"], "1")
TORCHRUN |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "1", "TORCHELASTIC_RUN_ID": "none"}


def environment(command: list[str], **variables: str) -> list[str]:
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *command]


@needs_linux
@pytest.mark.parametrize(
    ("command", "session", "ends"),
    [
        (environment(STAGE, DVC_STAGE="probe"), False, True),
        (environment(["sh", "-c", f"{' '.join(STAGE)}; true"], DVC_STAGE="probe"), False, True),
        (environment(STAGE, **TORCHRUN), True, True),
        (  # dvc, torchrun and a rank, which has a session of its own
            environment([sys.executable, "-c", STARTER.format(command=STAGE, session=True)], DVC_STAGE="probe"),
            False,
            True,
        ),
        (STAGE, False, False),  # `python -m stages.train &` outlives its shell
    ],
    ids=["dvc", "a shell between", "torchrun", "torchrun between", "neither"],
)
def test_a_stage_ends_with_the_dvc_or_torchrun_that_started_it(
    command: list[str], session: bool, ends: bool, probe: Path
) -> None:
    starter = start(probe, sys.executable, "-c", STARTER.format(command=command, session=session))(DOES=WAITS)
    stage = ready(probe)
    starter.kill()
    if ends:
        starter.communicate(timeout=30)  # and whoever else holds the pipes
        assert not runs(stage)
    else:
        time.sleep(0.5)
        assert runs(stage)
        os.kill(stage, signal.SIGKILL)
        starter.communicate()


@needs_linux
def test_a_stage_outlives_the_thread_that_started_it(probe: Path) -> None:
    thread = f"import threading, subprocess; t = threading.Thread(target=subprocess.Popen, args=({STAGE!r},)); "
    thread += "t.start(); t.join(); import time; time.sleep(60)"
    starter = start(probe, sys.executable, "-c", thread)
    with starter(DOES=f"{READY}; time.sleep(0.5); Path('done').touch()", DVC_STAGE="probe") as process:
        wait_for((probe / "done").exists)
        process.kill()


@needs_linux
def test_a_stage_whose_dvc_is_gone_before_it_can_look_ends(probe: Path) -> None:
    late = environment(["sh", "-c", f"(sleep 0.3; exec {' '.join(STAGE)}) &"], DVC_STAGE="probe")
    process = start(probe, *late, start_new_session=True)(DOES="time.sleep(1); Path('done').touch()")
    process.communicate(timeout=30)  # whoever holds the pipes has ended
    assert not (probe / "done").exists()


@needs_linux
def test_a_killed_dvc_takes_its_stage_along(probe: Path) -> None:
    (probe / "dvc.yaml").write_text("stages: {probe: {cmd: python -m stages.probe}}\n")
    dvc = (sys.executable, "-m", "dvc")
    config = {
        f"DVC_{name}": str(probe / "dvc") for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR")
    }
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], cwd=probe, env=os.environ | config, check=True)
    # A shell that waits for its command, as that of Debian does, where others become it.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = start(probe, *dvc, "repro", "--quiet")(DOES=WAITS, SHELL="/bin/sh", PATH=path, **config)
    stage = ready(probe)
    process.kill()
    process.communicate(timeout=30)
    assert not runs(stage)


@pytest.mark.parametrize(
    ("variables", "does", "says"),
    [
        ({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}, "import matplotlib", ""),
        ({"MATPLOTLIBRC": "rc"}, "import matplotlib", ""),  # not UTF-8
        ({"NPY_ENABLE_CPU_FEATURES": "AVX2"}, "import numpy", ""),
        ({"LOKY_MAX_CPU_COUNT": "many"}, "import joblib; joblib.cpu_count()", ""),
        ({"TORCH_DISTRIBUTED_DEBUG": "on", "TORCH_LOGS": "x"}, "import torch.distributed", ""),
        ({"TORCH_HOME": "/weights"}, "print(os.environ['TORCH_HOME'])", "/weights"),  # a place, and no numerics
        ({"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}, "print(os.environ.get('ONEDNN_DEFAULT_FPMATH_MODE'))", "None"),
        ({"OMP_NUM_THREADS": "7"}, "print(os.environ['OMP_NUM_THREADS'])", "1"),
        ({"TORCHELASTIC_RUN_ID": "left"}, "print('TORCHELASTIC_RUN_ID' in os.environ)", "False"),
        ({"RANK": "1", "WORLD_SIZE": "2"}, "print('RANK' in os.environ)", "False"),
        (TORCHRUN, "print(set(os.environ) >= {'RANK', 'TORCHELASTIC_RUN_ID'})", "True"),
        ({"PYTHONIOENCODING": "ascii"}, r"print('5 \xd7 5')", "5 × 5"),
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, r"print('5 \xd7 5 \udcff')", r"5 × 5 \udcff"),
    ],
)
def test_what_is_not_ours_to_obey_is_ignored(variables: dict[str, str], does: str, says: str, probe: Path) -> None:
    (probe / "rc").write_bytes(b"\xff")
    process = start(probe, encoding="utf-8")(DOES=does, **variables)
    said, wrong = process.communicate(timeout=60)
    assert (process.returncode, said.strip(), wrong) == (0, says, "")


@pytest.mark.parametrize(("rank", "told"), [({"RANK": "1"}, True), (TORCHRUN | {"RANK": "1"}, False)])
def test_the_message_is_left_to_another_rank_where_there_is_one(rank: dict[str, str], told: bool, probe: Path) -> None:
    process = start(probe)(DOES="raise InputError('seed = -1: must be 0 or more')", **rank)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "error: seed = -1: must be 0 or more\n" if told else "")


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_a_processor_that_cannot_be_asked_is_taken_as_it_is(error: type[OSError], probe: Path) -> None:
    refuses = f"def f(*_, **__): raise {error.__name__}\nimport pathlib; pathlib.Path.read_text = f; import stages"
    subprocess.run([sys.executable, "-c", refuses], cwd=probe, check=True)


@pytest.mark.parametrize("workers", ["²", "٣", " 3", "1e3", "9" * 5000])
def test_workers_that_are_no_number_are_refused(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", workers)
    with pytest.raises(InputError, match=r"^WORKERS = '.*': must be a whole number.{0,60}$"):
        thread_count(1)


def test_make_keeps_out_what_hides_the_stages_from_python() -> None:
    asks = ["make", "--silent", "--eval=ask: ; env", "ask"]
    hidden = {"PYTHONSAFEPATH": "1", "PYTHONINSPECT": "1", "PYTHONPATH": "/elsewhere"}
    seen = subprocess.run(asks, cwd=ROOT, env=os.environ | hidden, capture_output=True, text=True, check=True).stdout
    assert [line for line in seen.splitlines() if line.startswith(tuple(hidden))] == []


HALF_WRITTEN = f"with replacing(Path('out')) as part:\n part.write_text('half')\n {WAITS}"


@pytest.mark.parametrize(
    ("variables", "number", "ends"),
    [
        ({"LOADING": WAITS, "DOES": ""}, signal.SIGINT, -signal.SIGINT),
        ({"LOADING": WAITS, "DOES": ""}, signal.SIGTERM, -signal.SIGTERM),
        ({"DOES": HALF_WRITTEN}, signal.SIGINT, 130),
        ({"DOES": HALF_WRITTEN}, signal.SIGTERM, 143),
        ({"DOES": HALF_WRITTEN}, signal.SIGHUP, 129),
        (
            {"DOES": "import atexit; atexit.register(exec, os.environ['AT_EXIT'], globals())", "AT_EXIT": WAITS},
            *(signal.SIGINT, -signal.SIGINT),
        ),
    ],
)
def test_a_signal_ends_a_stage_without_a_word(
    variables: dict[str, str], number: signal.Signals, ends: int, probe: Path
) -> None:
    process = start(probe)(**variables)
    ready(probe)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (ends, "")
    assert list(probe.glob("*out*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals, probe: Path) -> None:
    """As `nohup` and a `&` in a script arrange it."""
    ignoring = start(probe, preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    process = ignoring(DOES=f"{READY}; time.sleep(0.3)")
    ready(probe)
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    process.communicate()


CHILD = "import os, time; open(os.environ['READY'], 'w').write(str(os.getpid())); time.sleep(60)"
TOOLS = {
    "verify": """
from tests import verify
python = [sys.executable, "-c"]
parent = [*python, f"import subprocess; subprocess.run({[*python, CHILD]})"]
verify.reproduced = lambda folder: verify.call(parent, cwd=folder, env=dict(os.environ))
verify.main()
""",
    "test-cpus": """
from tests.cpus import compare
compare.reason_to_skip, compare.shutil.which = lambda *_: "", lambda _: "true"
compare.DIGEST = (sys.executable, "-c", "import tempfile; tempfile.mkdtemp(); " + CHILD)
compare.main()
""",
    "bench": """
import tempfile
from benchmarks.__main__ import unwinding
from benchmarks.bench import run_job
with unwinding(), tempfile.TemporaryDirectory() as folder:
    run_job(["-c", CHILD], Path(folder))
""",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_signal_to_a_tool_ends_all_it_started_and_leaves_no_folder(
    tool: str, number: signal.Signals, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = f"import os, sys\nfrom pathlib import Path\nCHILD = {CHILD!r}\n{TOOLS[tool]}"
    process = start(tmp_path, sys.executable, "-c", program)(
        PYTHONPATH=str(ROOT), TMPDIR=str(scratch), READY=str(tmp_path / "ready")
    )
    child = ready(tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)  # and whoever else holds the pipes
    assert (process.returncode, said) == (128 + number, "")
    assert not runs(child)
    assert list(scratch.iterdir()) == []
