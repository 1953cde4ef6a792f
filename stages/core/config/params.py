"""params.yaml: sections read into frozen, validated objects, or refused in words that name key, value and rule."""

import difflib
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from stages.core.base.command import InputError

PARAMS_FILE = Path("params.yaml")
_SHOWN = 100  # characters of a key or value in a message
_PROBLEMS = 8  # lines of a message
# What a file may hold: enough for any params.yaml, and read in a moment.
_BYTES, _EVENTS, _LEVELS, _LENGTH = 100_000, 5_000, 10, 1_000
_FOREIGN = {"anchor": "an anchor or alias", "tag": "a tag", "version": "a directive", "tags": "a directive"}


class _Typed(BaseModel):
    """Values of the declared types and of no others."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _means_what_is_written(cls, written: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        """Refuse what pydantic takes for something else, since DVC records what is written: true is no `Literal[1]`."""
        taken = validate(written)
        if not _same_type(written, taken):
            raise ValueError(f"must be written as {taken!r}")
        return taken


class Section(_Typed, extra="forbid"):
    """One section of params.yaml; subclasses declare its keys, their types and their ranges."""


class StageParams(_Typed, extra="ignore"):
    """The sections a stage uses, one field a section: exactly what dvc.yaml lists under the stage's `params`.

    What else the file has is for other stages; the stage `check` alone knows and checks it all.
    """

    @classmethod
    def load(cls, path: Path = PARAMS_FILE) -> Self:
        """Read and check the stage's sections of `path`.

        Raises `InputError` with one line per problem: a file that is missing or no YAML mapping, an unknown key (with
        the nearest valid name), a missing key, a wrong type, a value out of range, values that do not go together.
        """
        _show_to_git(path)
        values = read_values(path)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise refusal(cls, error, values, path) from None


def read_values(path: Path) -> dict[str, Any]:
    """The content of a YAML file: what DVC reads.

    Raises `InputError` unless it is a mapping whose keys differ, in plain YAML, that no reader takes for another one.
    """
    text = read_text(path)
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


def refusal(cls: type[BaseModel], error: ValidationError, values: dict[str, Any], path: Path) -> InputError:
    """The error that names `path` and, a line each, what `cls` refuses in `values`."""
    problems = error.errors(include_url=False)
    lines = [_explain(cls, problem, values) for problem in problems[:_PROBLEMS]]
    if len(problems) > _PROBLEMS:
        lines.append(f"and {len(problems) - _PROBLEMS} more")
    return InputError(f"{path}: " + "\n       ".join(lines))


def shown(text: str, most: int = _SHOWN) -> str:
    """`text` in one line of at most so many characters."""
    text = text.replace("\n", "\\n")
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
    for (key, value), (other_key, other) in zip_longest(_leaves(ours), _leaves(others), fillvalue=("", None)):
        if key != other_key or (repr(value) != repr(other) and not isinstance(other, str)):
            raise InputError(
                f"{shown(key)} = {shown(repr(value))} in YAML 1.2, which DVC reads, but "
                f"{shown(other_key)} = {shown(repr(other))} in YAML 1.1: write what is the same in both"
            )


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, with its key: `train.lr`, `model.channels.0`."""
    if not isinstance(value, dict | list):
        yield key.removesuffix("."), value
        return
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, f"{key}{name}.")


def _same_type(written: Any, taken: Any) -> bool:
    """Whether pydantic left a value what it was: a whole number may be a float, a list a tuple, a mapping a section."""
    if isinstance(written, list | tuple):
        return all(map(_same_type, written, taken))
    return type(written) is type(taken) or isinstance(taken, BaseModel) or (type(written), type(taken)) == (int, float)


def _show_to_git(path: Path) -> None:
    """Set the time of `path` to another second, so that Git reads it anew.

    `dvc exp run -S` changes params.yaml in the second in which Git noted it. A change that leaves the size as it was
    would then be invisible to `git status`, and `git checkout` would not undo it, if a stage fails.
    """
    with suppress(OSError):  # of another user, or on a medium that cannot be written
        then = max(time.time(), path.stat().st_mtime + 1)
        os.utime(path, (then, then))


def _explain(cls: type[BaseModel], problem: ErrorDetails, values: dict[str, Any]) -> str:
    """One problem as `train.lr = 'banana': ...`."""
    key = shown(".".join(str(part) for part in problem["loc"]))
    if problem["type"] == "missing":
        unknown = [str(name) for name in values if name not in cls.model_fields]
        misspelt = difflib.get_close_matches(key, unknown, n=1)
        return f"{key}: missing" + (f"; is {misspelt[0]} meant to be it?" if misspelt else "")
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key, {_nearest(cls, problem['loc'])}"
    rule = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict):  # a section or the file as a whole: the rule itself names the keys
        return f"{key}: {rule}" if key else rule
    return f"{key} = {shown(repr(problem['input']))}: {rule[0].lower() + rule[1:]}"


def _nearest(cls: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The valid key nearest to the last part of `location`, or all valid keys where none is near."""
    *parents, found = (str(part) for part in location)
    for parent in parents:
        annotation = cls.model_fields[parent].annotation
        models = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
        cls = models[0]
    near = difflib.get_close_matches(found, cls.model_fields, n=1, cutoff=0.5)
    if near:
        return f"did you mean {'.'.join([*parents, near[0]])}?"
    return f"the {'section' if parents else 'file'} has {', '.join(cls.model_fields)}"
