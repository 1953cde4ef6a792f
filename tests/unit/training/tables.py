"""Made-up tables, and small recipes for them."""

from typing import Any

import numpy as np
import yaml

from stages.core.base.schemas import InputColumn
from stages.core.config.automatic import MANY, settled
from stages.core.config.builtin import Task
from stages.core.config.params import PARAMS_FILE
from stages.core.config.recipe import Recipe
from stages.core.data.examples import Examples

COLUMNS = (
    InputColumn(name="length"),
    InputColumn(name="colour", categories=("blue", "green", "red")),
    InputColumn(name="noise"),
)
SMALL: dict[str, dict[str, Any]] = {
    "model": {"hidden": [8]},
    "train": {"epochs": 2, "batch_size": 16, "weight_decay": 0.0, "label_smoothing": 0.0},
}


def recipe(task: Task, **sections: dict[str, Any]) -> Recipe:
    """The default recipe for a table, shrunk, with the given keys of its sections changed."""
    values = yaml.safe_load(PARAMS_FILE.read_text())
    for changes in (SMALL, sections):
        values |= {name: values[name] | section for name, section in changes.items()}
    return Recipe.model_validate(settled(values, "table", task, MANY))


def table(rows: int, task: Task, seed: int = 0) -> Examples:
    """Rows of COLUMNS, one in ten of their cells missing; the target is a matter of length and colour."""
    generator = np.random.default_rng(seed)
    length, noise = generator.normal(50, 10, rows), generator.normal(0, 1, rows)
    colour = generator.integers(0, 3, rows).astype(float)
    value = 1000 + 3 * length + 40 * colour
    inputs = np.stack([length, colour, noise], axis=1)
    inputs[generator.random(inputs.shape) < 0.1] = np.nan
    if task == "regression":
        return Examples(inputs, value)
    return Examples(inputs, np.digitize(value, np.quantile(value, (0.4, 0.8))).astype(np.int64))
