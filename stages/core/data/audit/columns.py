"""Columns that say nothing, that say which row it is, or that say the target itself: all by the training part."""

import numpy as np

from stages.core.base.schemas import InputColumn
from stages.core.base.seeding import numpy_generator
from stages.core.data.audit.finding import Finding, Parts, cell
from stages.core.data.examples import Examples
from stages.core.data.splits import deal, strata, stratified_sample

FEW = 20  # rows that say nothing of a column
DIFFERENT = 0.95  # share of different values from which they look like names of the rows
SAMPLE, FOLDS, LEAVES = 5000, 5, 32
NEARLY, WHOLLY = 0.95, 0.99  # scores from which one column gives the target away; diamonds' carat has an R2 of 0.87


def constant(parts: Parts) -> list[Finding]:
    """Columns with one value, or none at all, in every row: a notice, since nothing can be learned from them."""
    return [
        Finding("constant", 1, False, f"{cell(column, values[0])} in all {len(values)} rows", column.name)
        for column, values in _columns(parts)
        if (values == values[0]).all() or np.isnan(values).all()
    ]


def identifier(parts: Parts) -> list[Finding]:
    """Columns of whole numbers or categories that nearly all differ: a notice, a network may learn rows by heart."""
    found = []
    for column, values in _columns(parts):
        present = values[~np.isnan(values)]
        distinct = len(np.unique(present))
        if len(present) < FEW or distinct < DIFFERENT * len(present) or (present != np.floor(present)).any():
            continue
        told = ", ".join(cell(column, value) for value in present[:3])
        example = f"{distinct} different values in {len(present)} rows: {told}, ..."
        found.append(Finding("identifier", 1, False, example, column.name))
    return found


def leak(parts: Parts) -> list[Finding]:
    """Columns that alone nearly give the target away: from a score of 0.95 a notice, from 0.99 severe.

    The score is R2 or balanced accuracy (which is 0.5 at most where nothing is known, however rare a class) of a small
    tree, 5-fold cross-validated on up to 5000 rows: by group, on later times, or stratified, as the data are split.
    """
    if not parts.columns:
        return []
    sample = _sampled(parts.train, numpy_generator(parts.seed, "audit", "leak"))
    if len(sample) < FEW or len(np.unique(sample.targets)) < 2:
        return []
    folds = _folds(sample, numpy_generator(parts.seed, "audit", "folds"))
    score = "R2" if parts.facts.classes is None else "balanced accuracy"
    found = []
    for place, column in enumerate(parts.columns):
        # Ranks, which trees take as well as values: they have 32 bits for them. Empty cells come last, as one value.
        ranks = np.unique(sample.inputs[:, place], return_inverse=True)[1].reshape(-1, 1)
        # As many as it takes for categories, whose order means nothing; what it learns by heart does not score.
        leaves = LEAVES * max(2, len(parts.facts.classes or ())) // 2 if column.categories is None else None
        if _tree_score(ranks, sample.targets, [(np.arange(len(sample)),) * 2], leaves) < NEARLY:
            continue  # not even on what it has seen, so that nearly all columns cost one tree
        if (value := _tree_score(ranks, sample.targets, folds, leaves)) >= NEARLY:
            example = f"{score} {value:.3f} from it alone"
            found.append(Finding("leak", 1, value >= WHOLLY, example, column.name))
    return found


def _columns(parts: Parts) -> list[tuple[InputColumn, np.ndarray]]:
    return [(column, parts.train.inputs[:, place]) for place, column in enumerate(parts.columns)]


def _sampled(train: Examples, generator: np.random.Generator) -> Examples:
    """Up to 5000 examples, of each stratum its share; none of a class too rare for the folds."""
    if len(train) > SAMPLE:
        train = train.take(stratified_sample(strata(train.targets), SAMPLE, generator))
    if train.targets.dtype == np.int64:
        train = train.take(np.flatnonzero(np.bincount(train.targets)[train.targets] >= FOLDS))
    return train


def _folds(sample: Examples, generator: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to score, as the data are split, but never refused."""
    everything = np.arange(len(sample))
    if sample.times is not None:
        earlier = np.searchsorted(np.sort(sample.times), sample.times)
        stretch = earlier * (FOLDS + 1) // len(sample)
        rolling = [(np.flatnonzero(stretch < fold), np.flatnonzero(stretch == fold)) for fold in range(1, FOLDS + 1)]
        return [(before, then) for before, then in rolling if len(before) and len(then)]
    if sample.groups is not None:
        fold_of = np.unique(sample.groups, return_inverse=True)[1] % FOLDS
        parted = [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(FOLDS)]
        return [(others, own) for others, own in parted if len(others) and len(own)]
    return [(np.delete(everything, fold), fold) for fold in deal(strata(sample.targets), FOLDS, generator)]


def _tree_score(
    ranks: np.ndarray, targets: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], leaves: int | None
) -> float:
    """R2 or balanced accuracy, over all rows that some fold scores; 0 where there are none."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # half a second that images need not pay

    if not folds:
        return 0.0
    tree = DecisionTreeClassifier if targets.dtype == np.int64 else DecisionTreeRegressor
    told = [
        tree(max_leaf_nodes=leaves, random_state=0).fit(ranks[learn], targets[learn]).predict(ranks[score])
        for learn, score in folds
    ]
    predicted, actual = np.concatenate(told), np.concatenate([targets[score] for _, score in folds])
    if targets.dtype == np.int64:
        return float(np.mean([(predicted == actual)[actual == label].mean() for label in np.unique(actual)]))
    spread = ((actual - actual.mean()) ** 2).sum()
    return float(1 - ((actual - predicted) ** 2).sum() / spread) if spread > 0 else 0.0
