"""Which files of a folder count, and of which part and class they are."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.base.command import InputError
from stages.core.config.sections import DataConfig
from stages.core.data import folders
from stages.core.data.folders import File, check_recordable, classes_of, listed, walked

DEFAULTS = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text())["data"]


def config(path: Path, **changes: Any) -> DataConfig:
    return DataConfig(**{**DEFAULTS, "dataset": "images", "path": str(path), **changes})


def fill(root: Path, *names: str) -> Path:
    """Files that are not looked into; a name that ends in / is an empty folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return root


def found(root: Path, **changes: Any) -> dict[str, tuple[str, str]]:
    """Part and class of each file that may be used."""
    return {file.name: (file.part, file.target) for file in listed(config(root, **changes)) if file.state == "used"}


def by_state(files: list[File]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for file in files:
        counts.setdefault(file.state, Counter())[file.why.partition(":")[0]] += 1
    return counts


def test_a_folder_per_class_whose_path_is_its_name(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.png", "cat/2.png", "cat/persian/1.png", "cat/persian/2.JPG")
    fill(tmp_path, "dog/3.jpeg", "dog/3.Webp", "dog/4.bmp", "dog/5.TIF", "dog/6.gif")
    assert found(tmp_path) == {
        **dict.fromkeys(("cat/1.png", "cat/2.png"), ("", "cat")),
        **dict.fromkeys(("cat/persian/1.png", "cat/persian/2.JPG"), ("", "cat/persian")),
        **dict.fromkeys(("dog/3.Webp", "dog/3.jpeg", "dog/4.bmp", "dog/5.TIF", "dog/6.gif"), ("", "dog")),
    }
    assert classes_of(listed(config(tmp_path)), config(tmp_path)) == ("cat", "cat/persian", "dog")


@pytest.mark.parametrize(
    ("folders", "parts"),
    [
        (("train", "test"), {"train": "train", "test": "test"}),
        (("Train", "TEST"), {"Train": "train", "TEST": "test"}),
        (("train", "val"), {"train": "train", "val": "test"}),
        (("train", "valid", "test"), {"train": "train", "valid": "train", "test": "test"}),
        (("train", "validation", "test"), {"train": "train", "validation": "train", "test": "test"}),
        (("train",), {"train": "train"}),
    ],
)
def test_parts(folders: tuple[str, ...], parts: dict[str, str], tmp_path: Path) -> None:
    fill(tmp_path, *(f"{part}/{name}/1.png" for part in folders for name in ("a", "b/c")))
    if folders == ("train",):
        parts = {"train": ""}  # of which the test part is split off
    assert found(tmp_path) == {
        f"{folder}/{name}/1.png": (part, name) for folder, part in parts.items() for name in ("a", "b/c")
    }


def test_a_test_folder_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path, "a/x/1.png", "a/y/1.png", "b/x/1.png")
    files = listed(config(tmp_path / "a", test_path=str(tmp_path / "b")))
    assert [(Path(file.path), file.part, file.target) for file in files] == [
        (tmp_path / "a/x/1.png", "train", "x"),
        (tmp_path / "a/y/1.png", "train", "y"),
        (tmp_path / "b/x/1.png", "test", "x"),
    ]
    fill(tmp_path, "c/train/x/1.png", "c/test/x/2.png")
    with pytest.raises(InputError, match=r"data\.test_path = .*: .*c has a test part of its own"):
        listed(config(tmp_path / "c", test_path=str(tmp_path / "b")))


def test_what_nobody_meant_as_an_example_is_left_out_and_counted(tmp_path: Path, caplog) -> None:
    fill(
        tmp_path,
        *("a/1.png", "b/2.png", "empty/", "full/of/nothing/note.txt", ".hidden/3.png", "a/.4.png", "a/Thumbs.db"),
        *("__MACOSX/a/._1.png", "a/.ipynb_checkpoints/1-checkpoint.png", ".ipynb_checkpoints/"),
    )
    files = listed(config(tmp_path))
    assert by_state(files) == {
        "used": {"": 2},
        "left out": {"hidden, or of the system": 5, "no image by its name": 1},
    }
    assert len(files) == 8
    assert "4 folders without an image: 'empty', 'full', 'full/of', 'full/of/nothing'" in caplog.text


def test_what_a_link_leads_to_is_taken_once(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", "a/1.png", "a/2.png", "b/3.png")
    fill(tmp_path / "elsewhere", "4.png", "5.png")
    (data / "a/0.png").symlink_to("1.png")
    (data / "a/gone.png").symlink_to("nowhere.png")
    (data / "a/out.png").symlink_to(tmp_path / "elsewhere/4.png")
    (data / "a/out too.png").symlink_to(tmp_path / "elsewhere/4.png")
    (data / "b/loop").symlink_to(data)
    (data / "b/a too").symlink_to(data / "a")
    (data / ".cache").symlink_to(tmp_path)
    ledger = listed(config(data))
    assert by_state(ledger) == {
        "used": {"": 4},
        "duplicate": {"by a link": 2},
        "left out": {"by a link": 2, "hidden, or of the system": 1},
        "refused": {"no file": 1},
    }
    files = {file.name: (file.state, file.why) for file in ledger}
    assert files.pop("a/0.png") == ("duplicate", "by a link: the same as a/1.png")
    assert files.pop("a/gone.png") == ("refused", "no file: the link leads nowhere")
    assert files.pop("b/loop") == ("left out", "by a link: the same as the folder itself")
    assert files.pop("b/a too") == ("left out", "by a link: the same as a")
    assert files.pop("a/out.png") == ("duplicate", "by a link: the same as a/out too.png")
    used = sorted(name for name, (state, _) in files.items() if state == "used")
    assert used == ["a/1.png", "a/2.png", "a/out too.png", "b/3.png"]


def test_a_link_to_a_folder_elsewhere_is_refused(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", "a/1.png", "b/3.png")
    fill(tmp_path / "elsewhere", "4.png")
    (data / "b/c").symlink_to(tmp_path / "elsewhere")
    refused = r"data/b/c: a link to a folder elsewhere, which is not followed, .*; use that folder itself"
    for function in (lambda: listed(config(data)), lambda: check_recordable(str(data))):
        with pytest.raises(InputError, match=refused):
            function()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert [file.name for file in walked(str(tmp_path / "link")).files] == ["4.png"]


def test_odd_names_are_names(tmp_path: Path, caplog) -> None:
    odd = ["a, b", 'say "x"', "two\nlines", "<b>&amp;", "Case", "case", "ä"]
    fill(tmp_path, *(f"{name}/{name}.png" for name in odd), *(f"{name}/other.png" for name in odd))
    fill(tmp_path, os.fsdecode(b"\xff/\xfe.png"), os.fsdecode(b"\xff/other.png"))
    files = [file for file in listed(config(tmp_path)) if file.state == "used"]
    assert {file.target for file in files} == {*odd, r"\xff"}
    assert r"\xff/\xfe.png" in [file.told for file in files]
    classes_of(files, config(tmp_path))
    assert "classes that differ in case alone: 'Case', 'case'" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has no image, a file that ends in one of bmp, gif, .* among 0 files"),
        (["a/1.txt", "b/.2.png"], "has no image, .* among 2 files"),
        (["test/a/1.png", "val/a/1.png"], "has 'test', 'val', but no folder train"),
        (["train/a/1.png", "x/b/1.png"], "beside the parts 'train' there must be no folder, found 'x'"),
        (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], "must have one folder for the validation part"),
    ],
)
def test_folders_that_cannot_be_understood(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{tmp_path}: {message}"):
        listed(config(fill(tmp_path, *names)))


def test_what_is_no_folder(tmp_path: Path) -> None:
    fill(tmp_path, "file")
    with pytest.raises(InputError, match="none: there is no such folder"):
        walked(str(tmp_path / "none"))
    with pytest.raises(InputError, match="file: must be a folder of images, found a file"):
        walked(str(tmp_path / "file"))
    with pytest.raises(InputError, match="must have a CSV in it with the columns file and target"):
        listed(config(fill(tmp_path, "a/1.png"), task="regression"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (r"\xff.png", "a name must be UTF-8"),
        ("gone.png", "a link must lead somewhere"),
        ("pipe", "it must be a file"),
        ("a/1.png", ""),
    ],
)
def test_what_dvc_cannot_record(name: str, message: str, tmp_path: Path) -> None:
    if name == "pipe":
        os.mkfifo(tmp_path / name)
    elif name == "gone.png":
        (tmp_path / name).symlink_to("nowhere")
    else:
        fill(tmp_path, os.fsdecode(name.encode().replace(rb"\xff", b"\xff")))
    if not message:
        return check_recordable(str(tmp_path))
    with pytest.raises(InputError, match=f"{re.escape(name)}: DVC cannot record the folder with it, {message}"):
        check_recordable(str(tmp_path))
    return None


def test_a_file_in_no_folder_has_no_class(tmp_path: Path) -> None:
    files = listed(config(fill(tmp_path, "1.png", "a/1.png", "b/1.png")))
    assert by_state(files)["refused"] == {"no class": 1}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/1.png"], "must have from 2 to 1,000 classes, found 1: 'a'"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "class 'c' is in the test part alone"),
        (["a/1.png", "a/2.png", "macro/1.png", "macro/2.png"], "a class must not be called 'macro'"),
        (
            [f"{number}/1.png" for number in range(9)],
            "from 2 to 8 classes, found 9: '0', '1', .*, and 4 more",
        ),
    ],
)
def test_classes_that_cannot_be_learned(names: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(folders, "MOST_CLASSES", 8 if len(names) == 9 else 1000)
    fill(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        classes_of(listed(config(tmp_path)), config(tmp_path))


def test_numbers_are_in_their_order(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{name}/{number}.png" for name in ("10", "9", "b", "a", "nan") for number in (1, 2)))
    assert classes_of(listed(config(tmp_path)), config(tmp_path)) == ("9", "10", "a", "b", "nan")


LIST = "file,target,split,group\nx/1.png,a,train,p\n2.png,b,test,q\nx/1.png,a,train,p\nx/../x/3.png,b,val,p\n"


def test_a_list(tmp_path: Path) -> None:
    fill(tmp_path, "x/1.png", "2.png", "x/3.png", "other.png", ".hidden")
    (tmp_path / "labels.csv").write_text(LIST)
    files = {file.name: file for file in listed(config(tmp_path))}
    assert {name: (file.part, file.target, file.group) for name, file in files.items() if file.state == "used"} == {
        "x/1.png": ("train", "a", "p"),
        "2.png": ("test", "b", "q"),
        "x/3.png": ("train", "b", "p"),
    }
    assert files["other.png"].why == "not listed: in labels.csv"
    (tmp_path / "labels.csv").write_text("file,size\n2.png,1.50\nother.png,-3\n")
    with pytest.raises(InputError, match=r"labels\.csv: must have a column 'target', found file, size"):
        listed(config(tmp_path))
    assert found(tmp_path, task="regression", target="size") == {"2.png": ("", "1.5"), "other.png": ("", "-3.0")}


@pytest.mark.parametrize(
    ("row", "task", "message"),
    [
        ("../x.png,a", "classification", r"line 3, column 'file': must be a file in .*, found '\.\./x\.png'"),
        ("/etc/x.png,a", "classification", "line 3, column 'file': must be a file in"),
        ("1.png,b", "classification", "line 3, column 'file': must be listed once"),
        ("2.png,", "classification", "line 3, column 'target': must be filled, found none"),
        ("2.png,many", "regression", "line 3, column 'target': must be a number, .* found 'many'"),
        ("2.png,a,b", "classification", "line 3: must have 2 cells, found 3"),
    ],
)
def test_lists_that_cannot_be_understood(row: str, task: str, message: str, tmp_path: Path) -> None:
    fill(tmp_path, "1.png", "2.png")
    (tmp_path / "list.csv").write_text(f"file,target\n1.png,{1 if task == 'regression' else 'a'}\n{row}\n")
    with pytest.raises(InputError, match=f"list.csv: {message}"):
        listed(config(tmp_path, task=task))


def test_a_list_of_absent_files_and_two_lists(tmp_path: Path) -> None:
    fill(tmp_path, "1.png", ".2.png", "note.txt", "a/Thumbs.db")
    (tmp_path / "list.csv").write_text("file,target\n1.png,a\ngone.png,b\n.2.png,c\nnote.txt,d\n")
    refused = {file.name: file.why for file in listed(config(tmp_path)) if file.state == "refused"}
    assert refused["gone.png"] == "absent: there is no such file"
    assert refused.keys() == {"gone.png", ".2.png", "note.txt"}
    (tmp_path / "other.csv").write_text("file,target\n1.png,a\n")
    with pytest.raises(InputError, match=r"must have one list of its files, found list\.csv, other\.csv"):
        listed(config(tmp_path))


def test_a_table_beside_the_classes_is_no_list(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "notes.csv").write_text("name,size\nx,1\n")
    assert found(tmp_path) == {"a/1.png": ("", "a"), "b/1.png": ("", "b")}


def test_many_files_in_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a/", "b/1.png")
    folder = os.open(tmp_path / "a", os.O_RDONLY)
    for number in range(3_000):
        os.mknod(f"{number}.png", dir_fd=folder)
    os.close(folder)
    assert len(found(tmp_path)) == 3_001
