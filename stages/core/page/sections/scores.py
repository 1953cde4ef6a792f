"""How good the model is: on the test set, in cross-validation, beside simple models, and under corruptions."""

from collections.abc import Sequence

from stages.core.page import sentences
from stages.core.page.parts import PageTable, Section
from stages.core.page.sentences import baselines as of_baselines
from stages.core.page.sentences.answer import too_few_groups
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import plain, span
from stages.core.scores.tasks import SCORES


def scores(found: Findings) -> Section:
    known = SCORES[found.data.task]
    rows = []
    for _, row in found.tables["scores"].iterrows():
        score = known[row["score"]]
        value, ends = found.text(score.name, row["value"]), between(found, score.name, (row["low"], row["high"]))
        # Where resamples do not differ, as without a mistake, there is none.
        rows.append((score.label, value, ends if row["low"] < row["high"] else "–", score.meaning))
    table = PageTable(
        f"On {found.examples:,} test {found.things}, with 95% intervals by {sentences.INTERVALS[found.data.task]}",
        {"score": "", "value": "number", "95% interval": "number", "what it is": "prose"},
        rows,
    )
    return Section("scores", "Scores", [table], lead=too_few_groups(found), note=sentences.rules(found))


def folds(found: Findings) -> PageTable:
    rows, known = [], SCORES[found.data.task]
    for _, row in found.tables["fold_scores"].iterrows():
        name = row["score"]
        label = found.label(name)
        if name == "loss" and found.classes:
            label += ", without temperature scaling"
        # A t-interval of few folds may reach where no score can be.
        greater = name in known and known[name].greater_is_better
        low, high = (row["low"], min(row["high"], 1)) if greater else (max(row["low"], 0), row["high"])
        ends = between(found, name, (low, high))
        rows.append((label, found.text(name, row["mean"]), ends, found.text(name, row["std"])))
    number = found.tables["cross_validate"]["fold"].nunique()
    return PageTable(
        f"Cross-validation in {number} folds, with 95% intervals by the corrected resampled t-test",
        {"score": "", "mean": "number", "95% interval": "number", "standard deviation": "number"},
        rows,
    )


def baselines(found: Findings) -> Section:
    rows = []
    for _, row in found.tables["baselines"].iterrows():
        name = row["score"]
        values = [found.text(name, row["value"]), found.text(name, row["model"])]
        change = [found.change(name, row[column]) for column in ("difference", "low", "high")]
        told = (*values, change[0], f"{change[1]} to {change[2]}", row["verdict"])
        rows.append((plain(row["baseline"]), found.label(name), *told))
    table = PageTable(
        f"Simple models on the same test {found.things}, and the network less each, with paired 95% intervals",
        {"simple model": "", "score": "", **dict.fromkeys(("its", "network's", "difference", "95% interval"), "number")}
        | {"the network is": ""},
        rows,
    )
    return Section(
        "baselines", "Baselines", [table], lead=of_baselines.verdict(found).text, note=of_baselines.rules(found)
    )


def corruptions(found: Findings) -> PageTable:
    clean, examples = found.clean
    score = found.main
    rows = [(plain(name), found.text(score.name, value)) for name, value in found.corruptions_from_the_worst()]
    mean = found.metrics["stress"][f"mean_corruption_{score.name}"]
    rows += [("all of them", found.text(score.name, mean)), ("none", found.text(score.name, clean))]
    label = score.label[:1].upper() + score.label[1:]
    caption = f"{label} on {examples:,} test {found.things}, mean over the severities"
    return PageTable(caption, {"corruption": "", score.label: "number"}, rows)


def between(found: Findings, score: str, ends: Sequence[float]) -> str:
    """An interval of a score, in a cell."""
    if found.is_share(score):
        return span(ends).replace("% to ", "–")
    low, high = (found.text(score, end) for end in ends)
    return f"{low}–{high}" if ends[0] >= 0 else f"{low} to {high}"
