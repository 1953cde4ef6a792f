"""Our logarithm and exponential against those of Python's decimals."""

from decimal import Decimal

import numpy as np
import pytest
import torch

from stages.core.networks.logarithm import exp, log


@pytest.mark.parametrize("low", [1e-300, 1e-5, 0.7, 326.0, 1e250])
def test_log_is_right_to_two_units_of_the_last_place(low):
    numbers = np.concatenate([low * np.random.default_rng(0).uniform(1, 60, 200), [1.0, 2.0, 0.5, 1e5]])
    for x, found in zip(numbers, log(numbers), strict=True):
        true = Decimal(x.item()).ln()
        assert abs(Decimal(found.item()) - true) <= 2 * Decimal(np.spacing(max(abs(found), 1e-300)).item())


def test_exp_is_right_to_two_units_of_the_last_place():
    numbers = np.concatenate([np.random.default_rng(0).uniform(-700, 700, 300), [0.0, 1.0, -1.0, 1e-20]])
    for x, found in zip(numbers, exp(torch.from_numpy(numbers)).numpy(), strict=True):
        true = Decimal(x.item()).exp()
        assert abs(Decimal(found.item()) - true) <= 2 * Decimal(np.spacing(found).item())
