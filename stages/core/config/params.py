"""params.yaml: sections read into frozen, validated objects, or refused in words that name key, value and rule."""

import difflib
import re
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from stages.core.base.command import InputError

PARAMS_FILE = Path("params.yaml")


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers: `dvc exp run -S train.lr=0.00001` writes 1e-05, which YAML 1.1 reads as a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    """A mapping whose keys differ; PyYAML would silently keep the last of two."""
    keys = [loader.construct_object(key) for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {', '.join(map(str, sorted(twice)))}: given twice")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


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
        try:
            values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: must be a mapping of sections, found {type(values).__name__}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [_explain(cls, problem, values) for problem in error.errors(include_url=False)]
            raise InputError(f"{path}: " + "\n       ".join(lines)) from None


def _explain(cls: type[BaseModel], problem: ErrorDetails, values: dict[str, Any]) -> str:
    """One problem as `train.lr = 'banana': ...`."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        misspelt = difflib.get_close_matches(key, values.keys() - cls.model_fields.keys(), n=1)
        return f"{key}: missing" + (f"; is {misspelt[0]} meant to be it?" if misspelt else "")
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key, {_nearest(cls, problem['loc'])}"
    rule = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict):  # a section or the file as a whole: the rule itself names the keys
        return f"{key}: {rule}" if key else rule
    return f"{key} = {problem['input']!r}: {rule[0].lower() + rule[1:]}"


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
