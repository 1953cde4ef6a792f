"""The objective of numbers: the scale it learns, its losses and score, and what its outputs mean."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from stages.core.base.command import InputError
from stages.core.training.objectives import objective_of
from stages.core.training.objectives.regression import HUBER, target_scale
from tests.unit.training.tables import recipe

TARGETS = np.array([326.0, 500.0, 2401.0, 18823.0])


def objective(**train):
    return objective_of(recipe("regression", train=train).train, "regression").learned(TARGETS)


def test_targets_are_learned_less_their_mean_in_units_of_their_spread():
    encoded = objective().encoded(TARGETS)
    assert encoded.dtype == torch.float32
    assert encoded.numpy() == pytest.approx((TARGETS - TARGETS.mean()) / TARGETS.std())
    logs = np.log(TARGETS)
    assert objective(target_transform="log").encoded(TARGETS).numpy() == pytest.approx(
        (logs - logs.mean()) / logs.std(), rel=1e-6
    )


@pytest.mark.parametrize("transform", ["none", "log"])
def test_perfect_outputs_have_no_error_and_are_the_targets(transform):
    perfect = objective(target_transform=transform)
    outputs = perfect.encoded(TARGETS)[:, None]
    assert perfect.predictions(outputs) == pytest.approx(TARGETS, rel=1e-5)
    loss, score = perfect.loss_and_score(outputs, TARGETS)
    assert loss < 1e-6 and score < 0.01


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", lambda x, y: F.mse_loss(x, y, reduction="sum")),
        ("mae", lambda x, y: (x - y).abs().sum()),
        ("huber", lambda x, y: F.huber_loss(x, y, reduction="sum", delta=HUBER)),
    ],
)
def test_the_losses_are_torchs(loss, expected):
    outputs, targets = torch.tensor([[0.1], [-3.0]]), torch.tensor([0.3, 1.0])
    assert objective(loss=loss).loss_sum(outputs, targets).item() == pytest.approx(
        expected(outputs[:, 0], targets).item()
    )


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_score_is_the_root_mean_squared_error_in_the_targets_unit_whatever_the_loss(loss):
    one = objective(loss=loss)
    loss_found, score = one.loss_and_score(one.encoded(TARGETS + np.array([100, -100, 0, 0]))[:, None], TARGETS)
    assert one.score == "rmse"
    assert score == pytest.approx(math.sqrt(2 * 100**2 / 4), rel=1e-4)
    assert loss_found == pytest.approx(2 * 100 / 4 / TARGETS.std(), rel=1e-4)
    assert one.quality(0.1, 9.0) > one.quality(0.2, 1.0), "one row far off decides nothing"
    assert all(map(math.isnan, one.loss_and_score(torch.empty(0, 0), TARGETS[:0])))


def test_the_scale_does_not_depend_on_the_order_of_the_targets():
    targets = np.random.default_rng(0).lognormal(8, 3, 10_000)
    for log_of_them in (False, True):
        assert target_scale(targets, log_of_them) == target_scale(np.sort(targets), log_of_them)


def test_an_outlier_cannot_make_a_logarithm_explode():
    outputs = torch.tensor([[1e6], [-1e6]])
    assert objective(target_transform="log").predictions(outputs) == pytest.approx([18823.0, 326.0], rel=1e-12)


@pytest.mark.parametrize(
    ("targets", "transform", "refusal"),
    [
        ([0.0, 1.0], "log", r"^params\.yaml: train\.target_transform = 'log': needs targets above 0, found 0 in"),
        ([2.0, 2.0], "none", r"^training part: all targets are 2, must vary"),
        ([1e200, -1e200], "none", r"^training part: the targets go to 1e\+200, must stay within 1e\+100"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(targets, transform, refusal):
    config = recipe("regression", train={"target_transform": transform}).train
    with pytest.raises(InputError, match=refusal):
        objective_of(config, "regression").learned(np.array(targets))
