"""Simple models beside which the network has to show its worth: scikit-learn's, with its own settings.

The majority class or the median; logistic or ridge regression; of a table also boosted trees. They learn from the whole
training part, where the network leaves out its validation slice: on that its epoch was chosen, and nothing is chosen
here. What they need to know of the data (medians, scales, categories) they learn from the training part, too.

What they say is rounded, so that a last digit, which another number of threads may change, decides nothing.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
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
from stages.core.base.stored import Rows, portions
from stages.core.config.builtin import Task
from stages.core.data.examples import Examples
from stages.core.data.splits import strata, stratified_sample
from stages.core.scores.bootstrap import on_fitting_grid
from stages.core.scores.comparison import MAIN, compare
from stages.core.scores.predictions import AnyPredictions, Predictions, ValuePredictions
from stages.core.scores.tasks import SCORES

IMAGES = 10_000  # at most, of the training part: more would take a linear model minutes and teach it little
LEAST = 1_000  # images, however large they are
PIXELS = 1 << 25  # that they have together, with their channels; twice as many are scored together
STEPS = 200  # of the logistic regression, at most
CATEGORIES = 255  # of a column, that the trees can tell apart; of more, their places in the list are taken as numbers


def baseline_predictions(
    train: Examples, test: Examples, description: DataDescription, seed: int
) -> Iterator[tuple[str, AnyPredictions]]:
    """The name of each simple model, the simplest first, and what it says of `test` once it has learned from `train`.

    Where all of `train` is of one class there is nothing to learn, and but the first of them.
    """
    inputs = test.inputs
    most = min(IMAGES, max(LEAST, PIXELS // math.prod(train.inputs.shape[1:])))
    if description.kind == "image" and len(train) > most:
        train = train.take(stratified_sample(strata(train.targets), most, numpy_generator(seed, "baselines")))
    if description.kind == "table":  # the trees refuse a column without a single cell: it becomes a constant
        empty = np.isnan(train.inputs).all(axis=0)
        train, inputs = replace(train, inputs=np.where(empty, 0, train.inputs)), np.where(empty, 0, inputs)
    for name, model in _models(train, description, derive(seed, "baselines") % 2**32).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # where it stops is as good a baseline
            model.fit(train.inputs, train.targets)
        if description.classes:
            probabilities = np.zeros((len(test), len(description.classes)))
            probabilities[:, model.classes_] = _said(model.predict_proba, inputs)
            yield name, Predictions(test.targets, probabilities.astype(np.float32), test.groups)
        else:
            yield (
                name,
                ValuePredictions(test.targets, on_fitting_grid(_said(model.predict, inputs)), groups=test.groups),
            )


def _said(predict: Callable[[np.ndarray], np.ndarray], inputs: Rows) -> np.ndarray:
    """What `predict` gives for all inputs, of many large images a portion at a time."""
    if inputs.ndim == 2:
        return predict(np.asarray(inputs))
    return np.concatenate([predict(portion) for portion in portions(inputs, size=2 * PIXELS)])


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
    values: pd.Series[float] = table["value"][table["score"] == MAIN[task]]
    return float(values.max() if SCORES[task][MAIN[task]].greater_is_better else values.min())


def _models(train: Examples, description: DataDescription, random_state: int) -> dict[str, Any]:
    """The untrained models, by name."""
    regression = description.task == "regression"
    _, sizes = np.unique(train.targets, return_counts=True)
    found: dict[str, Any] = {}
    if regression:
        found["median"] = DummyRegressor(strategy="median")
        found["ridge_regression"] = make_pipeline(_features(description), Ridge())
    else:
        found["majority_class"] = DummyClassifier(strategy="prior")  # whose probabilities are the classes' shares
        if len(sizes) == 1:
            return found
        found["logistic_regression"] = make_pipeline(_features(description), LogisticRegression(max_iter=STEPS))
    if description.columns:
        trees = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        _, categories = _columns(description)
        # On a tenth of more than 10,000 examples, where that has room for every class and leaves some of each.
        stopping = regression or (sizes.min() > 1 and len(sizes) <= len(train) // 10)
        found["boosted_trees"] = trees(
            categorical_features=[place for place in categories if _number(train.inputs[:, place]) <= CATEGORIES],
            early_stopping="auto" if stopping else False,
            random_state=random_state,
        )
    return found


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
