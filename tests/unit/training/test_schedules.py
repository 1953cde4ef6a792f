"""The schedules against torch's schedulers, step by step."""

from typing import get_args

import pytest
import torch

from stages.core.config.recipe import TrainConfig
from stages.core.training.schedules import learning_rate

EPOCHS, STEPS = 6, 10


def of_torch(make, per_epoch: bool) -> list[float]:
    """The rates a torch scheduler gives over EPOCHS * STEPS steps of an optimiser that starts at 0.4."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = make(optimizer)
    rates = []
    for step in range(EPOCHS * STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < EPOCHS * STEPS - 1 and (not per_epoch or step % STEPS == STEPS - 1):
            scheduler.step()
    return rates


def ours(config) -> list[float]:
    return [learning_rate(config, step, STEPS, []) for step in range(EPOCHS * STEPS)]


@pytest.fixture
def config(recipe):
    return lambda **train: recipe(train={"epochs": EPOCHS, "lr": 0.4, **train}).train


def test_every_schedule_has_a_test():
    names = get_args(TrainConfig.model_fields["schedule"].annotation)
    assert [name for name in names if f"test_{name}" not in globals()] == []


def test_constant(config):
    assert ours(config(schedule="constant")) == [0.4] * (EPOCHS * STEPS)


@pytest.mark.parametrize("every", [1, 2, 4])
def test_step(config, every):
    expected = of_torch(lambda o: torch.optim.lr_scheduler.StepLR(o, every, gamma=0.7), per_epoch=True)
    assert ours(config(schedule="step", decay_every=every, decay=0.7)) == pytest.approx(expected)


def test_cosine(config):
    expected = of_torch(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS * STEPS), per_epoch=False)
    assert ours(config(schedule="cosine")) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.1, 0.3, 0.5])
def test_one_cycle(config, warmup):
    def make(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.4, total_steps=EPOCHS * STEPS, pct_start=warmup, cycle_momentum=False
        )

    assert ours(config(schedule="one_cycle", warmup=warmup)) == pytest.approx(of_torch(make, per_epoch=False))


def test_one_cycle_without_warmup_starts_at_the_peak(config):
    rates = ours(config(schedule="one_cycle", warmup=0.0))
    assert rates[0] == 0.4 and rates == sorted(rates, reverse=True)


def test_one_cycle_of_a_single_step(config):
    assert learning_rate(config(schedule="one_cycle", epochs=1), 0, 1, []) > 0


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_plateau(config, patience):
    losses = [3.0, 2.0, 2.5, 2.5, 2.5, 1.0, 1.5, 1.5, 1.5, 1.5, 1.5, 0.5]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    # torch's patience tolerates that many bad epochs and decays after one more.
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience - 1, threshold=0)
    plateau = config(schedule="plateau", decay_every=patience, decay=0.5, epochs=len(losses) + 1)
    for epoch in range(1, len(losses) + 1):
        scheduler.step(losses[epoch - 1])
        expected = optimizer.param_groups[0]["lr"]
        assert learning_rate(plateau, epoch * STEPS, STEPS, losses[:epoch]) == pytest.approx(expected)
