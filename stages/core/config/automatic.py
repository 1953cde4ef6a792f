"""What `auto` in params.yaml stands for: settled by the kind of data, the task and the number of training examples."""

import math
from typing import Any, get_args

from stages.core.base.command import InputError
from stages.core.config.builtin import Kind, Task
from stages.core.config.params import Settle
from stages.core.config.plain import shown
from stages.core.config.recipe import Backbone

AUTO = "auto"
MANY = 1 << 20  # examples, where their number is not known yet
LEAST_TRAINED = 8  # rows, as params.yaml comes: any number from there on makes batches with one for each shard
SEEN: dict[Kind, int] = {"image": 300_000, "table": 2_000_000}  # in training, unless 20 epochs give fewer
FEW_IMAGES = 20_000  # whose folds can be trained for as long as the model
MILLIONS = 1_000_000  # of rows
MODELS: dict[Kind, tuple[str, ...]] = {
    "image": ("cnn", "mlp", "linear", *get_args(Backbone)),
    "table": ("tabular", "mlp", "linear"),
}
LOSSES: dict[Task, tuple[str, ...]] = {
    "classification": ("cross_entropy", "focal", "multi_margin"),
    "regression": ("mse", "mae", "huber"),
}  # of both, the first is what `auto` stands for


def settle_by_data(kind: Kind, task: Task, examples: int, classes: int = 0) -> Settle:
    """`settled` for a run on so many training `examples` of so many `classes`."""
    return lambda values: settled(values, kind, task, examples, classes)


def settled(values: dict[str, Any], kind: Kind, task: Task, examples: int, classes: int = 0) -> dict[str, Any]:
    """`values` of params.yaml, unchecked, with every `auto` replaced; raises `InputError` for what does not go with it.

    That is a network for another kind of data, or a loss for another task.
    """
    sections = {name: dict(section) for name, section in values.items() if isinstance(section, dict)}
    model, train, cross_validate = (sections.get(name, {}) for name in ("model", "train", "cross_validate"))
    _settle(model, "name", MODELS[kind][0])
    _settle(model, "hidden", [64, 64] if model.get("name") in ("mlp", "tabular") else [])
    _settle(train, "loss", LOSSES[task][0])
    _settle(train, "batch_size", _batch_size(kind, examples))
    _settle(train, "epochs", max(5 if kind == "image" else 2, min(20, SEEN[kind] // max(examples, 1))))
    _settle(train, "val_fraction", _slice(examples, classes))
    _settle(cross_validate, "epochs", 2 if kind == "image" and examples >= FEW_IMAGES else 0)
    _refuse("model.name", model.get("name"), MODELS, kind, f"goes with {kind}s")
    _refuse("train.loss", train.get("loss"), LOSSES, task, f"goes with {task}")
    return values | sections


def _batch_size(kind: Kind, examples: int) -> int:
    """A power of 2: about a 20th, so that few examples make many steps, up to 256; 1024 of millions of rows.

    Of very few images it is up to half. Of rows it is then no more than folds that roll forward in time begin with.
    """
    if kind == "image":
        half = 1 << (max(examples, 8) // 2).bit_length() - 1
        return min(256, half, max(16, 1 << (examples // 32).bit_length()))
    least = 16 if examples >= 96 else LEAST_TRAINED
    return 1024 if examples >= MILLIONS else min(256, max(least, 1 << (examples // 32).bit_length()))


def _slice(examples: int, classes: int) -> float:
    """As many as a hundred examples, by which to choose an epoch and to say how far off a number may be, or a fifth.

    More where that is less than one of each class.
    """
    examples = max(examples, 1)
    one_of_each = math.ceil(1000 * classes / examples) / 1000
    return round(max(min(max(100 / examples, 0.05), 0.2), min(one_of_each, 0.5)), 3)


def _settle(section: dict[str, Any], key: str, value: object) -> None:
    if section.get(key) == AUTO:
        section[key] = value


def _refuse(key: str, found: object, known: dict[Any, tuple[str, ...]], here: str, rule: str) -> None:
    """Refuse what is known, but not `here`; what nobody knows is refused by its section."""
    if found not in known[here] and any(found in names for names in known.values()):
        raise InputError(f"{key} = {shown(repr(found))}: must be {' or '.join((AUTO, *known[here]))}, which {rule}")
