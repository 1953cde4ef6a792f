"""What the page says of a regression."""

import math

import numpy as np

from stages.core.base.schemas import NOMINAL_COVERAGE
from stages.core.page.sentences.answer import Answer, too_few_groups
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.regression import ends, worst_decile
from stages.core.pictures.wording import count, percent, plain, span
from stages.core.scores.predictions import ValuePredictions
from stages.core.scores.regression import rmse

GAP = 0.1  # of the test RMSE, by which that in training must be lower for a model to be said to overfit
COVERED = 0.02  # between coverage and 90%, up to which the prediction intervals are called right

INTERVALS = "bootstrap"


def answers(found: Findings) -> list[Answer]:
    low, high = map(found.amount, found.interval("rmse"))
    return [
        Answer("How good is it?", f"RMSE {found.amount(found.metrics['evaluate']['rmse'])}", how_good(found)),
        Answer("How sure is that?", f"RMSE {low}–{high}", how_sure(found)),
        Answer("Where does it fail?", _where(found), where_it_fails(found)),
        Answer("Does it over- or underfit?", fit(found), over_or_underfit(found)),
    ]


def rules(found: Findings) -> str:
    told = (
        f"It overfits when its RMSE on training {found.things} is below the 95% interval of that on test "
        f"{found.things}, and by {GAP:.0%} or more. It underfits when it does not overfit, and a simple model is "
        "better."
    )
    if found.metrics["evaluate"].get("coverage") is not None:
        told += (
            f" Its prediction intervals are right when their coverage is within {100 * COVERED:g} points of 90%, or "
            "90% is in its interval."
        )
    return f"{told} The limits are conventions of this report."


def how_good(found: Findings) -> str:
    scores = found.metrics["evaluate"]
    own, mae, median = (found.amount(scores[name]) for name in ("rmse", "mae", "median_absolute_error"))
    best = found.amount(found.tables["baselines"].query("score == 'rmse'")["value"].min())
    others = f"the best of the simple models has one of {best}"
    if isinstance(found.predictions, ValuePredictions):
        targets = found.predictions.targets
        spread = rmse(targets, np.full(len(targets), math.fsum(targets) / len(targets)))
        others = f"always saying the mean would have one of {found.amount(spread)}, and {others}"
    return (
        f"On {found.examples:,} test {found.things} that it has not learned from, the predicted {found.target} is off "
        f"by {mae} on average (MAE), and by less than {median} in half of them. The RMSE, in which large errors weigh "
        f"most, is {own}; {others}."
    )


def how_sure(found: Findings) -> str:
    folds, scores = found.tables["cross_validate"], found.tables["fold_scores"]
    own = scores[scores["score"] == "rmse"].iloc[0]
    low, high = map(found.amount, found.interval("rmse"))
    mean, fold_low, fold_high = (found.amount(max(0, own[column])) for column in ("mean", "low", "high"))
    return (
        f"On all {found.things} of this kind its RMSE is {low} to {high}, with 95% confidence. Cross-validation "
        f"({count(folds['fold'].nunique(), 'fold')}, {count(int(folds['epoch'].max()), 'epoch')} each) scored {mean}, "
        f"with an interval of {fold_low} to {fold_high} for other training data. {_covered(found)} "
        f"{too_few_groups(found)}"
    ).rstrip()


def where_it_fails(found: Findings) -> str:
    worst = worst_decile(found)
    own = found.metrics["evaluate"]["rmse"]
    told = [
        f"The largest errors are those of predictions from {ends(found, worst)}: an RMSE of "
        f"{found.amount(worst['rmse'])}, where it is {found.amount(own)} in all."
    ]
    if len(found.misses):
        one = found.misses[0]
        told.append(
            f"The largest of all is that of test {found.thing} {one.index}: {found.amount(one.actual)}, predicted as "
            f"{found.amount(one.predicted)}."
        )
    name, weakest = found.corruptions_from_the_worst()[0]
    mean = found.metrics["stress"]["mean_corruption_rmse"]
    told.append(
        f"On corrupted {found.things} the RMSE is {found.amount(mean)} on average, and highest under {plain(name)}: "
        f"{found.amount(weakest)}."
    )
    return " ".join(told)


def _where(found: Findings) -> str:
    """The predictions with the largest errors, in few words."""
    table, worst = found.tables["deciles"], worst_decile(found)
    if worst["decile"] == len(table) > 1:
        return f"Above {found.amount(worst['from'])}"
    return f"Below {found.amount(worst['to'])}" if worst["decile"] == 1 < len(table) else ends(found, worst)


def fit(found: Findings) -> str:
    """Whether the model over- or underfits, in one word for the headline; the rule is in `rules`."""
    on_training, on_test = float(found.chosen["train_score"]), found.metrics["evaluate"]["rmse"]
    if on_training < found.interval("rmse")[0] and on_training <= (1 - GAP) * on_test:
        return "It overfits"
    return "It underfits" if _outdone(found) else "Neither"


def over_or_underfit(found: Findings) -> str:
    on_training, on_test = float(found.chosen["train_score"]), found.metrics["evaluate"]["rmse"]
    low, high = found.interval("rmse")
    sure = "outside" if not low <= on_training <= high else "inside"
    verdict = {
        "It overfits": f"It does much better on {found.things} it was trained on: more data, more dropout or weight "
        "decay, or a smaller model may help.",
        "It underfits": "A simple model learns more from the same data: a larger model or a longer training may help.",
        "Neither": f"It does about as well on other {found.things} as on those it was trained on, and no simple model "
        "is surely better.",
    }[fit(found)]
    gap = found.metrics["cross_validate"]["rmse_gap"]
    return (
        f"{verdict} The RMSE on training {found.things} is {found.amount(on_training)}, "
        f"{_against(on_training - on_test, found)} on test {found.things} and {sure} their interval; in "
        f"cross-validation it was {_against(gap, found)} on the folds left out."
    )


def _against(difference: float, found: Findings) -> str:
    told = found.amount(abs(difference))
    return (
        "the same as" if float(told.replace(",", "")) == 0 else f"{told} {'lower' if difference < 0 else 'higher'} than"
    )


def _outdone(found: Findings) -> bool:
    table = found.tables["baselines"]
    return bool(((table["score"] == "rmse") & (table["verdict"] == "worse")).any())


def _covered(found: Findings) -> str:
    share, meant = found.metrics["evaluate"].get("coverage"), float(NOMINAL_COVERAGE)
    if share is None:
        return "It gives no prediction intervals: without a validation slice it has nothing to learn them from."
    low, high = found.interval("coverage")
    told = f"{percent(share, 1)} of the actual values are inside ({span((low, high), 1)})"
    if low <= meant <= high or abs(share - meant) <= COVERED:
        return f"Its {meant:.0%} intervals can be taken at their word: {told}."
    return f"Its {meant:.0%} intervals are too {'narrow' if share < meant else 'wide'}: {told}."
