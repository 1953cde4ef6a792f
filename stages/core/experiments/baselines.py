"""Simple models beside which the network has to show its worth: scikit-learn's, with its own settings.

The majority class or the median; logistic or ridge regression; of a table also boosted trees. They learn from the whole
training part, where the network leaves out its validation slice: on that its epoch was chosen, and nothing is chosen
here. What they need to know of the data (medians, scales, categories) they learn from the training part, too.

What they say is rounded, so that a last digit, which another number of threads may change, decides nothing.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from stages.core.base.schemas import BASELINES, DataDescription
from stages.core.base.seeding import derive, numpy_generator
from stages.core.config.builtin import Task
from stages.core.data.examples import Examples
from stages.core.data.splits import strata, stratified_sample
from stages.core.scores.bootstrap import on_fitting_grid
from stages.core.scores.comparison import compare
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.scores.simple_models import learned_from
from stages.core.scores.tasks import MAIN, SCORES

STEPS = 200  # of the logistic regression, at most
EXPONENT = 40  # of two: targets beyond, either way, are scaled
PORTION = 1 << 24  # of the cells and probabilities of test examples that are looked at together
CATEGORIES = 255  # of a column, that the trees can tell apart; of more, their places in the list are taken as numbers


def baseline_predictions(
    train: Examples, test: Examples, description: DataDescription, seed: int
) -> Iterator[tuple[str, AnyPredictions]]:
    """The name of each simple model, the simplest first, and what it says of `test` once it has learned from `train`.

    Where all of `train` is of one class there is nothing to learn, and but the first of them; and none is there that
    would take minutes, see `stages.core.scores.simple_models`, which also says how many examples each takes.
    """
    for name, size in learned_from(description, len(train)).items():
        part = _part(train, size, seed)
        if size and (name == "majority_class" or not description.classes or np.ptp(part.targets)):
            yield name, _said(name, part, test, description, seed)


def _part(train: Examples, size: int, seed: int) -> Examples:
    if size == len(train):
        return train
    return train.take(stratified_sample(strata(train.targets), size, numpy_generator(seed, "baselines")))


def _said(name: str, train: Examples, test: Examples, description: DataDescription, seed: int) -> AnyPredictions:
    """What the model called `name` says of `test` once it has learned from all of `train`."""
    learned = np.asarray(train.inputs)
    # The trees refuse a column without a single cell: it becomes a constant.
    empty: NDArray[np.bool_] = np.isnan(learned).all(axis=0) if description.kind == "table" else np.zeros(1, bool)

    def inputs_of(part: np.ndarray) -> np.ndarray:
        return np.where(empty, 0, part) if empty.any() else part

    # The trees reckon in float32: by a power of two, which changes no digit, all targets come to have room there.
    shift = 0
    if description.classes is None and abs(exponent := int(np.frexp(np.abs(train.targets).max())[1])) > EXPONENT:
        shift = exponent
    model = _model(name, train, description, derive(seed, "baselines") % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where it stops is as good a baseline
        model.fit(inputs_of(learned), np.ldexp(train.targets, -shift) if shift else train.targets)

    outputs = np.zeros((len(test), len(description.classes or (1,))), np.float32 if description.classes else np.float64)
    step = max(1, PORTION // max(math.prod(description.shape), outputs.shape[1]))
    for start in range(0, len(test), step):
        some = slice(start, start + step)
        inputs = inputs_of(test.inputs[some])
        if description.classes:
            outputs[some, model.classes_] = model.predict_proba(inputs)
        else:
            outputs[some, 0] = np.ldexp(model.predict(inputs), shift)
    if description.classes:
        return Predictions(test.targets, outputs, test.groups)
    return ValuePredictions(test.targets, on_fitting_grid(outputs[:, 0]), groups=test.groups)


def baseline_table(found: Mapping[str, AnyPredictions], model: AnyPredictions, seed: int) -> pd.DataFrame:
    """Each of the baselines `found`, by name, beside the `model` in every score that is compared, as BASELINES.

    The verdict on the model takes 99% confidence, see `stages.core.scores.comparison`; the intervals have 95%.
    """
    rows = []
    for name, baseline in found.items():
        for each in compare(baseline, model, numpy_generator(seed, "baselines", name)).differences:
            rounded = SCORES[model.task][each.score].rounded
            numbers = map(rounded, (each.a, each.b, each.difference, *each.interval))
            rows.append((name, each.score, *numbers, each.verdict))
    return pd.DataFrame(rows, columns=list(BASELINES.columns))


def best_baseline(table: pd.DataFrame, task: Task) -> float:
    """The best of the baselines' values of the task's main score; `table` is as BASELINES."""
    values: pd.Series[float] = table["value"][table["score"] == MAIN[task].name]
    return float(values.max() if MAIN[task].greater_is_better else values.min())


def _model(name: str, train: Examples, description: DataDescription, random_state: int) -> Any:
    """The model called `name`, untrained."""
    match name:
        case "median":
            return DummyRegressor(strategy="median")
        case "majority_class":
            return DummyClassifier(strategy="prior")  # whose probabilities are the classes' shares
        case "ridge_regression":
            return make_pipeline(_features(description), Ridge())
        case "logistic_regression":
            return make_pipeline(_features(description), LogisticRegression(max_iter=STEPS))
    regression = description.task == "regression"
    trees = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    _, sizes = np.unique(train.targets, return_counts=True)
    _, categories = _columns(description)
    # On a tenth of more than 10,000 examples, where that has room for every class and leaves some of each.
    stopping = regression or (sizes.min() > 1 and len(sizes) <= len(train) // 10)
    return trees(
        categorical_features=[place for place in categories if _number(train.inputs[:, place]) <= CATEGORIES],
        early_stopping="auto" if stopping else False,
        random_state=random_state,
    )


def _features(description: DataDescription) -> Any:
    """What makes of inputs the columns, float64, that a linear model weighs."""
    if description.columns is None:
        return FunctionTransformer(_pixels)
    numbers, categories = _columns(description)
    imputed = SimpleImputer(strategy="median", add_indicator=True)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(imputed, StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),  # an empty cell is a category too
        ]
    )


def _pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255


def _columns(description: DataDescription) -> tuple[list[int], list[int]]:
    """The places of the columns of numbers, and of categories."""
    kinds = [column.categories is not None for column in description.columns or ()]
    return np.flatnonzero(~np.array(kinds)).tolist(), np.flatnonzero(kinds).tolist()


def _number(codes: np.ndarray) -> int:
    """How many different ones there are, empty cells left out."""
    return len(np.unique(codes[~np.isnan(codes)]))
