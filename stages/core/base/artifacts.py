"""The pipeline's files in and out: canonical bytes, so that equal content is an equal file, and atomic writes.

JSON for facts, CSV for tables, safetensors for arrays, PNG for pictures; never a pickle. A reader raises `InputError`
when a file is missing or damaged, and names it.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.base.command import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Sorted keys, two spaces, a final newline; raises `ValueError` on NaN and infinity, which JSON has no word for."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path}: damaged, not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged, must hold a JSON object, found {type(value).__name__}")
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


def read_csv(path: Path, text: Sequence[str] = ()) -> "pd.DataFrame":
    """The table at `path`. Numbers come back to the bit, an empty cell as an empty text, and a class called "NA" too.

    The columns in `text` that the table has are read as text throughout, also where a class is called "01".
    """
    import pandas as pd  # half a second that stages without tables need not pay

    read_bytes(path)
    try:
        return pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(text, str))
    except ValueError as error:
        raise InputError(f"{path}: damaged, not a CSV table ({error})") from None


def write_arrays(path: Path, arrays: Mapping[str, "np.ndarray"]) -> None:
    """Write named arrays as safetensors. Facts about them go into a JSON file beside it."""
    import numpy as np
    from safetensors.numpy import save

    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_arrays(path: Path) -> dict[str, "np.ndarray"]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(read_bytes(path))
    except SafetensorError as error:
        raise InputError(f"{path}: damaged, not a safetensors file ({error})") from None


def write_png(path: Path, figure: "Figure", dpi: int) -> None:
    """Draw `figure` without the metadata (library version) that would change its bytes for no visible reason."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": None})


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); `dvc repro` makes it") from None
