import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from stages.core.base.artifacts import write_arrays
from stages.core.base.command import InputError
from stages.core.base.seeding import numpy_generator
from stages.core.revisions.verdict import as_data, as_markdown, as_text, sentence
from stages.core.scores import classification
from stages.core.scores.classification import SCORES
from stages.core.scores.comparison import Comparison, Discordant, check_comparable, compare, mcnemar
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions, read_predictions


def model(accuracy: float, seed: int, size: int = 600, confidence: float = 0.8) -> Predictions:
    """A model of three classes that is right with probability `accuracy`, of which `size` predictions are seen."""
    generator = np.random.default_rng(seed)
    targets = np.arange(size) % 3
    predicted = (targets + np.where(generator.random(size) < accuracy, 0, generator.integers(1, 3, size))) % 3
    rest = (1 - confidence) / 2
    return Predictions(targets, np.where(np.arange(3) == predicted[:, None], confidence, rest).astype(np.float32))


def regression(spread: float, seed: int, size: int = 600, unit: float = 1.0) -> ValuePredictions:
    """A model of values from 0 to 10 whose errors have this spread, of which `size` predictions are seen."""
    targets = np.random.default_rng(99).uniform(0, 10, size)
    return ValuePredictions(unit * targets, unit * (targets + spread * np.random.default_rng(seed).normal(size=size)))


def judged(a: AnyPredictions, b: AnyPredictions, resamples: int = 500) -> Comparison:
    return compare(a, b, numpy_generator(0, "compare"), resamples)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (0, 5, 2 / 32),  # two-sided: all five tosses heads, or all tails
        (1, 9, 2 * (1 + 10) / 1024),
        (9, 1, 2 * (1 + 10) / 1024),
    ],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float):
    assert mcnemar(only_a, only_b) == pytest.approx(p, rel=1e-12)


def test_mcnemar_of_many_pairs_is_quick():
    """Whole numbers of tens of thousands of digits took minutes."""
    start = time.process_time()
    assert mcnemar(20_000, 20_300) == pytest.approx(0.1368, abs=1e-3)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(("only_a", "only_b"), [(121, 59), (40, 61), (7, 500), (0, 3000)])
def test_mcnemar_is_exact(only_a: int, only_b: int):
    """Twice the tosses with no more heads, counted in whole numbers."""
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, heads) for heads in range(min(only_a, only_b) + 1))
    assert mcnemar(only_a, only_b) == pytest.approx(2 * tail / 2**tosses, rel=1e-9)


def test_identical_predictions():
    found = judged(model(0.9, 0), model(0.9, 0))
    assert found.identical
    assert found.discordant == Discordant(0, 0, 1.0)
    assert {(row.difference, row.interval, row.verdict) for row in found.differences} == {
        (0.0, (0.0, 0.0), "indistinguishable")
    }


@pytest.mark.parametrize(("a", "b", "verdict"), [(0.8, 0.95, "better"), (0.95, 0.8, "worse")])
def test_a_model_that_is_better_or_worse_in_everything(a: float, b: float, verdict: str):
    found = judged(model(a, 0), model(b, 1))
    assert [row.score for row in found.differences] == ["accuracy", "macro_f1", "log_loss"]
    assert {row.verdict for row in found.differences} == {verdict} == {found.verdict}
    for row in found.differences:
        assert row.difference == pytest.approx(row.b - row.a)
        assert row.interval[0] < row.difference < row.interval[1]


def test_exchanging_the_models_turns_the_signs():
    there, back = judged(model(0.8, 0), model(0.85, 1)), judged(model(0.85, 1), model(0.8, 0))
    assert there.discordant and back.discordant
    turned = back.discordant.only_b_right, back.discordant.only_a_right, back.discordant.p_value
    assert there.discordant == Discordant(*turned)
    assert [row.difference for row in there.differences] == [-row.difference for row in back.differences]


def test_the_log_loss_alone_does_not_make_a_model_better():
    sharper, blunter = model(0.9, 0, confidence=0.9), model(0.9, 0, confidence=0.6)
    found = judged(blunter, sharper)
    assert [row.verdict for row in found.differences] == ["indistinguishable", "indistinguishable", "better"]
    assert found.verdict == "indistinguishable"
    assert not found.identical
    assert sentence(found, "old", "new").endswith("But its log loss is better.")


def test_pairing_is_what_narrows_the_interval():
    """Two models that err on nearly the same examples: their difference is surer than either's accuracy."""
    a = model(0.8, 0)
    probabilities = a.probabilities.copy()
    probabilities[:3] = np.eye(3)[a.targets[:3]]
    found = judged(a, Predictions(a.targets, probabilities))
    low, high = found.differences[0].interval
    assert high - low < 0.01 < 2 * 1.96 * np.sqrt(0.8 * 0.2 / 600)


def test_equally_good_models_are_told_apart_at_the_nominal_rate():
    """99% confidence promises at most 1 verdict in 100; the interval has its 95%, within 3 standard errors."""
    verdicts, covered = 0, 0
    for seed in range(200):
        found = compare(model(0.9, 2 * seed), model(0.9, 2 * seed + 1), numpy_generator(seed, "compare"), 200)
        verdicts += found.verdict != "indistinguishable"
        low, high = found.differences[0].interval
        covered += low <= 0 <= high
    assert verdicts <= 6
    assert 181 <= covered <= 199


def test_the_interval_of_the_difference_is_scipy_s():
    a, b = model(0.8, 0, size=300), model(0.85, 1, size=300)
    one_class = [Predictions(np.zeros(300, np.int64), np.roll(side.probabilities, 1, axis=1)) for side in (a, b)]
    gains = np.subtract(*((side.probabilities.argmax(axis=1) == 0).astype(float) for side in one_class[::-1]))
    expected = stats.bootstrap((gains,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(0))
    found = judged(*one_class, resamples=5000).differences[0].interval
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.004)


def test_the_same_seed_gives_the_same_comparison_whatever_the_order_of_the_rows():
    a, b = model(0.8, 0), model(0.9, 1)
    order = np.random.default_rng(0).permutation(600)
    shuffled = [Predictions(side.targets[order], side.probabilities[order]) for side in (a, b)]
    assert judged(a, b) == judged(a, b) == judged(*shuffled)
    assert judged(a, b) != compare(a, b, numpy_generator(1, "compare"), 500)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (model(0.9, 0, size=300), "old has 600 examples of 3 classes, new has 300 examples of 3 classes"),
        (Predictions(np.arange(600) % 3, np.full((600, 4), 0.25)), "new has 600 examples of 4 classes"),
        (
            Predictions(np.arange(1, 601) % 3, model(0.9, 0).probabilities),
            "600 of the 600 examples are of another class",
        ),
    ],
)
def test_other_test_sets_are_refused(other: Predictions, problem: str):
    with pytest.raises(InputError, match=f"old and new were scored on different test sets: .*{problem}"):
        check_comparable(model(0.9, 0), other, "old", "new")


GOOD = {"targets": np.array([0, 1]), "probabilities": np.eye(2, dtype=np.float32)}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"logits": np.eye(2)}, "must hold targets and probabilities, found logits, probabilities, targets"),
        ({"targets": np.array([0])}, r"found \(1,\) and \(2, 2\)"),
        ({"targets": np.array([0, 2])}, "class indices from 0 to 1"),
        ({"targets": np.array([0.0, 1.0])}, "class indices from 0 to 1"),
        ({"probabilities": np.full((2, 2), np.nan)}, "numbers from 0 to 1"),
        ({"probabilities": np.full((2, 2), -2.5)}, "numbers from 0 to 1"),
        ({"targets": np.zeros(0, np.int64), "probabilities": np.zeros((0, 2))}, r"found \(0,\)"),
    ],
)
def test_predictions_that_are_none_are_refused(change: dict[str, np.ndarray], problem: str):
    Predictions.of(GOOD, "file")
    with pytest.raises(InputError, match=f"file: .*{problem}"):
        Predictions.of(GOOD | change, "file")


def test_predictions_come_back_from_their_file_to_the_bit(tmp_path: Path):
    written = model(0.9, 0)
    written.write(tmp_path / "predictions.safetensors")
    read = Predictions.read(tmp_path / "predictions.safetensors")
    for array, other in ((read.targets, written.targets), (read.probabilities, written.probabilities)):
        assert array.dtype == other.dtype
        assert np.array_equal(array, other)


def test_a_damaged_file_of_predictions_is_refused_by_name(tmp_path: Path):
    write_arrays(tmp_path / "predictions.safetensors", {"targets": np.array([0, 1])})
    with pytest.raises(
        InputError, match=r"predictions\.safetensors: must hold targets and probabilities, found targets"
    ):
        Predictions.read(tmp_path / "predictions.safetensors")


def test_what_is_compared_is_said_by_the_scores(monkeypatch: pytest.MonkeyPatch):
    """A score that is marked has its row, its name and its part in the sentence; smaller is better where it says so."""
    marked = replace(SCORES["brier"], compared=True, label="squared error")
    monkeypatch.setitem(classification.SCORES, "brier", marked)
    found = judged(model(0.9, 0, confidence=0.6), model(0.9, 0, confidence=0.9))
    assert [row.score for row in found.differences] == ["accuracy", "macro_f1", "log_loss", "brier"]
    assert found.differences[-1].verdict == "better"
    assert sentence(found, "old", "new").endswith("But its log loss is better and its squared error is better.")
    assert "squared error" in as_text(found, "old", "new")


def test_a_comparison_in_words():
    found = judged(model(0.95, 0), model(0.8, 1))
    text = as_text(found, "HEAD", "linear")
    assert text.splitlines()[-1].startswith("linear is worse than HEAD: accuracy -")
    assert text.splitlines()[-1].endswith("McNemar's exact p < 0.001).")
    assert as_markdown(found, "HEAD", "linear").count("\n|") == 5
    assert "**`linear` is worse than `HEAD`: " in as_markdown(found, "HEAD", "linear")

    data = as_data(found, "HEAD", "linear")
    assert (data["verdict"], data["a"], data["b"], data["examples"]) == ("worse", "HEAD", "linear", 600)
    assert [row["ci95"][1] > row["ci95"][0] for row in data["scores"]] == [True] * 3


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (model(0.9, 0), model(0.9, 0), "new makes the same predictions as old."),
        (model(0.9, 0), model(0.9, 1), "new is indistinguishable from old: McNemar's exact p = "),
        (model(0.8, 0), model(0.95, 1), "new is better than old: accuracy +"),
    ],
)
def test_the_verdict_in_a_sentence(a: Predictions, b: Predictions, words: str):
    assert sentence(judged(a, b), "old", "new").startswith(words)


@pytest.mark.parametrize(("a", "b", "verdict"), [(1.0, 0.8, "better"), (0.8, 1.0, "worse")])
@pytest.mark.parametrize("unit", [1.0, 1e9, 1e-6])
def test_a_regression_that_is_better_or_worse_in_everything(a: float, b: float, verdict: str, unit: float):
    found = judged(regression(a, 0, unit=unit), regression(b, 1, unit=unit))
    assert [row.score for row in found.differences] == ["rmse", "mae"]
    assert {row.verdict for row in found.differences} == {verdict} == {found.verdict}
    assert (found.discordant, found.groups, found.task) == (None, None, "regression")
    for row in found.differences:
        assert row.difference == row.b - row.a
        assert row.interval[0] < row.difference < row.interval[1]
    assert found.differences[0].difference / unit == pytest.approx(b - a, abs=0.1)


def test_equally_good_regressions_are_told_apart_at_the_nominal_rate():
    """As of classifiers; and their errors are largely the same, as those of two models of the same data are."""
    verdicts, covered = 0, 0
    for seed in range(200):
        shared, own, other = (regression(1, 3 * seed + place) for place in range(3))
        a, b = (ValuePredictions(each.targets, (3 * shared.values + each.values) / 4) for each in (own, other))
        found = compare(a, b, numpy_generator(seed, "compare"), 1000)
        verdicts += found.verdict != "indistinguishable"
        low, high = found.differences[0].interval
        covered += low <= 0 <= high
    assert verdicts <= 6
    assert 181 <= covered <= 199


def test_the_interval_of_the_difference_in_rmse_is_scipy_s():
    a, b = regression(1, 0, size=300), regression(1.1, 1, size=300)
    squares = [(side.values - side.targets) ** 2 for side in (a, b)]
    expected = stats.bootstrap(
        squares,
        lambda of_a, of_b, axis: np.sqrt(of_b.mean(axis=axis)) - np.sqrt(of_a.mean(axis=axis)),
        paired=True,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    assert judged(a, b, 5000).differences[0].interval == pytest.approx(tuple(expected.confidence_interval), abs=0.01)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_groups_widen_the_interval_and_take_the_verdict(task: str):
    """Of ten copies of each example B has a little more right; of the tenth as many it is not sure."""
    sides = (
        (model(0.85, 0, 90), model(0.95, 1, 90))
        if task == "classification"
        else (regression(1, 0), regression(0.95, 2))
    )
    rows = np.tile(np.arange(len(sides[0].targets)), 10)
    if task == "classification":
        a, b = (Predictions(side.targets[rows], side.outputs[rows]) for side in sides)
    else:
        a, b = (ValuePredictions(side.targets[rows], side.outputs[rows, 0]) for side in sides)
    alone = judged(a, b)
    grouped = judged(replace(a, groups=rows), replace(b, groups=rows))
    one_knows = judged(replace(a, groups=rows), b)
    assert (alone.verdict, grouped.verdict, grouped.discordant) == ("better", "indistinguishable", None)
    assert grouped == one_knows
    widths = [found.differences[0].interval[1] - found.differences[0].interval[0] for found in (alone, grouped)]
    assert widths[1] / widths[0] == pytest.approx(10**0.5, rel=0.2)
    assert f"in {len(set(rows)):,} groups" in as_text(grouped, "old", "new")
    assert as_data(grouped, "old", "new")["groups"] == len(set(rows))
    assert " at 99% confidence: " in sentence(grouped, "old", "new")


@pytest.mark.parametrize(("groups", "verdict"), [(1, "indistinguishable"), (7, "indistinguishable"), (8, "better")])
def test_a_verdict_takes_so_many_groups_that_they_are_hardly_all_for_one_by_chance(groups: int, verdict: str):
    a, b = (replace(regression(spread, 1), groups=np.arange(600) % groups) for spread in (2.0, 1.0))
    assert judged(a, b).verdict == verdict


def test_regressions_on_other_test_sets_are_refused():
    a = regression(1, 0)
    for other, problem in (
        (regression(1, 0, size=300), "old has 600 examples, new has 300 examples"),
        (
            ValuePredictions(a.targets[::-1], a.values),
            "600 of the 600 examples are of another value in new than in old",
        ),
        (replace(a, groups=np.arange(600) // 2), "the examples come in other groups in new than in old"),
    ):
        with pytest.raises(InputError, match=problem):
            check_comparable(replace(a, groups=np.arange(600) // 3), other, "old", "new")
    check_comparable(replace(a, groups=np.arange(600) // 3), replace(a, groups=7 - np.arange(600) // 3), "old", "new")


def test_a_classifier_and_a_regression_are_not_compared():
    with pytest.raises(InputError) as caught:
        check_comparable(model(0.9, 0), regression(1, 0), "old", "new")
    told = "old predicts classes and new values: a classifier and a regression cannot be compared"
    assert str(caught.value) == told


VALUES = {"targets": np.array([0.0, 1.0]), "values": np.array([0.5, 1e9])}
ENDS = VALUES | {"low": np.array([0.0, -5.0]), "high": np.array([0.5, 1e9])}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"probabilities": np.eye(2)}, "must hold targets, values, low and high, found high, low, probabilities, "),
        ({"targets": np.array([0.0])}, r"must hold targets \(N,\), values \(N,\), low .* found \(1,\) and \(2,\)"),
        ({"targets": np.array([0, 1])}, "targets must be float64"),
        ({"values": np.array([np.nan, 1])}, "values must be float64, numbers from -1e[+]100 to 1e[+]100"),
        ({"low": np.array([-np.inf, 1])}, "low must be float64, numbers"),
        ({"low": np.array([0.6, 1])}, "each of values must be from low to high"),
        ({"high": np.array([0.6, 1])}, "each of values must be from low to high"),
        ({"groups": np.array([0.0, 1.0])}, "groups must be int64, one for each of the targets"),
        ({"groups": np.array([0])}, "groups must be int64, one for each of the targets"),
        ({name: np.zeros(0) for name in ENDS}, r"must hold .*, found \(0,\)"),
    ],
)
def test_predicted_values_that_are_none_are_refused(change: dict[str, np.ndarray], problem: str):
    ValuePredictions.of(ENDS, "file")
    with pytest.raises(InputError, match=f"^file: {problem}"):
        ValuePredictions.of(ENDS | change, "file")


@pytest.mark.parametrize("groups", [{}, {"groups": np.array([7, -7])}])
@pytest.mark.parametrize("arrays", [GOOD, VALUES, ENDS])
def test_what_a_file_holds_says_of_what_task_it_is(arrays: dict[str, np.ndarray], groups: dict, tmp_path: Path):
    write_arrays(tmp_path / "p.safetensors", arrays | groups)
    found = read_predictions(tmp_path / "p.safetensors")
    assert isinstance(found, Predictions if "probabilities" in arrays else ValuePredictions)
    found.write(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "p.safetensors").read_bytes()
    with pytest.raises(InputError, match=r"p\.safetensors: must hold targets and"):
        (ValuePredictions if "probabilities" in arrays else Predictions).read(tmp_path / "p.safetensors")


def test_a_file_with_one_end_of_an_interval_is_refused():
    with pytest.raises(InputError, match="must hold targets, values, low and high, found low, targets, values"):
        ValuePredictions.of(VALUES | {"low": np.array([0.0, 0.0])}, "file")


def test_a_regression_s_comparison_in_words():
    found = judged(regression(1, 0, unit=1000), regression(2, 1, unit=1000))
    text = as_text(found, "HEAD", "linear")
    assert text.splitlines()[2] == "600 test examples"
    assert [line.split()[0] for line in text.splitlines()[5:7]] == ["RMSE", "MAE"]
    assert text.splitlines()[-1].startswith("linear is worse than HEAD: RMSE +")
    assert "McNemar" not in text and "points" not in text
    assert "**`linear` is worse than `HEAD`: RMSE +" in as_markdown(found, "HEAD", "linear")
    data = as_data(found, "HEAD", "linear")
    assert "mcnemar" not in data and "groups" not in data
    assert data["scores"][0]["a"] == pytest.approx(found.differences[0].a, rel=1e-5)
    same = judged(regression(1, 0), regression(1, 0))
    assert sentence(same, "old", "new") == "new makes the same predictions as old."
    near = judged(regression(1, 0), regression(1, 1))
    assert sentence(near, "old", "new").startswith("new is indistinguishable from old at 99% confidence: RMSE ")


@pytest.mark.parametrize(("unit", "cell"), [(1e9, "1,001,"), (1e4, "10,01"), (1.0, "1.001"), (1e-6, "0.000001001")])
def test_a_table_shows_five_digits_of_any_magnitude(unit: float, cell: str):
    targets = unit * np.arange(1.0, 601)
    shifted = ValuePredictions(targets, targets + 1.001 * unit)
    rows = as_text(judged(shifted, ValuePredictions(targets, targets)), "a", "b").splitlines()
    assert rows[5].split()[1].startswith(cell)
    assert "e-" not in rows[5]
