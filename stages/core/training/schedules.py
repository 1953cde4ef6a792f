"""Learning-rate schedules as functions of how far the training is, so that no scheduler's state needs saving."""

import math
from collections.abc import Sequence

from stages.core.config.recipe import TrainConfig

ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1 / 250_000  # of the peak, as in torch's OneCycleLR


def learning_rate(config: TrainConfig, step: int, steps_per_epoch: int, losses: Sequence[float]) -> float:
    """The learning rate of `step` (from 0 to epochs * steps_per_epoch - 1).

    `one_cycle` follows Smith, Super-Convergence (2018), and `cosine` Loshchilov and Hutter, SGDR (2017), without
    restarts, both step by step; `step` and `plateau` change between epochs. Only `plateau` looks at `losses`, one for
    each finished epoch. `warmup` is the fraction of the run after which one_cycle peaks.
    """
    epoch = step // steps_per_epoch
    total = config.epochs * steps_per_epoch
    match config.schedule:
        case "constant":
            factor = 1.0
        case "step":
            factor = config.decay ** (epoch // config.decay_every)
        case "cosine":
            factor = (1 + math.cos(math.pi * step / total)) / 2
        case "one_cycle":
            factor = _one_cycle(step, total, config.warmup)
        case "plateau":
            factor = config.decay ** _plateaus(losses, config.decay_every)
    return config.lr * factor


def _one_cycle(step: int, total: int, warmup: float) -> float:
    """Cosine up from 1/25 of the peak at step 0, cosine down to almost nothing at the last step."""
    peak = max(warmup * total - 1, 0.0)
    if step < peak:
        return _cosine(ONE_CYCLE_START, 1.0, step / peak)
    return _cosine(1.0, ONE_CYCLE_END, (step - peak) / max(total - 1 - peak, 1.0))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _plateaus(losses: Sequence[float], patience: int) -> int:
    """How often the loss failed to improve for `patience` epochs running."""
    best, waited, plateaus = math.inf, 0, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == patience:
            waited, plateaus = 0, plateaus + 1
    return plateaus
