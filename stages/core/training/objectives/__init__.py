"""What a task trains for: one file per task, and the one place of this room that tells tasks apart."""

import numpy as np
from torch import nn

from stages.core.config.builtin import Task
from stages.core.config.recipe import TrainConfig
from stages.core.training.objectives.classification import Classification, predict_probabilities
from stages.core.training.objectives.objective import Objective
from stages.core.training.parallel import Workers

__all__ = ["Objective", "Task", "objective_of", "predict"]


def objective_of(config: TrainConfig, task: Task) -> Objective:
    """The objective of `task` (as facts.json names it), with the loss that the section `train` asks for."""
    return {"classification": Classification}[task](config)


def predict(task: Task, model: nn.Module, inputs: np.ndarray, workers: Workers) -> np.ndarray:
    """What a model of `task` says of uint8 `inputs` (N, C, H, W): of classes, float32 probabilities (N, C)."""
    return {"classification": predict_probabilities}[task](model, inputs, workers)
