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
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize("grad_clip", [0.0, 0.5])
def test_steps_are_those_of_torch(recipe, name, weight_decay, grad_clip):
    keys, make = REFERENCES[name]
    keys = {"optimizer": name, "weight_decay": weight_decay, "grad_clip": grad_clip, "momentum": 0.9, **keys}
    config = recipe(train=keys).train
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(20, generator=generator)
    expected = torch.nn.Parameter(weights.clone())
    ours, reference = Optimizer(config, weights), make([expected], config)
    for rate in (0.1, 0.3, 0.01, 0.2, 0.05):
        gradient = torch.randn(20, generator=generator)
        expected.grad = gradient.clone()
        if grad_clip:
            torch.nn.utils.clip_grad_norm_([expected], grad_clip)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        ours.step(gradient.clone(), rate)
        torch.testing.assert_close(weights, expected.detach(), rtol=1e-5, atol=1e-6)


def test_a_step_leaves_the_gradient_alone(recipe):
    gradient = torch.tensor([3.0, 4.0])
    Optimizer(recipe(train={"grad_clip": 1.0}).train, torch.zeros(2)).step(gradient, 0.1)
    assert gradient.tolist() == [3.0, 4.0]
