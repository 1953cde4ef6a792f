import math

import numpy as np
import pytest

from stages.core.base.seeding import numpy_generator
from stages.core.scores import classification
from stages.core.scores.classification import SCORES, of_confusion
from stages.core.scores.predictions import Predictions
from stages.core.scores.score import Score
from stages.core.scores.tasks import headlines, scores_with_intervals

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
    assert SCORES.keys() == TRUTH.keys(), "TRUTH must have every score, and no other"
    covered = dict.fromkeys(TRUTH, 0)
    for seed in range(300):
        table = scores_with_intervals(Predictions(*sample(450, seed)), 300, numpy_generator(seed, "coverage"))
        for row in table.itertuples(index=False):
            covered[row.score] += row.low <= TRUTH[row.score] <= row.high
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

    again = targets[drawn], probabilities[drawn]
    resampled = [score for score in SCORES.values() if score.sums]
    assert {"accuracy", "macro_f1", "roc_auc", "log_loss", "brier"} <= {score.name for score in resampled}
    for score in resampled:
        part = score.sums(targets, probabilities)
        values = part.scores(part.contributions @ counts)
        assert list(values) == [score.name]
        assert float(values[score.name][0]) == pytest.approx(score.value(*again), abs=1e-7)


def test_of_examples_that_are_alike_whole_groups_are_drawn():
    """100 groups of 6 that are right or wrong together, and of which a resample may lack all of a class."""
    covered = dict.fromkeys(("accuracy", "log_loss", "brier"), 0)
    for seed in range(100):
        targets, probabilities = sample(100, seed)
        targets[0] = 3  # a class of one group
        members = np.random.default_rng(seed).permutation(np.repeat(np.arange(100), 6))
        rows = targets[members], np.pad(probabilities, ((0, 0), (0, 1)))[members]
        table = scores_with_intervals(Predictions(*rows, members), 200, numpy_generator(seed, "groups")).set_index(
            "score"
        )
        assert np.isfinite(table.to_numpy()).all()
        for name in covered:
            covered[name] += table["low"][name] <= TRUTH[name] <= table["high"][name]
    assert min(covered.values()) >= 80  # of one group fewer, 95% less a little


def test_the_order_of_the_rows_is_no_matter():
    targets, probabilities = sample(300, 0)
    probabilities += np.random.default_rng(0).random((300, 3), np.float32) / 100
    order = np.random.default_rng(1).permutation(300)
    first = scores_with_intervals(Predictions(targets, probabilities), 200, numpy_generator(0, "bootstrap"))
    again = scores_with_intervals(
        Predictions(targets[order], probabilities[order]), 200, numpy_generator(0, "bootstrap")
    )
    assert again.equals(first)


def test_the_table_of_the_stage():
    targets, probabilities = sample(300, 0)
    table = scores_with_intervals(Predictions(targets, probabilities), 200, numpy_generator(0, "bootstrap"))
    assert table["score"].tolist() == list(SCORES)
    for row in table.itertuples(index=False):
        assert row.value == round(SCORES[row.score].value(targets, probabilities), 6)
        assert row.low <= row.value <= row.high
        assert row.low < row.high


def test_a_score_is_one_entry(monkeypatch: pytest.MonkeyPatch):
    """As docs/extending.md says: its value, its interval, its name and its sentence."""
    added = of_confusion(
        "hits", lambda counts: np.trace(counts, axis1=-2, axis2=-1) / 300, "hits", "what is right", True
    )
    monkeypatch.setitem(classification.SCORES, "hits", added)
    targets, probabilities = sample(300, 0)
    table = scores_with_intervals(Predictions(targets, probabilities), 200, numpy_generator(0, "bootstrap")).set_index(
        "score"
    )
    assert (table.loc["hits"] == table.loc["accuracy"]).all()
    metrics = headlines("classification", table.reset_index())
    assert metrics["hits"] == metrics["accuracy"]
    assert "brier" not in metrics  # no headline


def test_a_score_without_an_interval_is_refused_where_it_is_declared():
    with pytest.raises(AssertionError, match="kappa: either sums or an interval"):
        Score("kappa", "kappa", "agreement beyond chance", lambda targets, probabilities: 1.0)
