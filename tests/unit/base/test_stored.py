"""Rows that stay in their file: what they give is what the array would give."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from stages.core.base import stored
from stages.core.base.artifacts import read_rows, write_arrays
from stages.core.base.stored import Stored, portions

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
ARRAYS = {
    "inputs": IMAGES,
    "targets": np.arange(50.0),
    "groups": np.arange(50),
    "ä": np.zeros((), np.float32),
    "b": np.ones(3, bool),
    "c": np.ones((2, 0), np.int32),
}


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """The images, in a file."""
    monkeypatch.setattr(stored, "IN_MEMORY", 100)
    write_arrays(tmp_path / "some", {"targets": np.arange(50), "inputs": IMAGES})
    found = read_rows(tmp_path / "some")
    assert isinstance(found["targets"], np.ndarray) and isinstance(found["inputs"], Stored)
    return found["inputs"]


def test_a_file_has_the_bytes_that_safetensors_gives_it(tmp_path: Path) -> None:
    write_arrays(tmp_path / "some", ARRAYS)
    assert (tmp_path / "some").read_bytes() == save({name: np.atleast_1d(array) for name, array in ARRAYS.items()})
    write_arrays(tmp_path / "turned", {"turned": IMAGES.T})
    assert (tmp_path / "turned").read_bytes() == save({"turned": np.ascontiguousarray(IMAGES.T)})


def test_they_are_what_the_array_is(rows: Stored) -> None:
    assert (rows.shape, rows.dtype, rows.ndim, rows.nbytes, len(rows)) == (IMAGES.shape, np.uint8, 4, 3000, 50)
    mask = np.arange(50) % 3 == 0
    for key in (slice(None), slice(3, 9), slice(9, 3), slice(40, 99), slice(None, None, 7), 3, -1, mask):
        assert np.array_equal(rows[key], IMAGES[key]), key
    for key in ([], [4], [7, 3, 3, -2], [[1, 2], [3, 4]]):
        assert np.array_equal(rows[np.array(key, np.int64)], IMAGES[np.array(key, np.int64)]), key
    assert len(list(rows)) == 50 and all(map(np.array_equal, rows, IMAGES))
    assert np.array_equal(np.concatenate(list(portions(rows, 500))), IMAGES)
    assert np.asarray(rows, np.float32).dtype == np.float32


def test_what_is_taken_stays_in_the_file_unless_it_is_small(rows: Stored, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(50)
    taken = rows.take(order)
    again = taken.take(np.arange(10, 40))
    assert isinstance(taken, Stored) and isinstance(again, Stored)
    (tmp_path / "some").unlink()
    assert np.array_equal(taken, IMAGES[order])
    assert np.array_equal(again[5:20:2], IMAGES[order][10:40][5:20:2])
    assert isinstance(again.take(np.array([2])), np.ndarray)
    write_arrays(tmp_path / "copy", {"inputs": taken})
    assert (tmp_path / "copy").read_bytes() == save({"inputs": IMAGES[order]})


def test_a_file_that_is_cut_is_told_of(rows: Stored) -> None:
    with rows.path.open("r+b") as file:
        file.truncate(2000)
    with pytest.raises(OSError, match="is shorter than it was"):
        rows[40:]
