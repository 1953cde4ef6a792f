"""IDX, the file format of MNIST and its relatives: a big-endian header, then the array's bytes in row-major order."""

import math

import numpy as np

from stages.core.base.command import InputError

_UNSIGNED_BYTES = b"\x00\x00\x08"  # two zeros and the code of the only element type the data sets use


def parse(content: bytes, name: str) -> np.ndarray:
    """The uint8 array in the IDX file `content`: a read-only view, of the shape the header gives.

    Raises `InputError`, naming the file as `name`, when the header is not one of unsigned bytes, or when the content
    is shorter or longer than the header says. Format: LeCun, Cortes and Burges, "The MNIST database", file formats.
    """
    if not content.startswith(_UNSIGNED_BYTES) or len(content) < 4:
        raise InputError(f"{name}: not an IDX file of unsigned bytes, must begin with 00 00 08, found {_hex(content)}")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if dimensions == 0 or len(content) < header:
        raise InputError(f"{name}: {len(content)} bytes, too short for an IDX header of {dimensions} dimensions")
    shape = tuple(np.frombuffer(content, ">u4", count=dimensions, offset=4).tolist())
    expected = header + math.prod(shape)
    if len(content) != expected:
        problem = "truncated" if len(content) < expected else "followed by something else"
        raise InputError(f"{name}: {problem}, must have {expected} bytes for shape {shape}, found {len(content)}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _hex(content: bytes) -> str:
    return content[:4].hex(" ") or "nothing"
