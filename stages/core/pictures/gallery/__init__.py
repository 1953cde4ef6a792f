"""The pictures, one to a file: a new file with a `PICTURE` is drawn by the stage `plot` and shown by the report."""

import importlib
import pkgutil

from stages.core.pictures.picture import Picture

SECTIONS = (
    *("data", "training", "errors", "classes", "ranking", "confidence", "importance", "robustness"),
    "mistakes",
)  # in the page's order


def pictures() -> dict[str, Picture]:
    """Every picture of this folder by the name of its file, by section and, in a section, by order and name."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found: dict[str, Picture] = {name: importlib.import_module(f"{__name__}.{name}").PICTURE for name in names}
    return dict(sorted(found.items(), key=lambda item: (SECTIONS.index(item[1].section), item[1].order, item[0])))
