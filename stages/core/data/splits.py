"""Parts of a set of examples, as index arrays: by stratum (each part has its share of each), by group, or by time.

Our own beside scikit-learn's: `StratifiedShuffleSplit` may leave a part without a class and say nothing, and refuses
sizes that can be apportioned; both it and `StratifiedKFold` draw from a seed, not from one of our named streams.
"""

import logging
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Protocol

import numpy as np

from stages.core.base.bins import bin_edges, bin_of
from stages.core.base.command import InputError
from stages.core.base.seeding import numpy_generator
from stages.core.config.plain import shown
from stages.core.config.sections import holdout_size

MOST_FOLDS = 10  # of groups, of which a held-out part takes several
STRATA, LEAST = 10, 20  # of numbers, at most, and how many examples make one

Part = np.ndarray  # sorted indices, int64

_log = logging.getLogger(__name__)


class Splittable(Protocol):
    """What a split looks at, see `stages.core.data.examples.Examples`."""

    @property
    def targets(self) -> np.ndarray: ...
    @property
    def groups(self) -> np.ndarray | None: ...
    @property
    def times(self) -> np.ndarray | None: ...


def strata(targets: np.ndarray) -> np.ndarray:
    """Int64 (N,): the classes themselves; of numbers up to ten bins with about as many each, equal ones in one bin."""
    if targets.dtype == np.int64:
        return targets
    return bin_of(bin_edges(targets, STRATA, LEAST), targets)


def holdout(
    examples: Splittable, fraction: float, generator: np.random.Generator, key: str = "train.val_fraction"
) -> tuple[Part, Part]:
    """Training and held-out indices, the latter about a `fraction` in [0, 1): by time, by group, or by stratum.

    Raises `InputError`, naming the `key` of the fraction, where either part would lack a class, or all.
    """
    targets, size = examples.targets, holdout_size(fraction, len(examples.targets))
    if fraction == 0:
        return np.arange(len(targets)), np.arange(0)
    if examples.times is not None:
        times = examples.times
        first = np.sort(times)[len(times) - max(size, 1)]
        held_out = times >= first
        if held_out.all():
            raise InputError(
                f"params.yaml: {key} = {fraction}: the latest {size} of {len(times)} examples are as early as the "
                "first, must be later"
            )
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    if examples.groups is not None:
        most = min(len(targets), max(MOST_FOLDS, round(1 / fraction)))
        share = max(Fraction(fraction).limit_denominator(most), Fraction(1, most))
        parts = [part for _, part in _by_group(examples, share.denominator, generator, f"{key} = {fraction}")]
        # One group may be half of all, and 0.4 of all is two folds of five.
        most = len(parts) - 1 if len(parts) <= MOST_FOLDS else 1
        taken = (some for number in range(1, most + 1) for some in combinations(parts, number))
        held_out = np.sort(np.concatenate(min(taken, key=lambda some: abs(sum(map(len, some)) - size))))
        return np.setdiff1d(np.arange(len(targets)), held_out, assume_unique=True), held_out
    if targets.dtype == np.int64:
        return stratified_holdout(targets, fraction, generator, key)
    labels = strata(targets)
    held_out = stratified_sample(labels, max(size, 1), generator)
    return np.setdiff1d(np.arange(len(targets)), held_out, assume_unique=True), held_out


def split_folds(examples: Splittable, folds: int, generator: np.random.Generator) -> list[tuple[Part, Part]]:
    """Training and validation indices of each of `folds` folds, by time, by group, or by stratum.

    By time, folds roll forward: the k-th of `folds` + 1 equal stretches validates what is trained on all before it.
    Raises `InputError` where there are too few groups, times or examples of a class.
    """
    targets, key = examples.targets, f"cross_validate.folds = {folds}"
    if examples.times is not None:
        starts = np.sort(examples.times)[np.arange(1, folds + 1) * len(targets) // (folds + 1)]
        stretch = np.searchsorted(starts, examples.times, side="right")
        if len(np.unique(stretch)) <= folds:
            raise InputError(f"params.yaml: {key}: too many for the different times among {len(targets)} examples")
        return [(np.flatnonzero(stretch < fold), np.flatnonzero(stretch == fold)) for fold in range(1, folds + 1)]
    if examples.groups is not None:
        if folds > (groups := len(np.unique(examples.groups))):
            raise InputError(f"params.yaml: {key}: must be at most {groups}, the number of groups in training")
        return _by_group(examples, folds, generator, key)
    if targets.dtype == np.int64:
        held_out = stratified_folds(targets, folds, generator)
    else:
        held_out = deal(strata(targets), folds, generator)
    return [(np.delete(np.arange(len(targets)), fold), fold) for fold in held_out]


def _by_group(examples: Splittable, folds: int, generator: np.random.Generator, called: str) -> list[tuple[Part, Part]]:
    """Folds of whole groups that balance strata; fewer than `folds` where there are not as many groups.

    Greedy, as `StratifiedGroupKFold` is: the largest group first, each into the fold that has the least of what it
    has. That takes microseconds a group, there it took minutes for 200,000 groups; and no fold is left empty.
    """
    assert examples.groups is not None
    _, groups = np.unique(examples.groups, return_inverse=True)
    folds = min(folds, groups.max() + 1)
    if folds < 2:
        raise InputError(f"params.yaml: {called}: needs two groups to split, found one")
    _, labels = np.unique(strata(examples.targets), return_inverse=True)
    kinds = labels.max() + 1
    counts = np.bincount(groups * kinds + labels, minlength=(groups.max() + 1) * kinds).reshape(-1, kinds)
    weights = 1 / counts.sum(axis=0)  # a rare class counts as much as a frequent one
    deck = generator.permutation(len(counts))
    fold_of, held, rows = np.empty(len(counts), np.int64), np.zeros((folds, kinds)), np.zeros(folds)
    for group in deck[np.argsort(-counts[deck].sum(axis=1), kind="stable")]:
        fold = np.lexsort((rows, (held * counts[group]).sum(axis=1)))[0]  # adds least to the sum of squares
        fold_of[group] = fold
        held[fold] += counts[group] * weights**2
        rows[fold] += counts[group].sum()
    return [
        (np.flatnonzero(fold_of[groups] != fold), np.flatnonzero(fold_of[groups] == fold))
        for fold in generator.permutation(folds)
    ]


def split_off(
    examples: Splittable, classes: Sequence[str] | None, fraction: float, seed: int, thing: str
) -> tuple[Part, Part]:
    """Training and test indices where no test part is given, as `holdout` does; an example is called `thing`.

    Raises `InputError`, naming the class, where either part would lack one of `classes`. Warns where groups or equal
    times make the test part a tenth larger or smaller than it was to be.
    """
    if classes and examples.groups is None and examples.times is None:
        counts = np.bincount(examples.targets)
        shares = held_out_of_each(counts, fraction)
        for name, count, share in zip(classes, counts, shares, strict=True):
            if share in (0, count):
                raise InputError(
                    f"params.yaml: data.test_fraction = {fraction}: must leave each part {_a(thing)} of every class, "
                    f"leaves the {'training' if share else 'test'} part none of the {count} of {shown(repr(name))}"
                )
    train, test = holdout(examples, fraction, numpy_generator(seed, "prepare", "split"), "data.test_fraction")
    wanted = fraction * (everything := len(examples.targets))
    if abs(len(test) - wanted) > max(1, wanted / 10):
        undivided = "time" if examples.groups is None else "group"
        _log.warning(
            f"params.yaml: data.test_fraction = {fraction}: the test part has {len(test):,} of {everything:,} {thing}s "
            f"({len(test) / everything:.0%}), since those of one {undivided} stay together"
        )
    return train, test


def check_classes(train: np.ndarray, test: np.ndarray, classes: Sequence[str], path: str, thing: str) -> None:
    """Raise `InputError` where the targets of the training part lack one of `classes`; warn where the test part's do.

    An example of what lies at `path` is called `thing`.
    """
    for code, name in enumerate(classes):
        if not (train == code).any():
            raise InputError(f"{path}: class {shown(repr(name))} has no {thing} in the training part, must have one")
        if not (test == code).any():
            _log.warning(
                "%s: class %s has no %s in the test part: no score tells of it", path, shown(repr(name)), thing
            )
    if classes and (test == test[0]).all():
        alone = shown(repr(classes[test[0]]))
        raise InputError(f"{path}: the test part must have two classes at least, found {_a(thing)} of {alone} alone")


def _a(thing: str) -> str:
    return f"an {thing}" if thing[0] in "aeiou" else f"a {thing}"


def stratified_holdout(
    targets: np.ndarray, fraction: float, generator: np.random.Generator, key: str = "train.val_fraction"
) -> tuple[np.ndarray, np.ndarray]:
    """Split `targets` (int64 (N,)) into training and validation indices, both sorted, together every index once.

    The validation part has of every class what `held_out_of_each` says; `fraction` is in [0, 1), and 0 gives an empty
    validation part. Raises `InputError` when either part would lack a class.
    """
    if fraction == 0:
        return np.arange(len(targets)), np.arange(0)
    labels, counts = np.unique(targets, return_counts=True)
    held_out = held_out_of_each(counts, fraction)
    for part, sizes in (("training", counts - held_out), ("validation", held_out)):
        if not sizes.all():
            poorest = np.argmin(sizes)
            raise InputError(
                f"params.yaml: {key} = {fraction}: must leave each part an example of every class, "
                f"leaves the {part} part none of the {counts[poorest]} of class {labels[poorest]}"
            )
    validation = draw(targets, held_out, generator)
    return np.setdiff1d(np.arange(len(targets)), validation, assume_unique=True), validation


def held_out_of_each(counts: np.ndarray, fraction: float) -> np.ndarray:
    """How many of each class's `counts` to hold out: `holdout_size` in all, of each its share within one.

    A class whose share rounds to none gets a place nevertheless, from the one that has most, while that has others.
    """
    held_out = apportion(counts, holdout_size(fraction, int(counts.sum())))
    while not held_out.all() and held_out.max() > 1:
        held_out[np.argmin(held_out)] += 1
        held_out[np.argmax(held_out)] -= 1
    return held_out


def stratified_folds(targets: np.ndarray, folds: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Split `targets` (int64 (N,)) into the validation indices of `folds` folds: sorted, together every index once.

    Between folds, neither the number of examples nor that of any class differs by more than one. Raises `InputError`
    when a class has fewer examples than there are folds.
    """
    labels, counts = np.unique(targets, return_counts=True)
    if folds > counts.min():
        smallest = np.argmin(counts)
        raise InputError(
            f"params.yaml: cross_validate.folds = {folds}: must be at most {counts[smallest]}, "
            f"the number of training examples of the smallest class ({labels[smallest]})"
        )
    return deal(targets, folds, generator)


def deal(targets: np.ndarray, folds: int, generator: np.random.Generator) -> list[np.ndarray]:
    """The folds' sorted indices, dealt like cards from a deck sorted by class, as `StratifiedKFold` does.

    That balances the classes and the sizes.
    """
    deck = _shuffled_by_class(targets, generator)
    return [np.sort(deck[fold::folds]) for fold in range(folds)]


def stratified_sample(targets: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Sorted indices of `size` of the `targets` (int64 (N,)), at most N, of every class its share within one."""
    _, counts = np.unique(targets, return_counts=True)
    return draw(targets, apportion(counts, size), generator)


def draw(targets: np.ndarray, sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sorted indices of `sizes[i]` examples of the i-th smallest label in `targets`, drawn without replacement."""
    deck = _shuffled_by_class(targets, generator)
    _, starts = np.unique(targets[deck], return_index=True)
    return np.sort(np.concatenate([deck[start : start + size] for start, size in zip(starts, sizes, strict=True)]))


def apportion(counts: np.ndarray, size: int) -> np.ndarray:
    """Divide `size` places over groups of `counts` members in proportion: the largest-remainder (Hamilton) method.

    Each group gets its exact share rounded down or up, never more than it has; the sum is `size`, at most the sum of
    `counts`. Integers throughout, so no rounding error decides; of equal remainders the first groups win.
    """
    assert 0 <= size <= counts.sum()
    shares, remainders = np.divmod(counts * size, max(counts.sum(), 1))
    first = np.argsort(-remainders, kind="stable")[: size - shares.sum()]
    shares[first] += 1
    return shares


def _shuffled_by_class(targets: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """All indices, those of the smallest label first, in random order within each label."""
    shuffled = generator.permutation(len(targets))
    return shuffled[np.argsort(targets[shuffled], kind="stable")]
