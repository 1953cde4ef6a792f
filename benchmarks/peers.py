"""The peers in plain torch and torchvision, each written anew from its published description; nothing of ours.

`python -m benchmarks.peers NAME DATA`, DATA being a folder as torchvision lays it out.
"""

import argparse
import json
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def parser() -> argparse.ArgumentParser:
    """The options all peers have: who, the data, a seed, how many examples (0: all), how many epochs (0: its own)."""
    options = argparse.ArgumentParser()
    options.add_argument("name")
    options.add_argument("data")
    for option in ("--seed", "--examples", "--epochs"):
        options.add_argument(option, type=int, default=0)
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


def accuracy(model: nn.Module, batches: Batches) -> float:
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in batches:
            right += int((model(images).argmax(dim=1) == labels).sum())
            total += len(labels)
    return right / total


def train(model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer, schedule: Any = None) -> None:
    """One epoch; `schedule` moves on after each step."""
    model.train()
    criterion = nn.CrossEntropyLoss()
    for images, labels in batches:
        optimizer.zero_grad()
        criterion(model(images), labels).backward()
        optimizer.step()
        if schedule:
            schedule.step()


def guide(options: argparse.Namespace) -> tuple[float, float]:
    """The guide's loop: one linear layer, batches of 64, SGD at 0.01, ToTensor in a DataLoader, 10 epochs.

    Mended so that it runs: the images are flattened, and the gradients are set to zero before each step.
    """
    data, test = datasets(options, ToTensor())
    batches = DataLoader(data, batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    start = time.perf_counter()
    for _ in range(options.epochs or 10):
        train(model, batches, optimizer)
    return time.perf_counter() - start, accuracy(model, DataLoader(test, batch_size=1000))


def example(options: argparse.Namespace) -> tuple[float, float]:
    """The network and recipe of PyTorch's own MNIST example, with torchvision's MNIST in a DataLoader.

    Two 3 x 3 convolutions (32, 64), 2 x 2 max-pooling, dropout 0.25, 128 units, dropout 0.5; Adadelta at 1.0, times 0.7
    after each epoch; batches of 64, 14 epochs; images normalised by mean 0.1307 and standard deviation 0.3081.
    """
    data, test = datasets(options, Compose([ToTensor(), Normalize((0.1307,), (0.3081,))]))
    batches = DataLoader(data, batch_size=64, shuffle=True)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = StepLR(optimizer, step_size=1, gamma=0.7)
    start = time.perf_counter()
    for _ in range(options.epochs or 14):
        train(model, batches, optimizer)
        schedule.step()
    return time.perf_counter() - start, accuracy(model, DataLoader(test, batch_size=1000))


def one_cycle(options: argparse.Namespace) -> tuple[float, float]:
    """A recipe of one epoch, tuned by its author for the least time to 99%: see tuomaso/train_mnist_fast on GitHub.

    5 x 5 convolution (24), pooling, 3 x 3 convolution (32), pooling, 256 units; batches of 256 from one tensor of all
    images; Adam with betas 0.7 and 0.9 on a one-cycle schedule that peaks at 0.01 and leaves the betas alone.
    """
    (images, labels), (test_images, test_labels) = (tensors(options, train=part) for part in (True, False))
    start = time.perf_counter()
    inputs, test_inputs = ((pixels.float() / 255 - 0.1307) / 0.3081 for pixels in (images, test_images))
    model = nn.Sequential(
        nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip
    order = torch.split(torch.randperm(len(labels)), 256)
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.7, 0.9))
    # torch would else replace the first beta with one between 0.85 and 0.95.
    schedule = OneCycleLR(optimizer, max_lr=0.01, total_steps=len(order), cycle_momentum=False)
    train(model, ((inputs[batch], labels[batch]) for batch in order), optimizer, schedule)
    seconds = time.perf_counter() - start
    test = zip(torch.split(test_inputs, 1000), torch.split(test_labels, 1000), strict=True)
    return seconds, accuracy(model, test)


def main() -> None:
    options = parser().parse_args()
    torch.manual_seed(options.seed)
    seconds, right = {"guide": guide, "example": example, "one_cycle": one_cycle}[options.name](options)
    print(json.dumps({"fit_seconds": seconds, "test_accuracy": right}))


if __name__ == "__main__":
    main()
