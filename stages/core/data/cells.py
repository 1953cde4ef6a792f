"""The cells of a table in a file, CSV, TSV or Parquet: column by column, and where in the file each row lies."""

import codecs
import csv
import gzip
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from stages.core.base.command import InputError
from stages.core.config.plain import shown
from stages.core.config.sections import DataConfig

SUFFIXES = {".csv": ",", ".tsv": "\t", ".parquet": ""}  # and the sign between cells
DELIMITERS = ",;\t|"  # those that a hint may name
MOST_BYTES, MOST_COLUMNS, LONGEST_NAME = 1 << 30, 10_000, 200  # of a file, uncompressed; of a table; of a name
INDEX = "__index_level_"  # how a column's name begins that is the index of a pandas table
_BLOCK = 64 << 20  # bytes: a row may have as many
_PIECE = 1 << 20  # bytes decoded together
TOO_MANY_OR_FEW = "cells too many or few"  # why a row is dropped


@dataclass(frozen=True)
class Cells:
    """The N rows of a table that are used, none of their cells interpreted yet, and how many others were dropped."""

    path: Path
    columns: Mapping[str, pa.ChunkedArray]
    places: Callable[[int], str] = field(repr=False)  # of a record of the file, from 0: as messages call it
    records: np.ndarray  # int64 (N,), of each row
    dropped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.records)

    def without(self, rows: np.ndarray, reason: str) -> "Cells":
        """All but `rows`, a mask, which are dropped for the `reason`."""
        kept = pa.array(~rows)
        return replace(
            self,
            columns={name: column.filter(kept) for name, column in self.columns.items()},
            records=self.records[~rows],
            dropped={**self.dropped, reason: self.dropped.get(reason, 0) + int(rows.sum())},
        )

    def refusal(self, name: str, rows: np.ndarray, rule: str) -> InputError:
        """What is wrong with the first of `rows`, a mask with at least one, in the column `name`."""
        row = int(np.argmax(rows))
        cell = self.columns[name][row].as_py()
        found = "none" if cell is None or cell == "" else shown(repr(cell) if isinstance(cell, str) else str(cell))
        place = self.places(int(self.records[row]))
        return InputError(f"{self.path}: {place}, column {shown(repr(name))}: must be {rule}, found {found}")


def read(path: Path, data: DataConfig) -> Cells:
    """The table at `path`, with `data.delimiter`, and as `data.bad_rows` says.

    Raises `InputError` for a file that is none, damaged, empty or of another kind, for names of columns that are
    missing or given twice, and for the first row with cells too many or few.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if not path.is_file():
        raise InputError(f"{path}: must be a file, found a {'folder' if path.is_dir() else 'device or pipe'}")
    name = path.name.lower()
    packed = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in SUFFIXES or (packed and suffix == ".parquet"):
        raise InputError(f"{path}: must end in .csv, .tsv or .parquet, or in .csv.gz or .tsv.gz")
    if suffix == ".parquet":
        cells = _parquet(path)
    else:
        cells = _delimited(path, _content(path, packed), data.delimiter or SUFFIXES[suffix], data.bad_rows == "drop")
    if not len(cells):
        raise InputError(f"{path}: has no rows{' that can be used' * bool(cells.dropped)}, but the names of columns")
    return cells


def opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _content(path: Path, packed: bool) -> bytes:
    """The bytes of a text, its byte order mark left out; raises `InputError` for what is none in UTF-8."""
    with opened(path) as file:
        try:
            content = (gzip.open(file) if packed else file).read(MOST_BYTES + 1)  # noqa: SIM115 - closed with `file`
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: damaged, not a gzip file ({error})") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: must have at most {MOST_BYTES:,} bytes, found more; Parquet takes less space")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: line 1: must be text in UTF-8, found UTF-16")
    _check_utf8(path, content)
    if (nul := content.find(b"\0")) >= 0:
        raise _no_text(path, content, nul)
    content = content.removeprefix(b"\xef\xbb\xbf")
    return content if b"\n" in content else content.replace(b"\r", b"\n")  # as old Macs end their lines


def _check_utf8(path: Path, content: bytes) -> None:
    """In pieces, since one sign beyond 16 bits makes four bytes of each other one that is decoded with it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        try:
            decoder.decode(piece, final=start + _PIECE >= len(content))
        except UnicodeDecodeError as error:
            begun = len(error.object) - len(piece)  # bytes of a sign that the piece before has begun
            raise _no_text(path, content, start - begun + error.start) from None


def _no_text(path: Path, content: bytes, place: int) -> InputError:
    line = content.count(b"\n", 0, place) + 1
    return InputError(f"{path}: line {line}: must be text in UTF-8, found the byte 0x{content[place]:02x}")


def header(path: Path, content: bytes, delimiter: str, least: int = 2) -> tuple[list[str], int]:
    """The names of the columns, `least` of them or more, that a text begins with, and the byte after them."""
    cells, line, start = next(_records(content, delimiter), ([], 1, 0))
    if not cells:
        told = (
            "damaged, a carriage return is amid" if content.strip() else "is empty, must have the names of columns in"
        )
        raise InputError(f"{path}: {told} line 1")
    names = names_of(path, f"line {line}: ", cells)
    if len(names) < least:
        other = next((sign for sign in DELIMITERS if sign in cells[0]), None)
        hint = f"; is it data.delimiter = {other!r}?" if other else ""
        raise InputError(f"{path}: line {line}: must have two columns at least, found {shown(repr(names[0]))}{hint}")
    if all(_is_number(name) for name in names):
        raise InputError(f"{path}: line {line}: must have the names of columns, found numbers: {shown(str(names))}")
    return names, start


def _delimited(path: Path, content: bytes, delimiter: str, drop: bool) -> Cells:
    names, start = header(path, content, delimiter)
    places = partial(_line, content, delimiter)
    bad: list[pyarrow.csv.InvalidRow] = []

    def is_open(row: pyarrow.csv.InvalidRow) -> bool:
        return bool(row.text.count('"') % 2)  # a quote that never ends takes all the rest with it

    def keep_in_mind(row: pyarrow.csv.InvalidRow) -> str:
        bad.append(row)
        return "skip" if drop and not is_open(row) else "error"

    keys = [str(place) for place in range(len(names))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(content).slice(start)),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=keys),  # threads know no numbers
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_in_mind),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.large_string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        if bad:
            rule, found = f"must have {len(names)} cells", f"found {bad[-1].actual_columns}"
            told = ", in which a quote does not end" if is_open(bad[-1]) else ""
            raise InputError(f"{path}: {places(bad[-1].number - 1)}: {rule}, {found}{told}") from None
        if "Empty CSV" not in str(error):
            raise InputError(f"{path}: damaged, not a table ({shown(str(error))})") from None
        table = pa.table(dict.fromkeys(keys, pa.array([], pa.large_string())))
    ends = [content.count(end, start) for end in (b"\n", b"\r", b"\r\n")]  # each of which Arrow takes for one
    lines = ends[0] + ends[1] - ends[2] + (not content.endswith((b"\n", b"\r")))
    if len(table) + len(bad) < lines:  # some are blank, or are of one cell
        quotes = Quotes(path, delimiter)
        quotes(content)
        quotes(b"")
    records = np.setdiff1d(np.arange(len(table) + len(bad)), [row.number - 1 for row in bad], assume_unique=True)
    dropped = {TOO_MANY_OR_FEW: len(bad)} if bad else {}
    return Cells(path, dict(zip(names, table.columns, strict=True)), places, records.astype(np.int64), dropped)


class Quotes:
    """Told a text piece by piece, it refuses a quote that takes the rows after it into its cell, as Arrow would.

    In a record of several lines each quote that begins a cell must end it.
    """

    def __init__(self, path: Path, delimiter: str) -> None:
        csv.field_size_limit(MOST_BYTES)
        self.path, self.delimiter = path, delimiter
        self.line, self.rest = 1, b""  # where the rest begins: what of the pieces is no whole record yet

    def __call__(self, piece: bytes) -> None:
        """The next `piece`, an empty one at the end; raises `InputError`."""
        content, record, is_cut, seen, start = self.rest + piece, list[str](), False, 0, 0
        if piece and b'"' not in content:
            start = content.rfind(b"\n") + 1
            self.line, self.rest = self.line + content.count(b"\n", 0, start), content[start:]
            return
        ended = content.replace(b"\r", b"\n")  # which Arrow takes for the end of a row, too

        def lines() -> Iterator[str]:
            nonlocal is_cut, seen
            for line in BytesIO(ended):
                if line.endswith(b"\n") or not piece:
                    seen += len(line)
                    record.append(line.decode())
                    yield record[-1]
            is_cut = True

        try:
            for _ in csv.reader(lines(), delimiter=self.delimiter):
                if is_cut and piece:
                    break
                if is_cut or len(record) > 1:
                    next(csv.reader(record, delimiter=self.delimiter, strict=True))
                start = seen
                record.clear()
        except csv.Error:
            line = self.line + content.count(b"\n", 0, start)
            rule = "a quote that begins a cell must end it, found one that does not"
            raise InputError(f"{self.path}: line {line}: {rule}") from None
        self.line, self.rest = self.line + content.count(b"\n", 0, start), content[start:]


def _records(content: bytes, delimiter: str) -> Iterator[tuple[list[str], int, int]]:
    """Every record but blank lines: its cells, the line it begins in, and the byte after it."""
    csv.field_size_limit(MOST_BYTES)
    ended = 0

    def lines() -> Iterator[str]:
        nonlocal ended
        for line in BytesIO(content):
            ended += len(line)
            yield line.decode()

    reader, line = csv.reader(lines(), delimiter=delimiter), 1
    try:
        for cells in reader:
            if cells:
                yield cells, line, ended
            line = reader.line_num + 1
    except csv.Error:  # a carriage return amid a line, which Arrow takes for its end
        return


def _line(content: bytes, delimiter: str, record: int) -> str:
    """The line in which a record begins, the one after the header being 0: found by reading anew, if it is asked."""
    for place, (_, line, _) in enumerate(_records(content, delimiter), -1):
        if place == record:
            return f"line {line}"
    return f"row {record + 1}"


def _parquet(path: Path) -> Cells:
    try:
        with opened(path) as file:
            parquet = pyarrow.parquet.ParquetFile(file)
            names = names_of(path, "", parquet.schema_arrow.names)
            table = parquet.read()
            table.validate(full=True)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged, not a Parquet file ({shown(str(error))})") from None
    columns = dict(zip(names, map(decoded, table.columns), strict=True))
    return Cells(path, columns, lambda row: f"row {row + 1}", np.arange(len(table)), {})


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as others write it: the values of a dictionary, and moments in UTC, whatever their zone is called."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return decoded(column.cast(kind.value_type))
    return column.cast(pa.timestamp(kind.unit)) if pa.types.is_timestamp(kind) else column


def names_of(path: Path, place: str, found: Sequence[str]) -> list[str]:
    """The names of columns, without blanks around; raises `InputError` where there is none, or one is there twice.

    But the first may have none, as pandas writes its index along; it then is called as in a Parquet file.
    """
    if len(found) > MOST_COLUMNS:
        raise InputError(f"{path}: {place}must have at most {MOST_COLUMNS:,} columns, found {len(found):,}")
    names = [name.strip() for name in found]
    if names and not names[0] and len(names) > 1:
        names[0] = f"{INDEX}0__"
    if "" in names:
        raise InputError(f"{path}: {place}column {names.index('') + 1} has no name, must have one")
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise InputError(f"{path}: {place}column {shown(repr(twice))} is there twice, names must differ")
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        raise InputError(f"{path}: {place}names must have at most {LONGEST_NAME} letters, found {shown(repr(long))}")
    return names


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
