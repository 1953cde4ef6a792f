"""The seam between engine and task: another objective trains through it, and what the one of classes promises."""

from dataclasses import dataclass
from typing import ClassVar, Self, get_args

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.config.automatic import MODELS
from stages.core.config.recipe import Backbone
from stages.core.training.engine import Engine
from stages.core.training.fit import fit
from stages.core.training.objectives import Objective, objective_of
from stages.core.training.objectives.classification import predict_probabilities
from stages.core.training.parallel import Workers


@dataclass(frozen=True)
class SquaredError:
    """A toy: one output that is to be the target itself. Its score is the largest error."""

    score: ClassVar[str] = "worst"

    def learned(self, targets: np.ndarray) -> Self:
        return self

    def encoded(self, targets: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(targets)

    def predictions(self, outputs: torch.Tensor) -> np.ndarray:
        return outputs[:, 0].double().numpy()

    def loss_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs[:, 0] - targets) ** 2).sum()

    def loss_and_score(self, outputs: torch.Tensor, targets: np.ndarray) -> tuple[float, float]:
        errors = outputs[:, 0].double().numpy() - targets
        return float((errors**2).mean()), float(abs(errors).max())

    def quality(self, loss: float, score: float) -> tuple[float, float]:
        return -score, -loss

    def interval(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        return None

    def calibrate(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        return 1.0


@pytest.mark.parametrize("workers", [1, 3])
def test_another_task_trains_through_the_same_engine(recipe, digits, workers):
    objective: Objective = SquaredError()
    config = recipe(model={"name": "mlp", "hidden": [16]}, train={"epochs": 40, "lr": 0.01})
    validation = digits(40, seed=1)
    with Workers(workers) as pool:
        trained = fit(config, digits(64), validation, objective, 1, pool)
    best = trained.history[trained.best_epoch - 1]
    assert best.validation_score == min(epoch.validation_score for epoch in trained.history) < 0.5
    assert best.validation_loss < 0.02 < trained.history[0].validation_loss
    assert trained.validation_outputs.shape == (40, 1)
    assert (trained.validation_outputs[:, 0].round() == validation.targets).all()


def test_classes_are_scored_by_accuracy_and_predicted_as_probabilities(recipe):
    objective = objective_of(recipe().train, "classification")
    outputs, targets = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1])
    loss, score = objective.loss_and_score(outputs, targets)
    assert objective.score == "accuracy" and score == pytest.approx(2 / 3)
    as_it_is = nn.Linear(2, 2, bias=False)
    as_it_is.load_state_dict({"weight": torch.eye(2)})
    with Workers(1) as workers:
        predictions = predict_probabilities(as_it_is, outputs.numpy(), workers)
    assert loss == pytest.approx(-np.log(predictions[range(3), targets]).mean(), rel=1e-6)
    assert objective.calibrate(outputs.numpy()[:0], targets[:0]) == 1.0


GOLDEN = {
    "linear": (1.6436493, 0.9148517),
    "mlp": (1.4257503, 1.0810883),
    "cnn": (1.3988457, 1.3075981),
}


@pytest.mark.parametrize("name", sorted(set(MODELS["image"]) - set(get_args(Backbone))))
def test_the_losses_of_each_network_before_and_after_its_first_step(recipe, digits, name):
    """Numbers once computed: what changes initial weights, a loss, an optimiser or a stream changes them."""
    config = recipe(model={"name": name, "hidden": [8]}, augment={"shift": 0.05})
    with Workers(1) as workers:
        engine = Engine(config, digits(32), objective_of(config.train, "classification"), 4, workers)
        losses = [engine.step(torch.arange(32), 0.01, ("golden", step)) for step in range(2)]
    assert losses == pytest.approx(GOLDEN[name], rel=1e-6)
