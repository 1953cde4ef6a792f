"""What a task trains for: one file per task, and the one place of this room that tells tasks apart."""

from typing import Literal

from stages.core.config.recipe import TrainConfig
from stages.core.training.objectives.classification import Classification
from stages.core.training.objectives.objective import Objective

__all__ = ["Objective", "objective_of"]


def objective_of(config: TrainConfig, task: Literal["classification"]) -> Objective:
    """The objective of `task` (as facts.json names it), with the loss that the section `train` asks for."""
    return {"classification": Classification}[task](config)
