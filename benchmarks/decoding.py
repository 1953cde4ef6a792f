"""Pictures decoded and resized, alone: `python -m benchmarks.decoding ours|pillow FOLDER`; prints the seconds."""

import argparse
import json
import os
import time
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

from PIL import Image

from stages.core.base.cores import thread_count
from stages.core.data.decoders import Decoders
from stages.core.data.decoding import Scratch
from stages.core.data.pictures import Look

SIDE = 32


def ours(paths: Sequence[str]) -> None:
    """As `prepare` does: into a file, with the digest and the fate of each."""
    size = sum(os.stat(path).st_size for path in paths)  # noqa: PTH116 - as `prepare` does
    with Decoders(len(paths), size) as decoders:
        scratch = Scratch(paths, Look(3, SIDE, SIDE, "pad", 0, 50_000_000))
        _, outcomes = scratch.decoded(decoders)
    scratch.discard()
    assert not any(outcome.why for outcome in outcomes)


def pillow(paths: Sequence[str]) -> None:
    """Bare: decoded, in colour, resized; nothing is kept."""
    with Pool(thread_count()) as pool:
        pool.map(decoded, paths, chunksize=64)


def decoded(path: str) -> None:
    with Image.open(path) as image:
        image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("who", choices=("ours", "pillow"))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    paths = sorted(str(path) for path in given.folder.rglob("*.*"))
    start = time.perf_counter()
    {"ours": ours, "pillow": pillow}[given.who](paths)
    print(json.dumps({"decode_seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
