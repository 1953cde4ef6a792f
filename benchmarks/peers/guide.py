"""The guide's loop: one linear layer, batches of 64, SGD at 0.01, torchvision's MNIST with ToTensor in a DataLoader.

Mended so that it runs: the images are flattened, and the gradients are set to zero before each step.
"""

import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor

from benchmarks.peers.common import accuracy, datasets, parser, report


def main() -> None:
    options = parser()
    options.add_argument("--epochs", type=int, default=10)
    arguments = options.parse_args()
    torch.manual_seed(arguments.seed)
    train, test = datasets(arguments, ToTensor())
    batches = DataLoader(train, batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()

    start = time.perf_counter()
    for _ in range(arguments.epochs):
        for images, labels in batches:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    report(fit_seconds=seconds, test_accuracy=accuracy(model, DataLoader(test, batch_size=1000)))


if __name__ == "__main__":
    main()
