"""What a task trains for: one file per task, and the one place of this room that tells tasks apart."""

from collections.abc import Callable

import numpy as np
from torch import nn

from stages.core.base.stored import Rows
from stages.core.config.builtin import Task
from stages.core.config.recipe import TrainConfig
from stages.core.training.objectives import conformal
from stages.core.training.objectives.classification import Classification, predict_probabilities
from stages.core.training.objectives.objective import Objective
from stages.core.training.objectives.regression import Regression, predict_numbers
from stages.core.training.parallel import Workers

__all__ = ["Objective", "Task", "conformal", "objective_of", "predict"]


def objective_of(config: TrainConfig, task: Task) -> Objective:
    """The objective of `task` (as facts.json names it), with the loss that the section `train` asks for."""
    objectives: dict[Task, Callable[[TrainConfig], Objective]]
    objectives = {"classification": Classification, "regression": Regression}
    return objectives[task](config)


def predict(task: Task, model: nn.Module, inputs: Rows, workers: Workers) -> np.ndarray:
    """What a model of `task`, as loaded from its files, says of images uint8 (N, C, H, W) or rows float64 (N, F).

    Of classes, float32 probabilities (N, C); of a number, float64 (N,) in its own unit.
    """
    return {"classification": predict_probabilities, "regression": predict_numbers}[task](model, inputs, workers)
