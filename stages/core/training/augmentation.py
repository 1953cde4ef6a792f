"""Random variations of training images, drawn for a whole batch at once."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from stages.core.config.recipe import AugmentConfig
from stages.core.training.gathered import Gathered


class Augmenter:
    """Gathers batches of varied images (B, C, H, W) from a set of images (N, C, H, W), all uint8.

    What moves in from beyond the edge is 0, the background of every data set we know.
    """

    def __init__(self, inputs: torch.Tensor | Gathered, config: AugmentConfig) -> None:
        self.config = config
        self.images = inputs

    def batch(self, indices: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The images at `indices` (B,), each with variations of its own."""
        config, count, device = self.config, len(indices), indices.device
        images = self.images.index_select(0, indices)
        if config.flip != "none":
            images = flip(images, torch.rand((2, count), generator=generator).to(device) < 0.5, config.flip)
        sides = images.shape[2:]
        if config.shift:
            most = [pixels(config.shift, side) for side in sides]
            offsets = [torch.randint(0, 2 * each + 1, (count,), generator=generator).to(device) for each in most]
            images = shift(images, offsets, most)
        if config.rotation or config.scale:
            draws = 2 * torch.rand((2, count), generator=generator).to(device) - 1
            images = rotate_scale(images, draws[0] * config.rotation, 1 + draws[1] * config.scale)
        if config.brightness or config.contrast:
            draws = 2 * torch.rand((2, count), generator=generator).to(device) - 1
            images = recolour(images, 1 + draws[0] * config.brightness, 1 + draws[1] * config.contrast)
        if config.erase:
            corners = torch.rand((2, count), generator=generator).to(device)
            images = erase(images, corners, [pixels(config.erase, side) for side in sides])
        return images


def pixels(share: float, side: int) -> int:
    """A `share` above 0 of a `side`, at least 1: a variation that is on is never lost to the rounding."""
    return max(1, round(share * side))


def shift(images: torch.Tensor, offsets: Sequence[torch.Tensor], most: Sequence[int]) -> torch.Tensor:
    """Move uint8 images (B, C, H, W) by `most` - `offsets` (B,) pixels down and to the right; 0 moves in."""
    height, width = images.shape[2:]
    down, across = most
    # Every shifted copy of every image, as a view (B, C, 2 s + 1, 2 s + 1, H, W): a shift is then just an index. Of a
    # batch, not of all images: that would hold the data twice.
    windows = F.pad(images, (across, across, down, down)).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(images), device=images.device), :, offsets[0], offsets[1]]


def rotate_scale(images: torch.Tensor, degrees: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Turn uint8 images (B, C, H, W) counter-clockwise by `degrees` (B,) and enlarge them by `scales` (B,)."""
    angles = degrees * (math.pi / 180)
    cos, sin, zero = torch.cos(angles) / scales, torch.sin(angles) / scales, torch.zeros_like(angles)
    height, width = images.shape[2:]
    # The inverse map in coordinates that run from -1 to 1 along each side, hence the ratio of the sides.
    rows = [cos, -sin * height / width, zero], [sin * width / height, cos, zero]
    matrices = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False).round().to(torch.uint8)


def flip(images: torch.Tensor, chosen: torch.Tensor, way: str) -> torch.Tensor:
    """Mirror of images (B, C, H, W) those `chosen` (2, B): left to right by the first row, top to bottom by the other.

    The `way` says which of the two is done: horizontal, vertical or both.
    """
    for name, which, side in (("horizontal", chosen[0], 3), ("vertical", chosen[1], 2)):
        if way in (name, "both"):
            images = torch.where(which[:, None, None, None], images.flip(side), images)
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
