"""params.yaml: sections read into frozen, validated objects, or refused in words that name key, value and rule."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from stages.core.base import recorded
from stages.core.base.command import InputError

PARAMS_FILE = Path("params.yaml")
_SHOWN = 100  # characters of a key or value in a message
_PROBLEMS = 20  # lines of a message


class Section(BaseModel):
    """One section of params.yaml; subclasses declare its keys, their types and their ranges."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StageParams(BaseModel):
    """The sections a stage uses, one field a section: exactly what dvc.yaml lists under the stage's `params`.

    What else the file has is for other stages; the stage `check` alone knows and checks it all.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    @classmethod
    def load(cls, path: Path = PARAMS_FILE) -> Self:
        """Read and check the stage's sections of `path`.

        Raises `InputError` with one line per problem: a file that is missing or no YAML mapping, an unknown key (with
        the nearest valid name), a missing key, a wrong type, a value out of range, values that do not go together.
        """
        values = read_values(path)
        try:
            params = cls.model_validate(values)
        except ValidationError as error:
            raise refusal(cls, error, values, path) from None
        recorded.note(cls._named(path, values), lambda: cls._named(path, read_values(path)))
        return params

    @classmethod
    def _named(cls, path: Path, values: Mapping[str, Any]) -> dict[str, str]:
        """What the stage's sections hold; not what `values` has for other stages."""
        own = {name: values.get(name) for name in cls.model_fields}
        return {f"{path}: {key}": repr(value) for key, value in leaves(own)}


def read_values(path: Path) -> dict[str, Any]:
    """The content of a YAML file; raises `InputError` unless it is a mapping whose keys differ."""
    try:
        # YAML 1.2 by DVC's own library, so that a value is to a stage what it is to DVC.
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except DuplicateKeyError as error:
        twice = re.search('duplicate key "(.*?)"', error.problem)
        raise InputError(
            f"{path}: line {error.problem_mark.line + 1}: {shown(twice[1]) if twice else 'a key'}: given twice"
        ) from None
    except RecursionError:
        raise InputError(f"{path}: not valid YAML: nested too deeply") from None
    except (YAMLError, ValueError, KeyError) as error:  # KeyError: what ruamel.yaml makes of `!!bool maybe`
        raise InputError(f"{path}: not valid YAML: {shown(' '.join(str(error).split()), 4 * _SHOWN)}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: must be a mapping of sections, found {type(values).__name__}")
    return values


def leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values of `values`; `train.lr` for one in a section."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


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


def _explain(cls: type[BaseModel], problem: ErrorDetails, values: dict[str, Any]) -> str:
    """One problem as `train.lr = 'banana': ...`."""
    key = shown(".".join(str(part) for part in problem["loc"]))
    if problem["type"] == "missing":
        misspelt = difflib.get_close_matches(key, values.keys() - cls.model_fields.keys(), n=1)
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
