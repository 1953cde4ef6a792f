"""What a process of `decoders` does: a line of JSON in, that names a function of here and what it takes; a line out.

It ends when its input does, and so never outlives the process that started it.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages.core.base.artifacts import replacing
from stages.core.data.pictures import Look, UnusableError, form, picture, unwarned


class Outcome(NamedTuple):
    """Of one file: its SHA-256, or why it gives no picture."""

    digest: str
    why: str


def forms(paths: Sequence[str], max_pixels: int) -> list[Any]:
    """The form of the picture at each path, as a tuple; None where it has none."""
    found: list[Any] = []
    with unwarned():
        for path in paths:
            try:
                found.append(tuple(form(path, max_pixels)))
            except UnusableError:
                found.append(None)
    return found


def decode(paths: Sequence[str], first: int, folder: str, look: Sequence[Any]) -> list[Outcome]:
    """Decode the pictures at `paths`, the `first` and those after it, into their place, unless that is done."""
    wanted, size = Look(*look), len(paths)
    note, place = Path(folder, f"{first}.json"), first * int(np.prod(wanted.shape))
    pixels = np.zeros((size, *wanted.shape), np.uint8)
    with Path(folder, "pixels").open("r+b", buffering=0) as file, unwarned():
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(note.read_bytes())
            os.preadv(file.fileno(), [pixels.data], place)
            if found["sha256"] == hashlib.sha256(pixels.data).hexdigest() and len(found["outcomes"]) == size:
                return [Outcome(*outcome) for outcome in found["outcomes"]]
        pixels[:] = 0
        outcomes = []
        for index, path in enumerate(paths):
            try:
                pixels[index], digest = picture(path, wanted)
                outcomes.append(Outcome(digest, ""))
            except UnusableError as error:
                outcomes.append(Outcome("", str(error)))
        rest = pixels.reshape(-1).data
        while rest:
            written = os.pwrite(file.fileno(), rest, place)
            rest, place = rest[written:], place + written
    text = {"sha256": hashlib.sha256(pixels.data).hexdigest(), "outcomes": outcomes}
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(text))
    return outcomes


FUNCTIONS = {function.__name__: function for function in (forms, decode)}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the process that started this one to mind
    for line in sys.stdin:
        job = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"found": FUNCTIONS[job.pop("function")](**job)}
        except (OSError, MemoryError, ValueError) as error:
            answer = {"error": str(error) or "the memory does not suffice"}
        print(json.dumps(answer), flush=True)  # noqa: T201 - to that process


if __name__ == "__main__":
    main()
