"""The learning-rate range test: train a little with a rate that grows from far too low to far too high, and watch.

Source: Smith, Cyclical Learning Rates for Training Neural Networks (2017), section 3.3.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch

from stages.core.base.command import InputError
from stages.core.base.schemas import InputColumn
from stages.core.base.seeding import numpy_generator
from stages.core.config.recipe import Recipe, check_batch_size
from stages.core.config.sections import LrRangeConfig
from stages.core.data.examples import Examples
from stages.core.training.engine import Engine
from stages.core.training.objectives import Objective
from stages.core.training.parallel import Workers

FOLD = -1  # a number that no training run has, hence initial weights and random streams of its own
SMOOTHING = 0.8  # weight of the past in the smoothed loss
EXPLODED = 4.0  # times the lowest smoothed loss, where the test has seen enough (as in fastai)
SLOWED = 0.9  # of the fall of the smoothed loss, after which learning is said to slow


@dataclass(frozen=True)
class Point:
    """A step of the test: its rate, its loss before the step was taken, and the smoothed loss up to here."""

    learning_rate: float
    loss: float
    smoothed_loss: float


def range_test(
    recipe: Recipe,
    config: LrRangeConfig,
    train: Examples,
    objective: Objective,
    width: int,
    workers: Workers,
    columns: Sequence[InputColumn] | None = None,
    pretrained: Mapping[str, np.ndarray] | None = None,
) -> list[Point]:
    """Train a new model by `recipe`, each step on a batch drawn anew from `train`, at ever larger rates.

    See `losses_at_rates`.

    The recipe's own rate and schedule are not used. Raises `InputError` when a batch is larger than `train`.
    """
    check_batch_size(recipe.train, len(train))
    engine = Engine(recipe, train, objective, width, workers, FOLD, columns, pretrained)

    def take_step(step: int, rate: float) -> float:
        generator = numpy_generator(recipe.seed, "lr_range", step)
        batch = generator.choice(len(train), recipe.train.batch_size, replace=False)
        return engine.step(torch.from_numpy(batch), rate, ("lr_range", step))

    return losses_at_rates(config, take_step)


def points_table(points: Sequence[Point]) -> pd.DataFrame:
    """The points as a table, columns as LR_RANGE, losses to six digits."""
    return pd.DataFrame(map(asdict, points)).round({"loss": 6, "smoothed_loss": 6})


def rates(config: LrRangeConfig) -> list[float]:
    """`config.steps` rates from low to high, each the same multiple of the one before, to six digits."""
    growth = config.high / config.low
    grown = (config.low * growth ** (step / (config.steps - 1)) for step in range(config.steps))
    return [min(max(float(f"{rate:.6g}"), config.low), config.high) for rate in grown]


def losses_at_rates(config: LrRangeConfig, take_step: Callable[[int, float], float]) -> list[Point]:
    """Call `take_step(number, rate)`, which trains a step and returns the loss before it, for ever larger rates.

    The smoothed loss is the exponential moving average without its bias towards 0 (Kingma and Ba, Adam, 2015, section
    3). The test ends early, after the step at which that has exploded, or before the one whose loss is not finite.
    Raises `InputError` when not even the first loss is finite.
    """
    points: list[Point] = []
    average = 0.0
    for step, rate in enumerate(rates(config)):
        loss = take_step(step, rate)
        if not math.isfinite(loss):
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        points.append(Point(rate, loss, average / (1 - SMOOTHING ** (step + 1))))
        if points[-1].smoothed_loss > EXPLODED * lowest(points).smoothed_loss:
            break
    if not points:
        raise InputError("the loss of the learning-rate range test was not finite at its first step")
    return points


def lowest(points: Sequence[Point]) -> Point:
    """The point with the lowest smoothed loss, the first of equals."""
    return min(points, key=lambda point: point.smoothed_loss)


def suggested_rate(points: Sequence[Point]) -> float:
    """The rate at which learning slows, to two digits: nine tenths of the fall of the smoothed loss lie behind it.

    Smith (2017, section 3.3) takes it for the highest rate of a cycle, hence it is one for the peak of a schedule. The
    rate at the lowest loss would be less certain, since the loss stays almost as low over a wide range of rates. Where
    the loss never falls, the lowest rate tried is suggested.
    """
    first, last = points[0].smoothed_loss, lowest(points).smoothed_loss
    slowed = next(p.learning_rate for p in points if p.smoothed_loss <= max(first - SLOWED * (first - last), last))
    return min(max(float(f"{slowed:.2g}"), points[0].learning_rate), points[-1].learning_rate)
