"""The score by severity, a line a corruption, the worst in colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stages.core.config.sections import PlotConfig
from stages.core.pictures.axes import HIGHLIGHTS, score_label, shortened
from stages.core.pictures.findings import Findings
from stages.core.pictures.picture import Picture
from stages.core.pictures.style import GREY, INK, PALE, figure, short_percent, title
from stages.core.pictures.wording import plain, ticked


def draw(found: Findings, config: PlotConfig) -> Figure:
    table = found.tables["stress"]
    lines = table.pivot_table(index="severity", columns="corruption", values="score", sort=False).sort_index()
    means = pd.Series(dict(found.corruptions()))
    colours: dict[Any, str] = dict(zip(dict(found.corruptions_from_the_worst()), HIGHLIGHTS, strict=False))
    last = lines.index[-1]
    score = found.main
    top = 1.0 if score.share else float(lines.to_numpy(np.float64).max()) or 1.0

    fig = figure(5.0)
    room = 1.0 if max(map(len, means.index)) <= 16 else 1.4  # for names and means
    axes, listing = fig.subplots(1, 2, sharey=True, width_ratios=[2.5, room])
    for name, scores in lines.items():
        width, order = (1.8, 3) if name in colours else (1.4, 2)
        axes.plot(scores, color=colours.get(name, PALE), linewidth=width, marker="o", markersize=3, zorder=order)
    axes.plot(lines.mean(axis=1), color=INK, linewidth=2.4, zorder=4)
    axes.set(xlabel="severity", xlim=(0, last + 0.05), ylim=(0, 1.03 * top))
    axes.set_xticks(lines.index, ["clean", *map(str, lines.index[1:])])
    if score.share:
        axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(FuncFormatter((lambda value, _: short_percent(value)) if score.share else ticked))

    listing.set_axis_off()
    listing.set(xlim=(0, 1))
    listing.text(1, 1.05 * top, f"mean of 1 to {last}", color=GREY, fontsize=9, ha="right")
    ends = [(lines.iloc[-1].mean(), "all", means.mean(), INK)]
    ends += [(line.iloc[-1], str(name), means[str(name)], colours.get(name, GREY)) for name, line in lines.items()]
    ends.sort()
    places = _apart([float(value) for value, *_ in ends], gap=0.055 * top, top=top)
    for place, (value, name, mean, colour) in zip(places, ends, strict=True):
        weight = "normal" if colour == GREY else "bold"
        listing.plot([0, 0.1], [value, place], color=colour, linewidth=0.7)
        listing.text(0.13, place, shortened(plain(name), 20), color=colour, fontsize=9, va="center", weight=weight)
        listing.text(1, place, _short(found, mean), color=colour, fontsize=9, va="center", ha="right", weight=weight)
    title(
        axes,
        f"{score_label(found, score.name)} on corrupted {found.things}: {_short(found, means.mean())} on average",
        f"A line is a corruption: the worst {len(colours)} in colour, the mean of all in black.",
    )
    return fig


def describe(found: Findings) -> str:
    score = found.main.name
    under = ", ".join(f"{plain(name)} {found.text(score, mean, 1)}" for name, mean in found.corruptions())
    return (
        f"{score_label(found, score)} against severity, a line for each corruption. "
        f"Clean {found.things}: {found.text(score, found.clean[0], 1)}. Means over the severities: {under}."
    )


def _short(found: Findings, value: float) -> str:
    return short_percent(value, 1) if found.main.share else found.text(found.main.name, value)


def _apart(values: Sequence[float], gap: float, top: float) -> list[float]:
    """Places for labels of ascending `values`: near them, `gap` or more apart, none above `top`."""
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + gap) if places else value)
    for index in reversed(range(len(places))):
        places[index] = min(places[index], top)
        top = places[index] - gap
    return places


def caption(found: Findings) -> str:
    done = {
        "image": "are shifted, turned, noisy, blurred or partly hidden",
        "table": "have imprecise numbers, missing cells or wrong categories",
    }
    return f"{score_label(found, found.main.name)} on test {found.things} that {done[found.data.kind]}."


PICTURE = Picture("robustness", 10, caption, draw, describe)
