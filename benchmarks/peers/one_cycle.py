"""A recipe of one epoch, tuned by its author for the least time to 99%: see tuomaso/train_mnist_fast on GitHub.

5 x 5 convolution (24), pooling, 3 x 3 convolution (32), pooling, 256 units; batches of 256 from one tensor that holds
all images; Adam with betas 0.7 and 0.9 on a one-cycle schedule that peaks at 0.01 and leaves the betas alone.
"""

import time

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.peers.common import accuracy, parser, report, tensors

BATCH = 256


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip


def main() -> None:
    arguments = parser().parse_args()
    torch.manual_seed(arguments.seed)
    images, labels = tensors(arguments, train=True)
    test_images, test_labels = tensors(arguments, train=False)

    start = time.perf_counter()
    inputs, test_inputs = ((pixels.float() / 255 - 0.1307) / 0.3081 for pixels in (images, test_images))
    model = network()
    batches = torch.split(torch.randperm(len(labels)), BATCH)
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.7, 0.9))
    # torch would else replace the first beta with one between 0.85 and 0.95.
    schedule = OneCycleLR(optimizer, max_lr=0.01, total_steps=len(batches), cycle_momentum=False)
    criterion = nn.CrossEntropyLoss()
    for batch in batches:
        optimizer.zero_grad()
        criterion(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - start
    test = zip(torch.split(test_inputs, 1000), torch.split(test_labels, 1000), strict=True)
    report(fit_seconds=seconds, test_accuracy=accuracy(model, test))


if __name__ == "__main__":
    main()
