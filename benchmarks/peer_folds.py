"""scikit-learn's `cross_validate` on an estimator that trains our network and recipe in plain torch, less augmentation.

`--recipe` is the sections `model` and `train` of params.yaml as JSON; of them it knows what the default recipe uses:
convolution blocks with or without batch norm, AdamW, a one-cycle schedule and label smoothing.
"""

import json
import time
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold, cross_validate
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.peers import parser, tensors


class Network(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A convolutional network with scikit-learn's interface, on images float32 (N, 1, 28, 28)."""

    def __init__(self, model: dict[str, Any], train: dict[str, Any], epochs: int, seed: int) -> None:
        self.model, self.train, self.epochs, self.seed = model, train, epochs, seed

    def fit(self, inputs: np.ndarray, targets: np.ndarray) -> Self:
        torch.manual_seed(self.seed)
        images, labels = torch.from_numpy(inputs), torch.from_numpy(targets)
        self.classes_ = np.unique(targets)
        self.network_ = build(self.model)
        config, steps = self.train, self.epochs * -(-len(labels) // self.train["batch_size"])
        optimizer = torch.optim.AdamW(
            self.network_.parameters(), betas=(config["momentum"], 0.999), weight_decay=config["weight_decay"]
        )
        schedule = OneCycleLR(  # the momentum stays what it is, as in the recipe; torch would else cycle it too
            optimizer, max_lr=config["lr"], total_steps=steps, pct_start=config["warmup"], cycle_momentum=False
        )
        criterion = nn.CrossEntropyLoss(label_smoothing=config["label_smoothing"])
        self.network_.train()
        for _ in range(self.epochs):
            for batch in torch.split(torch.randperm(len(labels)), config["batch_size"]):
                optimizer.zero_grad()
                criterion(self.network_(images[batch]), labels[batch]).backward()
                optimizer.step()
                schedule.step()
        return self

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        self.network_.eval()
        with torch.inference_mode():
            parts = [self.network_(batch).argmax(dim=1) for batch in torch.split(torch.from_numpy(inputs), 500)]
        return torch.cat(parts).numpy()


def build(model: dict[str, Any]) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 1
    for index, filters in enumerate(model["channels"]):
        size, padding = (5, 0) if index == 0 else (3, 1)
        for place in range(model["convolutions"]):
            layers.append(nn.Conv2d(channels, filters, size, padding=padding, bias=not model["batch_norm"]))
            layers += [nn.MaxPool2d(2)] if place == model["convolutions"] - 1 else []
            layers += [nn.BatchNorm2d(filters), nn.ReLU()] if model["batch_norm"] else [nn.ReLU()]
            channels, size, padding = filters, 3, 1
    layers += [nn.AdaptiveAvgPool2d(1)] if model["pooling"] == "average" else []
    layers.append(nn.Flatten())
    features = nn.Sequential(*layers).eval()(torch.zeros(1, 1, 28, 28)).numel()
    for units in model["hidden"]:
        layers += [nn.Linear(features, units), nn.ReLU()]
        layers += [nn.Dropout(model["dropout"])] if model["dropout"] else []
        features = units
    return nn.Sequential(*layers, nn.Linear(features, 10))


def main() -> None:
    options = parser()
    options.add_argument("--recipe", type=json.loads, required=True)
    options.add_argument("--folds", type=int, required=True)
    arguments = options.parse_args()
    images, labels = tensors(arguments, train=True)
    inputs, targets = ((images.float() / 255 - 0.1307) / 0.3081).numpy(), labels.numpy()
    estimator = Network(arguments.recipe["model"], arguments.recipe["train"], arguments.epochs, arguments.seed)
    folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=arguments.seed)

    start = time.perf_counter()
    scores = cross_validate(estimator, inputs, targets, cv=folds)
    seconds = time.perf_counter() - start
    weights = sum(parameter.numel() for parameter in build(arguments.recipe["model"]).parameters())
    print(json.dumps({"fit_seconds": seconds, "accuracy": float(scores["test_score"].mean()), "weights": weights}))


if __name__ == "__main__":
    main()
