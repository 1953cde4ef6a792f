"""results.json as results.md and growth.png."""

from typing import TYPE_CHECKING, Any

from stages.core.pictures.style import BLUE, GREY, VERMILLION, figure, title

if TYPE_CHECKING:  # it loads NumPy, before which `stages` must be imported
    from matplotlib.figure import Figure

Results = dict[str, Any]


def markdown(results: Results) -> str:
    parts = results["parts"]
    lines = ["# Benchmarks", "", "Written by `make bench` from `results.json`; see `benchmarks/` for what is run.", ""]
    if any(part["quick"] for part in parts.values()):
        lines += ["**A quick check of the scripts on few examples: the numbers mean nothing.**", ""]
    machines = {machine_line(part["machine"]): None for part in parts.values()}
    lines += [*(f"- {machine}" for machine in machines), ""]
    lines += ["Times, memory and ratios: median (lowest to highest, number of runs)."]
    lines += ["Ratios in (a), (b) and (e) are of runs that took turns; elsewhere the runs may lie minutes apart."]
    lines += ["Accuracies: mean ± standard deviation (number of seeds).", ""]
    goals = [goal for part in parts.values() for goal in part["goals"]]
    if goals:
        columns = ["goal", "wanted", "measured", "met"]
        rows = [[*(goal[column] for column in columns[:3]), "yes" if goal["met"] else "**no**"] for goal in goals]
        lines += ["## What we want to be", "", *table(columns, rows), ""]
    for name, part in parts.items():
        lines += [f"## ({name}) {part['title']}" if len(name) == 1 else f"## {part['title']}", ""]
        for each in part["tables"]:
            caption = [f"### {each['caption']}", ""] if each["caption"] else []
            lines += [*caption, *table(each["columns"], each["rows"]), ""]
        if name == "g":
            lines += ["![Time, memory and workers](growth.png)", ""]
        lines += [f"- {note}" for note in part["notes"]]
        lines += [""] * bool(part["notes"])
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
    if "mean" in value:
        deviation = "" if value["std"] is None else f" ± {100 * value['std']:.2f}"
        return f"{100 * value['mean']:.2f}{deviation}% ({value['n']})"
    if value["n"] == 1:
        return f"{value['median']:g} (1)"
    return f"{value['median']:g} ({value['low']:g} to {value['high']:g}, {value['n']})"


def growth(part: dict[str, Any]) -> "Figure":
    """Time and memory against the size of the data, and speed against the number of workers."""
    data, workers = ([dict(zip(each["columns"], row, strict=True)) for row in each["rows"]] for each in part["tables"])
    fig = figure(3.6, 11)
    time, memory, speed = fig.subplots(1, 3)
    sizes = [int(row[""].split()[0]) for row in data]
    for axes, column, name, note, unit in (
        (time, "time (s)", "Time", "seconds for one epoch, as a process", 1),
        (memory, "peak memory (MiB)", "Peak memory", "GiB of that process", 1024),
    ):
        measured = [{key: row[column][key] / unit for key in ("median", "low", "high")} for row in data]
        proportional = [measured[0]["median"] * size for size in sizes]
        axes.plot(sizes, proportional, color=GREY, linestyle=":", label="in proportion")
        draw(axes, sizes, measured, BLUE, "measured")
        title(axes, name, note)
        axes.set_xlabel("copies of the training data")
        axes.set_yscale("log", base=2)
    counts = [int(row[""].split()[0]) for row in workers]
    real = [row for row in workers if row["times faster than 1"]]
    bounds = [row["bound, times faster than 1"] for row in workers]
    speed.plot(counts, counts, color=GREY, linestyle=":", label="in proportion")
    draw(speed, counts, bounds, VERMILLION, "schedule bound")
    draw(speed, counts[: len(real)], [row["times faster than 1"] for row in real], BLUE, "measured")
    speed.set_yscale("log", base=2)
    title(speed, "Speed", "times faster than one worker")
    speed.set_xlabel("workers")
    for axes in (time, memory, speed):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xticks(counts if axes is speed else sizes)
        axes.legend(frameon=False, loc="lower right" if axes is speed else "upper left")  # where no line runs
    return fig


def draw(axes: Any, x: list[int], spreads: list[dict[str, Any]], colour: str, label: str) -> None:
    """Medians as a line, from the lowest to the highest value as bars."""
    medians = [value["median"] for value in spreads]
    bars = [
        [value["median"] - value["low"] for value in spreads],
        [value["high"] - value["median"] for value in spreads],
    ]
    axes.errorbar(x, medians, yerr=bars, color=colour, marker="o", markersize=4, capsize=3, label=label)
