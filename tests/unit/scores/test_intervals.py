import math

import numpy as np
import pytest

from stages.core.base.seeding import numpy_generator
from stages.core.scores.calibration import brier_score, brier_sums, expected_calibration_error
from stages.core.scores.classification import headline
from stages.core.scores.intervals import confusion_sums, intervals, loss_sums, ranking_sums, summarise

# A made-up model of three classes: it predicts the right one with probability 0.9, else one of the others, and gives
# what it predicts 0.8 and the others 0.1. What its scores are in the long run follows by hand.
TRUTH = {
    "accuracy": 0.9,
    "macro_recall": 0.9,
    "macro_precision": 0.9,
    "macro_f1": 0.9,
    # A positive has 0.8 or 0.1 as score, a negative too; higher counts 1 and a tie 1/2.
    "roc_auc": 0.9 * 0.95 + (0.9 * 0.05 + 0.1 * 0.95) / 2,
    "log_loss": -0.9 * math.log(0.8) - 0.1 * math.log(0.1),
    "ece": 0.1,
    "brier": 0.9 * (0.04 + 2 * 0.01) + 0.1 * (0.64 + 0.81 + 0.01),
}


def sample(size: int, seed: int, confidence: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Test set and predictions of the made-up model."""
    generator = np.random.default_rng(seed)
    targets = np.arange(size) % 3
    predicted = (targets + np.where(generator.random(size) < 0.9, 0, generator.integers(1, 3, size))) % 3
    rest = (1 - confidence) / 2
    return targets, np.where(np.arange(3) == predicted[:, None], confidence, rest).astype(np.float32)


def test_intervals_cover_the_truth_at_their_rate():
    """Of 300 intervals 95% with a standard error of 1.26%; the bounds are 3 of them away."""
    covered = dict.fromkeys(TRUTH, 0)
    for seed in range(300):
        for name, (low, high) in intervals(*sample(450, seed), 300, numpy_generator(seed, "coverage")).items():
            covered[name] += low <= TRUTH[name] <= high
    assert {name: count for name, count in covered.items() if not 273 <= count <= 297} == {}


@pytest.mark.parametrize("digits", [1, 6])
def test_scores_of_a_resample_are_those_of_its_examples(digits: int):
    """With one decimal there are ties in every ranking."""
    generator = np.random.default_rng(digits)
    targets = np.sort(generator.integers(0, 4, 200))
    targets[targets == 2] = 3  # a class without examples
    dirichlet = generator.gamma(0.3 + 2 * np.eye(5)[targets])
    probabilities = np.round(dirichlet / dirichlet.sum(axis=1, keepdims=True), digits).astype(np.float32)
    members = [np.flatnonzero(targets == label) for label in (0, 1, 3, 4) if (targets == label).any()]
    drawn = np.concatenate([generator.choice(examples, len(examples)) for examples in members])
    counts = np.bincount(drawn, minlength=200)[:, None].astype(np.float64)

    found = {}
    for make in (confusion_sums, ranking_sums, loss_sums, brier_sums):
        part = make(targets, probabilities)
        found |= {name: float(values[0]) for name, values in part.scores(part.contributions @ counts).items()}

    expected = headline(targets[drawn], probabilities[drawn])
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-7)
    assert found["brier"] == pytest.approx(brier_score(targets[drawn], probabilities[drawn]), abs=1e-7)


def test_the_order_of_the_rows_is_no_matter():
    targets, probabilities = sample(300, 0)
    probabilities += np.random.default_rng(0).random((300, 3), np.float32) / 100
    order = np.random.default_rng(1).permutation(300)
    first = intervals(targets, probabilities, 200, numpy_generator(0, "bootstrap"))
    assert intervals(targets[order], probabilities[order], 200, numpy_generator(0, "bootstrap")) == first


def test_the_metrics_of_the_stage():
    targets, probabilities = sample(300, 0)
    metrics = summarise(targets, probabilities, ["a", "b", "c"], 200, numpy_generator(0, "bootstrap"))

    shown = {name: value for name, value in metrics.items() if not isinstance(value, list)}
    assert shown.pop("ece") == round(expected_calibration_error(targets, probabilities), 6)
    assert shown == {name: round(score, 6) for name, score in headline(targets, probabilities).items()}
    assert {entry["score"] for entry in metrics["intervals"]} == shown.keys() | {"ece", "brier"}
    for entry in metrics["intervals"]:
        low, high = entry["ci95"]
        assert low <= entry["value"] <= high
        assert low < high
    counts = [entry["count"] for entry in metrics["confusions"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) <= 300 * (1 - shown["accuracy"]) + 1e-6
    assert all(entry["actual"] != entry["predicted"] for entry in metrics["confusions"])
