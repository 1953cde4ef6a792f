"""What the pipeline makes of small made-up data on the processor at hand: a line with a SHA-256 for each part.

A part is an output file of the stages, trained by the recipe of params.yaml on full-sized batches of images, a few of
them; that of a table of classes or of numbers; or all that a small recipe with other options gives, for the code which
those recipes leave out. See compare.py.

`--training` leaves out what QEMU 7.2 cannot run: the stages from `evaluate` on, whose bootstrap ends there in a
segmentation fault, and rotation and scale, by an instruction (a gather) whose index register it mistakes.
"""

import hashlib
import os
import random
import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from stages import (
    audit,
    baselines,
    cross_validate,
    evaluate,
    export,
    lr_range,
    plot,
    prepare,
    report,
    stress,
    train,
    weights,
)

PARAMS_FILE = Path(__file__).parents[2] / "params.yaml"
BATCH = 256
TEST_IMAGES = 500  # whole batches of a prediction, and a part of one

SMALL: dict[str, dict[str, Any]] = {
    "train": {"batch_size": 24, "shards": 4, "epochs": 2, "val_fraction": 0.25},
    "prepare": {"limit": 64},
}
# Whatever a table may hold: numbers with gaps, categories, dates, and as `level` a target above 0.
ROWS = 400
TABLE: dict[str, Any] = {"dataset": "table", "path": "table.csv", "test_fraction": 0.25}
TASKS: dict[str, dict[str, Any]] = {
    "numbers": TABLE | {"task": "regression", "target": "level", "ignore": ["kind"]},
    "classes": TABLE | {"task": "classification", "target": "kind", "ignore": ["level"]},
}
AUGMENT: dict[str, Any] = {"shift": 0.07, "rotation": 10.0, "scale": 0.1, "erase": 0.15}
AUGMENT |= {"flip": "both", "brightness": 0.2, "contrast": 0.2}
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "cnn, AdamW": {
        "model": {"name": "cnn", "channels": [4, 8], "hidden": [16], "batch_norm": True, "dropout": 0.3},
        "augment": AUGMENT,
        "train": {"optimizer": "adamw", "loss": "cross_entropy", "schedule": "one_cycle", "lr": 0.01},
    },
    "cnn, RMSprop": {
        "model": {
            "name": "cnn",
            "channels": [4, 8],
            "convolutions": 2,
            "pooling": "average",
            "hidden": [],
            "batch_norm": False,
            "dropout": 0.0,
        },
        "train": {
            "optimizer": "rmsprop",
            "loss": "cross_entropy",
            "class_weights": "none",
            "schedule": "step",
            "lr": 0.001,
        },
    },
    "mlp, SGD": {
        "model": {"name": "mlp", "hidden": [32], "dropout": 0.2},
        "train": {"optimizer": "sgd", "nesterov": True, "grad_clip": 1.0, "loss": "focal", "focal_gamma": 1.5},
    },
    "mobilenet_v3_small": {  # the quickest of torchvision's; one step, which takes an emulator a minute
        "prepare": {"limit": 24},
        "model": {"name": "mobilenet_v3_small"},
        "train": {"epochs": 1, "val_fraction": 0.0},
    },
    "linear, Adam": {
        "model": {"name": "linear"},
        "train": {"optimizer": "adam", "loss": "multi_margin", "schedule": "plateau", "lr": 0.001},
    },
    "tabular, MAE of logarithms": {
        "data": TASKS["numbers"],
        "model": {"name": "tabular", "hidden": [16], "dropout": 0.2},
        "train": {"loss": "mae", "target_transform": "log"},
    },
    "mlp on a table, Huber": {
        "data": TASKS["numbers"],
        "model": {"name": "mlp", "hidden": [16]},
        "train": {"loss": "huber"},
    },
    "linear on a table, MSE": {
        "data": TASKS["numbers"],
        "model": {"name": "linear"},
        "train": {"loss": "mse", "target_transform": "none"},
    },
    "tabular, balanced classes": {
        "data": TASKS["classes"],
        "model": {"name": "tabular", "hidden": [16, 16]},
        "train": {"loss": "cross_entropy", "class_weights": "balanced"},
    },
}


def main(training_alone: bool) -> None:
    params = yaml.safe_load(PARAMS_FILE.read_text())
    stages = [
        prepare,
        weights,
        audit,
        lr_range,
        cross_validate,
        train,
        evaluate,
        export,
        stress,
        baselines,
        plot,
        report,
    ]
    if training_alone:
        stages = stages[: stages.index(evaluate)]
        AUGMENT.update(rotation=0.0, scale=0.0)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        # Halved by the cross-validation, they fill one batch; in training nearly two.
        write_raw("train", 2 * BATCH)
        write_raw("t10k", TEST_IMAGES)
        write_table()
        short = {
            "prepare": {"limit": 0},
            "lr_range": {"steps": 10},
            "cross_validate": {"folds": 2, "epochs": 1},
            "evaluate": {"resamples": 200},
            "stress": {"examples": 20},
        }
        for stage in stages:
            for path in outputs([stage], params, short | {"train": {"epochs": 1, "batch_size": BATCH}}):
                tell(str(path), [path])
        for task, data in TASKS.items():
            drawn = task == "numbers"  # pictures of classes are there already
            for stage in stages if drawn else [stage for stage in stages if stage not in (plot, report)]:
                for path in outputs([stage], params, short | {"data": data, "train": {"epochs": 2}}):
                    tell(f"{task}: {path}", [path])
        for name, recipe in RECIPES.items():
            small = {section: {**SMALL.get(section, {}), **recipe.get(section, {})} for section in params}
            tell(name, outputs([prepare, train], params, small))


def write_raw(part: str, images: int) -> None:
    """Made-up IDX files of ten classes: a bright bar at a height of the class's own, under noise."""
    noise = random.Random(part)
    labels = bytes(index % 10 for index in range(images))
    pixels = b""
    for label in labels:
        rows = [bytes(max(0, value - 192) for value in noise.randbytes(28)) for _ in range(28)]
        rows[2 * label + 3 : 2 * label + 6] = [bytes(6) + bytes([noise.randrange(100, 256)]) * 16 + bytes(6)] * 3
        pixels += b"".join(rows)
    folder = prepare.INPUTS["raw"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, images, 28, 28) + pixels)
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, images) + labels)


def write_table() -> None:
    """Made-up rows: the level and kind follow from the other columns, but for noise."""
    noise = random.Random("table")
    rows = ["size,weight,colour,day,kind,level"]
    for _ in range(ROWS):
        size, weight, colour = noise.uniform(0, 10), noise.uniform(20, 80), noise.choice(["red", "green", "blue"])
        level = 1 + size**2 / 10 + 3 * (colour == "red") + noise.random()
        kind = "high" if level > 5 else "low"
        gap = noise.random() < 0.1
        day = f"2024-{noise.randrange(1, 13):02}-{noise.randrange(1, 29):02}"
        rows.append(f"{size:.4f},{'' if gap else round(weight, 3)},{colour},{day},{kind},{level:.4f}")
    Path(TABLE["path"]).write_text("\n".join(rows) + "\n")


def outputs(
    stages: Sequence[ModuleType], params: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]
) -> list[Path]:
    """Run `stages` with `params`, their sections changed by `changes`; the files they write."""
    changed = {
        name: {**section, **changes.get(name, {})} if isinstance(section, dict) else section
        for name, section in params.items()
    }
    Path("params.yaml").write_text(yaml.safe_dump(changed))
    for stage in stages:
        stage.main()
    paths = [path for stage in stages for path in stage.OUTPUTS.values()]
    return sorted(file for path in paths for file in (path.iterdir() if path.is_dir() else [path]))


def tell(part: str, files: Sequence[Path]) -> None:
    digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files))
    print(digest.hexdigest(), part, flush=True)


if __name__ == "__main__":
    main(training_alone="--training" in sys.argv)
