"""What a model says of a batch, as rows of a table, and how they are written: CSV, or JSON with an object a line."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stages.core.base import streams
from stages.core.base.artifacts import replacing
from stages.core.base.command import InputError
from stages.core.base.schemas import ModelDescription
from stages.core.serving.batch import Batch
from stages.core.training.objectives import conformal

Format = Literal["csv", "json"]
Write = Callable[[pa.Table], None]
HELD = 1 << 20  # bytes


def answers(description: ModelDescription, batch: Batch, said: np.ndarray) -> pa.Table:
    """A row for each of a batch's N inputs; `said` is what the model says of the M that can be read.

    `said` are probabilities (M, C) or numbers (M,). Inputs that cannot be read have empty cells.
    """
    places = np.full(len(batch.readable), -1)
    places[batch.readable] = np.arange(len(said))
    rows = pa.array(places, mask=places < 0)
    if description.classes:
        chosen = said.argmax(axis=1) if len(said) else np.zeros(0, np.int64)
        columns = {
            "prediction": pa.array(np.array(description.classes, object)[chosen], pa.string()),
            "probability": pa.array(said.max(axis=1) if len(said) else np.zeros(0, np.float32)),
        }
    else:
        low, high = conformal.interval(description.interval, said) if description.interval else (None, None)
        columns = {"prediction": pa.array(said)}
        for name, ends in (("low", low), ("high", high)):
            columns[name] = pa.array(ends) if ends is not None else pa.nulls(len(said), pa.float64())
    return pa.table(
        {
            **batch.names,
            **{name: values.take(rows) for name, values in columns.items()},
            "status": pa.array(batch.status, pa.string()),
        }
    )


@contextmanager
def writing(output: Path | None, style: Format) -> Iterator[Write]:
    """What writes tables of answers to a file, which is there when the block ends well, or else to standard output."""
    if output is None:
        standard = _Stdout()
        with _written(standard.write, style) as write:
            yield write
        standard.flush()
        return
    if output.exists() and not output.is_file():
        raise InputError(f"--output {output}: must be a file, found a folder or device")
    if not output.name:
        raise InputError(f"--output {output}: must be a file")
    with replacing(output) as temporary, temporary.open("wb") as file, _written(file.write, style) as write:
        yield write


@contextmanager
def _written(put: Callable[[bytes], object], style: Format) -> Iterator[Write]:
    begun = False

    def as_csv(table: pa.Table) -> None:
        nonlocal begun
        if not begun:
            put((",".join(table.column_names) + "\n").encode())
        begun = True
        # With "needed" Arrow quotes every text once any could need it.
        bare = not any(_needs_quotes(column) for column in table.columns if pa.types.is_string(column.type))
        style = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none" if bare else "needed")
        pyarrow.csv.write_csv(table, _Kept(put), style)

    def as_json(table: pa.Table) -> None:
        nonlocal begun
        for row in table.to_pylist():
            put((",\n" if begun else "[\n").encode() + json.dumps(row, ensure_ascii=False).encode())
            begun = True

    yield as_csv if style == "csv" else as_json
    if style == "json":
        put(b"\n]\n" if begun else b"[]\n")


def _needs_quotes(texts: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, '[",\\r\\n]')).as_py())


class _Kept:
    """A file that others write to, and do not close."""

    closed = False

    def __init__(self, put: Callable[[bytes], object]) -> None:
        self.write = put

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Stdout:
    """Standard output, by its name where it fails. So that a refusal leaves no part of a short answer, it waits."""

    def __init__(self) -> None:
        self.held, self.most = bytearray(), HELD

    def write(self, content: bytes) -> None:
        self.held += content
        if len(self.held) > self.most:
            self.flush()

    def flush(self) -> None:
        self.most = 0
        try:
            sys.stdout.buffer.write(self.held)
            self.held.clear()
        except OSError as error:
            raise OSError(error.errno, error.strerror, streams.STDOUT) from None
