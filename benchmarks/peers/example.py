"""The network and recipe of PyTorch's own MNIST example, with torchvision's MNIST in a DataLoader.

Two 3 x 3 convolutions (32, 64), 2 x 2 max-pooling, dropout 0.25, 128 units, dropout 0.5; Adadelta at 1.0, multiplied by
0.7 after each epoch; batches of 64, 14 epochs; images normalised by mean 0.1307 and standard deviation 0.3081.
"""

import time

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision.transforms import Compose, Normalize, ToTensor

from benchmarks.peers.common import accuracy, datasets, parser, report

EPOCHS = 14


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def main() -> None:
    options = parser()
    options.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = options.parse_args()
    torch.manual_seed(arguments.seed)
    train, test = datasets(arguments, Compose([ToTensor(), Normalize((0.1307,), (0.3081,))]))
    batches = DataLoader(train, batch_size=64, shuffle=True)
    model = network()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = StepLR(optimizer, step_size=1, gamma=0.7)
    criterion = nn.CrossEntropyLoss()

    start = time.perf_counter()
    for _ in range(arguments.epochs):
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - start
    report(fit_seconds=seconds, test_accuracy=accuracy(model, DataLoader(test, batch_size=1000)))


if __name__ == "__main__":
    main()
