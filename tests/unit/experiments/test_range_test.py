"""The learning-rate range test, on made-up losses and on a quadratic whose best rate is known."""

import itertools
import math
from collections.abc import Callable

import pandas as pd
import pytest
from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.config.sections import LrRangeConfig
from stages.core.experiments.range_test import EXPLODED, Point, lowest, range_test, rates, suggest
from stages.core.pictures import figures
from stages.core.pictures.style import house_style

CONFIG = LrRangeConfig(low=1e-5, high=10.0, steps=100)


def quadratic(curvature: float) -> Callable[[int, float], float]:
    """Gradient descent on 1 + curvature * w**2 / 2 from w = 1; it diverges above the rate 2 / curvature."""
    weight = 1.0

    def step(_: int, rate: float) -> float:
        nonlocal weight
        loss = 1 + curvature * weight**2 / 2
        weight -= rate * curvature * weight
        return loss

    return step


def test_rates_grow_by_one_factor_and_stay_within_their_bounds() -> None:
    grown = rates(CONFIG)
    assert len(grown) == 100 and grown[0] == 1e-5 and grown[-1] == 10.0
    factors = [after / before for before, after in itertools.pairwise(grown)]
    assert factors == pytest.approx([1e6 ** (1 / 99)] * 99, rel=1e-4)


@pytest.mark.parametrize(("low", "high"), [(1.23456789e-7, 9.87654321), (0.1, 0.1000001)])
def test_rounding_takes_no_rate_beyond_the_bounds(low: float, high: float) -> None:
    grown = rates(LrRangeConfig(low=low, high=high, steps=10))
    assert min(grown) >= low and max(grown) <= high and grown == sorted(grown)


@pytest.mark.parametrize("curvature", [5.0, 50.0, 500.0])
def test_a_sensible_rate_is_found_on_a_quadratic(curvature: float) -> None:
    points = range_test(CONFIG, quadratic(curvature))
    assert 0.01 / curvature < suggest(points) < 2 / curvature
    assert len(points) < 100 and points[-1].smoothed_loss > EXPLODED * lowest(points).smoothed_loss


def test_the_suggested_rate_has_nine_tenths_of_the_fall_behind_it() -> None:
    losses = [2.0, 1.9, 1.5, 1.2, 1.08, 1.0, 1.5]
    points = [Point(10.0**-k, loss, loss) for k, loss in zip(range(7, 0, -1), losses, strict=True)]
    assert suggest(points) == 1e-3
    assert lowest(points) == points[5]


def test_the_smoothed_loss_is_unbiased() -> None:
    points = range_test(CONFIG, lambda *_: 3.0)
    assert [point.smoothed_loss for point in points] == pytest.approx([3.0] * 100)


def test_a_loss_that_never_falls_suggests_the_lowest_rate() -> None:
    points = range_test(CONFIG, lambda step, _: 1.0 + 0.01 * step)
    assert suggest(points) == CONFIG.low


def test_a_loss_that_always_falls_suggests_no_more_than_the_highest_rate() -> None:
    points = range_test(CONFIG, lambda step, _: 5.0 if step < 99 else 0.0)
    assert CONFIG.low <= suggest(points) <= CONFIG.high


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_test_and_leaves_no_trace(bad: float) -> None:
    taken: list[float] = []

    def step(number: int, rate: float) -> float:
        taken.append(rate)
        return bad if number == 30 else 2 - number / 100

    points = range_test(CONFIG, step)
    assert len(points) == 30 and len(taken) == 31
    assert all(map(math.isfinite, (value for point in points for value in vars(point).values())))
    assert CONFIG.low <= suggest(points) <= points[-1].learning_rate


def test_a_first_loss_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="not finite at its first step"):
        range_test(CONFIG, lambda *_: math.nan)


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"low": 0.0}, "greater than 0"),
        ({"high": 11.0}, "less than or equal to 10"),
        ({"low": 0.1, "high": 0.1}, r"low = 0\.1 must be below high = 0\.1"),
        ({"steps": 9}, "greater than or equal to 10"),
    ],
)
def test_bad_ranges_are_refused(keys: dict[str, float], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        LrRangeConfig.model_validate(CONFIG.model_dump() | keys)


def test_the_picture_shows_the_curve_and_the_suggestion() -> None:
    table = pd.DataFrame(vars(point) for point in range_test(CONFIG, quadratic(5.0)))
    with house_style():
        (axes,) = figures.lr_range(table, 0.034).axes
    steps, smoothed, suggestion = axes.lines
    assert steps.get_ydata().tolist() == table["loss"].tolist()
    assert smoothed.get_ydata().tolist() == table["smoothed_loss"].tolist()
    assert suggestion.get_xdata() == [0.034, 0.034]
    assert axes.get_xscale() == "log" and "0.034 suggested" in [text.get_text() for text in axes.texts]
    low, high = axes.get_ylim()
    assert low < table["smoothed_loss"].min() and high < table["smoothed_loss"].max()
