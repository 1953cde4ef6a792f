"""Images made worse in ten ways, those in colour in eleven, and five severities: how gracefully does a model fail?

The method is that of Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations (2019); the choice for small images follows Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer
Vision (2019). The levels are our own and leave most digits readable to a person; lengths are in pixels of an image of
28 x 28, and grow with the image.

Every processor gets the same images: random draws are whole numbers and uniform fractions, arithmetic goes value by
value, and positions are rounded to a grid. NumPy's normal and Poisson draws would ask the C library for exp and log,
whose last bits vary.
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

_AT_ONCE = 1 << 20  # values, of each of which a corruption makes several of 8 bytes


def corrupt(images: Images, corruption: str, severity: int, generator: np.random.Generator) -> Images:
    """Uint8 images (N, C, H, W) under one of `CORRUPTIONS` at a severity from 0 (as they are) to 5.

    Equal generators make equal draws at every severity: an image that leans left leans left at all five, only more.
    """
    if severity == 0:
        return images
    function, levels = CORRUPTIONS[corruption]
    assert 0 < severity <= len(levels)
    level, some = levels[severity - 1], max(1, _AT_ONCE // images[0].size)
    return np.concatenate(
        [function(images[start : start + some], level, generator) for start in range(0, len(images), some)]
    )


def shift(images: Images, pixels: float, generator: np.random.Generator) -> Images:
    """Move each image by `pixels` along both axes, towards a corner drawn for it; background moves in."""
    down, across = (_length(pixels, side) for side in images.shape[2:])
    padded = np.pad(images, ((0, 0), (0, 0), (down, down), (across, across)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[2:], axis=(2, 3))
    rows, columns = 2 * generator.integers(0, 2, (2, len(images)))
    return windows[np.arange(len(images)), :, down * rows, across * columns]


def rotate(images: Images, degrees: float, generator: np.random.Generator) -> Images:
    """Turn each image by `degrees`, to a side drawn for it."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    left, right = _warp(images, cos, -sin, sin, cos), _warp(images, cos, sin, -sin, cos)
    return _either(left, right, generator)


def scale(images: Images, factor: float, _: np.random.Generator) -> Images:
    """Shrink (or enlarge) the images to `factor` of their size, about the middle."""
    return _warp(images, 1 / factor, 0, 0, 1 / factor)


def shear(images: Images, slope: float, generator: np.random.Generator) -> Images:
    """Slide the rows of each image sideways, by `slope` pixels per row from the middle, to a side drawn for it."""
    return _either(_warp(images, 1, 0, slope, 1), _warp(images, 1, 0, -slope, 1), generator)


def gaussian_noise(images: Images, std: float, generator: np.random.Generator) -> Images:
    """Add noise of standard deviation `std`, in grey levels of 255.

    The sum of twelve random bytes stands in for a normal draw (the Irwin-Hall distribution): mean 1530, standard
    deviation 256 less 1e-5 of it, and nothing beyond six of them.
    """
    sums = generator.integers(0, 256, (12, *images.shape), dtype=np.uint8).sum(axis=0, dtype=np.int64)
    return _grey(images + (sums - 1530) * (std / 256))


def shot_noise(images: Images, photons: float, generator: np.random.Generator) -> Images:
    """Count light as a camera does: a Poisson number of photons, of which white sends `photons` on average."""
    scale, limits = 1 << 32, _photon_limits(int(photons))
    draws = generator.integers(0, scale, images.shape)
    # One sorted list of all 256 distributions, a scale apart: the place of a draw in it, less those before its own.
    values = images.astype(np.int64)
    places = np.searchsorted((limits + scale * np.arange(256)[:, None]).ravel(), values * scale + draws, side="right")
    return _grey((places - values * limits.shape[1]) * (255 / photons))


def blur(images: Images, passes: float, _: np.random.Generator) -> Images:
    """Blur by `passes` (up to 11) of the kernel 1 2 1 along both axes: nearly Gaussian, of variance `passes` / 2.

    On larger images each of its values counts for several pixels. In whole numbers, rounded once at the end.
    """
    blurred, weight = images.astype(np.int64), 1
    for axis in (2, 3):
        several = _length(1, images.shape[axis])
        for _pass in range(int(passes)):
            blurred = _summed(blurred, axis, (0, several, several, 2 * several))
        blurred = _summed(blurred, axis, range(several))
        weight *= several << 2 * int(passes)
    return ((blurred + weight // 2) // weight).astype(np.uint8)


def contrast(images: Images, share: float, _: np.random.Generator) -> Images:
    """Keep a `share` of every pixel's distance from the mean of its image."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return _grey(mean + share * (images - mean))


def saturation(images: Images, share: float, _: np.random.Generator) -> Images:
    """Keep a `share` of every colour's distance from the grey that is as bright; of images (N, 3, H, W)."""
    red, green, blue = np.moveaxis(images.astype(np.int64), 1, 0)
    grey = ((299 * red + 587 * green + 114 * blue) / 1000)[:, None]  # the weights of ITU-R BT.601
    return _grey(grey + share * (images - grey))


def occlude(images: Images, pixels: float, generator: np.random.Generator) -> Images:
    """Blank a square of `pixels` a side, placed at random in each image."""
    inside = []
    for length in images.shape[2:]:
        side = _length(pixels, length)
        starts = np.floor(generator.random((len(images), 1)) * (max(length - side, 0) + 1))
        positions = np.arange(length)
        inside.append((positions >= starts) & (positions < starts + side))
    rows, columns = inside
    return np.where((rows[:, :, None] & columns[:, None, :])[:, None], np.uint8(0), images)


def salt_and_pepper(images: Images, percent: float, generator: np.random.Generator) -> Images:
    """Make `percent` (up to 100) of the pixels white or black, half of them each."""
    draws = generator.integers(0, 200, images[:, :1].shape, dtype=np.uint8)
    speckled: Images = np.where(draws < percent, 0, np.where(draws >= 200 - percent, 255, images)).astype(np.uint8)
    return speckled


CORRUPTIONS: dict[str, tuple[Callable[[Images, float, np.random.Generator], Images], tuple[float, ...]]] = {
    "shift": (shift, (1, 2, 3, 4, 5)),
    "rotation": (rotate, (10, 20, 30, 40, 50)),
    "scale": (scale, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "shear": (shear, (0.2, 0.4, 0.6, 0.8, 1.0)),
    "gaussian_noise": (gaussian_noise, (25, 50, 75, 100, 125)),
    "shot_noise": (shot_noise, (30, 10, 5, 2, 1)),
    "blur": (blur, (1, 2, 4, 6, 9)),
    "contrast": (contrast, (0.5, 0.4, 0.3, 0.2, 0.1)),
    "saturation": (saturation, (0.8, 0.6, 0.4, 0.2, 0.0)),
    "occlusion": (occlude, (4, 6, 8, 10, 12)),
    "salt_and_pepper": (salt_and_pepper, (5, 10, 15, 20, 30)),
}
OF_COLOURS = ("saturation",)


def _length(pixels: float, side: int) -> int:
    """`pixels` of a side of 28, on one of `side` pixels; 1 at least."""
    return max(1, round(pixels * side / 28))


def _summed(values: NDArray[np.int64], axis: int, offsets: Sequence[int]) -> NDArray[np.int64]:
    """Each value along an axis replaced by the sum of those at `offsets`, from the middle one; 0 beyond the edge."""
    values = np.moveaxis(values, axis, 0)
    reach, summed = max(offsets), np.zeros_like(values)
    padded = np.pad(values, [(reach // 2, reach - reach // 2), *[(0, 0)] * (values.ndim - 1)])
    for offset in offsets:
        summed += padded[offset : offset + len(values)]
    return np.moveaxis(summed, 0, axis)


def _photon_limits(photons: int) -> NDArray[np.int64]:
    """For each grey value (256 rows), the Poisson distribution function at 0, 1, 2, ... photons, in units of 2**-32.

    In decimals, since their exp is correctly rounded everywhere. The columns end far beyond what 32 bits can tell.
    """
    limits = []
    for value in range(256):
        mean = Decimal(photons * value) / 255
        chance = total = (-mean).exp()
        row = [total]
        for count in range(1, 2 * photons + 20):
            chance *= mean / count
            total += chance
            row.append(total)
        limits.append([int(entry * (1 << 32)) for entry in row])
    return np.array(limits, dtype=np.int64)


def _warp(images: Images, row_row: float, row_column: float, column_row: float, column_column: float) -> Images:
    """Each pixel from where a linear map about the middle leads, interpolated bilinearly; background beyond the edge.

    The map is given from the resulting row and column to the original ones: `column_row` is what a row adds to the
    original column. Rounded to 2**-16 of a pixel, positions do not hang on the last bits of a cosine.
    """
    height, width = images.shape[2:]
    row, column = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    places = []
    for along_row, along_column, length in ((row_row, row_column, height), (column_row, column_column, width)):
        position = row * along_row + column * along_column + (length - 1) / 2
        position = np.rint(position * (1 << 16)) / (1 << 16)
        before = np.floor(position)
        # The two pixels around the position and their weights; one pixel of padding stands for all beyond the edge.
        near = [np.clip(before + step, -1, length).astype(np.int64) + 1 for step in (0, 1)]
        places.append(list(zip(near, (before + 1 - position, position - before), strict=True)))
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    (above, below), (left, right) = places
    return _grey(
        sum(
            padded[:, :, rows, columns] * (row_weight * column_weight)
            for rows, row_weight in (above, below)
            for columns, column_weight in (left, right)
        )
    )


def _either(left: Images, right: Images, generator: np.random.Generator) -> Images:
    """One of two for each image."""
    return np.where(generator.integers(0, 2, (len(left), 1, 1, 1)) == 0, left, right)


def _grey(values: NDArray[np.float64]) -> Images:
    """Rounded, and cut to what a pixel holds."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
