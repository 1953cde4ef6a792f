"""Whatever params.yaml holds, a stage reads what DVC reads, or refuses it by name and in a few words."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.base.command import InputError
from stages.core.config.plain import read_values
from stages.core.config.sections import AllParams, settled_alone

# Words and what stands between them, without comments, so that most changes hit something.
GOOD = re.split(rb"(\W)", re.sub(rb" *#.*|\n(?=\n)", b"", Path("params.yaml").read_bytes()).strip() + b"\n")
VALUES = """010 0o17 0x1F 0b1 1_000 1:3 1e-05 1e5 .inf -.nan ~ null off yes true TRUE 2026-01-01 2026-99-99 0 1 0.5
            = << '5' [1] {a:1} !!int !!str !!binary !x &a *a [ ] { } ' " ? - : , | > # % @ ` \\ --- ..."""
PIECES = [
    *VALUES.split(),
    *(
        "? ",
        ": ",
        ", ",
        "- ",
        "# ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\x85",
        "\u2028",
        "\ufeff",
        "\n  ",
        "\n---\n",
        "\n%YAML 1.1\n",
    ),
    *("<<: *a\n", "seed: 1\n", "1: 2\n", "? [a]\n: 1\n", "[" * 50, "9" * 500, "9" * 5000, "x" * 2000, "k: 1\n" * 50),
]
Change = tuple[int, bytes, bool]
changes = st.lists(
    st.tuples(
        st.integers(0, len(GOOD) - 1),
        st.sampled_from([piece.encode() for piece in PIECES]) | st.binary(max_size=4),
        st.booleans(),  # beside what stands there, or in its place
    ),
    min_size=1,
    max_size=2,
)


def changed(words: list[bytes], changes: list[Change]) -> bytes:
    words = list(words)
    for place, piece, beside in changes:
        words[place] = piece + words[place] if beside else piece
    return b"".join(words)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "params.yaml"


def read_or_refused(path: Path) -> dict[str, Any] | None:
    try:
        return read_values(path)
    except InputError as error:
        message = str(error)
        assert message.startswith(f"{path}: ") and len(message) < 4000 and message.count("\n") < 10
        return None


@settings(max_examples=150, deadline=None)
@given(changes)
def test_a_changed_file_is_read_as_dvc_reads_it_or_refused(path: Path, changes: list[Change]) -> None:
    path.write_bytes(changed(GOOD, changes))
    values = read_or_refused(path)
    if values is None:
        return
    assert repr(values) == repr(parse_yaml(path.read_text(encoding="utf-8"), path))
    try:
        computed = AllParams.load(path).model_dump(mode="json")
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and len(str(error)) < 4000 and str(error).count("\n") < 10
    else:
        assert computed == settled_alone(values)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="0123456789_+-.:eExobyYnNfaTZ~ '<=", max_size=12))
def test_a_scalar_has_one_meaning(path: Path, text: str) -> None:
    """What YAML 1.1 does not take for a text is the same to it, or refused."""
    path.write_text(f"key: {text}\n")
    values = read_or_refused(path)
    if values is None:
        return
    assert repr(values) == repr(parse_yaml(path.read_text(), path))
    other = yaml.safe_load(path.read_text())["key"]
    assert isinstance(other, str) or repr(other) == repr(values["key"])
