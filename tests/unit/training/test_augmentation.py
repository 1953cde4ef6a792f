"""The augmentations against torch's and torchvision's own."""

import math
import zlib

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
import torchvision.transforms.v2.functional as reference

from stages.core.config.recipe import Recipe
from stages.core.training.augmentation import Augmenter, affine_grid, erase, flip, pixels, recolour, rotate_scale, split


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(1, 256, (40, 1, 12, 10), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def varied(images: torch.Tensor, recipe: Recipe, indices: torch.Tensor, seed: int = 0) -> torch.Tensor:
    augmenter = Augmenter(images, recipe.augment)
    return augmenter.batch(indices, augmenter.draw(len(indices), generator(seed)))


def test_nothing_on_is_a_plain_gather(recipe, images):
    indices = torch.tensor([3, 1, 3])
    assert torch.equal(varied(images, recipe(), indices), images[indices])


def test_shift_moves_each_image_by_whole_pixels_and_fills_with_background(recipe, images):
    shifted = varied(images, recipe(augment={"shift": 0.2}), torch.arange(40))
    offsets = set()
    for image, original in zip(shifted, images, strict=True):
        matches = [
            (x, y)
            for x in range(-2, 3)
            for y in range(-2, 3)
            if torch.equal(image, reference.affine(original, angle=0.0, translate=[x, y], scale=1.0, shear=[0.0, 0.0]))
        ]
        assert len(matches) == 1
        offsets.update(matches)
    assert len(offsets) > 15  # of 25: all directions are taken


def test_the_images_are_not_copied(recipe, images):
    assert Augmenter(images, recipe(augment={"shift": 0.2}).augment).images.data_ptr() == images.data_ptr()


def test_rotation_and_scale_are_torchvisions_affine(images):
    degrees, scales = torch.linspace(-30, 30, 40), torch.linspace(0.7, 1.3, 40)
    turned = rotate_scale(images, degrees, scales)
    for image, original, angle, scale in zip(turned, images, degrees.tolist(), scales.tolist(), strict=True):
        expected = reference.affine(
            original.float(), -angle, [0, 0], scale, [0.0, 0.0], interpolation=reference.InterpolationMode.BILINEAR
        )
        torch.testing.assert_close(image.float(), expected, rtol=0, atol=0.52)  # ours is rounded to uint8


@pytest.mark.parametrize("sides", [(64, 64), (28, 33), (7, 1)])
def test_the_grid_is_torchs_own(sides):
    degrees, scales = torch.linspace(-180, 180, 40), torch.linspace(0.5, 1.5, 40)
    cos, sin = (function(degrees * (math.pi / 180)) / scales for function in (torch.cos, torch.sin))
    nothing, (height, width) = torch.zeros(40), sides
    rows = [
        torch.stack(row, 1) for row in ([cos, -sin * height / width, nothing], [sin * width / height, cos, nothing])
    ]
    expected = F.affine_grid(torch.stack(rows, 1), [40, 1, height, width], align_corners=False)
    assert torch.equal(affine_grid(degrees, scales, height, width), expected)


def test_rotation_and_scale_stay_within_their_range(recipe, images):
    assert torch.equal(varied(images, recipe(augment={"rotation": 1e-4, "scale": 1e-6}), torch.arange(40)), images)
    turned = varied(images, recipe(augment={"rotation": 20.0}), torch.arange(40))
    assert not torch.equal(turned, images) and turned.dtype == torch.uint8


@pytest.mark.parametrize("way", ["horizontal", "vertical", "both"])
def test_flips_mirror_the_chosen_images(images, way):
    chosen = torch.rand((2, 40), generator=generator()) < 0.5
    flipped = flip(images, chosen, way)
    for image, original, (across, down) in zip(flipped, images, chosen.T.tolist(), strict=True):
        expected = reference.horizontal_flip(original) if across and way != "vertical" else original
        assert torch.equal(image, reference.vertical_flip(expected) if down and way != "horizontal" else expected)


@pytest.mark.parametrize("way", ["horizontal", "vertical", "both"])
def test_about_every_other_image_is_mirrored(recipe, images, way):
    flipped = varied(images, recipe(augment={"flip": way}), torch.arange(40))
    same = (flipped == images).flatten(1).all(dim=1).float().mean().item()
    assert same == pytest.approx(0.25 if way == "both" else 0.5, abs=0.2)


def test_brightness_and_contrast_are_torchvisions(images):
    factors, one = torch.linspace(0.4, 1.6, 40), torch.ones(40)
    brighter, harder = recolour(images, factors, one), recolour(images, one, factors)
    for bright, hard, original, factor in zip(brighter, harder, images, factors.tolist(), strict=True):
        for found, adjust in ((bright, reference.adjust_brightness), (hard, reference.adjust_contrast)):
            expected = adjust(original, factor)  # cuts off what we round, the mean, too
            assert (found.float() - expected.float()).abs().max() <= 1.01


def test_brightness_and_contrast_stay_within_their_range(recipe, images):
    keys = {"brightness": 0.3, "contrast": 0.2}
    found = varied(images, recipe(augment=keys), torch.arange(40))
    mean, spread = images.float().mean(), images.float().std()
    assert found.dtype == torch.uint8 and found.shape == images.shape and not torch.equal(found, images)
    assert 0.65 * mean < found.float().mean() < 1.35 * mean and found.float().std() < 1.6 * spread
    assert len({image.float().mean().item() for image in found}) == 40


@pytest.mark.parametrize(("down", "across"), [(1, 1), (4, 3), (10, 10), (12, 1)])
def test_erase_blanks_one_rectangle_as_torchvision_does(images, down, across):
    corners = torch.rand((2, 40), generator=generator())
    erased = erase(images, corners, [down, across])
    for image, original, (row, column) in zip(erased, images, corners.T.tolist(), strict=True):
        top, left = int(row * (12 - down + 1)), int(column * (10 - across + 1))
        black = torch.tensor(0, dtype=torch.uint8)
        assert torch.equal(image, reference.erase(original, top, left, down, across, black))


def test_all_of_an_image_can_be_erased(recipe, images):
    assert not varied(images, recipe(augment={"erase": 1.0}), torch.arange(40)).any()


@pytest.mark.parametrize(("share", "side", "expected"), [(0.07, 28, 2), (0.07, 64, 4), (0.5, 9, 4), (0.001, 64, 1)])
def test_variations_grow_with_the_image(share, side, expected):
    assert pixels(share, side) == expected


MOVED = {"flip": "both", "shift": 0.3, "rotation": 5.0, "scale": 0.1}
ALL = {**MOVED, "brightness": 0.3, "contrast": 0.5, "erase": 0.2}


def test_equal_generators_give_equal_batches_and_others_do_not(recipe, images):
    first, again, other = (varied(images, recipe(augment=ALL), torch.arange(40), seed) for seed in (7, 7, 8))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_is_drawn_stays_what_it_was(recipe, images):
    """A digest of what all variations together gave when they were written."""
    assert zlib.crc32(varied(images, recipe(augment=ALL), torch.arange(40)).numpy().tobytes()) == 460366140


@pytest.mark.parametrize("keys", [{}, ALL])
def test_a_batch_is_varied_alike_in_parts_and_as_a_whole(recipe, images, keys):
    augmenter, indices = Augmenter(images, recipe(augment=keys).augment), torch.randperm(39, generator=generator())
    draws = augmenter.draw(39, generator())
    parts = [augmenter.batch(*part) for part in zip(indices.tensor_split(4), split(draws, 4), strict=True)]
    assert torch.equal(torch.cat(parts), augmenter.batch(indices, draws))
