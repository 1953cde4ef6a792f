"""Which examples a step takes, and what of them the network sees."""

import numpy as np
import torch

from stages.core.base.seeding import derive
from stages.core.config.recipe import Recipe, steps_per_epoch
from stages.core.data.examples import Examples
from stages.core.training.augmentation import Augmenter
from stages.core.training.gathered import on_device

Stream = tuple[str | int, ...]
_SHOWN = 40


def generator(recipe: Recipe, *name: str | int) -> torch.Generator:
    """That of the stream called `name`; always the CPU's, so that the draws are the same on a GPU."""
    return torch.Generator().manual_seed(derive(recipe.seed, *name))


def batches(recipe: Recipe, examples: int, fold: int, epoch: int) -> tuple[torch.Tensor, ...]:
    """The indices of the examples of each step: every one of so many once, in an order of this epoch's own."""
    order = torch.randperm(examples, generator=generator(recipe, "shuffle", fold, epoch))
    return order.tensor_split(steps_per_epoch(recipe.train, examples))


def stream(fold: int, epoch: int, step: int) -> Stream:
    """The name of what a step draws from."""
    return "step", fold, epoch, step


def augmentation(step: Stream) -> Stream:
    """The name of what its images are varied by."""
    return *step, "augment"


def first_examples(recipe: Recipe, train: Examples) -> Examples:
    """The first examples of the first step, up to 40: images as the network gets them, varied; rows as they are."""
    indices = batches(recipe, len(train), fold=0, epoch=1)[0]
    if train.inputs.ndim == 2:
        return train.take(indices[:_SHOWN].numpy())
    augmenter = Augmenter(on_device(train.inputs, torch.device("cpu")), recipe.augment)
    drawn = augmenter.draw(len(indices), generator(recipe, *augmentation(stream(fold=0, epoch=1, step=0))))
    images = augmenter.batch(indices, drawn)
    return Examples(np.ascontiguousarray(images[:_SHOWN]), train.targets[indices[:_SHOWN]])
