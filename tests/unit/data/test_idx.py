import struct

import numpy as np
import pytest

from stages.core.base.command import InputError
from stages.core.data.idx import parse


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 28, 28), (1, 1, 1, 1)])
def test_an_array_is_read_back(shape: tuple[int, ...]):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    parsed = parse(idx_bytes(array), "file")
    assert parsed.dtype == np.uint8
    assert parsed.shape == shape
    assert (parsed == array).all()


def test_sizes_are_big_endian():
    assert parse(b"\x00\x00\x08\x01" + b"\x00\x00\x01\x00" + bytes(256), "file").shape == (256,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file of unsigned bytes, must begin with 00 00 08, found nothing"),
        (b"\x00\x00\x08", "not an IDX file of unsigned bytes, must begin with 00 00 08, found 00 00 08"),
        (b"\x1f\x8b\x08\x00 packed", "not an IDX file of unsigned bytes, must begin with 00 00 08, found 1f 8b 08 00"),
        (b"\x00\x00\x0d\x01" + bytes(8), "not an IDX file of unsigned bytes"),
        (b"\x00\x00\x08\x00", "4 bytes, too short for an IDX header of 0 dimensions"),
        (b"\x00\x00\x08\x03" + bytes(11), "15 bytes, too short for an IDX header of 3 dimensions"),
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-1], r"truncated, must have 18 bytes for shape \(2, 3\), found 17"),
        (idx_bytes(np.zeros(4, np.uint8)) + b"?", r"followed by something else, must have 12 bytes for shape \(4,\)"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(content: bytes, message: str):
    with pytest.raises(InputError, match=f"^data/raw/file: {message}"):
        parse(content, "data/raw/file")
