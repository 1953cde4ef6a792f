"""Scores against values counted by hand, and against scikit-learn on predictions of every quality."""

import math

import numpy as np
import pytest
from sklearn import metrics

from stages.core.scores import classification as scoring
from stages.core.scores import curves, tables
from stages.core.scores.classification import Mistake


def headline(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The headline scores but the calibration error, which has tests of its own."""
    shown = (score for score in scoring.SCORES.values() if score.headline and score.name != "ece")
    return {score.name: score.value(targets, probabilities) for score in shown}


# Three classes, six examples; predicted: 0, 0, 1, 2, 1, 0. One mistake of class 0 and one of class 2.
CLASSES = ["cat", "dog", "owl"]
TARGETS = np.array([0, 0, 0, 2, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.5, 0.1, 0.4]], np.float32
)
COUNTS = [[2, 1, 0], [0, 1, 0], [1, 0, 1]]


def example(seed: int, examples: int = 300, classes: int = 5, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Targets and probabilities that know something about them; rounded, so that scores tie."""
    generator = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), generator.integers(0, classes, examples - classes)])
    logits = generator.normal(size=(examples, classes)) + sharpness * np.eye(classes)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return targets, (probabilities.round(2) + 0.001).astype(np.float32)


def test_headline_by_hand() -> None:
    scores = headline(TARGETS, PROBABILITIES)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["macro_precision"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores["macro_recall"] == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 2 / 3) / 3)
    # Pairs of a positive and a negative in the right order: cat 7 of 9 (the third cat loses to a dog and an owl),
    # dog 4 of 5 (the third cat beats it), owl 8 of 8.
    assert scores["roc_auc"] == pytest.approx((7 / 9 + 4 / 5 + 1) / 3)
    assert scores["log_loss"] == pytest.approx(-math.log(0.8 * 0.6 * 0.2 * 0.8 * 0.4 * 0.4) / 6)


def test_confusion_by_hand() -> None:
    counts = scoring.confusion(TARGETS, scoring.predict(PROBABILITIES), classes=3)
    assert counts.tolist() == COUNTS
    table = tables.confusion_table(counts, CLASSES)
    assert table.columns.tolist() == ["actual", "predicted", "count"]
    assert table.values.tolist()[:4] == [["cat", "cat", 2], ["cat", "dog", 1], ["cat", "owl", 0], ["dog", "cat", 0]]


def test_class_table_by_hand() -> None:
    table = tables.class_table(TARGETS, PROBABILITIES, CLASSES).set_index("class")
    assert table.loc["owl"].to_dict() == pytest.approx(
        {"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2, "roc_auc": 1, "average_precision": 1}
    )
    assert table["support"].tolist() == [3, 1, 2]
    assert table["roc_auc"].tolist() == pytest.approx([7 / 9, 4 / 5, 1])
    # Cats rank 1st, 2nd and 5th (behind an owl and a dog), or 4th to 5th; dogs 2nd.
    assert table["average_precision"].tolist() == pytest.approx([(1 + 1 + 3 / 5) / 3, 1 / 2, 1])


@pytest.mark.parametrize("examples", [2, 43, 47, 1000])
def test_the_areas_of_perfect_rankings_are_1(examples: int) -> None:
    """However many steps are added up: 43 and 47 round to more."""
    targets = np.arange(2 * examples) % 2
    first = np.where(targets == 0, 1 + np.arange(2 * examples), -np.arange(2 * examples)) / (4 * examples) + 0.5
    table = tables.class_table(targets, np.stack([first, 1 - first], axis=1).astype(np.float32) / 2, ["a", "b"])
    assert (table[["roc_auc", "average_precision"]].to_numpy() <= 1).all()
    assert table[["roc_auc", "average_precision"]].to_numpy() == pytest.approx(1)


def test_class_scores_take_many_confusions_at_once() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (4, 3, 3))
    at_once = scoring.class_scores(counts)
    for index, single in enumerate(counts):
        for many, one in zip(at_once, scoring.class_scores(single), strict=True):
            assert np.array_equal(many[index], one)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sharpness", [0.0, 2.0, 8.0])
def test_headline_against_scikit_learn(seed: int, sharpness: float) -> None:
    targets, probabilities = example(seed, sharpness=sharpness)
    predicted = scoring.predict(probabilities)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        targets, predicted, average="macro", zero_division=0
    )
    one_hot = np.eye(probabilities.shape[1])[targets]
    expected = {
        "accuracy": metrics.accuracy_score(targets, predicted),
        "macro_precision": precision,
        "macro_recall": recall,
        "macro_f1": f1,
        "roc_auc": metrics.roc_auc_score(one_hot, probabilities, average="macro"),
        "log_loss": -np.log(probabilities[np.arange(len(targets)), targets].astype(np.float64)).mean(),
    }
    assert headline(targets, probabilities) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_class_table_against_scikit_learn(seed: int) -> None:
    targets, probabilities = example(seed)
    table = tables.class_table(targets, probabilities, list("abcde"))
    one_hot = np.eye(5)[targets]
    expected = metrics.precision_recall_fscore_support(targets, scoring.predict(probabilities))
    assert table[["precision", "recall", "f1", "support"]].to_numpy().T == pytest.approx(np.array(expected))
    assert table["roc_auc"].to_numpy() == pytest.approx(metrics.roc_auc_score(one_hot, probabilities, average=None))
    assert table["average_precision"].to_numpy() == pytest.approx(
        metrics.average_precision_score(one_hot, probabilities, average=None)
    )


def test_log_loss_against_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.full(4, 0.05), 500).astype(np.float32)
    targets = generator.integers(0, 4, 500)
    probabilities[targets == 3] = [1, 0, 0, 0]  # certain, and wrong
    ours, theirs = scoring.log_loss(targets, probabilities), metrics.log_loss(targets, probabilities)
    assert ours == pytest.approx(theirs, rel=1e-6)  # which sums in float32


def test_a_class_without_examples_is_no_number_that_json_lacks() -> None:
    targets, probabilities = np.where(TARGETS == 1, 0, TARGETS), PROBABILITIES
    scores = headline(targets, probabilities)
    table = tables.class_table(targets, probabilities, CLASSES)
    assert np.isfinite(list(scores.values())).all()
    assert scores["roc_auc"] == pytest.approx(table["roc_auc"].mean())  # pandas leaves the gap out as well
    assert table.to_csv(index=False).splitlines()[2] == "dog,0.0,0.0,0.0,0,,"
    assert tables.roc_table(targets, probabilities, CLASSES, 200)["class"].unique().tolist() == ["cat", "owl", "macro"]


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="one class alone"):
        headline(np.zeros(3, np.int64), PROBABILITIES[:3])


def test_the_first_of_equally_probable_classes_is_predicted() -> None:
    assert scoring.predict(np.array([[0.2, 0.4, 0.4]], np.float32)).tolist() == [1]


def test_mistakes_come_by_confidence_then_by_place() -> None:
    targets, probabilities = np.tile(TARGETS, 2), np.tile(PROBABILITIES, (2, 1))
    found = scoring.mistakes(targets, probabilities)
    assert [mistake.index for mistake in found] == [2, 8, 5, 11]
    assert found[0] == Mistake(index=2, actual=0, predicted=1, probability=pytest.approx(0.7))
    assert found[2] == Mistake(index=5, actual=2, predicted=0, probability=pytest.approx(0.5))


def test_no_mistakes() -> None:
    assert scoring.mistakes(np.arange(3), np.eye(3, dtype=np.float32)) == []


@pytest.mark.parametrize(("make", "area"), [("roc_table", "roc_auc"), ("precision_recall_table", "average_precision")])
def test_curve_tables_hold_every_class_and_their_macro_average(make: str, area: str) -> None:
    """Classes in order, then the macro; whole curves; and the area under each is the one the class table states."""
    targets, probabilities = example(seed=0, examples=2000)
    classes = ["z", "10", "9", "a b", "e"]
    table = getattr(tables, make)(targets, probabilities, classes, points=200)
    x, y = table.columns[1:]
    assert table["class"].unique().tolist() == [*classes, "macro"]
    assert table.groupby("class").size().max() <= 200
    assert table[[x, y]].min().min() >= 0 and table[[x, y]].max().max() <= 1
    areas = tables.class_table(targets, probabilities, classes).set_index("class")[area]
    for name, rows in table.groupby("class"):
        assert rows[x].iloc[0] == 0 and rows[x].iloc[-1] == 1
        assert rows[x].is_monotonic_increasing
        expected = areas.mean() if name == "macro" else areas[name]
        assert np.trapezoid(rows[y], rows[x]) == pytest.approx(expected, abs=2e-3)


def test_curve_tables_show_the_curves_themselves() -> None:
    targets, probabilities = example(seed=0, examples=2000)
    table = tables.roc_table(targets, probabilities, list("abcde"), points=200)
    rows = table[table["class"] == "c"]
    whole = curves.roc(targets == 2, probabilities[:, 2])
    thinned = curves.Curve(rows["false_positive_rate"].to_numpy(), rows["true_positive_rate"].to_numpy())
    everywhere = np.linspace(0, 1, 1001)
    assert np.abs(curves.height(whole, everywhere) - curves.height(thinned, everywhere)).max() < 2e-3
