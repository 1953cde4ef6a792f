import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from stages.core.base.artifacts import read_arrays, read_csv, read_json, write_arrays, write_csv, write_json

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(value=st.dictionaries(text, values, max_size=4))
def test_json_reads_back_and_ignores_the_order_of_keys(value: dict[str, object]):
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        write_json(one, value)
        write_json(other, dict(reversed(value.items())))
        assert read_json(one) == value
        assert one.read_bytes() == other.read_bytes()


@settings(max_examples=50, deadline=None)
@given(
    numbers=st.lists(finite, min_size=1, max_size=20),
    names=st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1), min_size=1),
)
def test_csv_reads_back_to_the_bit(numbers: list[float], names: list[str]):
    table = pd.DataFrame({"number": numbers, "name": [f"_{names[i % len(names)]}" for i in range(len(numbers))]})
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder, "table.csv"), table)
        back = read_csv(Path(folder, "table.csv"))
    assert back["number"].to_numpy(float).tobytes() == table["number"].to_numpy(float).tobytes()
    assert back["name"].tolist() == table["name"].tolist()


arrays = st_numpy.arrays(
    dtype=st.sampled_from([np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64]),
    shape=st_numpy.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
)


@settings(max_examples=50, deadline=None)
@given(content=st.dictionaries(st.sampled_from(["inputs", "targets", "probabilities"]), arrays, min_size=1))
def test_arrays_read_back_to_the_bit_and_ignore_their_order(content: dict[str, np.ndarray]):
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        write_arrays(one, content)
        write_arrays(other, dict(reversed(content.items())))
        back = read_arrays(one)
        assert one.read_bytes() == other.read_bytes()
    assert back.keys() == content.keys()
    for name, array in content.items():
        assert (back[name].dtype, back[name].shape, back[name].tobytes()) == (array.dtype, array.shape, array.tobytes())
