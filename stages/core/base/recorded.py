"""What ran is what is recorded: DVC hashes a stage's parameters, code and inputs only after its command has ended.

So what a stage runs with is noted as it starts, and compared as it ends.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

Contents = Mapping[str, object]  # what must not change, by the name that it is called in a message

_STAGES = Path(__file__).parents[2]
_notes: list[tuple[Contents, Callable[[], Contents]]] = []  # empty where no stage runs


@contextmanager
def noting(inputs: Iterable[Path]) -> Iterator[None]:
    """Note the code and the files and folders `inputs`, and what `note` is given, for as long as the block lasts."""
    inputs = list(inputs)
    _notes.append((_CODE, _code))
    note(digests(inputs), lambda: digests(inputs))
    try:
        yield
    finally:
        _notes.clear()


def note(then: Contents, now: Callable[[], Contents]) -> None:
    """While a stage runs: it read `then`; `now` is to give what would be read by the time it is called."""
    if _notes:
        _notes.append((then, now))


def changed() -> list[str]:
    """The names of all that is not what it was when it was noted."""
    found = [(then, now()) for then, now in _notes]
    different = [
        (name, then is _CODE)
        for then, now in found
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    rooms = _rooms_in_use() if any(is_code for _, is_code in different) else set()  # seldom, as it takes a moment
    return [name for name, is_code in different if not is_code or _room(name) in rooms]


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The SHA-256 of each file, and of each in a folder, by its path; none of what is missing, hidden or no file."""
    found = {}
    for file in (file for path in paths for file in (path, *path.rglob("*"))):
        with suppress(OSError):
            if file.is_file() and file.parent.name != "__pycache__" and not file.name.startswith("."):
                with file.open("rb") as content:
                    found[str(file)] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def stamps(paths: Iterable[Path]) -> dict[str, tuple[int, int, int]]:
    """As `digests`, but size, time and inode of each file: what of many can be told without reading them."""
    found = {}
    for folder, _, names in (entry for path in paths for entry in os.walk(path)):
        for name in names:
            with suppress(OSError):
                at = Path(folder, name).stat()
                found[f"{folder}/{name}"] = (at.st_size, at.st_mtime_ns, at.st_ino)
    return found


def _code() -> dict[str, str]:
    return {str(Path(name).relative_to(_STAGES.parent)): digest for name, digest in digests([_STAGES]).items()}


def digest_of_rooms(names: Iterable[str]) -> str:
    """The SHA-256 of all the code in these rooms of `core`."""
    rooms = {_STAGES / "core" / name for name in names}
    return hashlib.sha256(repr(sorted(one for one in _code().items() if _room(one[0]) in rooms)).encode()).hexdigest()


def _rooms_in_use() -> set[Path]:
    return {_room(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}


def _room(file: str) -> Path:
    """The part of the code that a stage depends on as a whole: a room of `core`, or the file itself."""
    path = _STAGES.parent / file
    inside = path.relative_to(_STAGES).parts if path.is_relative_to(_STAGES) else ()
    return _STAGES.joinpath(*inside[:2]) if inside else path


_CODE = _code()  # as this is loaded: before any other module of ours, whenever a stage may import that
