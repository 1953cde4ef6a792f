"""Presets: named sets of changes to params.yaml, each a file with the part it changes, under a comment."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.config.params import PARAMS_FILE, refusal
from stages.core.config.plain import leaves, read_text, read_values, shown
from stages.core.config.sections import AllParams

FOLDER = Path("presets")
# To every shell: brackets would stand for a file's name, but none is called like a setting.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-[,]")


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def summary(name: str, folder: Path = FOLDER) -> str:
    """What the preset reaches and costs: its comment, in one line."""
    lines = read_text(folder / f"{name}.yaml").splitlines()
    return " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))


def settings(name: str, folder: Path = FOLDER, params: Path = PARAMS_FILE) -> list[str]:
    """The changes as words for `dvc exp run`: `-S`, `train.lr=0.01`, and so on, none that a shell would change.

    Raises `InputError` where there is no such preset (with the nearest name), or params.yaml with its changes would be
    refused.
    """
    path = folder / f"{name}.yaml"
    if name not in names(folder):
        near = difflib.get_close_matches(name, names(folder), n=1)
        told = f"did you mean {near[0]}?" if near else f"there are {', '.join(names(folder)) or 'none'}"
        raise InputError(f"{shown(name)}: no preset, {told}")
    changes = read_values(path)
    merged = _merged(read_values(params), changes)
    try:
        AllParams.model_validate(merged).check_sizes()
    except ValidationError as error:
        raise refusal(AllParams, error, merged, path) from None
    except InputError as error:
        raise InputError(f"{path}: with it, {error}") from None
    words = []
    for key, value in leaves(changes, inside=(dict,)):
        text = str(value).lower() if isinstance(value, bool) else str(value).replace(", ", ",")
        if not set(text) <= _PLAIN:
            raise InputError(
                f"{path}: {key} = {shown(repr(value))}: a shell would change it, numbers and names it would not"
            )
        words += ["-S", f"{key}={text}"]
    return words


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, change in changes.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, change) if isinstance(inner, dict) and isinstance(change, dict) else change
    return merged
