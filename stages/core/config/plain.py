"""Small files of plain YAML, read as DVC reads them; whatever two readers could read differently is refused."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from stages.core.base.command import InputError

_SHOWN = 100  # characters of a key or value in a message
# What a file may hold: enough for any params.yaml, and read in a moment.
_BYTES, _EVENTS, _LEVELS, _LENGTH = 100_000, 5_000, 10, 1_000
_FOREIGN = {"anchor": "an anchor or alias", "tag": "a tag", "version": "a directive", "tags": "a directive"}


def read_values(path: Path) -> dict[str, Any]:
    """The content of a YAML file: what DVC reads. Raises `InputError` as `read_text` and `values_in` do."""
    return values_in(read_text(path), path)


def values_in(text: str, path: Path) -> dict[str, Any]:
    """What the YAML file at `path` holds, by its text.

    Raises `InputError` unless it is a mapping whose keys differ, in plain YAML, that no reader takes for another one.
    """
    try:
        _check_form(text)
        others = yaml.load(text, _Yaml11)  # noqa: S506 - a safe loader
        # YAML 1.2 by DVC's own library, so that a value is to a stage what it is to DVC.
        values = YAML(typ="safe", pure=True).load(text)
        _check_readings(values, others)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except DuplicateKeyError as error:
        twice = re.search('duplicate key "(.*?)"', error.problem)
        raise InputError(
            f"{path}: line {error.problem_mark.line + 1}: {shown(twice[1]) if twice else 'a key'}: given twice"
        ) from None
    except (YAMLError, yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{path}: not valid YAML: {line}{shown(problem, 4 * _SHOWN)}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: must be a mapping of sections, found {type(values).__name__}")
    return values


def read_text(path: Path) -> str:
    """The text of a small file; raises `InputError` for one that is large, not UTF-8 or no file."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"{path}: must be a file, found a device or pipe")
        with path.open("rb") as file:
            content = file.read(_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > _BYTES:
        raise InputError(f"{path}: must have at most {_BYTES} bytes, found more")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: must be UTF-8, found the byte 0x{content[error.start]:02x}") from None


def shown(text: str, most: int = _SHOWN) -> str:
    """`text` in one line of at most so many characters, none of which a terminal obeys."""
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 4]} ..."


class _Yaml11(yaml.CSafeLoader):
    """Reads YAML 1.1, as many programs do, and says where it cannot: the 99th of a month."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def _check_form(text: str) -> None:
    """Refuse what makes much of a little (aliases, levels) or another thing of a value (tags, directives)."""
    levels = 0
    for number, event in enumerate(yaml.parse(text, yaml.CSafeLoader), 1):
        levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        problems = [f"must be plain, found {what}" for part, what in _FOREIGN.items() if getattr(event, part, None)]
        if levels > _LEVELS:
            problems.append(f"nested too deeply, must be at most {_LEVELS} levels")
        if len(getattr(event, "value", "")) > _LENGTH:
            problems.append(f"too long, must be at most {_LENGTH} characters")
        if number > _EVENTS:
            problems.append(f"too many keys and values, must be at most {_EVENTS} in the file")
        if problems:
            # The stubs do not know the marks of the parser in C.
            raise yaml.MarkedYAMLError(problem=problems[0], problem_mark=event.start_mark)  # type: ignore[arg-type]


def _check_readings(ours: Any, others: Any) -> None:
    """Refuse what is another value in YAML 1.1, as many programs read it.

    That it is a text there does no harm, as nobody computes with one: `1e-05`, which DVC writes.
    """
    for (key, value), (other_key, other) in zip_longest(leaves(ours), leaves(others), fillvalue=("", None)):
        if key != other_key or (repr(value) != repr(other) and not isinstance(other, str)):
            raise InputError(
                f"{shown(key)} = {shown(repr(value))} in YAML 1.2, which DVC reads, but "
                f"{shown(other_key)} = {shown(repr(other))} in YAML 1.1: write what is the same in both"
            )


def leaves(value: Any, key: str = "", inside: tuple[type, ...] = (dict, list)) -> Iterator[tuple[str, Any]]:
    """Every value of no type in `inside`, with its key: `train.lr`, `model.channels.0`."""
    if type(value) not in inside:
        yield key.removesuffix("."), value
        return
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(inner, f"{key}{name}.", inside)
