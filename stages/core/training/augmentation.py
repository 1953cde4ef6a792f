"""Random variations of training images, drawn for a whole batch at once."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from stages.core.config.recipe import AugmentConfig
from stages.core.training.gathered import Gathered

Draws = dict[str, torch.Tensor]  # of each variation that is on, what its function takes for a batch of B images: (2, B)


class Augmenter:
    """Gathers varied images (B, C, H, W) from a set of images (N, C, H, W), all uint8.

    What moves in from beyond the edge is 0, the background of every data set we know.
    """

    def __init__(self, inputs: torch.Tensor | Gathered, config: AugmentConfig) -> None:
        self.config = config
        self.images = inputs
        # In pixels, down and across: how far one is shifted at most, how large a rectangle is erased.
        self.shifts, self.erased = (
            [pixels(share, side) for side in inputs.shape[2:]] for share in (config.shift, config.erase)
        )

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """What `count` images are varied by: drawn for a batch at once, and so the same however it is cut."""
        config = self.config

        def uniform() -> torch.Tensor:
            return torch.rand((2, count), generator=generator)

        draws = {}
        if config.flip != "none":
            draws["flip"] = uniform() < 0.5
        if config.shift:
            offsets = [torch.randint(0, 2 * each + 1, (count,), generator=generator) for each in self.shifts]
            draws["shift"] = torch.stack(offsets)
        if config.rotation or config.scale:
            degrees, sizes = 2 * uniform() - 1
            draws["turn"] = torch.stack([degrees * config.rotation, 1 + sizes * config.scale])
        if config.brightness or config.contrast:
            brightness, contrast = 2 * uniform() - 1
            draws["colour"] = torch.stack([1 + brightness * config.brightness, 1 + contrast * config.contrast])
        if config.erase:
            draws["erase"] = uniform()
        return {name: drawn.to(self.images.device) for name, drawn in draws.items()}

    def batch(self, indices: torch.Tensor, draws: Draws) -> torch.Tensor:
        """The images at `indices` (B,), each with variations of its own, as drawn."""
        images = self.images.index_select(0, indices)
        if "flip" in draws:
            images = flip(images, draws["flip"], self.config.flip)
        if "shift" in draws:
            images = shift(images, draws["shift"], self.shifts)
        if "turn" in draws:
            images = rotate_scale(images, *draws["turn"])
        if "colour" in draws:
            images = recolour(images, *draws["colour"])
        if "erase" in draws:
            images = erase(images, draws["erase"], self.erased)
        return images


def split(draws: Draws, parts: int) -> list[Draws]:
    """The draws of each of so many parts of a batch, cut as `torch.tensor_split` cuts its indices."""
    pieces = {name: drawn.tensor_split(parts, dim=1) for name, drawn in draws.items()}
    return [{name: of_parts[part] for name, of_parts in pieces.items()} for part in range(parts)]


def pixels(share: float, side: int) -> int:
    """A `share` above 0 of a `side`, at least 1: a variation that is on is never lost to the rounding."""
    return max(1, round(share * side))


def shift(images: torch.Tensor, offsets: torch.Tensor, most: Sequence[int]) -> torch.Tensor:
    """Move uint8 images (B, C, H, W) by `most` - `offsets` (2, B) pixels down and to the right; 0 moves in."""
    height, width = images.shape[2:]
    down, across = most
    # Every shifted copy of every image, as a view (B, C, 2 s + 1, 2 s + 1, H, W): a shift is then just an index. Of a
    # batch, not of all images: that would hold the data twice.
    windows = F.pad(images, (across, across, down, down)).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(images), device=images.device), :, offsets[0], offsets[1]]


def rotate_scale(images: torch.Tensor, degrees: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Turn uint8 images (B, C, H, W) counter-clockwise by `degrees` (B,) and enlarge them by `scales` (B,)."""
    grid = affine_grid(degrees, scales, *images.shape[2:])
    turned = F.grid_sample(images.float(), grid, align_corners=False).round_()
    return turned.to(torch.int16).to(torch.uint8)  # by way of int16 in half the time


def affine_grid(degrees: torch.Tensor, scales: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Where `grid_sample` finds each pixel of such images: across and down, (B, H, W, 2), in -1 to 1 along each side.

    The numbers of `F.affine_grid`, which multiplies matrices for it and takes several times as long.
    """
    angles = degrees * (math.pi / 180)
    cos, sin = ((function(angles) / scales)[:, None] for function in (torch.cos, torch.sin))
    down, across = (torch.linspace(-1, 1, side, device=angles.device) * (side - 1) / side for side in (height, width))
    # Pairs as complex numbers, which are added in one go. Units along the two sides differ, hence their ratio.
    along = torch.complex(cos * across, sin * width / height * across)
    below = torch.complex(-sin * height / width * down, cos * down)
    return torch.view_as_real(along[:, None] + below[:, :, None])


def flip(images: torch.Tensor, chosen: torch.Tensor, way: str) -> torch.Tensor:
    """Mirror of images (B, C, H, W) those `chosen` (2, B): left to right by the first row, top to bottom by the other.

    The `way` says which of the two is done: horizontal, vertical or both.
    """
    for name, which, side in (("horizontal", chosen[0], 3), ("vertical", chosen[1], 2)):
        if way in (name, "both"):
            those = which.nonzero()[:, 0]
            images = images.index_copy(0, those, images.index_select(0, those).flip(side))
    return images


def recolour(images: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor) -> torch.Tensor:
    """Stretch uint8 images (B, C, H, W) about their means by `contrast` (B,), and multiply by `brightness` (B,)."""
    means = images.sum((1, 2, 3), dtype=torch.int64) / images[0].numel()  # of whole numbers, and so exact
    means, brightness, contrast = (one[:, None, None, None] for one in (means, brightness, contrast))
    return ((images - means) * contrast + means).mul_(brightness).round_().clamp_(0, 255).to(torch.uint8)


def erase(images: torch.Tensor, corners: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """Blank a rectangle of `sides` pixels in each image, placed by `corners` (2, B) in [0, 1), wholly inside it.

    Source: Zhong et al., Random Erasing Data Augmentation (2017), with a fixed size.
    """
    masks = []
    for corner, length, side in zip(corners, images.shape[2:], sides, strict=True):
        start = (corner * (length - side + 1)).long()[:, None]
        position = torch.arange(length, device=images.device)
        masks.append((position >= start) & (position < start + side))
    rows, columns = masks
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)
