"""Whether the network is worth it beside simple models."""

from stages.core.page.sentences.answer import Answer
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import plain
from stages.core.scores.simple_models import learned_from

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
    name = plain(best["baseline"])
    value, own = (found.text(score.name, best[column]) for column in ("value", "model"))
    change, low, high = (found.change(score.name, best[column]) for column in ("difference", "low", "high"))
    points = " points" if score.share else ""
    told = (
        f"The network's {score.label} is {own}, that of {name} {value}: a difference of {change}{points} (95% interval "
        f"{low} to {high})."
    )
    beside = f"{name}, the best of the simple models"
    if best["verdict"] == "better":
        return Answer(QUESTION, "Yes", f"The network is worth it: it does better than {beside}. {told}")
    if best["verdict"] == "worse":
        return Answer(QUESTION, "No", f"The network is not worth it: {beside}, does better. {told}")
    here = f"On these {found.examples:,} test {found.things} the network is not shown to be better than {beside}"
    return Answer(QUESTION, "Not shown", f"{here}: that takes 99% confidence. {told}")


def rules(found: Findings) -> str:
    """When the network is worth it; which simple models are left out, and which learned from a part alone."""
    examples = found.metrics["prepare"]["train"]["examples"]
    told = [RULE]
    for name, taken in learned_from(found.data, examples).items():
        model = plain(name).capitalize()
        if not taken:
            told.append(f"{model}: left out, since on so many columns or classes it would take minutes.")
        elif taken < examples:
            told.append(f"{model}: learned from {taken:,} of the {examples:,} training {found.things}, for the time.")
    return " ".join(told)
