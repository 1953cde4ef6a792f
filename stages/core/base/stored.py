"""Many rows of one shape that lie in a file: read as they are asked for, never all at once.

Read, not mapped: what is mapped counts as the process's own under a limit on its memory, and ends it where the file is
cut. A batch of a few hundred rows costs a millisecond either way.
"""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 1 << 28  # bytes: what is smaller is read into memory as a whole
PORTION = 1 << 24  # bytes of the rows that are looked at together


class Stored:
    """`shape[0]` rows, of the type and shape of the others, at `offset` bytes in the file at `path`.

    It goes where an array (N, ...) goes that is only asked for its rows: by a slice, by numbers (M,), one by one, or
    all, by `np.asarray`. The file stays open: what takes its name meanwhile changes nothing. Raises `OSError` where it
    is shorter.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path, self.offset, self.dtype = path, offset, dtype
        self.shape = shape
        self._rows: NDArray[np.int64] | None = None  # of the file; None: all, in their order
        self._file = _Opened(path)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return len(self) * self._size

    @property
    def _size(self) -> int:
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, rows: NDArray[np.int64]) -> "Stored | NDArray[Any]":
        """Those at `rows` (M,), in that order: not read yet, unless they are small enough for the memory."""
        found = Stored.__new__(Stored)
        found.path, found.offset, found.dtype, found._file = self.path, self.offset, self.dtype, self._file
        found.shape = (len(rows), *self.shape[1:])
        found._rows = rows if self._rows is None else self._rows[rows]
        return found if found.nbytes > IN_MEMORY else np.asarray(found)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        if isinstance(key, slice) and self._rows is None:
            start, stop, step = key.indices(len(self))
            if step == 1:
                found = np.empty((max(stop - start, 0), *self.shape[1:]), self.dtype)
                self._fill(found, start)
                return found
        rows = np.arange(len(self))[key] if self._rows is None else self._rows[key]
        found = np.empty((*np.shape(rows), *self.shape[1:]), self.dtype)
        for place, row in zip(found.reshape(-1, *self.shape[1:]), np.ravel(rows).tolist(), strict=True):
            self._fill(place, row)
        return found

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (row for portion in portions(self) for row in portion)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self[:]
        return found if dtype is None else found.astype(dtype)

    def _fill(self, array: NDArray[Any], row: int) -> None:
        """Read into `array`, contiguous, what lies from `row` of the file on."""
        rest, place = array.reshape(-1).view(np.uint8).data, self.offset + row * self._size
        while rest:
            if not (number := os.preadv(self._file.number, [rest], place)):
                raise OSError(0, "is shorter than it was", str(self.path))
            rest, place = rest[number:], place + number


class _Opened:
    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.number)


Rows = NDArray[Any] | Stored


def portions(rows: Rows, size: int = PORTION) -> Iterator[NDArray[Any]]:
    """All rows in order, about `size` bytes of them at a time."""
    each = max(1, size // max(1, rows.nbytes // max(1, len(rows))))
    return (rows[start : start + each] for start in range(0, len(rows), each))
