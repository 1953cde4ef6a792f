"""results.json as results.md."""

from typing import Any


def markdown(parts: dict[str, Any]) -> str:
    lines = ["# Benchmarks", "", "Written by `make bench` from `results.json`; see `benchmarks/` for what is run.", ""]
    if any(part["quick"] for part in parts.values()):
        lines += ["**A quick check of the scripts on few examples: the numbers mean nothing.**", ""]
    machines = {machine_line(part["machine"]): None for part in parts.values()}
    lines += [*(f"- {machine}" for machine in machines), ""]
    lines += ["Times, memory and ratios: median (lowest to highest, number of runs)."]
    lines += ["Ratios are of runs that took turns; those beside the one-epoch recipe and scikit-learn's folds may lie"]
    lines += ["minutes apart. Accuracies and errors: mean ± standard deviation (number of seeds).", ""]
    goals = [goal for part in parts.values() for goal in part["goals"]]
    if goals:
        columns = ["goal", "wanted", "measured", "met"]
        rows = [[*(goal[column] for column in columns[:3]), "yes" if goal["met"] else "**no**"] for goal in goals]
        lines += ["## What we want to be", "", *table(columns, rows), ""]
    for part in parts.values():
        lines += [f"## {part['title']}", ""]
        for each in part["tables"]:
            caption = [f"### {each['caption']}", ""] if each["caption"] else []
            lines += [*caption, *table(each["columns"], each["rows"]), ""]
        lines += [*(f"- {note}" for note in part["notes"]), ""]
    return "\n".join(lines)


def machine_line(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"{machine['packages']}; commit {machine['commit']}"
    )


def table(columns: list[str], rows: list[list[Any]]) -> list[str]:
    """A Markdown table, text to the left and numbers to the right."""
    align = ["---" if isinstance(value, str) else "---:" for value in rows[0]]
    body = [[cell(value) for value in row] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (columns, align, *body)]


def cell(value: Any) -> str:
    """A value of results.json as a reader wants it: the spread in brackets."""
    if value is None:
        return "–"
    if not isinstance(value, dict):
        return f"{value:,}" if isinstance(value, int) else f"{value:.5g}" if isinstance(value, float) else value
    if "digits" in value:
        deviation = "" if value["std"] is None else f" ± {value['std']:.{value['digits']}f}"
        return f"{value['mean']:.{value['digits']}f}{deviation} ({value['n']})"
    if "mean" in value:
        deviation = "" if value["std"] is None else f" ± {100 * value['std']:.2f}"
        return f"{100 * value['mean']:.2f}{deviation}% ({value['n']})"
    if value["n"] == 1:
        return f"{value['median']:g} (1)"
    return f"{value['median']:g} ({value['low']:g} to {value['high']:g}, {value['n']})"
