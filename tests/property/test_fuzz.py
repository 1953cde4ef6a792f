"""Every reader, fed files that are damaged in any way: a right result or an `InputError` that names the file.

FUZZ_EXAMPLES says how many examples are tried; only when it is set are they others each time.
"""

import gzip
import hashlib
import json
import os
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import stages  # noqa: F401 - pins the numerics before torch is imported
from stages.core.base import schemas
from stages.core.base.artifacts import check_png, read_bytes, write_arrays
from stages.core.base.command import InputError
from stages.core.base.declared import Record, Table
from stages.core.base.schemas import ModelDescription
from stages.core.config.plain import read_values
from stages.core.config.recipe import Architecture
from stages.core.config.sections import AllParams, DataConfig
from stages.core.data import idx, sources, tables
from stages.core.data.examples import Examples
from stages.core.networks.fronts import learn
from stages.core.networks.model import build_model, describe_model
from stages.core.networks.store import read_model
from stages.core.scores.predictions import read_predictions
from stages.core.training.checkpoint import Checkpoint
from stages.report import METRICS

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 400))
TABLES = {name: table for name, table in vars(schemas).items() if isinstance(table, Table)}


@dataclass(frozen=True)
class Reader:
    """A file as it should be, the function that reads it, and the one that says whether what it gave is right."""

    file: str
    content: bytes
    read: Callable[[Path], Any]
    right: Callable[[Any], bool] = lambda value: True


def of_record(kind: type[Record], file: str, content: bytes) -> Reader:
    def comes_back(value: Record) -> bool:
        with written(file, b"") as path:
            value.write(path)
            return kind.read(path) == value

    return Reader(file, content, kind.read, comes_back)


def of_table(name: str, table: Table) -> Reader:
    file = f"{name.lower()}.csv"

    def comes_back(value: Any) -> bool:
        with written(file, b"") as path:
            table.write(path, value)
            return bool(table.read(path).equals(value))

    committed = ROOT / ("data" if name == "SCHEMA" else "plots") / file
    content = committed.read_bytes() if name != "FILES" else b"file,part,class,state,why\na/1.png,train,a,used,\n"
    return Reader(file, content, table.read, comes_back)


@contextmanager
def written(file: str, content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file)
        path.write_bytes(content)
        yield path


def arrays(**content: np.ndarray) -> bytes:
    with written("arrays", b"") as path:
        write_arrays(path, content)
        return path.read_bytes()


def readers() -> Iterator[Reader]:
    facts = {
        "task": "classification",
        "dataset": "made up",
        "classes": ["a", "b", "c", "d"],
        "input_shape": [1, 4, 4],
        "train_sha256": "0" * 64,
    }
    yield of_record(schemas.PrepareFacts, "facts.json", json.dumps(facts, indent=2).encode())
    of_rows = {key: facts[key] for key in ("dataset", "train_sha256")} | {"task": "regression", "target": "price"}
    of_rows["columns"] = [{"name": "carat"}, {"name": "cut", "categories": ["Fair", "Ideal"]}]
    yield of_record(schemas.PrepareFacts, "facts.json", json.dumps(of_rows, indent=2).encode())
    for name, metrics in METRICS.items():
        yield of_record(metrics, f"{name}.json", (ROOT / f"metrics/{name}.json").read_bytes())
    for name, table in TABLES.items():
        yield of_table(name, table)

    inputs, targets = np.arange(128, dtype=np.uint8).reshape(8, 1, 4, 4), np.arange(8) % 4
    yield Reader("train.safetensors", arrays(inputs=inputs, targets=targets), Examples.read)
    rows, values = np.arange(16.0).reshape(8, 2), np.arange(8.0)
    yield Reader("train.safetensors", arrays(inputs=rows, targets=values, times=values), Examples.read)
    probabilities = np.full((8, 4), 0.25, np.float32)
    yield Reader("p.safetensors", arrays(targets=targets, probabilities=probabilities), read_predictions)
    ends = {"low": values - 1, "high": values + 1}
    yield Reader("p.safetensors", arrays(targets=values, values=values, **ends, groups=targets), read_predictions)
    yield from of_own_tables()
    raw = struct.pack(">HBB3I", 0, 8, 3, 8, 4, 4) + inputs.tobytes()
    yield Reader("idx", raw, lambda path: idx.parse(read_bytes(path), str(path)))
    yield Reader("train.gz", gzip.compress(raw, mtime=0), of_data_dir(raw), lambda value: value == raw)
    png = (ROOT / "docs/mistakes.png").read_bytes()
    yield Reader("a.png", png, lambda path: check_png(read_bytes(path), str(path)))
    for file in ("params.yaml", "presets/fast.yaml"):
        yield Reader(Path(file).name, (ROOT / file).read_bytes(), read_values)
    yield Reader("params.yaml", (ROOT / "params.yaml").read_bytes(), AllParams.load)
    yield from of_classifier()
    yield from of_regression()
    yield of_checkpoint()


def of_data_dir(raw: bytes) -> Callable[[Path], bytes]:
    """What `fetch` makes of a folder of the user's, where there is nothing else to be had."""
    declared = {
        name: replace(one, digests={"train": hashlib.sha256(raw).hexdigest()}, sources=())
        for name, one in sources.datasets().items()
    }

    def read(path: Path) -> bytes:
        with patch.object(sources, "datasets", lambda: declared), patch.dict(os.environ, DATA_DIR=str(path.parent)):
            sources.collect("mnist", path.parent / "raw")
        return (path.parent / "raw" / "train").read_bytes()

    return read


def of_own_tables() -> Iterator[Reader]:
    """A file of the user's, from which both parts are made."""
    draw = random.Random(0)
    columns: dict[str, list[Any]] = {
        "carat": [None if row % 9 == 4 else round(draw.uniform(0, 5), 2) for row in range(40)],
        "cut": [draw.choice(["Fair", 'Very "good"', "Ideal, or so"]) for _ in range(40)],
        "sold": [f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}" for _ in range(40)],
        "price": [draw.randint(300, 20_000) for _ in range(40)],
    }
    table = pd.DataFrame(columns)
    data = read_values(ROOT / "params.yaml")["data"] | {"dataset": "table", "task": "regression", "target": "price"}

    def read(path: Path) -> tables.Prepared:
        config = DataConfig.model_validate(data | {"path": str(path)})
        return tables.prepared(config, limit=0, seed=0)

    def adds_up(found: tables.Prepared) -> bool:
        used = len(found.train) + len(found.test)
        return found.rows is not None and found.rows.used == used and len(found.description.columns or ()) > 0

    yield Reader("own.csv", table.to_csv(index=False).encode(), read, adds_up)
    yield Reader("own.tsv.gz", gzip.compress(table.to_csv(index=False, sep="\t").encode(), mtime=0), read, adds_up)
    buffer = BytesIO()
    table.astype({"sold": "datetime64[s]"}).to_parquet(buffer, index=False)
    yield Reader("own.parquet", buffer.getvalue(), read, adds_up)


OFF = {"convolutions": 1, "pooling": "none", "batch_norm": True, "dropout": 0.0}


def of_classifier() -> Iterator[Reader]:
    """A small model of images."""
    config = Architecture.model_validate({"name": "cnn", "channels": [2], "hidden": [], **OFF})
    scale = schemas.Normalisation(mean=(0.5,), std=(0.25,))
    facts = schemas.PrepareFacts(
        task="classification",
        dataset="made up",
        classes=tuple("abcd"),
        input_shape=(1, 8, 8),
        train_sha256="0" * 64,
    )
    model = build_model(config, facts.input_shape, 4, scale, torch.Generator())
    described = describe_model(config, facts, scale, 0.5, "accuracy", 1, "0" * 64)
    yield from of_model(model, described, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))


def of_regression() -> Iterator[Reader]:
    """A small model of rows."""
    config = Architecture.model_validate({"name": "tabular", "channels": [2], "hidden": [3], **OFF})
    columns = (schemas.InputColumn(name="carat"), schemas.InputColumn(name="cut", categories=("Fair", "Ideal")))
    facts = schemas.PrepareFacts(
        task="regression", dataset="made up", columns=columns, target="price", train_sha256="0" * 64
    )
    generator = np.random.default_rng(0)
    rows = np.stack([generator.normal(size=100), generator.integers(0, 2, 100)], axis=1)
    learned = learn(rows, columns)
    scale = schemas.TargetScale(mean=3.0, std=2.0, log=True, low=1.0, high=7.0)
    interval = schemas.PredictionInterval(edges=(2.0, 5.0), widths=(1.1, 1.2, 1.3), factors=True)
    model = build_model(config, (2,), 1, learned, torch.Generator())
    described = describe_model(config, facts, learned, scale, "rmse", 1, "0" * 64, interval)
    yield from of_model(model, described, torch.zeros(2, 2, dtype=torch.float64))


def of_model(model: torch.nn.Module, described: ModelDescription, inputs: torch.Tensor) -> Iterator[Reader]:
    """Its weights beside its whole description, and the other way round."""
    weights = arrays(**{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    described = described.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    description = described.model_dump_json().encode()

    def both(weights_file: Path, description_file: Path) -> Any:
        found = ModelDescription.read(description_file)
        if (found.shape, found.width) != (described.shape, described.width):  # the test part tells, and comes first
            raise InputError(f"{description_file}: does not fit the test part")
        return read_model(found, description_file, weights_file)

    def read_weights(path: Path) -> Any:
        own = {"weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        described.model_copy(update=own).write(path.parent / "model.json")
        return both(path, path.parent / "model.json")

    def read_description(path: Path) -> Any:
        (path.parent / "model.safetensors").write_bytes(weights)
        return both(path.parent / "model.safetensors", path)

    def works(model: torch.nn.Module) -> bool:
        return model(inputs).shape == (2, described.width)

    yield Reader("model.safetensors", weights, read_weights, works)
    yield Reader("model.json", description, read_description, works)


def of_checkpoint() -> Reader:
    state = {"weights": np.arange(6, dtype=np.float32)}
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, DVC_ROOT=folder):
        checkpoint = Checkpoint("key")
        checkpoint.save(state)
        content = checkpoint.path.read_bytes()

    def read(path: Path) -> Any:
        with patch.dict(os.environ, DVC_ROOT=str(path.parent)):
            checkpoint = Checkpoint("key")
            checkpoint.path.parent.mkdir(parents=True)
            path.rename(checkpoint.path)
            return checkpoint.load()

    return Reader(
        "key", content, read, lambda found: found is None or np.array_equal(found["weights"], state["weights"])
    )


READERS = list(readers())
PIECES = [
    *(
        b"{",
        b"}",
        b"[" * 5000,
        b"]",
        b'"',
        b"'",
        b",",
        b":",
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"-",
        b"#",
    ),
    *(b"NaN", b"-Infinity", b"1e999", b"1e-999", b"9" * 400, b"9" * 5000, b"0.5", b"null", b"true", b"", b"\\ud800"),
    *(b"!!int abc", b"&a [*a]", b"<<: ", b"2026-99-99", b"? ", b"- ", b"%", b"|", b"1_0", b"0x1f", b"\xe2\x80\xa8"),
    *(b"\x00\x00\x08\xff", b"\xff\xff\xff\xff", b"IEND", b"nan", b"inf", b"True", b"01", b"\x1f\x8b", b"," * 10_000),
]
WORDS = [
    None,
    True,
    -1,
    0,
    2,
    1.5,
    10**20,
    10**400,
    1e308,
    -0.0,
    "",
    "x",
    "\ud800",
    "x" * 10_000,
    [],
    {},
    [[]],
    {"a": []},
]


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def flipped(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return (
        content[:place]
        + bytes(byte ^ 1 << draw.randrange(8) for byte in content[place : place + 1])
        + content[place + 1 :]
    )


def inserted(content: bytes, draw: random.Random) -> bytes:
    place, gone = draw.randrange(len(content) + 1), draw.choice((0, 0, 1, 5))
    return content[:place] + draw.choice(PIECES) + content[place + gone :]


def moved(content: bytes, draw: random.Random) -> bytes:
    """A part is there twice, or is gone."""
    start, end, place = sorted(draw.randrange(len(content) + 1) for _ in range(3))
    return draw.choice(
        (content[:end] + content[start:], content[:start] + content[end:], content[:place] + content[start:end])
    )


def line_changed(content: bytes, draw: random.Random) -> bytes:
    """A line is gone, is there twice, or has another's place."""
    lines = content.splitlines(keepends=True) or [b""]
    place, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    line = lines.pop(place)
    for _ in range(draw.randrange(3)):
        lines.insert(other, line)
    return b"".join(lines)


def cell_changed(content: bytes, draw: random.Random) -> bytes:
    """A cell of a table, a value of a YAML line, or a word in a header, is another."""
    lines = content.split(b"\n")
    place = draw.randrange(len(lines))
    sign = b"," if b"," in lines[place] else b":"
    cells = lines[place].split(sign)
    cells[draw.randrange(len(cells))] = draw.choice((draw.choice(PIECES), draw.choice(cells)))
    lines[place] = sign.join(cells)
    return b"\n".join(lines)


def value_changed(content: bytes, draw: random.Random) -> bytes:
    """A value of a JSON file (or of the head of arrays) is another, is gone, or has another key."""
    size = int.from_bytes(content[:8], "little")
    head = content[8 : 8 + size] if size < len(content) else content
    try:
        tree = json.loads(head)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict | list):  # no JSON, or what earlier changes have left of it has nothing in it
        return line_changed(content, draw)
    places = [tree]
    for place in places:
        inner = place.values() if isinstance(place, dict) else place
        places += [value for value in inner if isinstance(value, dict | list) and value]
    place = draw.choice(places)
    if not place:
        return content
    key = draw.choice(list(place) if isinstance(place, dict) else range(len(place)))
    value = place.pop(key)
    change = draw.choice(("word", "gone", "renamed", "twice"))
    if isinstance(place, list):
        place[key:key] = {"word": [draw.choice(WORDS)], "twice": [value, value]}.get(change, [])
    elif change != "gone":
        place[key if change == "word" else draw.choice((f"{key}s", draw.choice([*place, "x"])))] = (
            draw.choice(WORDS) if change == "word" else value
        )
    changed = json.dumps(tree).encode()
    return (
        content.replace(head, changed)
        if head is content
        else len(changed).to_bytes(8, "little") + changed + content[8 + size :]
    )


MUTATIONS = (cut, flipped, inserted, moved, line_changed, cell_changed, value_changed)


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck), database=None,
)  # fmt: skip
@given(
    reader=st.integers(0, len(READERS) - 1),
    mutations=st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_a_right_result_or_an_error_that_names_the_file(reader: int, mutations: list[Any], seed: int) -> None:
    tried, draw = READERS[reader], random.Random(seed)
    content = tried.content
    for mutation in mutations:
        content = mutation(content, draw)
    with written(tried.file, content) as path:
        try:
            value = tried.read(path)
        except InputError as error:
            told = str(error)
            event(f"{tried.file}: refused")
            assert str(path) in told or path.parent.name in told, told
            assert len(told) < 20_000 and (path.suffix == ".yaml" or len(told.splitlines()) < 10), told
            return
        event(f"{tried.file}: accepted")
        assert tried.right(value)
