"""Classes that weigh alike, however rare."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from stages.core.training.objectives import objective_of
from stages.core.training.objectives.classification import class_weights


def test_balanced_weights_sum_to_the_examples_and_are_alike_by_class():
    targets = np.array([0] * 6 + [1] * 3 + [3])
    weights = class_weights(targets)
    assert weights == pytest.approx((10 / 18, 10 / 9, 10 / 3, 10 / 3))
    assert sum(weights[target] for target in targets) == pytest.approx(10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "multi_margin"])
def test_a_weighted_loss_is_that_of_repeated_examples(recipe, loss, smoothing):
    targets = np.array([0, 0, 0, 1])
    train = {"loss": loss, "label_smoothing": smoothing}
    config = recipe(train=train | {"class_weights": "balanced"}).train
    objective = objective_of(config, "classification").learned(targets)
    plain = objective_of(recipe(train=train).train, "classification").learned(targets)
    logits = torch.randn((4, 3), generator=torch.Generator().manual_seed(0))
    each = [plain.loss_sum(logits[[place]], torch.tensor([target])).item() for place, target in enumerate(targets)]
    expected = (each[0] + each[1] + each[2]) * 4 / 6 + each[3] * 4 / 2
    assert objective.loss_sum(logits, torch.from_numpy(targets)).item() == pytest.approx(expected, rel=1e-5)


def test_without_weights_the_loss_is_torchs(recipe):
    objective = objective_of(recipe().train, "classification").learned(np.array([0, 1, 1]))
    logits, targets = torch.tensor([[1.0, 2.0], [0.0, 0.5]]), torch.tensor([0, 1])
    assert objective.loss_sum(logits, targets).item() == F.cross_entropy(logits, targets, reduction="sum").item()
