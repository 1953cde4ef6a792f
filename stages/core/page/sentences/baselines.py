"""Whether the network is worth it beside simple models."""

from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import plain

QUESTION = "Is the network worth it?"
RULE = (
    "It is worth it when it is better than the best of the simple models, with 99% confidence in the paired difference."
)


def verdict(found: Findings) -> Answer:
    """The network against the simple model that has the best main score, the first of equals."""
    score = found.main
    table = found.tables["baselines"]
    rows = table[table["score"] == score.name]
    values = rows["value"].to_numpy()
    best = rows.iloc[int(values.argmax() if score.greater_is_better else values.argmin())]
    name = f"{plain(best['baseline'])}, the best of the simple models"
    change, low, high = (found.change(score.name, best[column]) for column in ("difference", "low", "high"))
    points = " points" if score.share else ""
    told = (
        f"an {score.label}" if score.label[0] in "aeiouRM" else f"a {score.label}"
    ) + f" of {found.text(score.name, best['value'])}, the network {found.text(score.name, best['model'])}"
    by = f"a difference of {change}{points} (95% interval {low} to {high})"
    if best["verdict"] == "better":
        return Answer(QUESTION, "Yes", f"The network is worth it: {name}, has {told}, {by}.")
    if best["verdict"] == "worse":
        return Answer(QUESTION, "No", f"The network is not worth it: {name}, does better. It has {told}, {by}.")
    return Answer(
        QUESTION,
        "No better",
        f"The network is not worth it: on these test {found.things} it cannot be told from {name}, which has {told}, "
        f"{by}.",
    )
