"""params.yaml: one meaning, the same to DVC and to every reader; whatever else it holds is refused in a few words."""

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml
from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.config.params import Section, StageParams
from stages.core.config.presets import names, settings, summary
from stages.core.config.sections import AllParams, settled_alone
from tests.pipeline.project import ROOT

GOOD = (ROOT / "params.yaml").read_text()
VALUES = yaml.safe_load(GOOD)


def found(key: str) -> re.Match[str]:
    """The value in the committed file that has this name: `train.lr`."""
    section, _, name = key.rpartition(".")
    start = GOOD.index(f"\n{section}:\n") if section else 0
    place = re.compile(rf"(?m)^ *{name}: (\[.*?\]|\S+)").search(GOOD, start)
    assert place, key
    return place


def edited(key: str, text: str) -> str:
    """The committed file with another text for a value."""
    return GOOD[: found(key).start(1)] + text + GOOD[found(key).end(1) :]


def line(key: str) -> str:
    return f"line {GOOD.count(chr(10), 0, found(key).start(1)) + 1}"


@pytest.fixture
def refused(tmp_path: Path):
    """What params.yaml with this content is refused with, within the bounds that hold for every message."""

    def refused(content: str | bytes) -> str:
        path = tmp_path / "params.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return refusal(lambda: AllParams.load(path), path)

    return refused


def refusal(read, path: Path) -> str:
    start = time.process_time()
    with pytest.raises(InputError) as error:
        read()
    message = str(error.value)
    assert time.process_time() - start < 2
    assert message.startswith(f"{path}: ")
    assert message.count("\n") < 10 and len(message) < 4000
    assert all(line.isprintable() for line in message.split("\n"))
    return message.removeprefix(f"{path}: ")


# ---- One meaning -----------------------------------------------------------------------------------------------------

MEANINGS = [  # key, text in the file, what DVC and the stages make of it
    ("seed", "0o17", 15),
    ("seed", "07", 7),
    ("seed", "08", 8),
    ("seed", "0x1F", 31),
    ("seed", "0b101", 5),
    ("seed", "1_000", 1000),
    ("train.lr", "1e-05", 1e-5),
    ("train.lr", "1E-5", 1e-5),
    ("train.lr", "+.5", 0.5),
    ("train.lr", "1", 1),
    ("model.batch_norm", "FALSE", False),
    ("train.device", "'cpu'", "cpu"),
    ("model.channels", "[8, 0x10]", [8, 16]),
]


@pytest.mark.parametrize(("key", "text", "value"), MEANINGS)
def test_a_value_is_to_a_stage_what_it_is_to_dvc(key: str, text: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(edited(key, text))
    recorded = parse_yaml(path.read_text(), path)
    assert settled_alone(recorded) == AllParams.load(path).model_dump(mode="json")
    for part in key.split("."):
        recorded = recorded[part]
    assert recorded == value


DOUBTS = [  # key, text in the file, what it is in YAML 1.2 and 1.1
    ("seed", "010", "10", "8"),
    ("seed", "-0_17", "-17", "-15"),
    ("train.epochs", "1:3", "'1:3'", "63"),
    ("train.lr", "1:3.5", "'1:3.5'", "63.5"),
    ("model.batch_norm", "off", "'off'", "False"),
    ("model.batch_norm", "Yes", "'Yes'", "True"),
    ("train.device", "on", "'on'", "True"),
    ("train.device", "NO", "'NO'", "False"),
    ("model.channels", "[010, 8]", "10", "8"),
]


@pytest.mark.parametrize(("key", "text", "ours", "others"), DOUBTS)
def test_what_two_readers_could_read_differently_is_refused(
    key: str, text: str, ours: str, others: str, refused
) -> None:
    assert re.search(rf"{key}\S* = {ours} in YAML 1.2.* = {others} in YAML 1.1", refused(edited(key, text)))


WRONG = [
    *(True, False, 0, 1, 2, 1.0, 0.5, None),
    *("", "1", "0.5", "true", "cpu"),
    *([], [1], [True], [1.0], ["1"], [0.5], {}, {"a": 1}),
]


def places(values: Any, *keys: str) -> list[tuple[str, ...]]:
    if not isinstance(values, dict):
        return [keys]
    return [place for key, inner in values.items() for place in places(inner, *keys, key)] + ([keys] if keys else [])


@pytest.mark.parametrize("place", places(VALUES), ids=".".join)
def test_no_value_is_taken_for_one_of_another_type(place: tuple[str, ...]) -> None:
    for value in WRONG:
        values = deepcopy(VALUES)
        inner = values
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        try:
            taken: Any = AllParams.model_validate(values).model_dump(mode="json")
        except ValidationError:
            continue
        for key in place:
            taken = taken[key]
        whole = float(value) if isinstance(taken, float) and type(value) is int else value
        assert repr(taken) == repr(whole)


class Kinds(Section):
    """What pydantic compares by `==` alone, in every place it can stand."""

    plain: Literal[1, 2] = 1
    no_bool: Literal[0, 1] = 0
    truth: Literal[True] = True
    inside: tuple[Literal[1, 2], ...] | None = None


class Sections(StageParams):
    kinds: Kinds
    version: Literal[1, 2] = 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"kinds": {"plain": True}}, ("kinds", "plain")),
        ({"kinds": {"plain": 2.0}}, ("kinds", "plain")),
        ({"kinds": {"no_bool": False}}, ("kinds", "no_bool")),
        ({"kinds": {"truth": 1}}, ("kinds", "truth")),
        ({"kinds": {"inside": (1, True)}}, ("kinds", "inside")),
        ({"kinds": {}, "version": True}, ("version",)),
    ],
)
def test_a_section_to_come_takes_none_either(values: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="must be written as") as error:
        Sections.model_validate(values)
    assert [problem["loc"] for problem in error.value.errors()] == [place]


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["train.lr=1e-5"], {"train": {"lr": 1e-5}}),
        (["train.lr=1"], {"train": {"lr": 1.0}}),
        (["model.channels=[8,16]"], {"model": {"channels": [8, 16]}}),
        (["model.hidden=[]", "model.batch_norm=False"], {"model": {"hidden": [], "batch_norm": False}}),
        (["cross_validate.learning_curve=[0.25,0.5]"], {"cross_validate": {"learning_curve": [0.25, 0.5]}}),
        (["seed=123456789012345678901"], {"seed": 123456789012345678901}),
        *(([word for word in settings(name) if word != "-S"], {}) for name in names()),
    ],
)
def test_what_dvc_writes_for_an_experiment_comes_through(
    words: list[str], changed: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD)
    apply_overrides(path, words)
    computed = AllParams.load(path).model_dump(mode="json")
    assert computed == settled_alone(parse_yaml(path.read_text(), path))
    for section, values in changed.items():
        assert values == (computed[section] if section == "seed" else {key: computed[section][key] for key in values})


@pytest.mark.parametrize(
    "word", ["train.lr=banana", "train.lr='1e-5'", "train.epochs=1e1", "seed=010", "train.shards=true"]
)
def test_what_dvc_writes_of_another_type_is_refused(word: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD)
    apply_overrides(path, [word])
    assert refusal(lambda: AllParams.load(path), path).startswith(word.partition("=")[0])


# ---- Undone ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o444])
@pytest.mark.parametrize("text", ["bana", "0.02"])
def test_git_sees_a_change_once_a_stage_has_read_it(text: str, mode: int, tmp_path: Path) -> None:
    """One of equal size, at the time that is in Git's index: whether the value is refused or what runs on it fails."""
    path = tmp_path / "params.yaml"
    git = ["git", "-C", str(tmp_path), "-c", "core.trustctime=false"]

    def at_the_same_time(content: str) -> None:
        path.write_text(content)
        os.utime(path, (1e9, 1e9))

    def changed() -> str:
        return subprocess.run([*git, "diff", "--name-only"], check=True, capture_output=True, text=True).stdout

    at_the_same_time(GOOD)
    for command in (["init", "--quiet"], ["add", path.name]):
        subprocess.run([*git, *command], check=True)
    at_the_same_time(edited("train.lr", text))
    path.chmod(mode)
    assert changed() == ""
    with suppress(InputError):
        AllParams.load(path)
    assert changed() == "params.yaml\n"


def test_a_file_whose_time_cannot_be_set_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    (tmp_path / "params.yaml").write_text(GOOD)
    assert AllParams.load(tmp_path / "params.yaml").seed == 0


# ---- Hostile or odd --------------------------------------------------------------------------------------------------

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)
MERGED = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {  # what the file holds, and the start of what is said of it
    "Latin-1": (GOOD.encode() + b"# caf\xe9\n", f"line {GOOD.count(chr(10)) + 1}: must be UTF-8, found the byte 0xe9"),
    "UTF-16": (GOOD.encode("utf-16"), "line 1: must be UTF-8, found the byte 0xff"),
    "NUL": (GOOD + "\0", "not valid YAML: unacceptable character #x0000"),
    "control characters": (GOOD + "# \x1b[31m", "not valid YAML: unacceptable character #x001b"),
    "1,000 levels": ("a: " + "[" * 1000 + "]" * 1000, "not valid YAML: line 1: nested too deeply"),
    "open levels": ("{" * 90_000, "not valid YAML: line 1: nested too deeply"),
    "levels of blocks": (
        "\n".join(" " * level + "a:" for level in range(400)),
        "not valid YAML: line 11: nested too deeply",
    ),
    "integer": (edited("seed", "9" * 5000), f"not valid YAML: {line('seed')}: too long"),
    "hexadecimal": (edited("seed", "0x" + "f" * 5000), f"not valid YAML: {line('seed')}: too long"),
    "integer for a float": (edited("train.lr", "9" * 400), "train.lr = 999"),
    "date": (edited("seed", "2026-99-99"), f"not valid YAML: {line('seed')}: month must be in 1..12"),
    "time": (edited("seed", "2026-01-01T25:00:00Z"), f"not valid YAML: {line('seed')}: hour must be in 0..23"),
    "tag": (edited("seed", "!!int abc"), f"not valid YAML: {line('seed')}: must be plain, found a tag"),
    "object": (
        edited("seed", "!!python/object:os.system x"),
        f"not valid YAML: {line('seed')}: must be plain, found a tag",
    ),
    "YAML 1.1": ("%YAML 1.1\n---\n" + GOOD, "not valid YAML: line 1: must be plain, found a directive"),
    "keys twice": (GOOD + "1: a\n'1': b\n1: c\n", f"line {GOOD.count(chr(10)) + 3}: 1: given twice"),
    "keys of any type": ("1: a\na: b\nnull: 3\n2.5: 1\nfalse: 7\n", "seed: missing"),
    "a list as a key": (GOOD + "? [[1]]\n: 2\n", "not valid YAML: line"),
    "a mapping as a key": (GOOD + "? {a: 1}\n: 2\n", "not valid YAML: line"),
    "alias bomb": (BOMB, "not valid YAML: line 1: must be plain, found an anchor or alias"),
    "merge bomb": (MERGED, "not valid YAML: line 1: must be plain, found an anchor or alias"),
    "recursion": ("a: &a [*a]\n", "not valid YAML: line 1: must be plain, found an anchor or alias"),
    "20,000 keys": ("".join(f"key{number}: 1\n" for number in range(20_000)), "must have at most 100000 bytes"),
    "2,000 keys": (GOOD + "".join(f"key{number}: 1\n" for number in range(2000)), "key0: unknown key"),
    "2,000 keys alone": ("".join(f"sead{number}: 1\n" for number in range(2000)), "seed: missing; is sead"),
    "10,000 values": (
        edited("model.channels", "[" + "1, " * 10_000 + "1]"),
        f"not valid YAML: {line('model.channels')}: too many keys and values",
    ),
    "2,000 wrong values": (edited("model.hidden", "[" + "x, " * 2000 + "x]"), "model.hidden.0 = 'x': "),
    "long value": (edited("train.device", "x" * 50_000), f"not valid YAML: {line('train.device')}: too long"),
    "long key": (GOOD + f"? {'k' * 50_000}\n: 1\n", "not valid YAML: line"),
    "5 MB": (edited("train.device", "x" * 5_000_000), "must have at most 100000 bytes"),
    "empty": ("", "must be a mapping of sections"),
    "comments": ("# a\n# b\n", "must be a mapping of sections"),
    "a text": ("banana", "must be a mapping of sections, found str"),
    "documents": (GOOD + "---\na: 1\n", "not valid YAML: line"),
    "tab": (GOOD.replace("  lr:", "\tlr:"), f"not valid YAML: {line('train.lr')}: "),
    "a value that is none": (edited("seed", "="), f"not valid YAML: {line('seed')}: "),
    "a merge that is none": (GOOD + "<<: 5\n", "not valid YAML: line"),
    "line break of YAML 1.1": (GOOD + "# \x85zz: 5\n", "not valid YAML: line"),
    "half a surrogate": (edited("train.device", r'"\ud800"'), f"not valid YAML: {line('train.device')}: "),
    "escapes in a key": (GOOD + r'"\e[31m\n\u202e": 1', r"\x1b[31m\n\u202e: unknown key"),
    "escapes": (edited("train.device", r'"\e[31m\0\u202e"'), r"train.device = '\x1b[31m\x00\u202e': input should be"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_the_file_holds_is_refused_in_a_few_words(name: str, refused) -> None:
    content, start = HOSTILE[name]
    assert refused(content).startswith(start)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_preset_is_read_with_the_same_care(name: str, tmp_path: Path) -> None:
    content, _ = HOSTILE[name]
    path = tmp_path / "odd.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    refusal(lambda: (settings("odd", tmp_path), summary("odd", tmp_path)), path)


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n"), GOOD.replace("\n", "\r"), "---\n" + GOOD + "...\n"],
    ids=["byte order mark", "CRLF", "CR", "a document"],
)
def test_what_an_editor_leaves_changes_nothing(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert AllParams.load(path) == AllParams.model_validate(VALUES)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), "cannot be read (Is a directory)"),
        (lambda path: path.symlink_to("/dev/zero"), "must be a file, found a device or pipe"),
        (lambda path: path.symlink_to(path), "cannot be read (Too many levels of symbolic links)"),
        (os.mkfifo, "must be a file, found a device or pipe"),
        (lambda path: path.touch() or os.truncate(path, 100_000_000), "must have at most 100000 bytes, found more"),
    ],
    ids=["folder", "device", "loop", "pipe", "100 MB"],
)
def test_what_is_no_small_file_is_refused_by_the_stage(make, problem: str, tmp_path: Path) -> None:
    make(tmp_path / "params.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    check = [sys.executable, "-m", "stages.check"]
    result = subprocess.run(check, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"error: params.yaml: {problem}\n")
