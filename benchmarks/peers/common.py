"""What the peers share: their command line, MNIST, and the one line they report."""

import argparse
import json
from collections.abc import Iterable, Sized
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils.data import Dataset, Subset
from torchvision.datasets import MNIST


class Examples(Sized, Protocol):
    def __getitem__(self, index: int) -> Any: ...


def parser() -> argparse.ArgumentParser:
    """The options all peers have: a folder as torchvision lays it out, a seed, how many examples (0: all)."""
    options = argparse.ArgumentParser()
    options.add_argument("data")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--examples", type=int, default=0)
    return options


def datasets(options: argparse.Namespace, transform: Any) -> tuple[Dataset[Any], Dataset[Any]]:
    """torchvision's own data sets, transformed example by example, as its documentation shows."""
    train, test = (MNIST(options.data, train=part, transform=transform) for part in (True, False))
    return (Subset(train, range(options.examples)) if options.examples else train), test


def tensors(options: argparse.Namespace, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Images uint8 (N, 1, 28, 28) and labels int64 (N,), all at once."""
    part = MNIST(options.data, train=train)
    count = options.examples if train and options.examples else len(part)
    return part.data[:count, None], part.targets[:count]


def accuracy(model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> float:
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in batches:
            right += int((model(images).argmax(dim=1) == labels).sum())
            total += len(labels)
    return right / total


def report(**facts: Any) -> None:
    print(json.dumps(facts))
