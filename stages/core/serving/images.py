"""New pictures, some at a time, brought to the shape that the model was trained on."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.core.base.command import InputError
from stages.core.base.schemas import PictureForm
from stages.core.config.plain import shown
from stages.core.data import cells
from stages.core.data.folders import told, walked
from stages.core.data.pictures import Look, UnusableError, picture, unwarned
from stages.core.serving.batch import OK, UNREADABLE, Batch
from stages.core.training.parallel import Workers

TOGETHER, PIXELS = 1000, 1 << 24  # images of a batch, at most; and their pixels, with their channels
_NAMED = 5  # unreadable ones, in warnings

_log = logging.getLogger(__name__)


def found(given: Sequence[str]) -> list[str]:
    """The pictures among `given`: files as they are, and in folders those that are pictures by their names, sorted.

    Raises `InputError` for what is not there, for a table, and for a folder without pictures.
    """
    paths: list[str] = []
    for one in given:
        if not Path(one).is_dir():
            if one == "-" or Path(one).suffix.lower() in (*cells.SUFFIXES, ".gz"):
                raise InputError(f"{one}: the model takes pictures, so give it a picture or a folder of pictures")
            if not Path(one).is_file():
                raise InputError(f"{one}: there is no such file or folder")
            paths.append(one)
            continue
        inside = [file.path for file in walked(one.rstrip("/") or "/").files if file.state == "used"]
        if not inside:
            raise InputError(f"{one}: has no picture in it")
        paths += inside
    return paths


def batches(paths: Sequence[str], shape: tuple[int, int, int], form: PictureForm, workers: Workers) -> Iterator[Batch]:
    """The pictures at `paths`, as uint8 images of `shape` (C, H, W).

    Raises `InputError` at the end where not one of them can be read.
    """
    look = Look(*shape, form.fit, form.background, form.max_pixels)
    size = max(1, min(TOGETHER, PIXELS // int(np.prod(shape))))
    unreadable = 0

    def pixels(path: str) -> np.ndarray | str:
        try:
            return picture(path, look)[0]
        except UnusableError as error:
            return str(error)

    for start in range(0, len(paths), size):
        some = paths[start : start + size]
        with unwarned():
            images = workers.map(pixels, some)
        readable = np.array([isinstance(image, np.ndarray) for image in images])
        for path, image in zip(some, images, strict=True):
            if isinstance(image, str):
                unreadable += 1
                if unreadable <= _NAMED:
                    _log.warning("%s: unreadable, %s", shown(told(path)), image)
        inputs = np.stack([image for image in images if isinstance(image, np.ndarray)] or [np.zeros(shape, np.uint8)])
        yield Batch(
            {"file": pa.array([told(path) for path in some])},
            inputs[: readable.sum()],
            readable,
            np.where(readable, OK, UNREADABLE).astype(object),
            len(some),
        )
    if unreadable > _NAMED:
        _log.warning("%s more unreadable", f"{unreadable - _NAMED:,}")
    if unreadable == len(paths):
        raise InputError(f"{shown(told(paths[0]))}{' and the others' * (len(paths) > 1)}: no picture can be read")
