"""Whatever lies in a file, it becomes a table with its schema or one line; and no order of rows changes it."""

import logging
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.core.base.command import InputError
from stages.core.base.schemas import SCHEMA
from stages.core.config.sections import DataConfig
from stages.core.data import tables
from stages.core.data.examples import Prepared

DEFAULTS = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())["data"]
CELLS = [
    *("1", "2.5", "1,5", '"1,234"', "12 %", "1e999", "-0", "0", "01", "inf", "1e99", "9" * 30, "a", "b", "é", "TRUE"),
    *("", "NA", "None", "-", ".", "  ", "2026-01-01", "2026-13-01", '"x\ny"', '"a""b"', '"', "\u2028", "\t", "macro"),
]
often = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Some columns of few or many different cells, with now and then a row of another length."""
    columns = draw(st.integers(1, 4))
    kinds = [
        draw(
            st.one_of(
                st.just(["u", "v"]), st.just([str(n) for n in range(30)]), st.lists(st.sampled_from(CELLS), min_size=1)
            )
        )
        for _ in range(columns)
    ]
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    rows = [",".join(str(generator.choice(kind)) for kind in kinds) for _ in range(draw(st.integers(0, 40)))]
    odd = draw(st.sampled_from([[], [], [], ["1"], [",,,,,,"], ['"'], [""]]))
    return draw(st.sampled_from(["\n", "\r\n"])).join([",".join(f"c{n}" for n in range(columns)), *rows, *odd])


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.ERROR)


def prepared(content: bytes, task: str = "classification", bad_rows: str = "drop") -> Prepared | None:
    """What becomes of `content`; None where it is refused, in one line."""
    Path("own.csv").write_bytes(content)
    changes = {"dataset": "table", "path": "own.csv", "target": "c0", "task": task, "bad_rows": bad_rows}
    try:
        found = tables.prepared(DataConfig(**{**DEFAULTS, **changes}), 0, 0)
    except InputError as refusal:
        assert "\n" not in str(refusal) and str(refusal).startswith(("own.csv: ", "params.yaml: data."))
        return None
    SCHEMA.write(Path("schema.csv"), found.schema)
    SCHEMA.read(Path("schema.csv"))
    assert found.rows is not None and found.rows.used == len(found.train) + len(found.test)
    for part in (found.train, found.test):
        assert not np.isinf(part.inputs).any() and np.isfinite(part.targets).all()
    return found


@often
@given(
    content=texts(), task=st.sampled_from(["classification", "regression"]), rule=st.sampled_from(["refuse", "drop"])
)
def test_a_table_or_one_line(content: str, task: str, rule: str) -> None:
    prepared(content.encode(), task, rule)


@often
@given(content=texts(), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_damaged_ones_too(content: str, place: float, byte: int) -> None:
    damaged = bytearray(content.encode())
    damaged[int(place * len(damaged))] = byte
    prepared(bytes(damaged))


@settings(often, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    kinds=st.lists(st.lists(st.sampled_from(CELLS[:3] + CELLS[10:21]), min_size=1, max_size=9), max_size=4),
)
def test_the_order_of_rows_changes_nothing(seed: int, kinds: list[list[str]]) -> None:
    generator = np.random.default_rng(seed)
    rows = [",".join(str(generator.choice(kind)) for kind in [["u", "v"], ["1", "2", "3"], *kinds]) for _ in range(20)]
    header = ",".join(f"c{n}" for n in range(len(kinds) + 2))
    one, two = (
        prepared("\n".join([header, *order]).encode()) for order in (rows, generator.permutation(rows).tolist())
    )
    assert (one is None) == (two is None)
    if one and two:
        assert one.description == two.description and one.metrics() == two.metrics()
        assert one.schema.equals(two.schema)
        for part, other in ((one.train, two.train), (one.test, two.test)):
            assert part.inputs.tobytes() == other.inputs.tobytes() and (part.targets == other.targets).all()
