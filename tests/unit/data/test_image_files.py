"""Images in files: both parts, what is settled by them, and a ledger in which no file is missing."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from pydantic import ValidationError

from stages.core.base import artifacts, stored
from stages.core.base.command import InputError
from stages.core.base.schemas import FILES
from stages.core.base.stored import Stored
from stages.core.config.sections import DataConfig
from stages.core.data import decoder, decoders, decoding
from stages.core.data.decoder import Outcome
from stages.core.data.decoders import Decoders
from stages.core.data.decoding import Scratch
from stages.core.data.examples import Prepared
from stages.core.data.image_files import prepared
from stages.core.data.pictures import Look, form, picture

ROOT = Path(__file__).parents[3]
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())["data"]
DRAW = np.random.default_rng(0)


def config(path: Path | str, **changes: Any) -> DataConfig:
    return DataConfig(**{**DEFAULTS, "dataset": "images", "path": str(path), **changes})


def image(size: tuple[int, int] = (12, 9), mode: str = "RGB") -> Image.Image:
    """Noise of its own."""
    shape = size[::-1] if mode == "L" else (*size[::-1], len(mode))
    return Image.fromarray(DRAW.integers(0, 256, shape, dtype=np.uint8), mode)


def fill(root: Path, *names: str, **options: Any) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image(**options).save(root / name)
    return root


def many(root: Path, number: int, *classes: str, **options: Any) -> Path:
    return fill(root, *(f"{name}/{place:03}.png" for name in classes for place in range(number)), **options)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scratch goes below the test's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def run(data: DataConfig, limit: int = 0) -> tuple[Prepared, pd.DataFrame]:
    """What is prepared, and the ledger, as it reads back from its file."""
    kept: list[pd.DataFrame] = []
    found, scratch = prepared(data, limit, 0, kept.append)
    FILES.write(Path("files.csv"), kept[-1])
    ledger = FILES.read(Path("files.csv"))
    counts = found.metrics().files
    assert counts and len(ledger) == counts.in_folder
    assert (ledger["state"] == "used").sum() == counts.used == len(found.train) + len(found.test)
    scratch.discard()
    assert not list(Path(".dvc/tmp/pictures").glob("*"))
    return found, ledger


def test_parts_are_those_of_the_folders(tmp_path: Path) -> None:
    many(tmp_path / "own/train", 5, "a", "b")
    many(tmp_path / "own/test", 2, "a", "b")
    found, ledger = run(config("own"))
    assert found.description.classes == ("a", "b") and found.description.input_shape == (3, 9, 12)
    assert found.train.targets.tolist() == [0] * 5 + [1] * 5 and found.test.targets.tolist() == [0, 0, 1, 1]
    pixels = np.asarray(Image.open("own/test/b/000.png")).transpose(2, 0, 1)
    assert np.array_equal(found.test.inputs[2], pixels)
    assert ledger["part"].value_counts().to_dict() == {"train": 10, "test": 4}


def test_a_part_is_split_off_with_its_share_of_each_class(tmp_path: Path) -> None:
    many(tmp_path / "own", 20, "a", "b")
    found, ledger = run(config("own", test_fraction=0.25))
    assert np.bincount(found.test.targets).tolist() == [5, 5] and len(found.train) == 30
    again, _ = run(config("own", test_fraction=0.25))
    assert np.array_equal(found.train.inputs, again.train.inputs)
    for part, examples in (("train", found.train), ("test", found.test)):
        names = ledger["file"][(ledger["part"] == part)]
        assert all(
            np.array_equal(pixels, np.asarray(Image.open(Path("own", name))).transpose(2, 0, 1))
            for name, pixels in zip(names, examples.inputs, strict=True)
        )


def test_groups_are_not_parted_and_numbers_are_targets(tmp_path: Path) -> None:
    fill(tmp_path / "own", *(f"{place}.png" for place in range(40)))
    rows = [f"{place}.png,{place / 4},{place // 4}" for place in range(40)]
    Path("own/list.csv").write_text("\n".join(["file,price,owner", *rows]) + "\n")
    found, _ = run(config("own", task="regression", target="price", group="owner"))
    assert found.description.classes is None and found.train.targets.dtype == np.float64
    assert found.train.groups is not None and found.test.groups is not None
    assert not set(found.train.groups) & set(found.test.groups)
    assert (np.floor(np.concatenate([found.train.targets, found.test.targets])) // 1).max() == 9


def test_a_limit_leaves_the_others_out(tmp_path: Path) -> None:
    many(tmp_path / "own", 20, "a", "b")
    found, ledger = run(config("own"), limit=8)
    assert (len(found.train), len(found.test)) == (8, 2)
    assert ledger["why"].value_counts()["beyond prepare.limit"] == 30
    assert found.metrics().files.left_out == {"beyond prepare.limit": 30}


@pytest.mark.parametrize(
    ("sizes", "modes", "expected"),
    [
        ([(12, 9)], ["RGB"], (3, 9, 12)),
        ([(12, 9)], ["L"], (1, 9, 12)),
        ([(12, 9)], ["L", "RGB"], (3, 9, 12)),
        ([(12, 9), (12, 10)], ["L"], (1, 64, 64)),
        ([(129, 9)], ["L"], (1, 64, 64)),
        ([(12, 7)], ["L"], (1, 64, 64)),
    ],
)
def test_what_is_auto_is_settled_by_the_headers(
    sizes: list[tuple[int, int]], modes: list[str], expected: tuple[int, ...], tmp_path: Path
) -> None:
    for place in range(4):
        for name in "ab":
            fill(
                tmp_path / "own/train" / name,
                f"{place}.png",
                size=sizes[place % len(sizes)],
                mode=modes[place % len(modes)],
            )
            fill(tmp_path / "own/test" / name, f"{place}.png", size=(200, 300))  # which says nothing
    found, _ = run(config("own"))
    assert found.train.inputs.shape == (8, *expected)
    found, _ = run(config("own", size=[16, 8], channels=1))
    assert found.train.inputs.shape == (8, 1, 16, 8)


def dirty(root: Path) -> Path:
    """Every trouble that a folder may have; 20 images of it are right."""
    many(root, 6, "a, b", 'say "<b>"', "two\nlines")
    (root / "empty").mkdir()
    shutil.copy(root / "a, b/000.png", root / "a, b/copy.png")
    shutil.copy(root / "a, b/000.png", root / "two\nlines/elsewhere.png")
    (root / "a, b/link.png").symlink_to("001.png")
    (root / "a, b/loose.PNG").symlink_to("nowhere")
    (root / "a, b/cut.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(20))
    (root / "a, b/empty.png").write_bytes(b"")
    (root / "a, b/page.png").write_text("<html>")
    Image.new("L", (300, 300)).save(root / "two\nlines/bomb.png")
    os.mkfifo(root / "two\nlines/pipe.png")
    for name in ("a, b/.hidden.png", "Thumbs.db", "__MACOSX/a/1.png", ".ipynb_checkpoints/x.png", "note.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    image().save(root / "of no class.png")
    image().save(os.fsencode(root) + b"/a, b/\xff.png")
    return root


def test_a_dirty_folder_has_the_right_ledger(tmp_path: Path, caplog) -> None:
    root = dirty(tmp_path / "own")
    found, ledger = run(config("own", bad_files="drop", max_pixels=50_000))
    counts = found.metrics().files
    assert counts.model_dump() == {
        "in_folder": 34,
        "used": 6 * 3 + 2,
        "duplicate": 2,
        "refused": {"damaged": 2, "empty": 1, "no file": 2, "too large": 1, "no class": 1},
        "left_out": {"hidden, or of the system": 4, "no image by its name": 1},
    }
    why = dict(zip(ledger["file"], ledger["why"], strict=True))
    assert why["a, b/copy.png"] == "the same bytes as: a, b/000.png"
    assert why["a, b/link.png"] == "by a link: the same as a, b/001.png"
    assert why["two\nlines/bomb.png"] == "too large: 300 x 300 pixels, data.max_pixels = 50000"
    assert why["two\nlines/elsewhere.png"] == ""  # of another class: the audit tells of it
    assert why["a, b/\\xff.png"] == ""
    assert found.description.classes == ("a, b", 'say "<b>"', "two\nlines")
    assert "1 folder without an image: 'empty'" in caplog.text
    lost = "2 damaged, 1 empty, 2 no file, 1 no class, 1 too large"
    assert f"own: 7 files of 34 cannot be used: {lost}; data/prepared/files.csv says which" in caplog.text
    assert root.exists()


def test_bad_files_are_refused_by_name(tmp_path: Path) -> None:
    dirty(tmp_path / "own")
    kept: list[pd.DataFrame] = []
    with pytest.raises(InputError) as refusal:
        prepared(config("own"), 0, 0, kept.append)
    lines = str(refusal.value).splitlines()
    assert lines[0] == "own: 6 files of 34 cannot be used; `bad_files: drop` in section data leaves them out"
    assert "  a, b/cut.jpg: damaged: " in lines[1] and "  of no class.png: no class: " in str(refusal.value)
    assert (kept[-1]["state"] == "refused").sum() == 6, "the ledger is written all the same"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/1.png", "b/1.png"], "must have 4 images that can be used at least, found 2"),
        (["a/1.png", "a/2.png", "a/3.png", "a/4.png"], "must have from 2 to 1,000 classes, found 1: 'a'"),
        (
            ["a/1.png", "a/2.png", "a/3.png", "a/4.png", "b/1.png"],
            "own: class 'b': must have two images at least, one for each part, found 1$",
        ),
        (
            ["1.5/1.png", "2.5/1.png", "3/1.png", "3/2.png"],
            "own: class '1.5': must have two images .*, found 1; data.task = 'regression' predicts numbers, those of",
        ),
    ],
)
def test_too_few(names: list[str], message: str, tmp_path: Path) -> None:
    fill(tmp_path / "own", *names)
    with pytest.raises(InputError, match=message):
        run(config("own"))


@pytest.mark.parametrize("size", [32, [4, 4], [32], [32, True], [8, 1025], "small"])
def test_a_size_that_is_none_is_refused_in_one_rule(size: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        config("own", size=size)
    (problem,) = refusal.value.errors()
    assert problem["msg"] == "Value error, must be auto or [height, width], from 8 to 1024 pixels each"
    assert problem["loc"] == ("size",) and problem["input"] == size


def test_a_list_without_the_columns_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "own", "1.png", "2.png")
    (tmp_path / "own/labels.csv").write_text("filename;label\r\n1.png;3\r\n")
    told = "must have a CSV .* columns file and target, since .*; labels.csv begins with 'filename;label'"
    with pytest.raises(InputError, match=told):
        run(config("own", task="regression"))


def test_a_class_that_lost_its_images_in_training(tmp_path: Path) -> None:
    many(tmp_path / "own/train", 4, "a", "b")
    many(tmp_path / "own/test", 1, "a", "b", "c")
    Path("own/train/c").mkdir()
    Path("own/train/c/1.png").write_bytes(b"none")
    with pytest.raises(InputError, match="class 'c' is in the test part alone"):
        run(config("own", bad_files="drop"))


def test_any_number_of_processes_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(tmp_path / "own", 20, "a", "b")
    Path("own/b/003.png").write_bytes(b"none")
    alone, _ = run(config("own", bad_files="drop"))
    monkeypatch.setattr(decoders, "FILES", 1)
    monkeypatch.setattr(decoding, "TOGETHER", 7)
    monkeypatch.setenv("WORKERS", "3")
    together, _ = run(config("own", bad_files="drop"))
    for one, other in ((alone.train, together.train), (alone.test, together.test)):
        assert np.array_equal(one.inputs, other.inputs) and np.array_equal(one.targets, other.targets)


def test_it_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is not decoded yet is; and what is damaged of that which was, is decoded again."""
    paths = [str(path) for path in sorted(many(tmp_path / "own", 20, "a", "b").rglob("*.png"))]
    look = Look(3, 9, 12, "pad", 0, 1000)
    monkeypatch.setattr(decoding, "TOGETHER", 8)
    whole, outcomes = Scratch(paths, look).decoded(Decoders(len(paths), 0))
    folder = Scratch(paths, look).folder
    assert sorted(path.name for path in folder.glob("*.json")) == ["0.json", "16.json", "24.json", "32.json", "8.json"]
    (folder / "8.json").unlink()
    (folder / "16.json").write_text("[")
    with (folder / "pixels").open("r+b") as file:
        file.seek(25 * 3 * 9 * 12)
        file.write(b"something else")
    decoded: list[str] = []
    monkeypatch.setattr(decoder, "picture", lambda path, look: (decoded.append(path), picture(path, look))[1])
    again, outcomes_again = Scratch(paths, look).decoded(Decoders(len(paths), 0))
    assert decoded == paths[8:32]
    assert np.array_equal(whole, again) and outcomes == outcomes_again
    assert outcomes[0] == Outcome(artifacts.sha256(Path(paths[0])), "")
    os.utime(paths[0])
    assert Scratch(paths, look).folder != folder, "the scratch of other files"


def test_many_images_stay_in_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "IN_MEMORY", 100)
    many(tmp_path / "own", 20, "a", "b")
    found, _ = run(config("own"))
    assert isinstance(found.train.inputs, Stored)
    artifacts.write_arrays(Path("some"), found.train.arrays())
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    in_memory, _ = run(config("own"))
    assert isinstance(in_memory.train.inputs, np.ndarray)
    assert np.array_equal(artifacts.read_arrays(Path("some"))["inputs"], in_memory.train.inputs)


def test_a_process_that_is_ended_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(path) for path in many(tmp_path / "own", 8, "a").rglob("*.png")]
    monkeypatch.setattr(decoders, "FILES", 1)
    monkeypatch.setenv("WORKERS", "2")
    with Decoders(len(paths), 0) as both, pytest.raises(InputError, match="a process that decodes pictures was ended"):
        for process in both.processes:
            process.kill()
        Scratch(paths, Look(3, 9, 12, "pad", 0, 1000)).decoded(both)
    with Decoders(len(paths), 0) as both, pytest.raises(InputError, match="No such file"):
        both.map(
            decoder.decode, [{"paths": paths, "first": 0, "folder": "none", "look": (3, 9, 12, "pad", 0, 9)}], 8, ""
        )
    assert all(process.poll() is not None for process in both.processes)


def test_what_metadata_have_wrong_is_no_warning(tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(bytes(3 * 9 * 12))
    image().save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    paths = [str(tmp_path / "a.jpg")]
    with pytest.warns(UserWarning, match="Corrupt EXIF data"):
        form(paths[0], 1000)
    assert decoder.forms(paths, 1000) == [(9, 12, True)]
    assert not decoder.decode(paths, 0, str(tmp_path), (3, 9, 12, "pad", 0, 1000))[0].why
