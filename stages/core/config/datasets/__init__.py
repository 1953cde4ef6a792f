"""The built-in data sets, one to a file: a new file with a `DATASET` is a new value of `data.dataset`."""

import importlib
import pkgutil

from stages.core.config.builtin import AnyBuiltin


def datasets() -> dict[str, AnyBuiltin]:
    """Every data set of this folder by its name, that of its file with hyphens; short names first."""
    modules = sorted((module.name for module in pkgutil.iter_modules(__path__)), key=lambda name: (len(name), name))
    return {name.replace("_", "-"): importlib.import_module(f"{__name__}.{name}").DATASET for name in modules}
