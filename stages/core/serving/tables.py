"""Rows of new tables, a block at a time: found by the names of their columns, and understood as in training.

Text is read as it comes, so that a file of any size, or a pipe, takes no more memory than a block.
"""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from stages.core.base.command import InputError
from stages.core.base.schemas import InputColumn, TableForm
from stages.core.config.plain import shown
from stages.core.data.cells import SUFFIXES, TOO_MANY_OR_FEW, Quotes, decoded, header, names_of, opened
from stages.core.data.folders import told
from stages.core.data.kinds import as_trained
from stages.core.serving.batch import OK, UNREADABLE, Batch

STDIN = "-"
BLOCK, ROWS = 1 << 21, 1 << 16  # bytes of a text, rows of a Parquet file
_HEAD = 1 << 20  # bytes that the names of the columns may take

Block = tuple[list[pa.ChunkedArray], np.ndarray, int]  # columns; bool (N,): which rows of the file have cells; bytes


def size(file: str) -> int:
    """In bytes; 0 of a pipe."""
    return Path(file).stat().st_size if file != STDIN and Path(file).is_file() else 0


def batches(file: str, columns: Sequence[InputColumn], form: TableForm) -> Iterator[Batch]:
    """The rows of a CSV, TSV or Parquet file, or of CSV on standard input (`-`), for a model trained on `columns`.

    Raises `InputError` for a file that is none, lacks a column, has none that can be read, or has nothing in a column
    that is of the kind trained on.
    """
    row, any_readable, first = 0, False, ""
    path = Path("standard input" if file == STDIN else file)
    for block, has_cells, done in _blocks(file, path, [column.name for column in columns], form):
        readable, status = has_cells.copy(), np.full(len(has_cells), UNREADABLE, object)
        found = [as_trained(cells, column, form.decimal) for cells, column in zip(block, columns, strict=True)]
        if row == 0:
            for (values, wrong), cells, column in zip(found, block, columns, strict=True):
                if wrong.any() and (wrong | np.isnan(values)).all():
                    rule = "texts" if column.categories is not None else "dates" if column.dates else "numbers"
                    cell = shown(repr(cells[int(np.argmax(wrong))].as_py()))
                    raise InputError(f"{path}: column {shown(repr(column.name))}: must be {rule}, found {cell}")
        inputs = np.stack([values for values, _ in found], axis=1)
        right = ~np.logical_or.reduce([wrong for _, wrong in found])
        for (_, wrong), column in zip(reversed(found), reversed(columns), strict=True):
            status[np.flatnonzero(has_cells)[wrong]] = f"{UNREADABLE} {column.name}"
        readable[readable] = right
        inputs = inputs[right]
        status[readable] = _status(inputs, columns)
        any_readable = any_readable or bool(len(inputs))
        names = {"file": pa.repeat(told(str(path)), len(status)), "row": pa.array(row + 1 + np.arange(len(status)))}
        row += len(status)
        first = first or status[0]
        yield Batch(names, inputs, readable, status, done)
    if not row:
        raise InputError(f"{path}: has no rows, but the names of columns")
    if not any_readable:
        name = first.removeprefix(UNREADABLE).strip()
        why = f"what is in column {shown(repr(name))}" if name else TOO_MANY_OR_FEW
        raise InputError(f"{path}: none of its rows can be read ({row:,} in all; in row 1 because of {why})")


def _status(inputs: np.ndarray, columns: Sequence[InputColumn]) -> np.ndarray:
    """Of each row what a person should know before trusting what the model says."""
    status = np.full(len(inputs), OK, object)
    for values, column in zip(inputs.T, columns, strict=True):
        found = {"missing": np.isnan(values)}
        if column.categories is not None:
            found["unseen category"] = values == -1
        elif column.low is not None and column.high is not None:
            found["out of range"] = (values < column.low) | (values > column.high)
        for what, rows in found.items():
            new = f"{what} {column.name}"
            status[rows] = [new if text == OK else f"{text}; {new}" for text in status[rows]]
    return status


def _blocks(file: str, path: Path, names: Sequence[str], form: TableForm) -> Iterator[Block]:
    if file == STDIN:
        if sys.stdin is None:
            raise InputError(f"{path}: is closed")
        yield from _of_text(sys.stdin.buffer, path, names, form.delimiter or ",")
        return
    name = file.lower()
    packed = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in SUFFIXES or (packed and suffix == ".parquet"):
        raise InputError(f"{path}: the model takes rows of a table: must end in .csv, .tsv or .parquet, or in .gz")
    if not path.is_file():
        found = "must be a file, found a folder or device" if path.exists() else "there is no such file"
        raise InputError(f"{path}: {found}")
    delimiter = form.delimiter or SUFFIXES[suffix]
    with opened(path) as source:
        if suffix == ".parquet":
            yield from _of_parquet(source, path, names)
            return
        text: Any = gzip.open(source) if packed else source  # noqa: SIM115 - closed with `source`
        yield from _of_text(text, path, names, delimiter, source)


def _of_parquet(source: IO[bytes], path: Path, names: Sequence[str]) -> Iterator[Block]:
    try:
        parquet = pyarrow.parquet.ParquetFile(source, buffer_size=1 << 20)
        own = names_of(path, "", parquet.schema_arrow.names)
        called = [parquet.schema_arrow.names[place] for place in _places(own, names, path)]
        total, rows, done = os.fstat(source.fileno()).st_size, parquet.metadata.num_rows, 0
        for batch in parquet.iter_batches(ROWS, columns=called):
            batch.validate(full=True)
            done += len(batch)
            table = pa.table(batch)
            yield (
                [decoded(table[name]) for name in called],
                np.ones(len(batch), bool),
                total * done // rows - total * (done - len(batch)) // rows,
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged, not a Parquet file ({shown(str(error))})") from None


def _of_text(
    text: IO[bytes], path: Path, names: Sequence[str], delimiter: str, source: IO[bytes] | None = None
) -> Iterator[Block]:
    """The rows of a `text`, whose bytes come from `source`; one with too many or few cells has none that count."""
    try:
        head = text.read(_HEAD)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{path}: line 1: must be text in UTF-8, found UTF-16")
        if head.startswith(b"PAR1"):
            raise InputError(f"{path}: must be a text with a row a line, found Parquet; give it as a file")
        head = head.removeprefix(b"\xef\xbb\xbf")
        if b"\n" not in head and (len(head) == _HEAD or b"\r" in head.rstrip(b"\r")):
            raise InputError(
                f"{path}: line 1: must be the names of columns, {_HEAD:,} bytes at most, and end with a newline"
            )
        own, start = header(path, head, delimiter, least=1)
        places = _places(own, names, path)
        bad: list[int] = []

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            if row.text.count('"') % 2:
                return "error"  # a quote that never ends would take all the rest with it
            bad.append(row.number - 1)
            return "skip"

        keys, quotes = [str(place) for place in range(len(own))], Quotes(path, delimiter)
        quotes(head)
        blocks = pyarrow.csv.open_csv(
            pa.PythonFile(_Rest(head[start:], text, quotes), "r"),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=keys),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                invalid_row_handler=skip,
                ignore_empty_lines=len(own) > 1,  # where one is a missing cell
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.large_string()),
                strings_can_be_null=False,
                include_columns=list(dict.fromkeys(keys[place] for place in places)),
            ),
        )
        row = done = 0
        for batch in blocks:
            number = len(batch)
            for place in bad:  # in their order; each before its end makes the block one longer
                if place - row >= number:
                    break
                number += 1
            has_cells = np.ones(number, bool)
            has_cells[np.array(bad[: number - len(batch)], np.int64) - row] = False
            del bad[: number - len(batch)]
            row += number
            now = source.tell() if source else 0
            table = pa.table(batch)
            yield [table[keys[place]] for place in places], has_cells, now - done
            done = now
        if more := len(bad):
            yield [pa.chunked_array([], pa.large_string())] * len(places), np.zeros(more, bool), 0
    except (pa.ArrowInvalid, UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            raise InputError(f"{path}: must be text in UTF-8, found other bytes") from None
        if "Empty CSV" not in str(error):
            raise InputError(f"{path}: damaged, not a table ({shown(str(error))})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _places(own: Sequence[str], names: Sequence[str], path: Path) -> list[int]:
    """Where each of the `names` stands in a file's `own`."""
    if lacking := [name for name in names if name not in own]:
        missing = shown(", ".join(map(repr, lacking)))
        raise InputError(
            f"{path}: must have every column that the model was trained with, "
            f"lacks {missing}; it has {shown(', '.join(map(repr, own)))}"
        )
    return [list(own).index(name) for name in names]


class _Rest(io.RawIOBase):
    """What has been read of a text already, and then what has not, which is told to `quotes`."""

    def __init__(self, head: bytes, text: IO[bytes], quotes: Quotes) -> None:
        self.head, self.text, self.quotes = io.BytesIO(head), text, quotes

    def read(self, size: int = -1) -> bytes:
        found = self.head.read(size)
        if not found:
            found = self.text.read(size)
            self.quotes(found)
        return found

    def readable(self) -> bool:
        return True
