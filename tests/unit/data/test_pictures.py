"""From the file of a picture to pixels: every mode as it should be, upright, and of one size."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.core.data.pictures import Form, Look, UnusableError, form, picture

COLOUR = Look(3, 2, 2, "pad", 100, 1000)
GREY = Look(1, 2, 2, "pad", 100, 1000)


def saved(image: Image.Image, path: Path, **options: Any) -> str:
    image.save(path, **options)
    return str(path)


def of_one(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (2, 2), value)


def pixel(path: str, look: Look = COLOUR) -> list[int]:
    pixels, _ = picture(path, look)
    assert pixels.dtype == np.uint8 and pixels.shape == look.shape and pixels.flags.c_contiguous
    assert (pixels == pixels[:, :1, :1]).all()
    return pixels[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("image", "name", "colour", "grey"),
    [
        (of_one("1", 1), "a.png", [255] * 3, 255),
        (of_one("L", 77), "a.png", [77] * 3, 77),
        (of_one("L", 77), "a.bmp", [77] * 3, 77),
        (of_one("LA", (200, 0)), "a.png", [100] * 3, 100),
        (of_one("LA", (200, 255)), "a.png", [200] * 3, 200),
        (of_one("RGB", (255, 0, 0)), "a.png", [255, 0, 0], 76),
        (of_one("RGB", (255, 0, 0)), "a.tif", [255, 0, 0], 76),
        (of_one("RGBA", (10, 20, 30, 0)), "a.png", [100] * 3, 100),
        (of_one("RGBA", (10, 20, 30, 0)), "a.webp", [100] * 3, 100),
        (of_one("RGBA", (200, 0, 100, 51)), "a.png", [120, 80, 100], 94),  # a fifth of it
        (of_one("P", 0).convert("P"), "a.gif", [0] * 3, 0),
        (of_one("CMYK", (0, 255, 255, 0)), "a.tif", [255, 0, 0], 76),
        (of_one("I;16", 65535), "a.png", [255] * 3, 255),
        (of_one("I;16", 25700), "a.tif", [100] * 3, 100),
        (of_one("I", 25700), "a.tif", [100] * 3, 100),
    ],
)
def test_modes(image: Image.Image, name: str, colour: list[int], grey: int, tmp_path: Path) -> None:
    path = saved(image, tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    assert pixel(path) == colour
    assert pixel(path, GREY) == [grey]
    assert form(path, 1000) == Form(2, 2, image.mode in {"RGB", "RGBA", "CMYK"})


def test_palettes_with_transparency_and_colour(tmp_path: Path) -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    plain, clear = saved(image, tmp_path / "a.png"), saved(image, tmp_path / "b.png", transparency=1)
    assert pixel(plain) == [255, 0, 0] and pixel(clear) == [100] * 3
    assert form(plain, 10).colour
    image.putpalette([0, 0, 0, 9, 9, 9])
    assert not form(saved(image, tmp_path / "c.png"), 10).colour
    keyed = saved(of_one("RGB", (1, 2, 3)), tmp_path / "d.png", transparency=(1, 2, 3))
    assert pixel(keyed) == [100] * 3


def test_the_cmyk_of_a_jpeg_is_not_inverted(tmp_path: Path) -> None:
    path = saved(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=100)
    assert np.abs(np.array(pixel(path)) - [255, 0, 0]).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_the_camera_is_held_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    """What the eight orientations are for: the first row and column of the file are some side of the scene."""
    scene = np.zeros((16, 32), np.uint8)
    scene[:8, :8], scene[:8, 24:] = 255, 128  # bright on the upper left, grey on the upper right
    turned: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda x: x,
        2: np.fliplr,
        3: lambda x: np.rot90(x, 2),
        4: np.flipud,
        5: lambda x: x.T,
        6: lambda x: np.rot90(x, 1),
        7: lambda x: np.rot90(x, 2).T,
        8: lambda x: np.rot90(x, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    image = Image.fromarray(np.ascontiguousarray(turned[orientation](scene)))
    path = saved(image, tmp_path / f"a.{suffix}", exif=exif, **options)
    pixels, _ = picture(path, Look(1, 16, 32, "pad", 0, 1000))
    assert np.abs(pixels[0].astype(int) - scene).max() <= 8
    assert form(path, 1000) == Form(16, 32, form(path, 1000).colour)


WIDE = np.repeat(np.array([[0, 0, 90, 90, 90, 90, 0, 0]], np.uint8), 4, axis=0)  # 4 x 8


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("pad", [[7, 7, 7, 7], [0, 90, 90, 0], [0, 90, 90, 0], [7, 7, 7, 7]]),
        ("crop", [[90] * 4] * 4),
        ("stretch", [[0, 90, 90, 0]] * 4),
    ],
)
def test_shapes(fit: Any, expected: list[list[int]], tmp_path: Path) -> None:
    image = Image.fromarray(WIDE)
    for turned in (False, True):
        path = saved(image.transpose(Image.Transpose.TRANSPOSE) if turned else image, tmp_path / f"{turned}.png")
        pixels, _ = picture(path, Look(1, 4, 4, fit, 7, 1000))
        found = pixels[0].T if turned else pixels[0]
        if fit == "crop":  # nothing of the edges, whatever is between
            assert (found == 90).all()
        else:
            assert np.abs(found.astype(int) - expected).max() <= 16, found


def test_a_large_picture_is_averaged_and_a_small_one_grows(tmp_path: Path) -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels, _ = picture(saved(Image.fromarray(checks), tmp_path / "a.png"), Look(1, 8, 8, "pad", 0, 5000))
    assert np.abs(pixels.astype(int) - 127).max() <= 2
    pixels, _ = picture(saved(of_one("L", 50), tmp_path / "b.png"), Look(3, 8, 16, "pad", 9, 5000))
    assert (pixels[:, :, 4:12] == 50).all() and (pixels[:, :, :4] == 9).all() and (pixels[:, :, 12:] == 9).all()


def test_a_line_of_pixels_is_still_one(tmp_path: Path) -> None:
    path = saved(Image.new("L", (900, 1), 50), tmp_path / "a.png")
    pixels, _ = picture(path, Look(1, 8, 8, "pad", 0, 1000))
    assert (pixels == 50).sum() == 8


def test_the_same_bytes_on_all_processors(tmp_path: Path) -> None:
    """Digests of what was resized on another machine, by whatever kernels it has."""
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / "a.png")
    found = [zlib.crc32(picture(path, Look(3, 16, 24, fit, 0, 5000))[0].data) for fit in ("pad", "crop", "stretch")]
    assert found == [2907653518, 3899656049, 3217153240]


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def whole() -> bytes:
    file = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()


HEADER = (b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty: it has no bytes"),
        (b"GIF89", "damaged: no picture of a kind that is read"),
        (b"<html>", "damaged: no picture of a kind that is read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "damaged: no picture of a kind that is read"),
        (whole()[:400], "damaged: "),
        (png(HEADER, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")), "too large: 50000 x 50000 pixels, data"),
        (png(HEADER), "damaged: no picture of a kind that is read"),
    ],
)
def test_what_gives_no_picture(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnusableError, match=f"^{why}"):
        picture(str(path), GREY)


def test_files_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(UnusableError, match="not readable: "):
            picture(str(path), GREY)
    with pytest.raises(UnusableError, match="not supported: pixels of the mode F"):
        picture(saved(of_one("F", 0.5), tmp_path / "a.tif"), GREY)
    with pytest.raises(UnusableError, match="not supported: grey values outside"):
        picture(saved(of_one("I", -5), tmp_path / "b.tif"), GREY)


def test_the_first_frame_is_taken(tmp_path: Path) -> None:
    first, second = of_one("L", 10), of_one("L", 200)
    for suffix in ("gif", "tif", "webp", "png"):
        path = saved(first, tmp_path / f"a.{suffix}", save_all=True, append_images=[second])
        assert np.abs(np.array(pixel(path, GREY)) - 10).max() <= 2
