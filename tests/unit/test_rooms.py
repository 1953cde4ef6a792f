"""The rooms of `stages/core`: imports point one way, and every module lies in one of them."""

import re
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "stages/core"
# Of every room, the others that it may import from. `scores` and `pictures` know no network, `config` no data.
MAY_IMPORT = {
    "base": set(),
    "config": {"base"},
    "data": {"base", "config"},
    "networks": {"base", "config", "data"},
    "training": {"base", "config", "data", "networks"},
    "scores": {"base", "config"},
    "experiments": {"base", "config", "data", "networks", "training", "scores"},
    "pictures": {"base", "config", "scores"},
    "page": {"base", "config", "scores", "pictures"},
    "serving": {"base", "config", "data", "networks", "training", "scores"},
    "revisions": {"base", "config", "scores"},
}
IMPORT = re.compile(r"^ *(?:from|import) stages(?:\.core)?(?:\.(\w+))?", re.MULTILINE)


def test_every_module_is_in_a_room() -> None:
    assert {path.name for path in CORE.iterdir() if path.name != "__pycache__"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    for file in (CORE / room).rglob("*.py"):
        imported = set(IMPORT.findall(file.read_text())) - {room}
        assert imported <= MAY_IMPORT[room], file


@pytest.mark.parametrize(
    ("room", "libraries"),
    [("config", {"numpy", "pandas", "torch", "matplotlib"}), ("scores", {"torch"}), ("pictures", {"torch"})],
)
def test_what_a_room_does_without(room: str, libraries: set[str]) -> None:
    for file in (CORE / room).rglob("*.py"):
        assert not libraries & set(re.findall(r"^ *(?:from|import) (\w+)", file.read_text(), re.MULTILINE)), file
