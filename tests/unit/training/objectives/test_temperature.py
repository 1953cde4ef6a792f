"""The temperature against a minimum found by brute force, and where it can be known by hand."""

import numpy as np
import pytest

from stages.core.scores.classification import log_loss
from stages.core.training.objectives.classification import fit_temperature


def logits_and_targets(sharpness: float, examples: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `sharpness` times those the targets were drawn from."""
    generator = np.random.default_rng(0)
    honest = generator.normal(0, 2, (examples, 5))
    gumbel = generator.gumbel(size=honest.shape)  # the largest of logits plus Gumbel noise is a draw from their softmax
    return (sharpness * honest).astype(np.float32), (honest + gumbel).argmax(axis=1)


@pytest.mark.parametrize("sharpness", [0.25, 1.0, 3.0])
def test_it_undoes_what_made_the_probabilities_wrong(sharpness):
    assert fit_temperature(*logits_and_targets(sharpness)) == pytest.approx(sharpness, rel=0.05)


def test_it_is_where_the_log_loss_is_lowest():
    logits, targets = logits_and_targets(2.0, examples=300)

    def loss(temperature: float) -> float:
        weights = np.exp(logits.astype(float) / temperature)
        return log_loss(targets, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))

    grid = np.arange(0.5, 4, 0.01)
    brute = grid[np.argmin([loss(temperature) for temperature in grid])]
    assert fit_temperature(logits, targets) == pytest.approx(brute, abs=0.011)


@pytest.mark.parametrize("examples", [1, 3, 40, 3000])
def test_without_a_mistake_it_is_no_surer_than_so_many_examples_allow(examples):
    targets = np.arange(examples) % 3
    logits = np.eye(3, dtype=np.float32)[targets]
    weights = np.exp(logits / fit_temperature(logits, targets))
    confidence = (weights.max(axis=1) / weights.sum(axis=1)).mean()
    assert confidence == pytest.approx(1 - 1 / (examples + 2), abs=0.005 / examples)


def test_with_a_mistake_the_log_loss_alone_decides():
    logits = np.zeros((20, 2), np.float32)
    logits[:19, 0], logits[19, 1] = 10, 0.1
    targets = np.zeros(20, np.int64)
    losses = {t: log_loss(targets, np.exp(logits / t) / np.exp(logits / t).sum(axis=1, keepdims=True))
              for t in np.arange(0.5, 4, 0.01)}  # fmt: skip
    assert fit_temperature(logits, targets) == pytest.approx(min(losses, key=losses.__getitem__), abs=0.011)


def test_its_bounds_and_no_examples():
    right, wrong = np.eye(3, dtype=np.float32), np.roll(np.eye(3, dtype=np.float32), 1, axis=1)
    targets = np.arange(3)
    assert fit_temperature(100 * wrong, targets) == fit_temperature(1000 * right, targets) == 100.0
    assert fit_temperature(0.01 * np.tile(right, (10, 1)), np.tile(targets, 10)) == 0.05
    assert fit_temperature(right[:0], targets[:0]) == 1.0
