"""A comparison in words and numbers: as text for a terminal, as Markdown for a pull request, as plain data for JSON."""

from typing import Any

from stages.core.scores.bootstrap import CONFIDENCE
from stages.core.scores.classification import SCORES
from stages.core.scores.comparison import SIGNIFICANCE, Comparison, Difference

_RULE = f"A verdict takes {1 - SIGNIFICANCE:.0%} confidence (p < {SIGNIFICANCE}); the intervals have {CONFIDENCE:.0%}."


def sentence(found: Comparison, a: str, b: str) -> str:
    """The verdict on the models called `a` and `b`."""
    if found.identical:
        return f"{b} makes the same predictions as {a}."
    first, *others = found.differences
    told = f"McNemar's exact p {_p(found.p_value)}"
    if found.verdict == "indistinguishable":
        text = f"{b} is indistinguishable from {a}: {told} for the difference in accuracy."
    else:
        low, high = first.interval
        text = (
            f"{b} is {found.verdict} than {a}: accuracy {100 * first.difference:+.2f} points "
            f"(95% interval {100 * low:+.2f} to {100 * high:+.2f}, {told})."
        )
    apart = [other for other in others if other.verdict not in {found.verdict, "indistinguishable"}]
    notable = [f"its {SCORES[other.score].label} is {other.verdict}" for other in apart]
    return text + (f" But {' and '.join(notable)}." if notable else "")


def as_text(found: Comparison, a: str, b: str) -> str:
    rows = [("", "A", "B", "B - A", "95% interval", "B is"), *(_row(difference) for difference in found.differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    heading = f"A: {a}\nB: {b}\n{found.examples:,} test examples; {_alone(found)}\n"
    return "\n".join([heading, *lines, "", _RULE, "", sentence(found, a, b)]) + "\n"


def as_markdown(found: Comparison, a: str, b: str) -> str:
    rows = [("", f"`{a}`", f"`{b}`", "difference", "95% interval", "verdict"), ("---", *["---:"] * 4, "---")]
    rows += [_row(difference) for difference in found.differences]
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in rows]  # a branch may be called a|b
    table = "\n".join(f"| {' | '.join(row)} |" for row in escaped)
    alone = _alone(found).replace("A alone", f"`{a}` alone").replace("B alone", f"`{b}` alone")
    return (
        f"**{sentence(found, f'`{a}`', f'`{b}`')}**\n\n{table}\n\n{found.examples:,} test examples; {alone}. {_RULE}\n"
    )


def as_data(found: Comparison, a: str, b: str) -> dict[str, Any]:
    """What `--json` prints; numbers rounded to 6 decimals."""
    return {
        "a": a,
        "b": b,
        "examples": found.examples,
        "verdict": found.verdict,
        "sentence": sentence(found, a, b),
        "identical": found.identical,
        "mcnemar": {"only_a_right": found.only_a_right, "only_b_right": found.only_b_right, "p": _round(found.p_value)},
        "scores": [
            {
                "score": difference.score,
                "a": _round(difference.a),
                "b": _round(difference.b),
                "difference": _round(difference.difference),
                "ci95": [_round(end) for end in difference.interval],
                "verdict": difference.verdict,
            }
            for difference in found.differences
        ],
    }


def _row(difference: Difference) -> tuple[str, ...]:
    low, high = difference.interval
    return (
        SCORES[difference.score].label,
        f"{difference.a:.4f}",
        f"{difference.b:.4f}",
        f"{difference.difference:+.4f}",
        f"{low:+.4f} to {high:+.4f}",
        difference.verdict,
    )


def _alone(found: Comparison) -> str:
    return f"right in A alone: {found.only_a_right:,}, in B alone: {found.only_b_right:,}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _round(value: float) -> float:
    return round(value, 6)
