"""Stratified parts of a labelled set, as index arrays: every part has its share of every class.

Our own beside scikit-learn's: `StratifiedShuffleSplit` may leave a part without a class and say nothing, and refuses
sizes that can be apportioned; both it and `StratifiedKFold` draw from a seed, not from one of our named streams.
"""

import numpy as np

from stages.core.base.command import InputError
from stages.core.config.sections import holdout_size


def stratified_holdout(
    targets: np.ndarray, fraction: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split `targets` (int64 (N,)) into training and validation indices, both sorted, together every index once.

    The validation part has `holdout_size` examples, of every class its share within one; `fraction` is in [0, 1),
    and 0 gives an empty validation part. Raises `InputError` when either part would lack a class.
    """
    if fraction == 0:
        return np.arange(len(targets)), np.arange(0)
    labels, counts = np.unique(targets, return_counts=True)
    held_out = apportion(counts, holdout_size(fraction, len(targets)))
    for part, sizes in (("training", counts - held_out), ("validation", held_out)):
        if not sizes.all():
            poorest = np.argmin(sizes)
            raise InputError(
                f"params.yaml: train.val_fraction = {fraction}: must leave each part an example of every class, "
                f"leaves the {part} part none of the {counts[poorest]} of class {labels[poorest]}"
            )
    validation = draw(targets, held_out, generator)
    return np.setdiff1d(np.arange(len(targets)), validation, assume_unique=True), validation


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
    # Dealt like cards from a deck sorted by class, as `StratifiedKFold` does: that balances the classes and the sizes.
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
