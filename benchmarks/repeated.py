"""The images of a folder again and again, each time shifted: `python -m benchmarks.repeated SOURCE TARGET COUNT`.

As PNG files of their size; with `--photos SIDE` as JPEG files of so many pixels a side.
"""

import argparse
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

STEP = (7, 11)  # pixels down and across


def write(number: int, files: list[Path], target: Path, side: int) -> None:
    """The image `number` of all, in a folder called like that of its file, which is its class."""
    file, times = files[number % len(files)], number // len(files)
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGBA"))
    path = target / file.parent.name / f"{file.stem}-{times}.{'jpg' if side else 'png'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    shifted = Image.fromarray(np.roll(pixels, (STEP[0] * times, STEP[1] * times), axis=(0, 1)))
    if side:
        shifted.convert("RGB").resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)
    else:
        shifted.save(path, compress_level=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--photos", type=int, metavar="SIDE", default=0)
    given = parser.parse_args()
    files = sorted(path for path in given.source.rglob("*") if path.is_file())
    with Pool() as pool:
        pool.map(partial(write, files=files, target=given.target, side=given.photos), range(given.count), chunksize=64)


if __name__ == "__main__":
    main()
