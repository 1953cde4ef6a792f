"""The network of `tabular` and its recipe for a number, on rows of a table, written as one writes plain torch.

`python -m benchmarks.peer_rows NAME FOLDER`, FOLDER being one of ours with its parts prepared. NAME is `encoded`, for
rows that the front end has encoded once, before the training; or `whole`, with the front end a part of the network.
`--recipe` is what our engine trained by and learned of the columns, as JSON. Of tables with empty cells, or with
categories that are too rare or unseen, the front end here knows nothing: diamonds has neither.
"""

import json
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from safetensors.torch import load_file
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import parser

MEMBERS, BOUND = 4, 3.0


class FrontEnd(nn.Module):
    """Numbers scaled and bounded, whole and piecewise linear by bins; categories one-hot. From float64 (N, F)."""

    def __init__(self, columns: list[dict[str, Any]]) -> None:
        super().__init__()
        assert not any(column.get("missing") or column.get("others") for column in columns)
        self.numbers = [place for place, column in enumerate(columns) if "edges" in column]
        self.categories = [place for place, column in enumerate(columns) if "levels" in column]
        self.levels = [len(columns[place]["levels"]) for place in self.categories]
        numbers = [columns[place] for place in self.numbers]
        self.center, self.scale = (torch.tensor([column[name] for column in numbers]) for name in ("center", "scale"))
        edges = [torch.tensor(column["edges"]) for column in numbers]
        self.bins = torch.tensor([len(ends) - 1 for ends in edges])
        self.left, self.width = torch.cat([ends[:-1] for ends in edges]), torch.cat([ends.diff() for ends in edges])
        # What is further out than all of training counts as the furthest.
        self.lowest, self.highest = (torch.stack([ends[place] for ends in edges]) for place in (0, -1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        numbers = ((rows[:, self.numbers] - self.center) / self.scale).float()
        numbers = (numbers / torch.sqrt(1 + (numbers / BOUND) ** 2)).clamp(self.lowest, self.highest)
        pieces = (numbers.repeat_interleave(self.bins, dim=1) - self.left) / self.width
        codes = rows[:, self.categories].long()
        levels = [F.one_hot(code, count) for code, count in zip(codes.T, self.levels, strict=True)]
        return torch.cat([numbers, pieces.clamp(0, 1), *levels], dim=1)


class Members(nn.Module):
    """Four networks that share their layers, each with scales of the features and an output of its own: (N, 4)."""

    def __init__(self, features: int, hidden: list[int]) -> None:
        super().__init__()
        self.scale = nn.Parameter(2.0 * torch.randint(0, 2, (MEMBERS, features)) - 1)
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(features, units), nn.ReLU()]
            features = units
        self.layers = nn.Sequential(*layers)
        bound = features**-0.5
        self.weight = nn.Parameter(torch.empty(MEMBERS, features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(MEMBERS).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nmf,mf->nm", self.layers(x[:, None] * self.scale), self.weight) + self.bias


def main() -> None:
    options = parser()
    options.add_argument("--recipe", type=json.loads, required=True)
    options.add_argument("--threads", type=int, default=0, help="inside an operator; 0: as torch says")
    arguments = options.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe, columns = arguments.recipe["recipe"], arguments.recipe["learned"]["columns"]
    config, epochs = recipe["train"], recipe["train"]["epochs"]
    assert (config["optimizer"], config["schedule"], config["loss"]) == ("adamw", "one_cycle", "mse")
    torch.manual_seed(arguments.seed)
    parts = [load_file(Path(arguments.data, f"data/prepared/{part}.safetensors")) for part in ("train", "test")]
    (rows, targets), (test_rows, test_targets) = ((part["inputs"], part["targets"]) for part in parts)
    if log := config["target_transform"] == "log":
        targets = targets.log()
    mean, std = targets.mean(), targets.std(correction=0)

    front = FrontEnd(columns)
    members = Members(front(rows[:1]).shape[1], recipe["model"]["hidden"])
    model = members if arguments.name == "encoded" else nn.Sequential(front, members)
    inputs, test_inputs = (front(each) if arguments.name == "encoded" else each for each in (rows, test_rows))
    data = TensorDataset(inputs, ((targets - mean) / std).float())
    batches = DataLoader(data, batch_size=config["batch_size"], shuffle=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), betas=(config["momentum"], 0.999), weight_decay=config["weight_decay"]
    )
    schedule = OneCycleLR(  # the momentum stays what it is, as in the recipe; torch would else cycle it too
        optimizer, config["lr"], epochs * len(batches), pct_start=config["warmup"], cycle_momentum=False
    )
    seconds = []
    model.train()
    for _ in range(epochs):
        start = time.perf_counter()
        for batch, wanted in batches:
            optimizer.zero_grad()
            loss = F.mse_loss(model(batch), wanted[:, None].expand(-1, MEMBERS))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        seconds.append(time.perf_counter() - start)
    model.eval()
    with torch.inference_mode():
        numbers = model(test_inputs).mean(dim=1) * std + mean
        errors = (numbers.exp() if log else numbers) - test_targets
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"epoch_seconds": seconds, "test_rmse": errors.square().mean().sqrt().item(), "weights": weights}))


if __name__ == "__main__":
    main()
