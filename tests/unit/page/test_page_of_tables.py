"""The page of a run on a table: a regression in its own sentences, a classifier of rows, the data, audit, baselines."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.base import schemas
from stages.core.page import sentences
from stages.core.page.page import ORDER
from stages.core.page.sentences import answers, audit, baselines, regression
from stages.core.pictures.findings import Findings
from stages.core.scores import simple_models
from tests.unit.page.test_page import Reader, write
from tests.unit.pictures import made_up


@pytest.fixture(scope="module")
def found() -> Findings:
    return made_up.regression()


@pytest.fixture(scope="module")
def read(found: Findings) -> Reader:
    return Reader(write(found))


def with_table(found: Findings, name: str, rows: list[tuple[Any, ...]]) -> Findings:
    columns = list(getattr(schemas, name.upper()).columns)
    return replace(found, tables={**found.tables, name: pd.DataFrame(rows, columns=columns)})


def sections(read: Reader) -> list[str]:
    return [attributes["id"] for attributes in read.all("section") if "id" in attributes]


def test_a_section_is_there_where_it_has_something_to_show(read: Reader) -> None:
    assert sections(read) == [key for key in ORDER if key not in {"classes", "ranking"}]
    assert sections(Reader(write(made_up.classification()))) == [key for key in ORDER if key != "errors"]


def test_no_row_is_called_an_image() -> None:
    for made in (made_up.regression(), made_up.classification()):
        assert not re.search(r"\bimages?\b", Reader(write(made)).text.partition("The stages, in an order")[0])


def test_the_target_is_named(read: Reader) -> None:
    assert "about predicting price" in read.text
    assert "the predicted price is off by" in read.text
    assert "have their cut predicted right" in Reader(write(made_up.classification())).text


def test_how_good_in_the_target_s_unit(found: Findings) -> None:
    scores = found.metrics["evaluate"]
    told = regression.how_good(found)
    assert f"On 600 test rows that it has not learned from, the predicted price is off by {scores['mae']:,.0f} " in told
    assert f"less than {scores['median_absolute_error']:,.0f} in half of them" in told
    spread = float(np.std(found.predictions.targets))
    assert f"is {scores['rmse']:,.0f}; always saying the mean would have one of {spread:,.0f}" in told
    assert f"the best of the simple models has one of {1.1 * scores['rmse']:,.0f}." in told


def test_the_mean_s_error_is_exact_where_r2_is_nearly_one() -> None:
    made = made_up.regression(error=1e-5)
    told = f"always saying the mean would have one of {np.std(made.predictions.targets):,.3f}"
    assert made.metrics["evaluate"]["r2"] == 1 and told.partition(".")[0] in regression.how_good(made)


@pytest.mark.parametrize("make", [made_up.regression, made_up.classification])
def test_the_page_says_that_few_groups_make_no_interval(make: Callable[[], Findings]) -> None:
    made = make()
    for groups, few in ((7, True), (8, False)):
        assert made.predictions is not None
        grouped = replace(made.predictions, groups=np.arange(len(made.predictions.targets)) % groups)
        html = write(replace(made, predictions=grouped))
        assert html.count(f"The test part has {groups} groups, too few for an interval") == (2 if few else 0)
    assert "too few" not in write(made)


def test_how_sure_with_the_coverage_of_the_intervals(found: Findings) -> None:
    low, high = found.interval("rmse")
    told = regression.how_sure(found)
    assert f"its RMSE is {low:,.0f} to {high:,.0f}, with 95% confidence" in told
    assert "Cross-validation (2 folds, 8 epochs each) scored" in told
    assert f"{found.metrics['evaluate']['coverage']:.1%} of the actual values are inside" in told


@pytest.mark.parametrize(
    ("share", "low", "high", "verdict"),
    [
        (0.93, 0.92, 0.94, "too wide"),
        (0.85, 0.84, 0.86, "too narrow"),
        (0.915, 0.91, 0.92, "at their word"),
        (0.84, 0.75, 0.92, "at their word"),
    ],
)
def test_intervals_are_judged_by_the_rules_shown(
    share: float, low: float, high: float, verdict: str, found: Findings
) -> None:
    scores = found.tables["scores"].copy()
    scores.loc[scores["score"] == "coverage", ["value", "low", "high"]] = share, low, high
    metrics = {**found.metrics, "evaluate": {**found.metrics["evaluate"], "coverage": share}}
    made = replace(found, tables={**found.tables, "scores": scores}, metrics=metrics)
    assert verdict in regression.how_sure(made)
    assert regression.rules(made) in Reader(write(made)).text


def test_without_intervals_it_says_why() -> None:
    made = made_up.regression(intervals=False)
    assert "It gives no prediction intervals" in regression.how_sure(made)
    text = Reader(write(made)).text
    assert "coverage" not in text and "in 90% interval" not in text


def test_where_it_fails(found: Findings) -> None:
    worst = found.tables["deciles"].iloc[found.tables["deciles"]["rmse"].argmax()]
    told = regression.where_it_fails(found)
    assert f"predictions from {worst['from']:,.0f} to {worst['to']:,.0f}: an RMSE of {worst['rmse']:,.0f}" in told
    one = found.misses[0]
    assert f"test row {one.index}: {one.actual:,.0f}, predicted as {one.predicted:,.0f}." in told
    assert "highest under noise: " in told
    assert answers(found)[2].short == f"Above {worst['from']:,.0f}"


@pytest.mark.parametrize(
    ("on_training", "baseline", "verdict"),
    [(0.5, "better", "It overfits"), (0.95, "worse", "It underfits"), (0.95, "better", "Neither")],
)
def test_over_and_underfitting_of_an_error(on_training: float, baseline: str, verdict: str) -> None:
    made = made_up.regression(on_training=on_training, baseline=baseline)
    rmse = made.metrics["evaluate"]["rmse"]
    assert regression.fit(made) == verdict
    assert f"The RMSE on training rows is {on_training * rmse:,.0f}, " in regression.over_or_underfit(made)
    assert "lower than on test rows" in regression.over_or_underfit(made)


@pytest.mark.parametrize(
    ("verdict", "short", "told"),
    [
        ("better", "Yes", "The network is worth it: it does better than boosted trees, the best of the simple models."),
        ("worse", "No", "The network is not worth it: boosted trees, the best of the simple models, does better."),
        (
            "indistinguishable",
            "Not shown",
            "On these 600 test rows the network is not shown to be better than",
        ),
    ],
)
def test_the_network_beside_the_best_of_the_simple_models(verdict: str, short: str, told: str) -> None:
    made = made_up.regression(baseline=verdict)
    answer = baselines.verdict(made)
    assert answer.short == short and answer.text.startswith(told)
    assert answer.text in Reader(write(made)).text
    assert "points" not in answer.text
    of_classes = baselines.verdict(made_up.classification(baseline=verdict))
    assert of_classes.short == short and " points (95% interval " in of_classes.text


def test_the_page_says_which_baselines_saw_only_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_up.classification()
    assert baselines.rules(made) == baselines.RULE
    examples = made.metrics["prepare"]["train"]["examples"]
    monkeypatch.setattr(simple_models, "ROWS", examples - 1)
    monkeypatch.setattr(simple_models, "LEAST", 1)
    monkeypatch.setattr(simple_models, "TREES", 2)
    part = f"Logistic regression: learned from {examples - 1:,} of the {examples:,} training rows, for the time."
    assert f"{part} Boosted trees: left out, since" in Reader(write(made)).text


def test_the_page_says_that_no_column_has_an_importance(found: Findings) -> None:
    assert sentences.without_importance(found) == ""
    assert "Not measured: of 4 columns it would take hours." in Reader(write(with_table(found, "importance", []))).text


def test_every_baseline_is_in_the_table(read: Reader, found: Findings) -> None:
    for row in found.tables["baselines"].itertuples():
        assert (
            f"{row.baseline.replace('_', ' ')} RMSE {row.value:,.0f} {row.model:,.0f} {row.difference:,.0f} "
            in read.text
        )


def test_an_audit_without_findings_is_one_sentence(found: Findings) -> None:
    made = with_table(found, "audit", [])
    assert audit.verdict(made).short == "Nothing found"
    html = write(made)
    section = Reader(html[html.index('<section id="audit">') : html.index('<section id="training">')] + "</section>")
    assert not section.all("table")
    assert section.text.strip() == f"Audit {audit.verdict(made).text}"


def test_the_audit_s_findings_are_told_and_listed(found: Findings) -> None:
    rows = [("duplicates_across", "", 3, "severe", "test 9 = training 38"), ("drift", "carat", 1, "notice", "<b>")]
    made = with_table(found, "audit", [*rows, ("drift", "cut", 1, "notice", "")])
    assert audit.verdict(made).short == "1 severe finding"
    assert audit.verdict(made).text == (
        "The scores may be lies. The audit found test rows that are in the training part, too. To look at: a column "
        "that is distributed differently in the test part (carat, cut)."
    )
    text = Reader(write(made)).text
    assert "duplicates across severe – 3 test 9 = training 38 the same in training and test" in text
    assert "drift notice carat 1 <b> " in text
    assert audit.verdict(with_table(found, "audit", rows[1:])).short == "1 notice"


def test_what_was_read_used_and_dropped_is_told(read: Reader) -> None:
    assert "2,400 rows to learn from and 600 to test on. What is predicted is the column price, a number." in read.text
    assert "Of 3,003 rows that were read 3,000 are used; dropped were 3 (no target)." in read.text


def test_the_schema_is_shown_to_its_first_rows(found: Findings) -> None:
    rows = [(f"column {n}", "input", "number", "numbers", 0.25, 12, -1.5, 2000.0, "") for n in range(100)]
    rows[1] = ("day", "time", "date", "data.time names it", 0.0, 2, 0.0, 20000.0, "")
    rows[2] = ("colour", "input", "category", "texts", 0.0, 2, math.nan, math.nan, "red, <blue>")
    text = Reader(write(with_table(found, "schema", rows))).text
    assert "column 0 input number 25.0% 12 -1.5 to 2,000 numbers " in text
    assert "day time date 0.0% 2 1970-01-01 to 2024-10-04 data.time names it " in text
    assert "colour input category 0.0% 2 red, <blue> texts " in text
    assert "column 39 " in text and "column 40 " not in text
    assert "the first 40 of 100, data/schema.csv has all" in text


def test_the_largest_errors_are_listed_with_their_cells(read: Reader, found: Findings) -> None:
    assert found.inputs is not None
    one = found.misses[0]
    carat, cut = found.inputs[one.index, :2]
    told = [f"carat {carat:.6g}" if carat == carat else "carat missing"]
    told += [f"cut {made_up.CUTS[int(cut)]}" if cut == cut else "cut missing"]
    error = one.predicted - one.actual
    assert f"{one.index} {one.actual:,.0f} {one.predicted:,.0f} {error:,.0f} " in read.text
    assert ", ".join(told) in read.text


def test_mistakes_on_rows_are_listed_with_their_cells() -> None:
    made = made_up.classification()
    one = made.mistakes[0]
    text = Reader(write(made)).text
    start = f"{one.index} {made_up.CUTS[one.actual]} {made_up.CUTS[one.predicted]} {one.probability:.2%} carat "
    assert start in text


def test_what_was_automatic_says_so(found: Findings) -> None:
    params = {"seed": 0, "model": {"name": "tabular", "dropout": 0.0}, "train": {"epochs": 20}}
    text = Reader(write(found, params=params, automatic={"model.name", "train.epochs"})).text
    assert "name tabular (auto) " in text and "epochs 20 (auto) " in text
    assert "dropout 0.0 " in text and "dropout 0.0 (auto)" not in text


def test_a_perfect_model_and_a_tiny_target() -> None:
    for odd in ({"error": 0}, {"scale": 1e-7}, {"scale": 1e13}, {"rows": 3}):
        text = Reader(write(made_up.regression(**odd))).text  # type: ignore[arg-type]
        assert not re.search(r"\bnan\b", text.lower())
        assert not re.search(r"\d\.\d{8}", text)
