"""The losses against torch's own and values worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from stages.core.training.objectives.classification import focal_loss, loss_sum


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn((16, 5), generator=generator), torch.randint(0, 5, (16,), generator=generator)


def test_cross_entropy_is_torchs_with_label_smoothing(recipe, batch):
    config = recipe(train={"loss": "cross_entropy", "label_smoothing": 0.2}).train
    torch.testing.assert_close(loss_sum(config, *batch), torch.nn.CrossEntropyLoss(label_smoothing=0.2)(*batch) * 16)


def test_multi_margin_is_torchs(recipe, batch):
    config = recipe(train={"loss": "multi_margin", "margin": 0.5}).train
    torch.testing.assert_close(loss_sum(config, *batch), torch.nn.MultiMarginLoss(margin=0.5)(*batch) * 16)


def test_focal_with_gamma_0_is_cross_entropy(recipe, batch):
    torch.testing.assert_close(focal_loss(*batch, gamma=0.0), F.cross_entropy(*batch, reduction="sum"))
    config = recipe(train={"loss": "focal", "focal_gamma": 0.0}).train
    torch.testing.assert_close(loss_sum(config, *batch), F.cross_entropy(*batch, reduction="sum"))


def test_focal_weighs_an_example_by_its_missing_probability():
    logits = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/4
    assert focal_loss(logits, torch.tensor([0]), gamma=2.0).item() == pytest.approx((1 / 4) ** 2 * -math.log(3 / 4))
    assert focal_loss(logits, torch.tensor([1]), gamma=2.0).item() == pytest.approx((3 / 4) ** 2 * -math.log(1 / 4))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_has_finite_gradients_where_the_model_is_certain(gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0, 0]), gamma).backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
