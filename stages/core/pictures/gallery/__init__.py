"""The pictures, a file each: whatever lies in this folder is drawn by `plot` and shown on the page.

A file's name is its picture's, and its `PICTURE` says where it goes, what it shows and how it is drawn.
"""

import pkgutil
from importlib import import_module

from stages.core.pictures.picture import Picture


def pictures() -> dict[str, Picture]:
    """Every picture by its name, those of a section in their order."""
    found = {name: import_module(f"{__name__}.{name}").PICTURE for _, name, _ in pkgutil.iter_modules(__path__)}
    return dict(sorted(found.items(), key=lambda item: (item[1].section, item[1].order, item[0])))
