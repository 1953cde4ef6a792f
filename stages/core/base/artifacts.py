"""The pipeline's files in and out: canonical bytes, so that equal content is an equal file, and atomic writes.

JSON for facts, CSV for tables, safetensors for arrays, PNG for pictures; never a pickle. A reader raises `InputError`
when a file is missing or damaged, and names it.
"""

import csv
import hashlib
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.base.command import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from stages.core.base.stored import Rows

_MOST_JSON, _MOST_CSV = 4 << 20, 256 << 20  # bytes: what parsing takes is some fifty times as much, and five times
# The element types that data, predictions and a network's weights and buffers may have, as safetensors orders them.
_KINDS = {"BOOL": "?", "U8": "u1", "F16": "f2", "I32": "i4", "F32": "f4", "F64": "f8", "I64": "i8"}
_PNG = b"\x89PNG\r\n\x1a\n"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes `path`, be it by another name: where the system refuses, an `InputError` names it."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Raises `InputError`, naming `path`, where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Sorted keys, two spaces, a final newline; raises `ValueError` on NaN and infinity, which JSON has no word for."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object at `path`; raises `InputError` also on what JSON has no word for, and on a key given twice."""
    content = read_bytes(path, most=_MOST_JSON)
    try:
        value = json.loads(content, parse_constant=_no_constant, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False).encode()  # half a character, which JSON can say, no file can hold
    except RecursionError:
        raise InputError(f"{path}: damaged, not valid JSON (nested too deeply)") from None
    except ValueError as error:
        raise InputError(f"{path}: damaged, not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged, must hold a JSON object, found {type(value).__name__}")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError(f"key given twice: {Counter(key for key, _ in pairs).most_common(1)[0][0]}")
    return value


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Columns in the frame's order, no index, floats in the shortest form that reads back to the same number."""
    # Python before 3.13 leaves a carriage return bare, which readers take for the end of a line.
    texts = table.select_dtypes(exclude="number")
    bare = texts.apply(lambda column: column.astype(str).str.contains("\r", regex=False)).to_numpy().any()
    with replacing(path) as temporary:
        table.to_csv(
            temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
        )


def read_csv(path: Path, text: Sequence[str] = (), columns: Sequence[str] = ()) -> "pd.DataFrame":
    """The table at `path`. Numbers come back to the bit, an empty cell as an empty text, and a class called "NA" too.

    The columns in `text` that the table has are read as text throughout, also where a class is called "01". With
    `columns`, which need no quotes, these must be all that the table has: a cell that a row lacks is NaN.
    """
    import pandas as pd  # half a second that stages without tables need not pay

    content = read_bytes(path, most=_MOST_CSV)
    header = content[: content.find(b"\n")]
    # Before pandas makes a column of each of a million commas.
    if content and columns and header.rstrip(b"\r").replace(b'"', b"") != ",".join(columns).encode():
        found = header.decode(errors="replace") or "none"
        raise InputError(f"{path}: must have the columns {', '.join(columns)}, found {found.replace(',', ', ')}")
    try:
        if content and not content.endswith(b"\n"):
            raise ValueError("cut off, the last line does not end")
        if b"\0" in content:
            raise ValueError("it holds a byte that no text has")
        table = pd.read_csv(BytesIO(content), keep_default_na=False, dtype=dict.fromkeys(text, str), low_memory=False)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("rows have more cells than the first line has columns")
    except ValueError as error:
        raise InputError(f"{path}: damaged, not a CSV table ({error})") from None
    return table


def write_arrays(path: Path, arrays: Mapping[str, "Rows"]) -> None:
    """Write named arrays as safetensors, byte for byte as that library does, but a portion at a time.

    A single number becomes an array (1,). Facts about them go into a JSON file beside it.
    Source: the description of the format in safetensors' README.
    """
    import numpy as np

    from stages.core.base.stored import portions

    arrays = {name: rows if rows.ndim else np.reshape(rows, 1) for name, rows in arrays.items()}
    kinds = {np.dtype(kind): (rank, name) for rank, (name, kind) in enumerate(_KINDS.items())}
    # Large elements first, so that all are aligned.
    names = sorted(arrays, key=lambda name: (-kinds[arrays[name].dtype][0], name))
    header, end = {}, 0
    for name in names:
        start, end = end, end + arrays[name].nbytes
        kind, shape = kinds[arrays[name].dtype][1], list(arrays[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            for portion in portions(arrays[name]):
                file.write(np.ascontiguousarray(portion).reshape(-1).view(np.uint8).data)


def read_arrays(path: Path) -> dict[str, "np.ndarray"]:
    """The arrays at `path`, each read into memory of its own: once, and safe from what becomes of the file."""
    import numpy as np

    return {name: np.asarray(rows) for name, rows in read_rows(path).items()}


def read_rows(path: Path) -> dict[str, "Rows"]:
    """As `read_arrays`; but images, which are of bytes, stay in the file where they are many."""
    import numpy as np
    from safetensors import SafetensorError, safe_open

    from stages.core.base import stored

    with reading(path) as file:
        try:
            with safe_open(path, framework="np") as checked:
                parts = {name: checked.get_slice(name) for name in checked.offset_keys()}  # in the order of their bytes
            shapes = {name: part.get_shape() for name, part in parts.items()}
            kinds = {name: np.dtype(_KINDS[part.get_dtype()]) for name, part in parts.items()}
            sizes = {name: math.prod(shape) for name, shape in shapes.items()}
            file.seek(-sum(kinds[name].itemsize * size for name, size in sizes.items()), os.SEEK_END)
            found: dict[str, Rows] = {}
            for name, shape in shapes.items():
                if kinds[name] == np.uint8 and sizes[name] > stored.IN_MEMORY:
                    found[name] = stored.Stored(path, file.tell(), tuple(shape), kinds[name])
                    file.seek(sizes[name], os.SEEK_CUR)
                else:
                    found[name] = np.fromfile(file, kinds[name], sizes[name]).reshape(shape)
            return found
        except KeyError as error:
            raise InputError(f"{path}: damaged, arrays of the type {error} are none of ours") from None
        except (SafetensorError, ValueError) as error:
            raise InputError(f"{path}: damaged, not a safetensors file ({error})") from None


def write_png(path: Path, figure: "Figure", dpi: int) -> None:
    """Draw `figure` without the metadata (library version) that would change its bytes for no visible reason."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": None})


def check_png(content: bytes, name: str) -> tuple[int, int]:
    """Width and height, in pixels, of a PNG file's `content`; raises `InputError`, naming it `name`, if it is damaged.

    Source: the PNG specification, section 5: after a signature come parts, each with its size, kind and checksum.
    """
    parts = []
    place = len(_PNG)
    while content.startswith(_PNG) and place < len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4])
        if zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4]):
            break
        parts.append((content[place + 4 : place + 8], content[place + 8 : end]))
        place = end + 4
    if place != len(content) or [kind for kind, _ in (parts[:1] + parts[-1:])] != [b"IHDR", b"IEND"]:
        raise InputError(f"{name}: damaged, not a PNG picture; `dvc repro` makes it")
    header = parts[0][1]
    return int.from_bytes(header[:4]), int.from_bytes(header[4:8])


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The content of `path`; raises `InputError` where it is more than `most` bytes."""
    with reading(path) as file:
        content = file.read() if most is None else file.read(most + 1)
    if most is not None and len(content) > most:
        raise InputError(f"{path}: has more than the {most:,} bytes that it may have; `dvc repro` makes it")
    return content


def sha256(path: Path) -> str:
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def reading(path: Path) -> Iterator[BufferedReader]:
    """The file at `path`, open; raises `InputError`, naming it, where it cannot be read, or is a pipe or device."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "no regular file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); `dvc repro` makes it") from None
