"""ResNet-18 from scratch on a folder of images, in plain torch and torchvision; nothing of ours.

`python -m benchmarks.peer_folder NAME DATA --seconds S`, DATA having folders `train` and `test` with a folder a class.
"""

import json
import math
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models, transforms
from torchvision.datasets import ImageFolder

from benchmarks.peers import parser

BATCH, RATE, WORKERS = 64, 0.05, 2
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's own, of ImageNet


def main() -> None:
    """SGD with Nesterov momentum, the rate on a half cosine over the seconds there are; shifts and mirror images."""
    options = parser()
    options.add_argument("--seconds", type=float, default=60)
    given = options.parse_args()
    torch.manual_seed(given.seed)
    start = time.perf_counter()
    common = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    varied = [transforms.RandomCrop(64, padding=8), transforms.RandomHorizontalFlip()]
    train = ImageFolder(f"{given.data}/train", transforms.Compose([*varied, *common]))
    test = ImageFolder(f"{given.data}/test", transforms.Compose(common))
    batches = DataLoader(train, BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True)
    model = models.resnet18(num_classes=len(train.classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=5e-4)
    criterion, epochs, passed = nn.CrossEntropyLoss(label_smoothing=0.1), 0, 0.0
    while passed < given.seconds:
        model.train()
        for images, labels in batches:
            passed = time.perf_counter() - start
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 + math.cos(math.pi * min(1, passed / given.seconds))) / 2
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
            passed = time.perf_counter() - start
            if passed >= given.seconds:
                break
        else:
            epochs += 1
    model.eval()
    predicted: list[int] = []
    with torch.inference_mode():
        for images, _ in DataLoader(test, BATCH):
            predicted += model(images).argmax(dim=1).tolist()
    said = {
        path.removeprefix(f"{given.data}/test/"): train.classes[place]
        for (path, _), place in zip(test.samples, predicted, strict=True)
    }
    print(json.dumps({"fit_seconds": passed, "epochs": epochs, "predicted": said}))


if __name__ == "__main__":
    main()
