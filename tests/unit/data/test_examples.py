from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.base.command import InputError
from stages.core.base.schemas import DataDescription, InputColumn, ModelDescription, Normalisation
from stages.core.base.seeding import numpy_generator
from stages.core.data.examples import (
    Examples,
    Prepared,
    check_fit,
    duplicates,
    identities,
    labelled,
    limited,
    normalisation,
)

THREE = ("a", "b", "c")


def make(counts: list[int], seed: int = 0) -> Examples:
    """Random 2 x 2 images, `counts` of each class, classes taking turns as long as they last."""
    generator = numpy_generator(seed, "images")
    targets = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    return Examples(generator.integers(0, 256, (sum(counts), 1, 2, 2), dtype=np.uint8), targets)


def description(classes: tuple[str, ...]) -> DataDescription:
    return DataDescription(task="classification", classes=classes, input_shape=(1, 2, 2))


def test_raw_arrays_become_a_labelled_set():
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    data = labelled(images, np.array([2, 0, 1], np.uint8), THREE, "train")
    assert (data.inputs.dtype, data.inputs.shape) == (np.uint8, (3, 1, 2, 2))
    assert (data.inputs[:, 0] == images).all()
    assert (data.targets.dtype, data.targets.tolist()) == (np.int64, [2, 0, 1])
    assert len(data) == 3
    assert data.take(np.array([1, 0])).targets.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ((3, 2), [0, 1, 2], r"images must have the shape \(number, height, width\), found \(3, 2\)"),
        ((3, 2, 0), [0, 1, 2], r"images must have the shape \(number, height, width\), found \(3, 2, 0\)"),
        ((3, 2, 2), [[0, 1, 2]], r"labels must have the shape \(number,\), found \(1, 3\)"),
        ((3, 2, 2), [0, 1, 2, 0], "3 images but 4 labels"),
        ((3, 2, 2), [0, 1, 3], "label 3 found, must be from 0 to 2"),
        ((3, 2, 2), [0, 2, 2], r"no example of class 'b' \(label 1\)"),
        ((0, 2, 2), [], r"no example of class 'a' \(label 0\)"),
    ],
)
def test_wrong_arrays_are_refused(images: tuple[int, ...], labels: list[int], message: str):
    with pytest.raises(InputError, match=f"^data/raw/train-.*: {message}"):
        labelled(np.ones(images, np.uint8), np.array(labels, np.uint8), THREE, "data/raw/train-*")


def test_normalisation_by_hand():
    inputs = np.array([[[[0, 255]], [[10, 30]]], [[[255, 0]], [[30, 10]]]], np.uint8)  # two images of two channels
    assert normalisation(inputs) == Normalisation(mean=(0.5, 20 / 255), std=(0.5, 10 / 255))


def test_a_constant_channel_is_refused():
    with pytest.raises(InputError, match="every pixel of channel 0 has the same value"):
        normalisation(np.full((4, 1, 3, 3), 7, np.uint8))


def test_limit_0_keeps_all():
    train, test = make([30, 20, 10]), make([3, 2, 1])
    assert limited(train, test, 0, 0) == (train, test)


def test_a_limit_cuts_both_parts_in_proportion():
    train, test = limited(make([300, 200, 100]), make([60, 40, 20]), 60, 0)
    assert np.bincount(train.targets).tolist() == [30, 20, 10]
    assert np.bincount(test.targets).tolist() == [6, 4, 2]


def test_the_smallest_limit_keeps_one_example_of_each_class():
    train, test = limited(make([300, 200, 100]), make([60, 40, 1]), 3, 0)
    assert np.bincount(train.targets).tolist() == [1, 1, 1]
    assert np.bincount(test.targets).tolist() == [1, 1, 1]


def test_the_largest_limit_changes_nothing():
    train, test = make([30, 20, 10]), make([3, 2, 1])
    for kept, whole in zip(limited(train, test, 60, 0), (train, test), strict=True):
        assert (kept.inputs == whole.inputs).all()
        assert (kept.targets == whole.targets).all()


def test_another_seed_draws_other_examples():
    train, test = make([300, 200, 100]), make([60, 40, 20])
    first, again, other = (limited(train, test, 60, seed)[0] for seed in (0, 0, 1))
    assert (first.inputs == again.inputs).all()
    assert (first.inputs != other.inputs).any()


@pytest.mark.parametrize("limit", [1, 2, 61])
def test_an_impossible_limit_is_refused(limit: int):
    with pytest.raises(InputError, match=rf"prepare\.limit = {limit}: must be 0 \(all\) or from 3 .* to 60 "):
        limited(make([30, 20, 10]), make([3, 2, 1]), limit, 0)


def test_duplicates_within_and_across_parts():
    a, b, c, d = np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2)
    train = Examples(np.stack([a, b, a, a]), np.array([0, 1, 0, 2]))
    test = Examples(np.stack([c, a, c, b, d, b]), np.array([0, 0, 0, 1, 1, 2]))
    assert duplicates(train, test, None) == {"train": 2, "test": 2, "across": 3}
    prepared = Prepared(train, test, description(("a", "b", "c", "d")), pd.DataFrame())
    assert prepared.metrics().model_dump(mode="json", exclude_none=True) == {
        "train": {"examples": 4, "class_counts": [2, 1, 1, 0]},
        "test": {"examples": 6, "class_counts": [3, 2, 1, 0]},
        "duplicates": {"train": 2, "test": 2, "across": 3},
    }


def test_duplicates_of_rows_are_equal_in_every_cell_and_empty_ones_are():
    train = Examples(np.array([[1, np.nan], [1, np.nan], [np.nan, 1], [1, 2]]), np.arange(4.0))
    test = Examples(np.array([[1, 2], [2, 1], [np.nan, 1]]), np.arange(3.0))
    columns = [InputColumn(name="x"), InputColumn(name="y")]
    assert duplicates(train, test, columns) == {"train": 1, "test": 0, "across": 2}


def test_identities_of_rows_agree_with_their_cells():
    rows = np.random.default_rng(0).integers(0, 3, (200, 4)) / 2
    found = identities((rows[:150], rows[150:]), [InputColumn(name=name) for name in "abcd"])
    assert ((found[:, None] == found) == (rows[:, None] == rows).all(axis=2)).all()


def test_both_zeros_are_one_and_empty_cells_too_but_no_two_unseen_categories():
    columns = [InputColumn(name="x"), InputColumn(name="c", categories=("a", "b"))]
    train = np.array([[0.0, 1], [np.nan, np.nan]])
    test = np.array([[-0.0, 1], [-np.nan, np.nan], [0.0, -1], [0.0, -1]])
    assert len(set(identities((train, test), columns)[[0, 1, 4, 5]])) == 4
    counts = duplicates(Examples(train, np.zeros(2)), Examples(test, np.zeros(4)), columns)
    assert counts == {"train": 0, "test": 0, "across": 2}


def test_facts_follow_the_schema():
    prepared = Prepared(make([1] * 10), make([1] * 10), description(tuple("abcdefghij")), pd.DataFrame())
    assert prepared.facts("letters", "0" * 64).model_dump(mode="json", exclude_none=True) == {
        "task": "classification",
        "dataset": "letters",
        "classes": list("abcdefghij"),
        "input_shape": [1, 2, 2],
        "train_sha256": "0" * 64,
    }


DESCRIPTION = ModelDescription(
    task="classification",
    architecture={},
    input_shape=(1, 4, 4),
    input="",
    output="",
    classes=("a", "b", "c"),
    normalisation=Normalisation(mean=(0.5,), std=(0.5,)),
    temperature=1.0,
    selected_epoch=1,
    score="accuracy",
    weights_sha256="0" * 64,
    train_sha256="0" * 64,
)
FILES = Path("test.safetensors"), Path("model.json")


def of_shape(*shape: int, targets: tuple[int, ...] = (0, 1)) -> Examples:
    return Examples(np.zeros((len(targets), *shape), np.uint8), np.array(targets))


def test_a_test_set_that_fits_the_model_passes():
    check_fit(of_shape(1, 4, 4), DESCRIPTION, *FILES)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (of_shape(3, 4, 4), r"test.safetensors: inputs of shape \(3, 4, 4\), uint8, but model.json .* \(1, 4, 4\)"),
        (of_shape(1, 4, 4, targets=(0, 3)), r"test.safetensors: targets from 0 to 3, but model.json knows 3 classes"),
        (of_shape(1, 4, 4, targets=(-1, 1)), r"test.safetensors: targets from -1 to 1, but"),
    ],
)
def test_one_that_does_not_fit_is_refused(test: Examples, message: str):
    with pytest.raises(InputError, match=message):
        check_fit(test, DESCRIPTION, *FILES)


def test_a_table_fits_its_columns_categories_and_task():
    columns = (InputColumn(name="x"), InputColumn(name="c", categories=("a", "b")))
    table = DataDescription(task="regression", columns=columns, target="y")

    def rows(*cells: tuple[float, float]) -> Examples:
        return Examples(np.array(cells), np.zeros(len(cells)))

    check_fit(rows((np.nan, 0), (-7.5, 1), (1, -1), (2, np.nan)), table, *FILES)
    for wrong in (2, -2, 0.5):
        with pytest.raises(
            InputError, match=f"column 'c': {wrong:g} is none of the 2 categories that model.json tells"
        ):
            check_fit(rows((0, 0), (0, wrong)), table, *FILES)
    with pytest.raises(InputError, match=r"targets are int64, but model.json tells of a regression"):
        check_fit(Examples(np.zeros((2, 2)), np.array([0, 1])), table, *FILES)
    with pytest.raises(InputError, match=r"inputs of shape \(3,\), float64, but model.json tells of tables of \(2,\)"):
        check_fit(Examples(np.zeros((2, 3)), np.zeros(2)), table, *FILES)
