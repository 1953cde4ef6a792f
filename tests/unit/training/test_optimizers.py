"""The optimisers against torch.optim, over several steps at changing learning rates."""

from typing import get_args

import pytest
import torch

from stages.core.config.recipe import TrainConfig
from stages.core.training.optimizers import Optimizer

REFERENCES = {
    "sgd": ({"momentum": 0.0}, lambda w, c: torch.optim.SGD(w, weight_decay=c.weight_decay)),
    "momentum": ({"optimizer": "sgd"}, lambda w, c: torch.optim.SGD(w, momentum=0.9, weight_decay=c.weight_decay)),
    "nesterov": (
        {"optimizer": "sgd", "nesterov": True},
        lambda w, c: torch.optim.SGD(w, momentum=0.9, nesterov=True, weight_decay=c.weight_decay),
    ),
    "rmsprop": ({}, lambda w, c: torch.optim.RMSprop(w, momentum=0.9, weight_decay=c.weight_decay)),
    "adam": ({}, lambda w, c: torch.optim.Adam(w, weight_decay=c.weight_decay)),
    "adamw": ({}, lambda w, c: torch.optim.AdamW(w, weight_decay=c.weight_decay)),
}


def test_every_optimiser_has_a_reference():
    assert set(get_args(TrainConfig.model_fields["optimizer"].annotation)) <= REFERENCES.keys()


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(("weight_decay", "decayed"), [(0.0, 20), (0.05, 20), (0.05, 12)])
@pytest.mark.parametrize("grad_clip", [0.0, 0.5])
def test_steps_are_those_of_torch(recipe, name, weight_decay, decayed, grad_clip):
    """Also where torch is given the weights in two groups, of which weight decay leaves the second alone."""
    keys, make = REFERENCES[name]
    keys = {"optimizer": name, "weight_decay": weight_decay, "grad_clip": grad_clip, "momentum": 0.9, **keys}
    config = recipe(train=keys).train
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(20, generator=generator)
    parts = [torch.nn.Parameter(part.clone()) for part in weights.split([decayed, 20 - decayed])]
    groups = [{"params": parts[:1]}, {"params": parts[1:], "weight_decay": 0.0}]
    ours, reference = Optimizer(config, weights, (torch.arange(20) < decayed).float()), make(groups, config)
    for rate in (0.1, 0.3, 0.01, 0.2, 0.05):
        gradient = torch.randn(20, generator=generator)
        for part, its_gradient in zip(parts, gradient.split([decayed, 20 - decayed]), strict=True):
            part.grad = its_gradient.clone()
        if grad_clip:
            torch.nn.utils.clip_grad_norm_(parts, grad_clip)
        for group in reference.param_groups:
            group["lr"] = rate
        reference.step()
        ours.step(gradient.clone(), rate)
        torch.testing.assert_close(weights, torch.cat(parts).detach(), rtol=1e-5, atol=1e-6)


def test_a_step_leaves_the_gradient_alone(recipe):
    gradient = torch.tensor([3.0, 4.0])
    Optimizer(recipe(train={"grad_clip": 1.0}).train, torch.zeros(2), torch.ones(2)).step(gradient, 0.1)
    assert gradient.tolist() == [3.0, 4.0]
