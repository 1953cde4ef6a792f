"""params.yaml: sections read into frozen, validated objects, or refused in words that name key, value and rule."""

import difflib
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import ErrorDetails

from stages.core.base import recorded
from stages.core.base.command import InputError
from stages.core.config.plain import leaves, read_text, shown, values_in

PARAMS_FILE = Path("params.yaml")
Settle = Callable[[dict[str, Any]], dict[str, Any]]  # what is `auto`, of the values read
_PROBLEMS = 8  # lines of a message


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
    def load(cls, path: Path = PARAMS_FILE, settle: Settle | None = None) -> Self:
        """Read and check the stage's sections of `path`, of which `settle` decides what is `auto`.

        Raises `InputError` with one line per problem: a file that is missing or no YAML mapping, an unknown key (with
        the nearest valid name), a missing key, a wrong type, a value out of range, values that do not go together.
        Of a file that is refused Git sees from then on that it has changed.
        """
        try:
            text = read_text(path)
            values = values_in(text, path)
            try:
                params = cls.model_validate(settle(values) if settle else values)
            except ValidationError as error:
                raise refusal(cls, error, values, path) from None
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
        except InputError:
            show_to_git(path)
            raise
        own = cls._named(path, values)
        # Parsing takes longer than all else that is compared.
        recorded.note(own, lambda: own if (now := read_text(path)) == text else cls._named(path, values_in(now, path)))
        return params

    @classmethod
    def _named(cls, path: Path, values: Mapping[str, Any]) -> dict[str, str]:
        """What the stage's sections hold; not what `values` has for other stages."""
        own = {name: values.get(name) for name in cls.model_fields}
        return {f"{path}: {key}": repr(value) for key, value in leaves(own)}


def refusal(cls: type[BaseModel], error: ValidationError, values: dict[str, Any], path: Path) -> InputError:
    """The error that names `path` and, a line each, what `cls` refuses in `values`."""
    problems = error.errors(include_url=False)
    lines = [_explain(cls, problem, values) for problem in problems[:_PROBLEMS]]
    if len(problems) > _PROBLEMS:
        lines.append(f"and {len(problems) - _PROBLEMS} more")
    return InputError(f"{path}: " + "\n       ".join(lines))


def _same_type(written: Any, taken: Any) -> bool:
    """Whether pydantic left a value what it was: a whole number may be a float, a list a tuple, a mapping a section."""
    if isinstance(written, list | tuple):
        return all(map(_same_type, written, taken))
    return type(written) is type(taken) or isinstance(taken, BaseModel) or (type(written), type(taken)) == (int, float)


def show_to_git(path: Path) -> None:
    """Set the time of `path` to another second, so that Git reads it anew.

    `dvc exp run -S` changes params.yaml in the second in which Git noted it. A change that leaves the size as it was
    would then be invisible to `git status`, and `git checkout` would not undo it.
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
