"""The fast fully connected layers against torch's own."""

import pytest
import torch
from torch import nn

from stages.core.networks.dense import DenseReLU


@pytest.mark.parametrize(("rows", "features", "units"), [(1, 1, 1), (3, 7, 5), (64, 219, 256), (127, 64, 64)])
def test_outputs_and_gradients_are_those_of_torch(rows, features, units):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((rows, features), generator=generator, requires_grad=True)
    ours, theirs = DenseReLU(features, units), nn.Sequential(nn.Linear(features, units), nn.ReLU())
    theirs[0].load_state_dict(ours.state_dict())
    gradients = []
    for model in (ours, theirs):
        y = model(x)
        direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
        gradients.append([y.detach(), *torch.autograd.grad(y, [x, *model.parameters()], direction)])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_inputs_that_need_no_gradient_get_none():
    layer = DenseReLU(3, 2)
    layer(torch.ones(4, 3)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.shape == (2, 3)
