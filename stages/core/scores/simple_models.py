"""How many examples each simple model learns from, so that all take seconds: for those who train, and who tell of it.

Work grows with what is asked of a model: a linear one has a weight for each column and class, boosted trees make a tree
for each class in each of 100 rounds. The limits were found with the largest data that `prepare` takes, on two cores.
"""

import math

from stages.core.base.schemas import DataDescription

IMAGES = 10_000  # of the training part: more teach a linear model little
PIXELS = 1 << 25  # that these have together, with their channels, so that they fit into memory
ROWS = 200_000  # likewise, of a table
CELLS = 200_000_000  # times classes, that a linear model sees in a step
OVERHEAD = 20  # columns: what a class costs beside its weights
WEIGHTS = 2_000_000  # of a linear model, of which its optimiser holds twenty copies
OF_NUMBERS = 10  # classes, that a regression counts as: its matrix is solved once, in more work
TREE_CELLS = 10_000_000  # times trees in a round
TREES, TREE_COLUMNS = 50, 1_000  # in a round; in all of them together
LEAST = 1_000  # examples: what learns from fewer, where there are more, is no yardstick


def learned_from(data: DataDescription, examples: int) -> dict[str, int]:
    """Each simple model of the task and kind of data, the simplest first: how many of the `examples` it takes, or 0.

    0 says that it is left out, since it would take minutes.
    """
    classes = len(data.classes or ())
    most = min(examples, IMAGES, max(LEAST, PIXELS // math.prod(data.shape))) if data.kind == "image" else examples
    features = [len(column.categories or (0,)) for column in data.columns or ()]
    columns, width = (len(features), sum(features)) if data.columns else (math.prod(data.shape),) * 2
    outputs = classes or OF_NUMBERS
    linear = min(most, ROWS, CELLS // (outputs * (columns + OVERHEAD)))
    if width * outputs > WEIGHTS:
        linear = 0
    found = {"majority_class" if classes else "median": most}
    found["logistic_regression" if classes else "ridge_regression"] = _enough(linear, most)
    if data.kind == "table":
        trees = classes if classes > 2 else 1
        fits = trees <= TREES and trees * columns <= TREE_COLUMNS
        found["boosted_trees"] = _enough(min(most, TREE_CELLS // (trees * columns)) if fits else 0, most)
    return found


def _enough(taken: int, there: int) -> int:
    return taken if taken >= min(LEAST, there) else 0
