"""The learning-rate range test, on made-up losses and on a quadratic whose best rate is known."""

import itertools
import math
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from stages.core.base.command import InputError
from stages.core.base.schemas import LR_RANGE
from stages.core.config.recipe import Recipe
from stages.core.config.sections import LrRangeConfig
from stages.core.data.examples import Examples
from stages.core.experiments.learning_rates import (
    EXPLODED,
    Point,
    losses_at_rates,
    lowest,
    points_table,
    range_test,
    rates,
    suggested_rate,
)
from stages.core.training.objectives import Objective, objective_of
from stages.core.training.parallel import Workers


def objective(recipe: Recipe) -> Objective:
    return objective_of(recipe.train, "classification")


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
    points = losses_at_rates(CONFIG, quadratic(curvature))
    assert 0.01 / curvature < suggested_rate(points) < 2 / curvature
    assert len(points) < 100 and points[-1].smoothed_loss > EXPLODED * lowest(points).smoothed_loss


def test_the_suggested_rate_has_nine_tenths_of_the_fall_behind_it() -> None:
    losses = [2.0, 1.9, 1.5, 1.2, 1.08, 1.0, 1.5]
    points = [Point(10.0**-k, loss, loss) for k, loss in zip(range(7, 0, -1), losses, strict=True)]
    assert suggested_rate(points) == 1e-3
    assert lowest(points) == points[5]


def test_the_smoothed_loss_is_unbiased() -> None:
    points = losses_at_rates(CONFIG, lambda *_: 3.0)
    assert [point.smoothed_loss for point in points] == pytest.approx([3.0] * 100)


def test_a_loss_that_never_falls_suggests_the_lowest_rate() -> None:
    points = losses_at_rates(CONFIG, lambda step, _: 1.0 + 0.01 * step)
    assert suggested_rate(points) == CONFIG.low


def test_a_loss_that_always_falls_suggests_no_more_than_the_highest_rate() -> None:
    points = losses_at_rates(CONFIG, lambda step, _: 5.0 if step < 99 else 0.0)
    assert CONFIG.low <= suggested_rate(points) <= CONFIG.high


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_test_and_leaves_no_trace(bad: float) -> None:
    taken: list[float] = []

    def step(number: int, rate: float) -> float:
        taken.append(rate)
        return bad if number == 30 else 2 - number / 100

    points = losses_at_rates(CONFIG, step)
    assert len(points) == 30 and len(taken) == 31
    assert all(map(math.isfinite, (value for point in points for value in vars(point).values())))
    assert CONFIG.low <= suggested_rate(points) <= points[-1].learning_rate


def test_a_first_loss_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="not finite at its first step"):
        losses_at_rates(CONFIG, lambda *_: math.nan)


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


@pytest.fixture
def small(recipe: Callable[..., Recipe]) -> Recipe:
    return recipe(model={"name": "linear"}, train={"batch_size": 16, "optimizer": "sgd", "momentum": 0.0})


def test_a_network_goes_through_the_test(small: Recipe, digits: Callable[..., Examples]) -> None:
    config = LrRangeConfig(low=1e-5, high=1e-4, steps=10)
    with Workers(1) as workers:
        points = range_test(small, config, digits(40), objective(small), 4, workers)
    assert [point.learning_rate for point in points] == rates(config)
    # Rates too low to learn anything: the loss stays about where a network without knowledge has it.
    assert all(0.5 < point.loss < 4 for point in points)


def test_the_workers_and_the_recipes_own_rate_change_nothing(small: Recipe, digits: Callable[..., Examples]) -> None:
    other = small.model_copy(update={"train": small.train.model_copy(update={"lr": 0.5, "epochs": 7})})
    found = []
    for chosen, threads in ((small, 1), (other, 3)):
        with Workers(threads) as workers:
            found.append(range_test(chosen, CONFIG, digits(40), objective(chosen), 4, workers))
    assert found[0] == found[1]


def test_a_batch_larger_than_the_data_is_refused(small: Recipe, digits: Callable[..., Examples]) -> None:
    with Workers(1) as workers, pytest.raises(InputError, match=r"train\.batch_size = 16: must be at most 12"):
        range_test(small, CONFIG, digits(12), objective(small), 4, workers)


def test_the_table_has_a_row_a_point_and_six_digits() -> None:
    table = points_table([Point(1e-5, 2.12345678, 2.0), Point(2e-5, 1.0, 1.5)])
    assert list(table.columns) == list(LR_RANGE.columns)
    assert table.to_numpy().tolist() == [[1e-5, 2.123457, 2.0], [2e-5, 1.0, 1.5]]
