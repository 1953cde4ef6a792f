"""The checks of the audit: each finds what is planted for it, and nothing in clean data."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from stages.core.base.schemas import AUDIT, DataDescription, InputColumn
from stages.core.config.sections import AuditCheck
from stages.core.data.audit import CHECKS, audit, findings_table
from stages.core.data.audit.finding import Finding, Parts
from stages.core.data.examples import Examples
from stages.core.data.splits import holdout

Digits = Callable[..., Examples]
COLORS = ("blue", "green", "red")
ROWS = 600


def rows(seed: int = 0, classes: bool = True, number: int = ROWS) -> Examples:
    """A clean table: a size in whole numbers, a weight that helps but tells little, a colour; some cells empty."""
    draw = np.random.default_rng(seed)
    weight = draw.normal(size=number)
    answer = weight + draw.normal(size=number)
    inputs = np.column_stack([draw.integers(0, 50, number), weight, draw.integers(0, 3, number)]).astype(np.float64)
    inputs[:, [0, 2]] = np.where(draw.random((number, 2)) < 0.05, np.nan, inputs[:, [0, 2]])
    return Examples(inputs, np.digitize(answer, [-1, 1]).astype(np.int64) if classes else answer)


def parts(
    examples: Examples, extra: Sequence[InputColumn] = (), seed: int = 0, folds: int = 5, test: Examples | None = None
) -> Parts:
    """The parts of a random split of `examples`, whose inputs are the columns of `rows`, and the `extra` ones."""
    columns = (InputColumn(name="size"), InputColumn(name="weight"), InputColumn(name="color", categories=COLORS))
    facts = DataDescription(
        task="classification" if examples.targets.dtype == np.int64 else "regression",
        classes=("low", "middle", "high") if examples.targets.dtype == np.int64 else None,
        columns=(*columns, *extra),
        target="answer",
    )
    if test is None:
        ours, theirs = holdout(examples, 0.25, np.random.default_rng(seed))
        examples, test = examples.take(ours), examples.take(theirs)
    return Parts(examples, test, facts, folds, seed)


def with_column(examples: Examples, column: np.ndarray) -> Examples:
    return replace(examples, inputs=np.column_stack([examples.inputs, column]))


def of_images(train: Examples, test: Examples) -> Parts:
    facts = DataDescription(task="classification", classes=("a", "b", "c", "d"), input_shape=train.inputs.shape[1:])
    return Parts(train, test, facts, folds=5, seed=0)


def only(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_every_check_that_params_can_name_is_there() -> None:
    assert tuple(CHECKS) == get_args(AuditCheck)


@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_nothing_is_found_in_clean_data(classes: bool) -> None:
    """Whatever the split: 50 tables of two sizes, split by stratum."""
    for seed in range(50):
        clean = rows(seed, classes, number=ROWS if seed % 2 else 120)
        assert audit(parts(clean, seed=seed)) == [], seed


def test_nothing_is_found_in_clean_images(digits: Digits) -> None:
    assert audit(of_images(digits(200), digits(80, seed=1))) == []


def test_a_row_that_is_there_twice_is_a_duplicate_where_its_target_is_the_same() -> None:
    train, test = rows(1), rows(2, number=100)
    again = train.take(np.array([*range(ROWS), 7, 7]))
    again.inputs[[7, ROWS, ROWS + 1], 0] = np.nan  # an empty cell equals another
    finding = only(CHECKS["duplicate_rows"](parts(again, test=test)))
    assert (finding.count, finding.severe) == (2, False)
    assert finding.example.startswith(f"training {ROWS} = training 7 (size missing, weight ")

    again.targets[[ROWS, ROWS + 1]] = (train.targets[7] + [1, 2]) % 3
    assert CHECKS["duplicate_rows"](parts(again, test=test)) == []


def test_test_rows_that_are_in_training_are_counted() -> None:
    train, test = rows(1), rows(2, number=100)
    test.inputs[[3, 4]] = train.inputs[[9, 8]]
    finding = only(CHECKS["duplicates_across"](parts(train, test=test)))
    assert (finding.count, finding.severe) == (2, False)
    assert finding.example.startswith("test 3 = training 9 (size ")
    test.inputs[:10] = train.inputs[:10]
    assert only(CHECKS["duplicates_across"](parts(train, test=test))).severe


def test_unseen_categories_are_like_no_other() -> None:
    test = rows(2, number=100)
    test.inputs[50] = test.inputs[51]
    test.inputs[[50, 51], 2] = -1
    same = replace(test, targets=np.zeros(100, dtype=np.int64))
    assert CHECKS["duplicate_rows"](parts(rows(1), test=same)) == []


@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_equal_inputs_with_unlike_targets_contradict(classes: bool) -> None:
    train, test = rows(1, classes), rows(2, classes, number=100)
    test.inputs[5] = train.inputs[30] = train.inputs[20]
    train.targets[20] = train.targets[30]
    train.targets[20] = test.targets[5] = train.targets[30]
    assert CHECKS["contradictions"](parts(train, test=test)) == []
    test.targets[5] = 2 if train.targets[20] < 1 else 0
    finding = only(CHECKS["contradictions"](parts(train, test=test)))
    assert (finding.count, finding.severe) == (3, False)
    assert finding.example.startswith("test 5 = training 20 (")


def test_groups_on_both_sides() -> None:
    train, test = rows(1), rows(2, number=100)
    train, test = replace(train, groups=np.arange(ROWS) // 10), replace(test, groups=60 + np.arange(100) // 10)
    assert CHECKS["groups_across"](parts(train, test=test)) == []
    assert test.groups is not None
    test.groups[[40, 41]] = 3
    finding = only(CHECKS["groups_across"](parts(train, test=test)))
    assert (finding.count, finding.severe, finding.example) == (2, True, "test 40, training 30: both of one group")


def test_times_that_are_no_later() -> None:
    train, test = rows(1), rows(2, number=100)
    train, test = replace(train, times=np.arange(ROWS) / 1), replace(test, times=ROWS + np.arange(100.0))
    assert CHECKS["times_across"](parts(train, test=test)) == []
    assert test.times is not None
    test.times[[3, 4]] = ROWS - 1, 12
    finding = only(CHECKS["times_across"](parts(train, test=test)))
    assert (finding.count, finding.severe) == (2, True)
    assert finding.example == "test 4 at 12, training 599 at 599"


def planted(name: str, categories: tuple[str, ...] | None = None) -> list[InputColumn]:
    return [InputColumn(name=name, categories=categories)]


def test_a_column_that_gives_a_number_away_leaks() -> None:
    clean = rows(3, classes=False)
    scaled = with_column(clean, 1e9 + 3 * clean.targets)  # more digits than a float32 has
    finding = only(CHECKS["leak"](parts(scaled, planted("in euro"))))
    assert (finding.column, finding.severe) == ("in euro", True)
    assert finding.example.startswith("R2 0.99")

    noise = np.random.default_rng(0).normal(size=ROWS)
    strong = with_column(clean, clean.targets + 0.5 * noise)  # R2 0.89, as diamonds' carat has
    assert CHECKS["leak"](parts(strong, planted("carat"))) == []


def test_a_column_that_gives_the_class_away_leaks() -> None:
    clean = rows(3)
    flipped = np.random.default_rng(0).random(ROWS) < 0.02
    for answer, severe in ((clean.targets, True), (np.where(flipped, (clean.targets + 1) % 3, clean.targets), False)):
        finding = only(CHECKS["leak"](parts(with_column(clean, answer), planted("code"))))
        assert (finding.column, finding.severe) == ("code", severe), finding.example


def test_that_a_cell_is_empty_can_leak() -> None:
    clean = rows(3)
    two = replace(clean, targets=np.minimum(clean.targets, 1))
    paid = np.where(two.targets == 1, np.nan, np.random.default_rng(0).normal(size=ROWS))
    assert only(CHECKS["leak"](parts(with_column(two, paid), planted("fine paid")))).severe


def test_many_categories_that_give_a_class_away_leak_and_names_of_rows_do_not() -> None:
    clean, draw = rows(3), np.random.default_rng(0)
    places = draw.permutation(30)
    code = places[clean.targets * 10 + draw.integers(0, 10, ROWS)]
    names = tuple(f"place {place}" for place in range(30))
    assert only(CHECKS["leak"](parts(with_column(clean, code), planted("place", names)))).severe

    ids = tuple(f"id {row}" for row in range(ROWS))
    assert CHECKS["leak"](parts(with_column(clean, draw.permutation(ROWS)), planted("id", ids))) == []


def test_a_number_gives_away_more_classes_than_a_small_tree_has_leaves() -> None:
    classes = tuple(f"{number:03}" for number in range(97))
    codes = np.tile(np.arange(97), 20)
    draw = np.random.default_rng(0)
    examples = Examples(np.column_stack([codes * 7 % 97, draw.normal(size=len(codes))]).astype(np.float64), codes)
    columns = (InputColumn(name="code"), InputColumn(name="noise"))
    facts = DataDescription(task="classification", classes=classes, columns=columns, target="answer")
    finding = only(CHECKS["leak"](Parts(examples, examples, facts, folds=5, seed=0)))
    assert (finding.column, finding.severe) == ("code", True)


def test_a_rare_class_hides_no_leak_nor_makes_one() -> None:
    clean = rows(3)
    few = replace(clean, targets=np.where(np.arange(ROWS) < 3, 2, np.minimum(clean.targets, 1)))
    assert only(CHECKS["leak"](parts(with_column(few, few.targets), planted("code"), test=rows(4)))).severe
    uneven = replace(clean, targets=(np.arange(ROWS) % 50 == 0).astype(np.int64))
    assert CHECKS["leak"](parts(uneven)) == []


def test_what_names_the_group_leaks_nothing_about_other_groups() -> None:
    """The order of rows gives the target of those beside it away, but whole groups, or later times, are tested on."""
    groups = np.arange(ROWS) // 100
    examples = Examples(
        np.random.default_rng(0).normal(size=(ROWS, 3)), np.random.default_rng(1).normal(size=6)[groups]
    )
    examples = with_column(examples, np.arange(ROWS))
    test = with_column(rows(2, classes=False), np.arange(ROWS))
    extra = planted("row")
    assert [finding.column for finding in CHECKS["leak"](parts(examples, extra, test=test))] == ["row"]
    assert CHECKS["leak"](parts(replace(examples, groups=groups), extra, test=test)) == []
    assert CHECKS["leak"](parts(replace(examples, times=np.arange(ROWS) / 1), extra, test=test)) == []


@pytest.mark.parametrize(("step", "found"), [(1, True), (1000, True), (0.5, False), (0.02, False)])
def test_whole_numbers_that_all_differ_are_names_of_rows(step: float, found: bool) -> None:
    clean = rows(3)
    order = np.random.default_rng(0).permutation(ROWS)
    numbered = with_column(clean, np.floor(order * step) if step < 0.5 else order * step)
    findings = CHECKS["identifier"](parts(numbered, planted("number")))
    assert [(finding.column, finding.severe) for finding in findings] == [("number", False)] * found


def test_categories_that_all_differ_are_names_of_rows() -> None:
    names = tuple(f"K{row:04d}" for row in range(ROWS))
    named = with_column(rows(3), np.arange(ROWS))
    finding = only(CHECKS["identifier"](parts(named, planted("key", names))))
    assert finding.column == "key" and "K000" in finding.example


@pytest.mark.parametrize(("cells", "told"), [(4.5, "4.5 in all 450 rows"), (np.nan, "missing in all 450 rows")])
def test_a_column_of_one_value_is_constant(cells: float, told: str) -> None:
    finding = only(CHECKS["constant"](parts(with_column(rows(3), np.full(ROWS, cells)), planted("unit"))))
    assert (finding.column, finding.severe, finding.example) == ("unit", False, told)


def test_empty_cells_beside_one_value_are_not_constant() -> None:
    cells = np.where(np.arange(ROWS) % 2, 1, np.nan)
    assert CHECKS["constant"](parts(with_column(rows(3), cells), planted("unit"))) == []


def test_drift_of_numbers_categories_empty_cells_and_targets() -> None:
    def column_of(test: Examples) -> tuple[str, bool, str]:
        finding = only(CHECKS["drift"](parts(rows(1), test=test)))
        return finding.column, finding.severe, finding.example

    moved, unseen, empty = rows(2), rows(2), rows(2)
    moved.inputs[:, 1] += 1.5
    column, severe, example = column_of(moved)
    assert (column, severe) == ("weight", True) and "of training" in example
    unseen.inputs[:90, 2] = -1
    column, severe, example = column_of(unseen)
    assert (column, severe) == ("color", False) and example.startswith("unseen: 0% of training, 15% of test")
    empty.inputs[:300, 0] = np.nan
    column, severe, example = column_of(empty)
    assert (column, severe) == ("size", True) and example.startswith("missing: ")
    rare = rows(2)
    assert column_of(replace(rare, targets=np.where(np.arange(ROWS) % 3, rare.targets, 0)))[0] == "answer"


def test_drift_is_neither_small_nor_of_few_rows_and_by_groups_a_notice() -> None:
    slight, tiny, moved = rows(2, number=20_000), rows(2, number=8), rows(2)
    slight.inputs[:, 1] += 0.15
    tiny.inputs[:4, 1] += 1.5
    moved.inputs[:, 1] += 1.5
    assert CHECKS["drift"](parts(rows(1, number=20_000), test=slight)) == []  # beyond chance, but 6% of the rows
    assert CHECKS["drift"](parts(rows(1), test=tiny)) == []
    grouped = [replace(part, groups=np.arange(ROWS) + place * ROWS) for place, part in enumerate((rows(1), moved))]
    assert not only(CHECKS["drift"](parts(grouped[0], test=grouped[1]))).severe


def test_categories_of_which_each_split_has_others_do_not_drift() -> None:
    """Nearly every one of a thousand shops is in one part alone, by chance."""
    for seed in range(20):
        shops = np.random.default_rng(seed).integers(0, 1000, ROWS).astype(np.float64)
        split = parts(with_column(rows(seed), shops), planted("shop", tuple(map(str, range(1000)))), seed=seed)
        known = np.isin(split.test.inputs[:, 3], split.train.inputs[:, 3])
        split.test.inputs[~known, 3] = -1
        assert CHECKS["drift"](split) == []


def test_classes_rarer_than_the_folds() -> None:
    clean = rows(3)
    targets = np.where(np.arange(ROWS) < 4, 2, np.minimum(clean.targets, 1))
    few = parts(replace(clean, targets=targets), test=rows(4), folds=5)
    finding = only(CHECKS["rare_class"](few))
    assert (finding.column, finding.count, finding.severe) == ("answer", 1, True)
    assert finding.example == "high: 4 training examples for 5 folds"
    assert CHECKS["rare_class"](replace(few, folds=4)) == []
    assert CHECKS["rare_class"](parts(rows(3, classes=False))) == []


def shapes(number: int, seed: int, size: tuple[int, int, int] = (1, 28, 28)) -> Examples:
    """Smooth images, no two alike: coarse random patterns, enlarged."""
    draw = np.random.default_rng(seed)
    channels, height, width = size
    coarse = draw.integers(0, 200, (number, channels, 7, 7))
    high = coarse.repeat(-(-height // 7), axis=2).repeat(-(-width // 7), axis=3)[:, :, :height, :width]
    return Examples(high.astype(np.uint8), draw.integers(0, 4, number))


@pytest.mark.parametrize("size", [(1, 28, 28), (3, 64, 64), (1, 8, 9), (3, 33, 47)])
def test_images_that_are_nearly_alike_are_found_and_equal_ones_are_duplicates(size: tuple[int, int, int]) -> None:
    train, test, draw = shapes(300, 1, size), shapes(100, 2, size), np.random.default_rng(0)
    noisy = np.clip(train.inputs[40] + draw.normal(0, 5, size), 0, 255).astype(np.uint8)
    test.inputs[10], test.inputs[20], test.inputs[30] = noisy, 0.9 * train.inputs[50], train.inputs[60]
    both = of_images(train, test)
    finding = only(CHECKS["near_duplicates"](both))
    assert (finding.count, finding.severe) == (2, False)
    assert finding.example in {
        f"test {ours} ({both.target(300 + ours)}) ~ training {theirs} ({both.target(theirs)})"
        for ours, theirs in ((10, 40), (20, 50))
    }
    assert only(CHECKS["duplicates_across"](both)).example == "test 30 = training 60"
    files = ([f"a/{row}.png" for row in range(300)], [f"b/{row}.png" for row in range(100)])
    named = only(CHECKS["near_duplicates"](replace(both, files=files))).example
    assert named in {
        f"test {ours} (b/{ours}.png, {both.target(300 + ours)}) ~ "
        f"training {theirs} (a/{theirs}.png, {both.target(theirs)})"
        for ours, theirs in ((10, 40), (20, 50))
    }
    across = only(CHECKS["duplicates_across"](replace(both, files=files))).example
    assert across == "test 30 (b/30.png) = training 60 (a/60.png)"


def test_the_hash_misses_no_pair_that_its_bits_allow() -> None:
    """Against all pairs, one by one."""
    from stages.core.data.audit.images import BITS, _candidates

    draw = np.random.default_rng(0)
    train = draw.integers(0, 2**64, 200, dtype=np.uint64)
    test = train[:100] ^ np.uint64(1) << draw.integers(0, 64, 100, dtype=np.uint64)
    for _ in range(3):
        test ^= np.uint64(1) << draw.integers(0, 64, 100, dtype=np.uint64)
    bands = [np.uint64(0x1111111111111111 << place) for place in range(4)]
    found = [pair for ours, theirs in _candidates(train, test, bands) for pair in zip(ours, theirs, strict=True)]
    expected = {
        (row, other)
        for row, ours in enumerate(test.tolist())
        for other, theirs in enumerate(train.tolist())
        if (ours ^ theirs).bit_count() <= BITS
    }
    assert len(found) == len(expected) > 0 and set(found) == expected


def test_small_and_flat_images_are_no_trouble() -> None:
    flat = Examples(np.full((30, 1, 12, 12), 7, dtype=np.uint8), np.zeros(30, dtype=np.int64))
    other = replace(flat, inputs=flat.inputs + np.uint8(1))
    assert CHECKS["near_duplicates"](of_images(flat, other)) == []
    tiny = shapes(30, 0, (1, 4, 4))
    assert CHECKS["near_duplicates"](of_images(tiny, tiny)) == []


def test_the_table_has_the_severe_findings_first() -> None:
    clean = with_column(with_column(rows(3), np.ones(ROWS)), rows(3).targets)
    found = audit(parts(clean, [*planted("unit"), *planted("code")]))
    table = AUDIT.checked(findings_table(found), "here")
    assert table[["check", "column", "severity"]].to_numpy().tolist() == [
        ["leak", "code", "severe"],
        ["constant", "unit", "notice"],
    ]
    assert AUDIT.checked(findings_table([]), "here").empty
