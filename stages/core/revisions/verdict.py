"""A comparison in words and numbers: as text for a terminal, as Markdown for a pull request, as plain data for JSON."""

import math
from typing import Any

from stages.core.scores.bootstrap import CONFIDENCE
from stages.core.scores.comparison import SIGNIFICANCE, Comparison, Difference, Discordant
from stages.core.scores.score import Score
from stages.core.scores.tasks import SCORES

_SURE = f"{1 - SIGNIFICANCE:.0%} confidence"
_BY_TEST = f"A verdict takes {_SURE} (p < {SIGNIFICANCE}); the intervals have {CONFIDENCE:.0%}."
_BY_INTERVAL = f"A verdict takes {_SURE}; the intervals have {CONFIDENCE:.0%}."


def sentence(found: Comparison, a: str, b: str) -> str:
    """The verdict on the models called `a` and `b`."""
    if found.identical:
        return f"{b} makes the same predictions as {a}."
    scores = SCORES[found.task]
    first, *others = found.differences
    main = scores[first.score]
    tested = f"McNemar's exact p {_p(found.discordant.p_value)}" if found.discordant else ""
    gain = _gain(first, main, f", {tested}" if tested else "")
    if found.verdict != "indistinguishable":
        text = f"{b} is {found.verdict} than {a}: {gain}."
    elif tested:
        text = f"{b} is indistinguishable from {a}: {tested} for the difference in {main.label}."
    else:
        text = f"{b} is indistinguishable from {a} at {_SURE}: {gain}."
    apart = [other for other in others if other.verdict not in {found.verdict, "indistinguishable"}]
    notable = [f"its {scores[other.score].label} is {other.verdict}" for other in apart]
    return text + (f" But {' and '.join(notable)}." if notable else "")


def as_text(found: Comparison, a: str, b: str) -> str:
    rows = [("", "A", "B", "B - A", "95% interval", "B is"), *_rows(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    heading = f"A: {a}\nB: {b}\n{_examples(found, 'A', 'B')}\n"
    return "\n".join([heading, *lines, "", _rule(found), "", sentence(found, a, b)]) + "\n"


def as_markdown(found: Comparison, a: str, b: str) -> str:
    rows = [("", f"`{a}`", f"`{b}`", "difference", "95% interval", "verdict"), ("---", *["---:"] * 4, "---")]
    rows += _rows(found)
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in rows]  # a branch may be called a|b
    table = "\n".join(f"| {' | '.join(row)} |" for row in escaped)
    told = f"{_examples(found, f'`{a}`', f'`{b}`')}. {_rule(found)}"
    return f"**{sentence(found, f'`{a}`', f'`{b}`')}**\n\n{table}\n\n{told}\n"


def as_data(found: Comparison, a: str, b: str) -> dict[str, Any]:
    """What `--json` prints; numbers rounded to 6 decimals, those in the target's unit to 6 significant digits."""
    scores = SCORES[found.task]
    return {
        "a": a,
        "b": b,
        "examples": found.examples,
        **({} if found.groups is None else {"groups": found.groups}),
        "verdict": found.verdict,
        "sentence": sentence(found, a, b),
        "identical": found.identical,
        **({"mcnemar": _mcnemar(found.discordant)} if found.discordant else {}),
        "scores": [
            {
                "score": difference.score,
                "a": scores[difference.score].rounded(difference.a),
                "b": scores[difference.score].rounded(difference.b),
                "difference": scores[difference.score].rounded(difference.difference),
                "ci95": [scores[difference.score].rounded(end) for end in difference.interval],
                "verdict": difference.verdict,
            }
            for difference in found.differences
        ],
    }


def _mcnemar(found: Discordant) -> dict[str, Any]:
    return {"only_a_right": found.only_a_right, "only_b_right": found.only_b_right, "p": round(found.p_value, 6)}


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    return [_row(difference, SCORES[found.task][difference.score]) for difference in found.differences]


def _row(difference: Difference, score: Score) -> tuple[str, ...]:
    low, high = difference.interval
    places = _decimals(difference, score)
    return (
        score.label,
        f"{difference.a:,.{places}f}",
        f"{difference.b:,.{places}f}",
        f"{difference.difference:+,.{places}f}",
        f"{low:+,.{places}f} to {high:+,.{places}f}",
        difference.verdict,
    )


def _gain(difference: Difference, score: Score, told: str) -> str:
    """The difference with its interval, a share's in points; what is `told` besides stands in the brackets."""
    times, unit, places = (100, " points", 2) if score.share else (1, "", _decimals(difference, score))
    gained, low, high = (f"{times * value:+,.{places}f}" for value in (difference.difference, *difference.interval))
    return f"{score.label} {gained}{unit} ({CONFIDENCE:.0%} interval {low} to {high}{told})"


def _decimals(difference: Difference, score: Score) -> int:
    """Four decimals, or in the target's unit as many as show five digits of the larger score."""
    larger = max(abs(difference.a), abs(difference.b))
    if not score.in_unit or larger == 0:
        return 4
    return max(0, 4 - math.floor(math.log10(larger)))


def _examples(found: Comparison, a: str, b: str) -> str:
    groups = "" if found.groups is None else f" in {found.groups:,} groups"
    alone = found.discordant
    right = f"; right in {a} alone: {alone.only_a_right:,}, in {b} alone: {alone.only_b_right:,}" if alone else ""
    return f"{found.examples:,} test examples{groups}{right}"


def _rule(found: Comparison) -> str:
    return _BY_TEST if found.discordant else _BY_INTERVAL


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
