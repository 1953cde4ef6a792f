"""From the file of a picture to pixels: decoded, upright, grey or in colour, and of one size.

The same bytes on every processor: the decoders compute in whole numbers, and so does Pillow's resizing, by weights that
take no more than the four operations. A colour profile is not applied, and of several frames the first is taken.
"""

import hashlib
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF")  # whatever the file's name says
MOST_BYTES = 1 << 28  # of a file
_ORIENTATION = 0x0112  # the tag of EXIF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_GREY = {"1", "L", "LA", "I;16", "I;16B", "I;16L", "I"}
_COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"}

Image.MAX_IMAGE_PIXELS = None  # `max_pixels` decides instead, and refuses where Pillow would warn


class UnusableError(Exception):
    """A file that gives no picture; the message is a reason, and after a colon more of it."""


@dataclass(frozen=True)
class Look:
    """What all pictures are brought to."""

    channels: int  # 1 | 3
    height: int
    width: int
    fit: Literal["pad", "crop", "stretch"]
    background: int  # 0 to 255
    max_pixels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width


class Form(NamedTuple):
    """What a picture has by itself, upright."""

    height: int
    width: int
    colour: bool


def unwarned() -> AbstractContextManager[object]:
    """A context manager that ignores what Pillow warns of: that metadata have something wrong.

    For many pictures together: it takes a while, and in several threads one would undo what another has done.
    """
    return warnings.catch_warnings(action="ignore")


def form(path: str, max_pixels: int) -> Form:
    """The form of the picture at `path`, by its header alone, within `unwarned`.

    Raises `UnusableError` as `picture` does, if by that.
    """
    image = _opened(_content(path), max_pixels)
    width, height = image.size
    if _orientation(image) >= 5 and image.format != "TIFF":  # whose size is upright
        width, height = height, width
    return Form(height, width, _has_colour(image))


def picture(path: str, look: Look) -> tuple[NDArray[np.uint8], str]:
    """The pixels of the picture at `path`, uint8 (C, H, W), and the SHA-256 of the file; within `unwarned`.

    Raises `UnusableError` for a file that cannot be read or decoded whole, or has more pixels than `look.max_pixels`.
    """
    content = _content(path)
    image = _opened(content, look.max_pixels)
    try:
        image.load()
        orientation = _orientation(image)  # only now: it may be at the file's end, and TIFF has been turned already
        plain = _plain(image, look)
    except (UnusableError, MemoryError):
        raise
    except Exception as error:  # whatever its decoder stumbles over
        raise UnusableError(_damaged(error)) from None
    if orientation in _UPRIGHT:
        plain = plain.transpose(_UPRIGHT[orientation])
    pixels = np.asarray(_fitted(plain, look))
    return np.ascontiguousarray(pixels.reshape(look.height, look.width, -1).transpose(2, 0, 1)), hashlib.sha256(
        content
    ).hexdigest()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path takes longer than to open it
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableError(f"not readable: {error.strerror or 'the system refuses'}") from None
    if not content:
        raise UnusableError("empty: it has no bytes")
    if len(content) > MOST_BYTES:
        raise UnusableError(f"too large: more than {MOST_BYTES:,} bytes")
    return content


def _opened(content: bytes, max_pixels: int) -> Image.Image:
    """The picture with its header read, nothing decoded yet."""
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnusableError("damaged: no picture of a kind that is read") from None
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableError(_damaged(error)) from None
    width, height = image.size
    if width * height > max_pixels:
        raise UnusableError(f"too large: {width} x {height} pixels, data.max_pixels = {max_pixels}")
    if image.mode not in _GREY | _COLOUR:
        raise UnusableError(f"not supported: pixels of the mode {image.mode}")
    return image


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8 as EXIF has it; 1, upright, where that cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # its metadata are damaged, not the picture
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _has_colour(image: Image.Image) -> bool:
    if image.mode in {"P", "PA"} and (palette := image.getpalette("RGB")):
        colours = np.array(palette).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return image.mode not in _GREY


def _plain(image: Image.Image, look: Look) -> Image.Image:
    """In grey or RGB as is wanted, with the background where it is transparent."""
    mode = "L" if look.channels == 1 else "RGB"
    if image.mode.startswith("I"):
        image = _of_16_bits(image)
    elif image.has_transparency_data or image.mode in {"LA", "PA", "RGBA"}:
        shown = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", image.size, (look.background,) * 3)
        image.paste(shown, mask=shown)
    elif image.mode in {"P", "CMYK", "HSV", "YCbCr", "RGBX", "1"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == mode else image.convert(mode)


def _of_16_bits(image: Image.Image) -> Image.Image:
    """Grey values to 65,535 as such to 255, rounded to the nearest."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise UnusableError("not supported: grey values outside of 0 to 65,535")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _fitted(image: Image.Image, look: Look) -> Image.Image:
    """Of the wanted size, by the mean of the pixels that fall together, or between the nearest where it grows."""
    size = look.width, look.height
    if image.size == size:
        return image
    if look.fit == "stretch":
        return image.resize(size, Image.Resampling.BILINEAR)
    (width, height), (wide, high) = image.size, size
    too_wide = width * high > wide * height
    if look.fit == "crop":
        # The middle of the image that has the wanted shape.
        part = (height * wide / high, height) if too_wide else (width, width * high / wide)
        left, top = (width - part[0]) / 2, (height - part[1]) / 2
        box = (left, top, min(left + part[0], width), min(top + part[1], height))
        return image.resize(size, Image.Resampling.BILINEAR, box=box)
    inside = (wide, _share(height * wide, width)) if too_wide else (_share(width * high, height), high)
    resized = image.resize(inside, Image.Resampling.BILINEAR)
    if inside == size:
        return resized
    canvas = Image.new(image.mode, size, look.background if image.mode == "L" else (look.background,) * 3)
    canvas.paste(resized, ((wide - inside[0]) // 2, (high - inside[1]) // 2))
    return canvas


def _share(pixels: int, of: int) -> int:
    """The quotient, rounded to the nearest, 1 at least."""
    return max(1, (2 * pixels + of) // (2 * of))


def _damaged(error: Exception) -> str:
    """What the decoder says, unless that is where in the memory something was."""
    text = " ".join(str(error).split())[:100]
    return f"damaged: {text}" if text and "0x" not in text else "damaged: it cannot be decoded"
