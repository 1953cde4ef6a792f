"""A folder of images as people have them: which files count, of which part and class each is, and why others do not.

A folder per class, or train/ and test/ of such, or a list in CSV. Nothing is decoded here, and no file vanishes: each
ends as used, as the duplicate of another, as refused, or as left out, which a file is that nobody meant as an example.
"""

import logging
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from stages.core.base.command import InputError
from stages.core.base.schemas import MACRO
from stages.core.config.params import PARAMS_FILE
from stages.core.config.plain import shown
from stages.core.config.sections import OWN_FOLDER, DataConfig
from stages.core.data.cells import Cells, read
from stages.core.data.kinds import empty, numbers_in

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
LISTS = {".csv", ".tsv"}
NO_EXAMPLES = {"thumbs.db", "desktop.ini", "__macosx"}  # what systems leave behind, besides what is hidden
PARTS: dict[str, Literal["train", "validation", "test"]] = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}
MOST_CLASSES = 1_000
_NAMED = 5  # in a message

_log = logging.getLogger(__name__)

State = Literal["used", "duplicate", "refused", "left out"]


@dataclass(frozen=True)
class File:
    """A file of the folder `root`, called `name` there; of which part and class it is, and what became of it."""

    root: str
    name: str  # with / between folders, as the system has it: bytes that are no UTF-8 are surrogates
    part: str = ""  # "" until it is split off
    target: str = ""  # a class, or a number
    group: str = ""
    state: State = "used"
    why: str = ""  # unless it is used: the reason, and after a colon more of it

    @property
    def path(self) -> str:
        return f"{self.root}/{self.name}"

    @property
    def size(self) -> int:
        """In bytes; 0 where the system does not say."""
        try:
            return os.stat(self.path).st_size  # noqa: PTH116
        except OSError:
            return 0

    @property
    def told(self) -> str:
        """Its name as text that any file can hold."""
        return told(self.name)

    def lost(self, state: State, why: str) -> "File":
        return replace(self, state=state, why=why)


def told(name: str) -> str:
    """A name of the system's in UTF-8: what is none is escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Folder:
    """All files of one folder, sorted by name, and those of its folders that have no file."""

    root: str
    files: Sequence[File]
    empty: Sequence[str]


def listed(data: DataConfig) -> list[File]:
    """The files of `data.path`, and of `data.test_path`, with part and class, each part sorted by name.

    Parts are "" where the test part is to be split off. Raises `InputError` for a folder that has no images, or parts
    and classes that do not go together.
    """
    files = _understood(walked(data.path), data)
    if data.test_path == OWN_FOLDER:
        return files
    if any(file.part == "test" for file in files):
        raise InputError(
            f"{PARAMS_FILE}: data.test_path = {shown(repr(data.test_path))}: {data.path} has a test part of its own"
        )
    tests = _understood(walked(data.test_path), data)
    return [*(replace(file, part="train") for file in files), *(replace(file, part="test") for file in tests)]


def walked(root: str) -> Folder:
    """All that lies in `root`; what links lead to is found once, and under its own name if it has one there.

    A link to a folder elsewhere is refused: DVC does not look behind it, and would take what has changed there for up
    to date.
    """
    if not Path(root).is_dir():
        rule = "must be a folder of images, found a file" if Path(root).exists() else "there is no such folder"
        raise InputError(f"{root}: {rule}")
    found, links, folders = _scanned(root)
    real = os.path.realpath(root)
    known = {f"{real}/{name}" if name else real: name for name in (*folders, *(file.name for file in found))}
    for name in sorted(links, key=os.fsencode):
        target = os.path.realpath(f"{root}/{name}")
        if target in known:
            why = f"by a link: the same as {told(known[target]) or 'the folder itself'}"
            found.append(File(root, name, state="duplicate" if _is_image(name) else "left out", why=why))
        elif Path(target).is_dir() and not _hidden(name):
            raise InputError(
                f"{shown(told(f'{root}/{name}'))}: a link to a folder elsewhere, which is not followed, since DVC sees "
                "no change behind it; use that folder itself"
            )
        else:
            known[target] = name
            found.append(_file(root, name, Path(target).is_file(), linked=True))
    found.sort(key=lambda file: os.fsencode(file.name))
    filled = {parent for file in found if file.state != "left out" for parent in _parents(file.name)}
    return Folder(root, found, [told(name) for name in folders if name and name not in filled and not _hidden(name)])


def check_recordable(root: str) -> None:
    """Raise `InputError` for what DVC cannot record of a folder, and would refuse in words that help nobody."""
    for file in walked(root).files:
        told_of = f"{shown(told(f'{root}/{file.name}'))}: DVC cannot record the folder with it"
        if told(file.name).encode() != os.fsencode(file.name):
            raise InputError(f"{told_of}, a name must be UTF-8; rename it")
        if not Path(file.path).exists():
            raise InputError(f"{told_of}, a link must lead somewhere; delete it")
        if not (Path(file.path).is_file() or Path(file.path).is_dir()):
            raise InputError(f"{told_of}, it must be a file, found a device or pipe; delete it")


def _scanned(root: str) -> tuple[list[File], list[str], list[str]]:
    """The files in the folder `root`, the links, and the folders, itself included; no link is followed."""
    files: list[File] = []
    links: list[str] = []
    folders: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        folders.append(folder)
        try:
            entries = list(os.scandir(f"{root}/{folder}"))
        except OSError as error:
            raise InputError(f"{shown(told(f'{root}/{folder}'))}: cannot be read ({error.strerror})") from None
        for entry in sorted(entries, key=lambda one: os.fsencode(one.name)):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                links.append(name)
            elif entry.is_dir():
                waiting.append(name)
            else:
                files.append(_file(root, name, entry.is_file()))
    return files, links, sorted(folders, key=os.fsencode)


def _file(root: str, name: str, regular: bool, linked: bool = False) -> File:
    if _hidden(name):
        return File(root, name, state="left out", why="hidden, or of the system")
    if not _is_image(name):
        return File(root, name, state="left out", why="no image by its name")
    if not regular:
        why = "no file: the link leads nowhere" if linked else "no file: a device or pipe"
        return File(root, name, state="refused", why=why)
    return File(root, name)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part.lower() in NO_EXAMPLES for part in name.split("/"))


def _is_image(name: str) -> bool:
    return _suffix(name) in SUFFIXES and not _hidden(name)


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _understood(folder: Folder, data: DataConfig) -> list[File]:
    """Part, class and group of each file, by a list or by folders."""
    near = [file.name for file in folder.files if "/" not in file.name and _suffix(file.name) in LISTS]
    near = [name for name in near if not _hidden(name)]
    lists = [name for name in near if len(near) == 1 or _names_files(folder.root, name, data)]
    if len(lists) > 1:
        raise InputError(f"{folder.root}: must have one list of its files, found {shown(', '.join(lists))}")
    if lists and _names_files(folder.root, lists[0], data):
        return _by_list(folder, read(Path(folder.root, lists[0]), data), data)
    if data.task == "regression":
        found = f"; {near[0]} begins with {shown(repr(_first_line(folder.root, near[0])))}" if near else ""
        raise InputError(
            f"{folder.root}: must have a CSV in it with the columns file and {data.target or 'target'}, since "
            f"data.task = 'regression'{found}"
        )
    return _by_folders(folder)


def _names_files(root: str, name: str, data: DataConfig) -> bool:
    sign = data.delimiter or ("\t" if _suffix(name) == ".tsv" else ",")
    return "file" in [cell.strip().strip('"') for cell in _first_line(root, name).split(sign)]


def _first_line(root: str, name: str) -> str:
    with Path(root, name).open("rb") as file:
        return file.readline(1 << 16).decode("utf-8-sig", "replace").rstrip("\r\n")


def _by_folders(folder: Folder) -> list[File]:
    """By the folders that files lie in: that of its class, in that of its part or not."""
    root, images = folder.root, [file for file in folder.files if file.state != "left out"]
    if not images:
        suffixes = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise InputError(
            f"{root}: has no image, a file that ends in one of {suffixes}, among {len(folder.files)} files"
        )
    if folder.empty:
        _log.warning("%s: %s without an image: %s", root, count(len(folder.empty)), _some(folder.empty))
    tops = sorted({file.name.split("/")[0] for file in images if "/" in file.name})
    parts = {top: PARTS[top.lower()] for top in tops if top.lower() in PARTS}
    split = "train" in parts.values()
    if parts and (split or len(parts) == len(tops)):
        if not split:
            raise InputError(f"{root}: has {_some(parts)}, but no folder train")
        if others := [told(top) for top in tops if top not in parts]:
            raise InputError(f"{root}: beside the parts {_some(parts)} there must be no folder, found {_some(others)}")
        if twice := [part for part, times in Counter(parts.values()).items() if times > 1]:
            raise InputError(f"{root}: must have one folder for the {twice[0]} part, found {_some(parts)}")
    found = []
    tested = bool({"test", "validation"} & set(parts.values()))
    for file in folder.files:
        *folders, _ = file.name.split("/")
        part = _part(parts[folders.pop(0)], parts.values()) if split and folders and folders[0] in parts else ""
        one = replace(file, part=part if tested else "", target=told("/".join(folders)))
        if one.state == "used" and not folders:
            one = one.lost("refused", "no class: it lies in no class's folder")
        found.append(one)
    return found


def _part(part: str, all_parts: Iterable[str]) -> str:
    """A validation part is trained on, since `train.val_fraction` holds one out; without a test part it is that."""
    if part == "validation":
        return "train" if "test" in all_parts else "test"
    return part


def _by_list(folder: Folder, cells: Cells, data: DataConfig) -> list[File]:
    """By the rows of a table: `file`, the target, and if they are there `split` and the group."""
    target, group = data.target or "target", data.group or ("group" if "group" in cells.columns else "")
    wanted = ["file", target, *([group] if group else []), *(["split"] if "split" in cells.columns else [])]
    for name in wanted:
        if name not in cells.columns:
            raise InputError(
                f"{cells.path}: must have a column {shown(repr(name))}, found {shown(', '.join(cells.columns))}"
            )
        if (lacking := empty(cells, name)).any():
            raise cells.refusal(name, lacking, "filled")
    texts = {name: [str(one) for one in cells.columns[name].to_pylist()] for name in wanted}
    if data.task == "regression":
        numbers = numbers_in(cells.columns[target], data.decimal)
        if not np.isfinite(numbers).all():
            raise cells.refusal(target, ~np.isfinite(numbers), "a number, as data.task = 'regression'")
        texts[target] = [repr(number) for number in numbers.tolist()]
    parts = [PARTS.get(text.strip().lower(), "") for text in texts.get("split", [])]
    if "" in parts:
        raise cells.refusal("split", np.array(parts) == "", "train, val or test")
    names = [os.path.normpath(text.strip()) for text in texts["file"]]
    outside = np.array([name.startswith(("/", "..")) for name in names])
    if outside.any():
        raise cells.refusal("file", outside, f"a file in {folder.root}")
    known, found, all_parts = {file.name: file for file in folder.files}, dict[str, File](), set(parts)
    for row, name in enumerate(names):
        file = known.get(name) or File(folder.root, name, state="refused", why="absent: there is no such file")
        if file.state == "left out":
            file = file.lost("refused", "no image: by its name it is none, or hidden")
        one = replace(
            file,
            part=_part(parts[row], all_parts) if parts else "",
            target=texts[target][row],
            group=texts[group][row] if group else "",
        )
        if name in found:
            if (found[name].target, found[name].part) != (one.target, one.part):
                again = np.arange(len(names)) == row
                raise cells.refusal("file", again, "listed once, or with the same target and part")
            continue
        found[name] = one
    others = [
        file if file.state == "left out" else file.lost("left out", f"not listed: in {cells.path.name}")
        for file in folder.files
        if file.name not in found
    ]
    return sorted([*found.values(), *others], key=lambda file: os.fsencode(file.name))


def classes_of(files: Sequence[File], data: DataConfig) -> tuple[str, ...]:
    """The names of the classes, numbers in their order and else sorted, of the files that are used.

    Raises `InputError` for fewer than two or too many, and for a class that the training part has no image of.
    """
    used = [file for file in files if file.state == "used"]
    names = sorted({file.target for file in used if file.part != "test"}, key=_rank)
    others = sorted({file.target for file in used if file.part == "test"} - set(names), key=_rank)
    where = f"{data.path}"
    if others:
        raise InputError(f"{where}: {_classes(others)} in the test part alone, training must have an image of each")
    as_numbers = len(names) > len(used) / 3 and np.isfinite(numbers_in(pa.array(names), data.decimal)).all()
    hint = "; data.task = 'regression' predicts numbers, those of a CSV" if as_numbers else ""
    if not 2 <= len(names) <= MOST_CLASSES:
        told_of = f": {_some(names)}{hint}" if names else ""
        raise InputError(f"{where}: must have from 2 to {MOST_CLASSES:,} classes, found {len(names):,}{told_of}")
    counts = Counter(file.target for file in used)
    least = min(names, key=lambda name: counts[name])
    if counts[least] < 2 and not any(file.part for file in used):
        raise InputError(
            f"{where}: class {shown(repr(least))}: must have two images at least, one for each part, found 1{hint}"
        )
    if MACRO in names:
        raise InputError(f"{where}: a class must not be called {MACRO!r}, which is the name of the classes' mean")
    twins = [name for name, times in Counter(name.lower() for name in names).items() if times > 1]
    for twin in twins[:_NAMED]:
        alike = [name for name in names if name.lower() == twin]
        _log.warning("%s: classes that differ in case alone: %s", where, _some(alike))
    return tuple(names)


def _rank(name: str) -> tuple[int, float, bytes]:
    try:
        number = float(name)
    except ValueError:
        number = math.nan
    return (1, 0.0, os.fsencode(name)) if math.isnan(number) else (0, number, os.fsencode(name))


def _classes(names: Sequence[str]) -> str:
    return f"{'class' if len(names) == 1 else 'classes'} {_some(names)} {'is' if len(names) == 1 else 'are'}"


def _some(names: Iterable[str]) -> str:
    """The first few, each quoted."""
    names = list(names)
    more = [f"and {len(names) - _NAMED:,} more"] * (len(names) > _NAMED)
    return ", ".join([*(shown(repr(name)) for name in names[:_NAMED]), *more])


def count(folders: int) -> str:
    return "1 folder" if folders == 1 else f"{folders:,} folders"


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}"
