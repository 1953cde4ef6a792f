"""The built-in data sets: what each declares, and that a file is all that a new one takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from stages.core.config import datasets as folder
from stages.core.config.builtin import Builtin, BuiltinFolder, BuiltinImages
from stages.core.config.datasets import datasets
from stages.core.config.sections import DataConfig
from stages.core.data.sources import sources

ROOT = Path(__file__).parents[3]
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]
FILES = {f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")}


def test_those_that_there_are() -> None:
    assert list(datasets())[:4] == ["emoji", "mnist", "diamonds", "penguins"]
    for declared in datasets().values():
        assert declared.sources
        if isinstance(declared, BuiltinImages):
            assert len(set(declared.classes)) == len(declared.classes) >= 2
        else:
            assert isinstance(declared, BuiltinFolder) or declared.target
            assert len(declared.digests) == 1


@pytest.mark.parametrize("dataset", datasets().values(), ids=list(datasets()))
def test_each_names_the_files_that_prepare_reads_and_their_digests(dataset: Builtin) -> None:
    if isinstance(dataset, BuiltinImages):
        assert dataset.digests.keys() == FILES
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in dataset.digests.values())


def test_params_yaml_lists_them() -> None:
    line = next(line for line in (ROOT / "params.yaml").read_text().splitlines() if line.startswith("  dataset: "))
    listed = line.partition("#")[2].partition(":")[0].strip()
    assert sorted(listed.split(" | ")) == sorted([*datasets(), "table", "images"])


def test_a_new_one_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match=r"input should be 'emoji' or .* or 'table' or 'images'"):
        DataConfig(**{**DEFAULTS, "dataset": "more-digits"})
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    (tmp_path / "more_digits.py").write_text(
        "from stages.core.config.builtin import BuiltinImages, Npm\n"
        f"DATASET = BuiltinImages(classes=tuple('01'), digests={dict.fromkeys(FILES, '0' * 64)},\n"
        "    sources=(Npm('more-digits', '1.0.0', 'package'),))\n"
    )
    assert DataConfig(**{**DEFAULTS, "dataset": "more-digits"}).dataset == "more-digits"
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert [name for name, _ in sources("more-digits")] == ["the npm package more-digits@1.0.0"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "dataset = 'table' needs the path of a file, found path = 'data/own'"),
        ({"path": "a.csv"}, "dataset = 'table' needs the name of a column as target, found none"),
        ({"path": "a.csv", "target": "y", "group": "g", "time": "t"}, "a split goes by one of them, not both"),
        ({"path": "a.csv", "target": "y", "delimiter": "."}, "delimiter and decimal: must differ"),
    ],
)
def test_a_table_of_your_own_needs_its_block(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataConfig(**{**DEFAULTS, "dataset": "table", **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "dataset = 'images' needs the path of a folder, found path = 'data/own'"),
        ({"path": "a", "test_path": "a"}, "path and test_path: must be two folders, found 'a' twice"),
        ({"path": "a", "time": "t"}, "dataset = 'images': time is for tables, found 't'"),
        ({"path": "a", "size": [64, 7]}, r"size\n.*must be auto or .height, width., from 8 to 1024"),
        ({"path": "a", "channels": 2}, "channels\n.*'auto', 1 or 3"),
    ],
)
def test_images_of_your_own_need_theirs(changes: dict[str, Any], message: str) -> None:
    assert DataConfig(**{**DEFAULTS, "dataset": "images", "path": "a", "size": [64, 32]}).size == (64, 32)
    with pytest.raises(ValidationError, match=message):
        DataConfig(**{**DEFAULTS, "dataset": "images", **changes})


def test_torchvision_has_each_kind() -> None:
    torchvision = pytest.importorskip("torchvision")
    kinds = [source.kind for declared in datasets().values() for source in declared.sources if hasattr(source, "kind")]
    assert kinds
    assert all(issubclass(getattr(torchvision.datasets, kind), torchvision.datasets.MNIST) for kind in kinds)
