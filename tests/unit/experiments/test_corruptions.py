"""The corruptions: what each does, against torchvision or a formula, and what all of them promise."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as reference
from scipy import stats

from stages.core.base.schemas import DataDescription
from stages.core.experiments.corruptions import SEVERITIES, corruptions_of
from stages.core.experiments.corruptions import images as corruptions
from stages.core.experiments.corruptions.images import CORRUPTIONS, Images, corrupt

BILINEAR = reference.InterpolationMode.BILINEAR
STILL = {"scale", "blur", "contrast", "saturation"}  # draw nothing

each_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
each_severity = pytest.mark.parametrize("severity", SEVERITIES)


@pytest.fixture
def images() -> Images:
    """Coloured strokes of a digit's size, one to three, in the middle of 64 dark images."""
    generator = np.random.default_rng(0)
    strokes = np.zeros((64, 3, 28, 28), dtype=np.uint8)
    for image in strokes:
        for _ in range(generator.integers(1, 4)):
            top, left = generator.integers(4, 18, 2)
            height, width = generator.permutation([generator.integers(4, 7), generator.integers(8, 16)])
            colour = generator.integers(100, 256, (3, 1, 1))
            image[:, top : min(top + height, 24), left : min(left + width, 24)] = colour
    return strokes


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pairs(changed: Images, images: Images) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return zip(torch.from_numpy(changed).float(), torch.from_numpy(images).float(), strict=True)


def sides(changed: Images, images: Images, angle: float = 0.0, shear: float = 0.0) -> set[int]:
    """Which way each image was turned or sheared, by torchvision; every one must have been, to either side."""
    found = set()
    for image, original in pairs(changed, images):
        matches = [
            side
            for side in (-1, 1)
            if torch.allclose(
                image,
                reference.affine(original, side * angle, [0, 0], 1.0, [side * shear, 0.0], interpolation=BILINEAR),
                rtol=0,
                atol=0.55,  # ours is rounded to whole grey levels
            )
        ]
        assert len(matches) == 1
        found.update(matches)
    return found


@each_corruption
@each_severity
def test_shape_type_and_seed_are_kept(name: str, severity: int, images: Images) -> None:
    original = images.copy()
    first, again, other = (corrupt(images, name, severity, generator(seed)) for seed in (7, 7, 8))
    assert first.shape == images.shape and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name in STILL)
    assert np.array_equal(images, original) and not np.array_equal(first, images)


@each_corruption
def test_severity_0_is_the_image_itself(name: str, images: Images) -> None:
    assert np.array_equal(corrupt(images, name, 0, generator()), images)


@each_corruption
def test_a_higher_severity_changes_more(name: str, images: Images) -> None:
    changed = [corrupt(images, name, severity, generator()).astype(int) for severity in (0, *SEVERITIES)]
    distances = [np.abs(image - images).mean() for image in changed]
    assert all(low < high for low, high in itertools.pairwise(distances))


@each_corruption
def test_every_corruption_has_a_level_per_severity(name: str) -> None:
    _, levels = CORRUPTIONS[name]
    assert len(set(levels)) == len(SEVERITIES)


def test_a_severity_beyond_the_scale_is_a_bug_of_ours(images: Images) -> None:
    with pytest.raises(AssertionError):
        corrupt(images, "shift", 6, generator())


def test_shift_moves_towards_one_of_four_corners(images: Images) -> None:
    found = set()
    for image, original in pairs(corruptions.shift(images, 3, generator()), images):
        moves = [(x, y) for x in (-3, 3) for y in (-3, 3)]
        moved = [reference.affine(original, 0.0, [x, y], 1.0, [0.0, 0.0]) for x, y in moves]
        matches = [move for move, expected in zip(moves, moved, strict=True) if torch.equal(image, expected)]
        assert len(matches) == 1
        found.update(matches)
    assert len(found) == 4


@pytest.mark.parametrize("degrees", [10, 45])
def test_rotation_is_torchvisions_to_either_side(degrees: int, images: Images) -> None:
    assert sides(corruptions.rotate(images, degrees, generator()), images, angle=degrees) == {-1, 1}


@pytest.mark.parametrize("slope", [0.2, 1.0])
def test_shear_is_torchvisions_to_either_side(slope: float, images: Images) -> None:
    changed = corruptions.shear(images, slope, generator())
    assert sides(changed, images, shear=math.degrees(math.atan(slope))) == {-1, 1}


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.3])
def test_scale_is_torchvisions(factor: float, images: Images) -> None:
    for image, original in pairs(corruptions.scale(images, factor, generator()), images):
        expected = reference.affine(original, 0.0, [0, 0], factor, [0.0, 0.0], interpolation=BILINEAR)
        torch.testing.assert_close(image, expected, rtol=0, atol=0.55)


def test_geometry_knows_images_that_are_not_square(images: Images) -> None:
    wide = images[:, :, 4:24]
    assert sides(corruptions.rotate(wide, 30, generator()), wide, angle=30) == {-1, 1}
    assert sides(corruptions.shear(wide, 0.5, generator()), wide, shear=math.degrees(math.atan(0.5))) == {-1, 1}


def test_gaussian_noise_is_normal_to_the_eye() -> None:
    grey = np.full((100, 1, 40, 40), 128, dtype=np.uint8)
    noise = corruptions.gaussian_noise(grey, 20, generator()).astype(float) - 128
    assert noise.mean() == pytest.approx(0, abs=0.2) and noise.std() == pytest.approx(20, abs=0.2)
    assert np.mean(np.abs(noise) < 20.5) == pytest.approx(math.erf(20.5 / 20 / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize("photons", [1, 5, 60])
def test_shot_noise_draws_from_poisson_distributions(photons: int) -> None:
    limits = corruptions._photon_limits(photons)
    means = photons * np.arange(256)[:, None] / 255
    np.testing.assert_allclose(limits / 2**32, stats.poisson.cdf(np.arange(limits.shape[1]), means), atol=1e-9)
    assert (limits[:, -1] >= 2**32 - 1).all() and (np.diff(limits) >= 0).all()


@pytest.mark.parametrize("value", [0, 51, 102])
def test_shot_noise_has_poissons_mean_and_variance(value: int) -> None:
    photons = 10
    grey = np.full((100, 1, 30, 30), value, dtype=np.uint8)
    counted = corruptions.shot_noise(grey, photons, generator()) * (photons / 255)
    mean = photons * value / 255
    assert counted.mean() == pytest.approx(mean, abs=0.03) and counted.var() == pytest.approx(mean, abs=0.1)


def test_a_pass_of_blur_is_one_small_kernel() -> None:
    dot = np.zeros((1, 1, 5, 5), dtype=np.uint8)
    dot[0, 0, 2, 2] = 160
    blurred = corruptions.blur(dot, 1, generator())[0, 0]
    assert blurred[1:4, 1:4].tolist() == [[10, 20, 10], [20, 40, 20], [10, 20, 10]] and blurred.sum() == 160


@pytest.mark.parametrize(("passes", "times"), [(4, 1), (9, 1), (4, 3)])
def test_blur_is_torchvisions_gaussian_and_loses_no_light(passes: int, times: int, images: Images) -> None:
    large = images.repeat(times, axis=2).repeat(times, axis=3)
    blurred = torch.from_numpy(corruptions.blur(large, passes, generator())).float()
    padded = torch.nn.functional.pad(torch.from_numpy(large).float(), (20,) * 4)
    variance = passes / 2 * times**2 + (times**2 - 1) / 12  # the second: of the pixels that a value counts for
    expected = reference.gaussian_blur(padded, [41, 41], [math.sqrt(variance)])[..., 20:-20, 20:-20]
    torch.testing.assert_close(blurred, expected, rtol=0, atol=8.0)  # a binomial kernel is only nearly Gaussian
    assert blurred.sum() == pytest.approx(expected.sum().item(), rel=0.02)


def test_as_much_blur_as_the_whole_numbers_hold() -> None:
    white = np.full((1, 1, 1024, 1024), 255, dtype=np.uint8)
    assert (corruptions.blur(white, 11, generator())[..., 450:-450, 450:-450] == 255).all()


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_contrast_is_torchvisions(share: float, images: Images) -> None:
    grey = images[:, :1]
    for image, original in pairs(corruptions.contrast(grey, share, generator()), grey):
        expected = 255 * reference.adjust_contrast(original / 255, share)
        torch.testing.assert_close(image, expected, rtol=0, atol=0.51)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_saturation_is_torchvisions(share: float, images: Images) -> None:
    for image, original in pairs(corruptions.saturation(images, share, generator()), images):
        expected = 255 * reference.adjust_saturation(original / 255, share)
        torch.testing.assert_close(image, expected, rtol=0, atol=0.6)  # its weights have four digits


def test_only_colours_lose_their_saturation() -> None:
    def names(channels: int) -> set[str]:
        shape = (channels, 28, 28)
        return set(corruptions_of(DataDescription(task="regression", classes=None, input_shape=shape)))

    assert names(3) - names(1) == {"saturation"} and not names(1) - names(3)


@pytest.mark.parametrize("name", ["shift", "occlusion"])
@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_larger_image_is_made_worse_as_the_smaller_one(
    monkeypatch: pytest.MonkeyPatch, name: str, times: int, images: Images
) -> None:
    monkeypatch.setattr(corruptions, "_AT_ONCE", 1 << 30)  # else other draws
    large = images.repeat(times, axis=2).repeat(times, axis=3)
    small, worse = (corrupt(each, name, 3, generator()) for each in (images, large))
    means = worse.reshape(64, 3, 28, times, 28, times).mean(axis=(3, 5))
    off = np.abs(means - small)
    assert np.median(off) == 0 and off.mean() < {"shift": 0.01, "occlusion": 2.0}[name]


def test_many_images_are_made_worse_as_few_are(monkeypatch: pytest.MonkeyPatch, images: Images) -> None:
    turned = corrupt(images, "scale", 3, generator())
    monkeypatch.setattr(corruptions, "_AT_ONCE", 5 * images[0].size)
    assert np.array_equal(corrupt(images, "scale", 3, generator()), turned)
    assert len(corrupt(images, "gaussian_noise", 3, generator())) == len(images)


def test_occlusion_blanks_a_square() -> None:
    white = np.full((50, 1, 28, 28), 255, dtype=np.uint8)
    places = set()
    for image in corruptions.occlude(white, 9, generator()):
        rows, columns = np.nonzero(image[0] == 0)
        places.add((rows.min(), columns.min()))
        assert len(rows) == 81 and np.ptp(rows) == np.ptp(columns) == 8
    assert len(places) > 30


def test_salt_and_pepper_come_in_equal_parts_and_grow_from_the_same_grains() -> None:
    grey = np.full((50, 1, 28, 28), 100, dtype=np.uint8)
    few, many = (corruptions.salt_and_pepper(grey, percent, generator()) for percent in (10, 40))
    assert np.mean(many == 0) == pytest.approx(0.2, abs=0.01)
    assert np.mean(many == 255) == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(few[few != 100], many[few != 100])


def test_colour_images_keep_their_channels_together() -> None:
    colours = np.zeros((8, 3, 20, 20), dtype=np.uint8)
    colours[:, :, 8:12, 5:9] = np.array([50, 100, 200], dtype=np.uint8)[:, None, None]
    for name in ("shift", "rotation", "scale", "shear", "blur", "occlusion"):
        red, green, blue = np.moveaxis(corrupt(colours, name, 2, generator()).astype(int), 1, 0)
        assert np.abs(green - 2 * red).max() <= 2 and np.abs(blue - 2 * green).max() <= 2, name
