"""What the page says of a classifier."""

import pandas as pd
from scipy.stats import binomtest

from stages.core.page.sentences.answer import Answer, too_few_groups
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.classification import confidence, confusions
from stages.core.pictures.wording import count, percent, plain, span

GAP = 0.01  # of training over test accuracy, from which a model is said to overfit
FITTED = 0.98  # training accuracy, below which a model that does not overfit is said to underfit
CALIBRATED = 0.02  # between mean confidence and accuracy, up to which probabilities are called right

INTERVALS = "stratified bootstrap, that of the calibration error by its bins' standard errors"


def answers(found: Findings) -> list[Answer]:
    return [
        Answer("How good is it?", percent(found.metrics["evaluate"]["accuracy"]), how_good(found)),
        Answer("How sure is that?", _sure(found)[0], how_sure(found)),
        Answer("Where does it fail?", _where(found), where_it_fails(found)),
        Answer("Does it over- or underfit?", fit(found), over_or_underfit(found)),
    ]


def rules(found: Findings) -> str:
    return (
        f"It overfits when its accuracy on training {found.things} is above the 95% interval of that on test "
        f"{found.things}, and by {100 * GAP:g} point or more. It underfits when it does not overfit, and gets "
        f"less than {FITTED:.0%} of the training {found.things} right. Its probabilities are right when the mean "
        f"confidence is within {100 * CALIBRATED:g} points of the accuracy, or inside its 95% interval. The limits are "
        "conventions of this report."
    )


def how_good(found: Findings) -> str:
    wrong = len(found.mistakes)
    often = f": one in {found.examples / wrong:,.0f}" if wrong and found.examples > 3 * wrong else ""
    macro = percent(found.metrics["evaluate"]["macro_f1"])
    done = f"have their {found.target} predicted right" if found.data.target else "are recognised"
    return (
        f"Of {found.examples:,} test {found.things} that it has not learned from, {found.examples - wrong:,} {done}. "
        f"{count(wrong, 'mistake')}{often}. The mean F1 of the {len(found.classes)} classes is {macro}."
    )


def how_sure(found: Findings) -> str:
    folds = found.tables["cross_validate"]
    scores = found.tables["fold_scores"]
    own = scores[scores["score"] == "accuracy"].iloc[0]
    return (
        f"{_sure(found)[1]} Cross-validation ({count(folds['fold'].nunique(), 'fold')}, "
        f"{count(int(folds['epoch'].max()), 'epoch')} each) scored {percent(own['mean'])}, with an interval of "
        f"{span((own['low'], own['high']))} for other training data. {_calibrated(found)} {too_few_groups(found)}"
    ).rstrip()


def where_it_fails(found: Findings) -> str:
    worst = worst_class(found, "f1")
    told = [f"The weakest class is {worst['class']}, with an F1 of {percent(worst['f1'])}."]
    if not found.mistakes:
        told = [f"On these test {found.things} it does not."]
    for actual, predicted, number in confusions(found, 1):
        if number > 1:
            told.append(f"Most often {actual} is taken for {predicted}: {number:,} times.")
    name, weakest = found.corruptions_from_the_worst()[0]
    mean = found.metrics["stress"]["mean_corruption_accuracy"]
    told.append(
        f"On corrupted {found.things} the accuracy is {percent(mean, 1)} on average, and lowest under {plain(name)}: "
        f"{percent(weakest, 1)}."
    )
    return " ".join(told)


def _where(found: Findings) -> str:
    return f"Class {worst_class(found, 'f1')['class']}" if found.mistakes else "No mistake"


def fit(found: Findings) -> str:
    """Whether the model over- or underfits, in one word for the headline; the rule is in `rules`."""
    on_training, on_test = float(found.chosen["train_score"]), found.metrics["evaluate"]["accuracy"]
    if on_training > found.interval("accuracy")[1] and on_training - on_test >= GAP:
        return "It overfits"
    return "It underfits" if on_training < FITTED else "Neither"


def over_or_underfit(found: Findings) -> str:
    on_training, on_test = float(found.chosen["train_score"]), found.metrics["evaluate"]["accuracy"]
    low, high = found.interval("accuracy")
    sure = "outside" if not low <= on_training <= high else "inside"
    more = {"image": "more augmentation", "table": "more dropout"}[found.data.kind]
    verdict = {
        "It overfits": f"It does much better on {found.things} it was trained on: more data, {more} or a smaller model "
        "may help.",
        "It underfits": f"It errs on the {found.things} it was trained on, too: a larger model or a longer training "
        "may help.",
        "Neither": f"It knows the {found.things} it was trained on, and others "
        f"{'nearly' if on_training > high else 'about'} as well.",
    }[fit(found)]
    gap = found.change("accuracy", on_training - on_test)
    fold_gap = found.change("accuracy", found.metrics["cross_validate"]["accuracy_gap"])
    return (
        f"{verdict} Accuracy on training {found.things} is {percent(on_training)}, {gap} points against the test "
        f"{found.things}, {sure} their interval; in cross-validation the gap was {fold_gap} points."
    )


def worst_class(found: Findings, score: str) -> pd.Series:
    """The row of plots/classes.csv with the lowest `score`, the first of equals."""
    table = found.tables["classes"]
    return table.iloc[int(table[score].to_numpy().argmin())]


def _sure(found: Findings) -> tuple[str, str]:
    """How sure the accuracy is, in short and in words.

    Resamples of classes that are all right or all wrong do not differ, so that their interval says nothing; Clopper and
    Pearson's is of examples that come one by one, not in groups.
    """
    low, high = found.interval("accuracy")
    if low < high:
        interval = span((low, high))
        told = f"On all {found.things} of this kind its accuracy is {interval}, with 95% confidence."
        return interval.replace("% to ", "–"), told
    told = f"On these {found.examples:,} {found.things} the bootstrap has no interval for its accuracy"
    if found.groups is not None:
        return "No interval", f"{told}."
    right = found.examples - len(found.mistakes)
    ends = binomtest(right, found.examples).proportion_ci(method="exact")
    interval = span(ends) if found.mistakes else f"{percent(ends.low)} or more"
    return interval.replace("% to ", "–"), f"{told}; by Clopper and Pearson it is {interval}, with 95% confidence."


def _calibrated(found: Findings) -> str:
    mean, accuracy = confidence(found), found.metrics["evaluate"]["accuracy"]
    told = f"{percent(mean)} on average"
    low, high = found.interval("accuracy")
    if abs(mean - accuracy) <= CALIBRATED or low <= mean <= high:  # too few examples tell nothing else
        return f"Its probabilities can be taken at their word: {told}."
    more = "higher" if mean > accuracy else "lower"
    return f"Its probabilities are too {'bold' if more == 'higher' else 'cautious'}: {told}, {more} than its accuracy."
