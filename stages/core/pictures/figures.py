"""The pictures: each function takes a tracked table or array and returns a figure. Call and save in `house_style`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from stages.core.pictures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    TRAIN,
    VALIDATION,
    VERMILLION,
    accuracy_scale,
    figure,
    heading,
    loss_scale,
    percent,
    title,
)
from stages.core.scores.classification import Mistake
from stages.core.scores.curves import Curve, height

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PARTS = {"train": TRAIN, "validation": VALIDATION}
_QUANTITIES: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
_CLASS_SCORES = {
    "precision": ("Precision", "bar: predicted so, but wrong"),
    "recall": ("Recall", "bar: of the class, but missed"),
    "f1": ("F1", "bar: what is left to 100%"),
}
_HIGHLIGHTS = (VERMILLION, BLUE, GREEN, PURPLE)  # for the classes a reader should look at: the worst ones
_LISTED = 18  # classes beside a curve plot, at most
_ERROR_AXES = "Axes are logarithmic in the errors: false positives, and positives missed."
_GALLERY_COLUMNS = 5
_NAME = 16  # characters of a class name where there is little room


def training(table: pd.DataFrame, best_epoch: int) -> Figure:
    """Loss and accuracy by epoch, training against validation where there is one, and the epoch that was chosen."""
    fig = figure(3.8)
    for axes, quantity in zip(fig.subplots(1, 2), _QUANTITIES, strict=True):
        lines = {part: _numbers(table[f"{part}_{quantity}"]) for part in _PARTS}
        _epochs(axes, table["epoch"], quantity, np.concatenate(list(lines.values())))
        for part, colour in _PARTS.items():
            axes.plot(table["epoch"], lines[part], color=colour, marker="o", markersize=3)
        _label_ends(axes, {part: (table["epoch"].iloc[-1], values[-1]) for part, values in lines.items()})
        _mark_epoch(axes, best_epoch, table["epoch"].iloc[-1], at_top=quantity == "loss")
    return fig


def cross_validate(table: pd.DataFrame) -> Figure:
    """Loss and accuracy by epoch: every fold thin; as long as all folds train, their range a band, their mean bold.

    Of a single epoch there are no lines: every fold is a dot, training beside validation, their mean a dash.
    """
    fig = figure(3.8)
    folds = [rows for _, rows in table.groupby("fold", sort=False)]
    shared = min(folds, key=len)["epoch"].to_numpy()
    single = table["epoch"].max() == 1
    aside = dict(zip(_PARTS, (-0.15, 0.15) if single else (0, 0), strict=True))
    dots: dict[str, Any] = {"marker": "o", "markersize": 4} if single else {}
    for axes, quantity in zip(fig.subplots(1, 2), _QUANTITIES, strict=True):
        columns = {part: f"{part}_{quantity}" for part in _PARTS}
        _epochs(axes, table["epoch"], quantity, table[list(columns.values())].to_numpy(np.float64))
        ends = {}
        for part, column in columns.items():
            for fold in folds:
                axes.plot(
                    fold["epoch"] + aside[part], fold[column], color=_PARTS[part], linewidth=0.7, alpha=0.6, **dots
                )
            together = np.array([fold[column].to_numpy()[: len(shared)] for fold in folds])
            ends[part] = _band(axes, shared + aside[part], together, _PARTS[part])
        _label_ends(axes, ends)
    how = "as dots, their mean a dash" if single else "thin, their range shaded, their mean bold"
    heading(fig, f"Cross-validation: {len(folds)} folds {how}")
    return fig


def learning_curve(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of training examples: every fold thin, their range a band, their mean bold."""
    fig = figure(4.2)
    axes = fig.subplots()
    columns = {part: f"{part}_accuracy" for part in _PARTS}
    _epochs(axes, table["examples"], "accuracy", table[list(columns.values())].to_numpy(np.float64))
    axes.set_xlabel("training examples")
    folds = [rows for _, rows in table.groupby("fold", sort=False)]
    examples = np.array([fold["examples"] for fold in folds]).mean(axis=0)
    ends = {}
    for part, column in columns.items():
        for fold in folds:
            axes.plot(fold["examples"], fold[column], color=_PARTS[part], linewidth=0.7, alpha=0.6)
        ends[part] = _band(axes, examples, np.array([fold[column] for fold in folds]), _PARTS[part])
    _label_ends(axes, ends)
    heading(fig, "Learning curve: accuracy of the folds by the number of training examples")
    return fig


def confusion(counts: Integers, classes: Sequence[str]) -> Figure:
    """Confusion counts (C, C) with each row's shares; hits and mistakes in colours and on scales of their own."""
    number = len(classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    hit = np.eye(number, dtype=bool)
    worst = float(shares[~hit].max(initial=0))
    cell = 6.4 / number  # inches, about

    fig = figure(7.2)
    axes = fig.subplots()
    for cells, colours, most in ((hit, "Blues", 1.3), (~hit, "Oranges", 1.6 * worst)):
        axes.imshow(np.where(cells & (counts > 0), shares, np.nan), cmap=colours, vmin=0, vmax=most, aspect="auto")
    if cell >= 0.25:
        for row, column in np.argwhere(counts):
            share = f"\n{100 * shares[row, column]:.1f}%" if cell >= 0.5 else ""
            on_dark = row == column and shares[row, column] > 0.6
            axes.text(
                column, row, f"{counts[row, column]}{share}", ha="center", va="center", fontsize=min(9, 22 * cell),
                linespacing=1.3, color="white" if on_dark else INK,
            )  # fmt: skip
    _label_cells(axes, classes, cell)

    right, total = int(np.trace(counts)), int(counts.sum())
    darkest = f", darkest at {percent(worst, 1)} of a row" if worst else ""
    note = f"Percentages are of the row. Blue: right. Orange: wrong{darkest}."
    title(axes, f"Confusion: {right:,} of {total:,} right, {percent(right / total, 2)}", note)
    return fig


def classes(table: pd.DataFrame) -> Figure:
    """Bars of what each class lacks in precision, recall and F1; `table` is plots/classes.csv.

    A bar from 0 to 99.3% looks like one to 99.9%; that of the missing 0.7% is seven times as long.
    """
    names = [_short(str(name)) for name in table["class"]]
    lacking = {score: 1 - _numbers(table[score]) for score in _CLASS_SCORES}
    longest = max(float(values.max()) for values in lacking.values()) or 1.0
    row = max(0.14, min(0.28, 12 / len(names)))  # inches
    size = min(9.0, 50 * row)

    fig = figure(1.5 + row * len(names))
    heading(fig, "What each class lacks to 100%; the worst in orange")
    for axes, (score, values) in zip(fig.subplots(1, 3, sharey=True), lacking.items(), strict=True):
        worst = int(values.argmax())
        colours = [VERMILLION if place == worst and values[worst] > 0 else BLUE for place in range(len(names))]
        axes.barh(range(len(names)), values, color=colours, height=0.7)
        for place, value in enumerate(values):
            axes.annotate(
                f"{100 * (1 - value):.1f}%", (value, place), (3, 0), textcoords="offset points", va="center",
                fontsize=size,
            )  # fmt: skip
        axes.set(xlim=(0, 1.3 * longest), ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(range(len(names)), names, fontsize=size)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params("y", length=0)
        axes.grid(False)
        title(axes, *_CLASS_SCORES[score])
    return fig


def calibration(table: pd.DataFrame) -> Figure:
    """Reliability diagram: accuracy by confidence with 95% intervals, and under it how many examples each bin has.

    `table` is plots/calibration.csv.
    """
    filled = table[table["examples"] > 0]
    examples, middle = _numbers(filled["examples"]), _numbers(filled["confidence"])
    accuracy = _numbers(filled["accuracy"])
    ends = np.array([accuracy - _numbers(filled["accuracy_low"]), _numbers(filled["accuracy_high"]) - accuracy])
    confident, right = (float(np.average(values, weights=examples)) for values in (middle, accuracy))

    fig = figure(5.6)
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    above.annotate(
        "as confident as right", (0.1, 0.1), (8, 0), textcoords="offset points", color=GREY, fontsize=9, va="top"
    )
    above.errorbar(
        middle, accuracy, yerr=np.maximum(ends, 0), color=BLUE, ecolor=BLUE, elinewidth=1.2, fmt="o", clip_on=False
    )
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.03))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    title(
        above,
        f"Reliability: {percent(confident, 2)} confident on average, {percent(right, 2)} right",
        "Above the dotted line it is right more often than it says, below it less. Upright lines: 95% intervals.",
    )

    starts, stops = _numbers(filled["confidence_from"]), _numbers(filled["confidence_to"])
    below.bar(starts, examples, width=0.94 * (stops - starts), align="edge", color=BLUE)
    for start, stop, number in zip(starts, stops, examples, strict=True):
        below.annotate(
            f"{number:,.0f}", ((start + stop) / 2, number), (0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    below.set(xlabel="confidence: probability of the predicted class", ylim=(0, 1.2 * examples.max()))
    below.yaxis.set_visible(False)
    below.spines["left"].set_visible(False)
    below.grid(False)
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    title(below, "Test examples in each bin")
    return fig


def roc(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """ROC curves, with the false positive rate on a logarithmic axis: a good classifier lives in its first percent.

    `table` is plots/roc.csv, `scores` plots/classes.csv.
    """
    found = _curves(table, "false_positive_rate", "true_positive_rate")
    least = 10.0 ** np.floor(-np.log10(scores["support"].sum()))  # no false positive rate but 0 lies below this
    grid = np.geomspace(least, 1, 1000)  # a straight line in the table is none on this axis
    lines = {name: Curve(grid, height(curve, grid)) for name, curve in found.items()}

    fig, axes = _curve_plot(lines, scores, "roc_auc", "AUC")
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    accuracy_scale(axes, "y", _lowest(lines), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    title(axes, "ROC, one class against the rest", _ERROR_AXES)
    return fig


def precision_recall(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Precision-recall curves; `table` is plots/precision_recall.csv, `scores` plots/classes.csv."""
    found = _curves(table, "recall", "precision")
    fig, axes = _curve_plot(found, scores, "average_precision", "AP")
    accuracy_scale(axes, "x", 0, 1, finest=1 / scores["support"].max())
    accuracy_scale(axes, "y", _lowest(found), 1, finest=1 / scores["support"].max())
    axes.set(xlabel="recall", ylabel="precision")
    title(axes, "Precision and recall, one class against the rest", _ERROR_AXES)
    return fig


def mistakes(worst: Sequence[Mistake], images: NDArray[np.uint8], classes: Sequence[str], total: int) -> Figure:
    """A gallery of the `worst` mistakes, of `total` made on the test set `images`, uint8 (N, C, H, W)."""
    rows = -(-len(worst) // _GALLERY_COLUMNS)
    fig = figure(0.5 + 2.05 * rows if worst else 1.2)
    if not worst:
        heading(fig, f"No mistakes on {len(images):,} test images")
        return fig
    heading(fig, f"The {len(worst)} most confident of {total:,} mistakes on {len(images):,} test images")
    for axes in fig.subplots(rows, _GALLERY_COLUMNS, squeeze=False).flat:
        axes.set_axis_off()
    for axes, mistake in zip(fig.axes, worst, strict=False):
        axes.imshow(_displayable(images[mistake.index]), cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(f"true: {_short(classes[mistake.actual])}", fontsize=9, loc="center", color=BLUE, pad=3)
        said = f"predicted: {_short(classes[mistake.predicted])}\n{100 * mistake.probability:.1f}%"
        axes.text(0.5, -0.03, said, color=VERMILLION, fontsize=9, ha="center", va="top", transform=axes.transAxes)
    return fig


def _numbers(column: pd.Series) -> Floats:
    """A column's values; NaN where the cell is empty, as validation's are where there is no validation part."""
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64)


def _band(axes: Axes, x: Floats, values: Floats, colour: str) -> tuple[float, float]:
    """The range of the folds' `values` (K, N) at `x` (N,) shaded, their mean bold; where the mean ends."""
    mean = values.mean(axis=0)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.13, linewidth=0)
    if len(x) == 1:
        axes.hlines(mean, x - 0.05, x + 0.05, color=colour, linewidth=2.4)
        return float(x[0]) + 0.05, float(mean[0])
    axes.plot(x, mean, color=colour, linewidth=2.4, marker="o", markersize=3)
    return float(x[-1]), float(mean[-1])


def _epochs(axes: Axes, epochs: pd.Series, quantity: Literal["loss", "accuracy"], values: Floats) -> None:
    """Axes for curves over epochs: the loss logarithmic where it spans much, the accuracy by its error."""
    low, high = np.nanmin(values), np.nanmax(values)
    if quantity == "loss":
        title(axes, "Loss", "cross-entropy" + (", logarithmic" if loss_scale(axes, low, high) else ""))
    else:
        title(axes, "Accuracy", "logarithmic in the error" if accuracy_scale(axes, "y", low, high) else " ")
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _label_ends(axes: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Write each part's name at the end (x, y) of its line: the upper line's above it, the lower one's below."""
    drawn = sorted((y, x, part) for part, (x, y) in ends.items() if np.isfinite(y))
    for (y, x, part), side in zip(drawn, ("top", "bottom"), strict=False):
        axes.annotate(part, (x, y), (6, 0), textcoords="offset points", color=_PARTS[part], va=side)


def _mark_epoch(axes: Axes, epoch: int, last: int, at_top: bool) -> None:
    axes.axvline(epoch, color=GREY, linewidth=1, linestyle=":", zorder=1)
    on_left = epoch > last / 2
    axes.annotate(
        f"epoch {epoch} chosen",
        (epoch, int(at_top)),
        (-4 if on_left else 4, -3 if at_top else 3),
        ("data", "axes fraction"),
        "offset points",
        color=GREY,
        fontsize=9,
        ha="right" if on_left else "left",
        va="top" if at_top else "bottom",
    )


def _label_cells(axes: Axes, classes: Sequence[str], cell: float) -> None:
    """Class names along both axes of a matrix whose cells are `cell` inches wide, and lines between the cells."""
    size = min(10.0, 40 * cell)
    axes.set_xticks(range(len(classes)), classes, fontsize=size)
    axes.set_yticks(range(len(classes)), classes, fontsize=size)
    if max(map(len, classes)) * size * 0.6 > 72 * cell:
        axes.tick_params("x", rotation=40, rotation_mode="xtick")
    axes.set(xlabel="predicted", ylabel="actual")
    between = np.arange(len(classes) + 1) - 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(False)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _curves(table: pd.DataFrame, x: str, y: str) -> dict[str, Curve]:
    """The curves of a table, by class, in its order; the last is the macro average."""
    return {
        str(name): Curve(rows[x].to_numpy(np.float64), rows[y].to_numpy(np.float64))
        for name, rows in table.groupby("class", sort=False)
    }


def _curve_plot(lines: Mapping[str, Curve], scores: pd.DataFrame, area: str, area_name: str) -> tuple[Figure, Axes]:
    """Curves beside a list of the areas under them: the macro average in black, the worst classes in colour."""
    areas = dict(zip(scores["class"].astype(str), _numbers(scores[area]), strict=True))
    ranked = sorted((name for name in areas if np.isfinite(areas[name])), key=lambda name: areas[name])
    macro = list(lines)[-1]
    colours = dict(zip(ranked, _HIGHLIGHTS, strict=False))

    fig = figure(5.2)
    axes, listing = fig.subplots(1, 2, width_ratios=[3.6, 1])
    for name, line in lines.items():
        if name == macro:
            axes.plot(*line, color=INK, linewidth=2.4, zorder=4)
        else:
            axes.plot(*line, color=colours.get(name, PALE), linewidth=1.4, zorder=3 if name in colours else 2)

    listing.set_axis_off()
    listing.set(xlim=(0, 1), ylim=(_LISTED + 2, 0))
    entries = [(macro, np.mean([areas[name] for name in ranked]), INK)]
    entries += [(name, areas[name], colours.get(name, GREY)) for name in ranked]
    listing.text(1, 0, area_name, color=GREY, ha="right", fontsize=9)
    for row, (name, value, colour) in enumerate(entries[: _LISTED + 1], start=1):
        weight = "bold" if colour != GREY else "normal"
        listing.text(0, row, _short(name), color=colour, fontsize=9, fontweight=weight)
        listing.text(1, row, f"{value:.5f}", color=colour, fontsize=9, ha="right")
    if len(entries) > _LISTED + 1:
        listing.text(0, _LISTED + 2, f"and {len(entries) - _LISTED - 1} more", color=GREY, fontsize=9)
    return fig, axes


def _lowest(lines: Mapping[str, Curve]) -> float:
    """Where the y axis of a curve plot starts: it is no close-up of perfect curves."""
    return min(0.9, *(float(line.y.min()) for line in lines.values()))


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1].rstrip() + "…"


def _displayable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (C, H, W) as Matplotlib shows it: colour where there are three channels, else the first one alone."""
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]


def stress(table: pd.DataFrame) -> Figure:
    """Accuracy by severity, a line a corruption, the worst in colour; `table` is plots/stress.csv."""
    lines = table.pivot_table(index="severity", columns="corruption", values="accuracy", sort=False).sort_index()
    means = lines[lines.index > 0].mean()
    colours = dict(zip(means.sort_values(kind="stable").index, _HIGHLIGHTS, strict=False))
    last = lines.index[-1]

    fig = figure(5.0)
    axes, listing = fig.subplots(1, 2, sharey=True, width_ratios=[2.5, 1])
    for name, accuracies in lines.items():
        width, order = (1.8, 3) if name in colours else (1.4, 2)
        axes.plot(accuracies, color=colours.get(name, PALE), linewidth=width, marker="o", markersize=3, zorder=order)
    axes.plot(lines.mean(axis=1), color=INK, linewidth=2.4, zorder=4)
    axes.set(xlabel="severity", xlim=(0, last + 0.05), ylim=(0, 1.03), yticks=np.linspace(0, 1, 6))
    axes.set_xticks(lines.index, ["clean", *map(str, lines.index[1:])])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))

    listing.set_axis_off()
    listing.set(xlim=(0, 1))
    listing.text(1, 1.05, "mean of 1 to 5", color=GREY, fontsize=9, ha="right")
    ends = [(lines.iloc[-1].mean(), "all", means.mean(), INK)]
    ends += [(line.iloc[-1], str(name), means[str(name)], colours.get(name, GREY)) for name, line in lines.items()]
    ends.sort()
    places = _apart([float(value) for value, *_ in ends], gap=0.055, top=1)
    for place, (value, name, mean, colour) in zip(places, ends, strict=True):
        weight = "normal" if colour == GREY else "bold"
        listing.plot([0, 0.1], [value, place], color=colour, linewidth=0.7)
        listing.text(0.13, place, _short(name.replace("_", " ")), color=colour, fontsize=9, va="center", weight=weight)
        listing.text(1, place, percent(mean, 1), color=colour, fontsize=9, va="center", ha="right", weight=weight)
    title(
        axes,
        f"Accuracy on corrupted images: {percent(means.mean(), 1)} on average",
        f"A line is a corruption: the worst {len(colours)} in colour, the mean of all in black.",
    )
    return fig


def lr_range(table: pd.DataFrame, suggested: float) -> Figure:
    """Loss by learning rate, step by step and smoothed, and the suggested rate; `table` is plots/lr_range.csv."""
    rates, smoothed = table["learning_rate"], table["smoothed_loss"]
    fall = max(smoothed.iloc[0] - smoothed.min(), 0.1 * smoothed.min())

    fig = figure(4.0)
    axes = fig.subplots()
    axes.plot(rates, table["loss"], color=PALE, linewidth=1)
    axes.plot(rates, smoothed, color=BLUE)
    axes.axvline(suggested, color=VERMILLION, linewidth=1.2, linestyle=":", zorder=1)
    axes.annotate(
        f"{suggested:g} suggested", (suggested, 1), (5, -5), ("data", "axes fraction"), "offset points",
        color=VERMILLION, fontsize=9, va="top",
    )  # fmt: skip
    axes.set(xlabel="learning rate", xscale="log", xlim=(rates.min(), rates.max()))
    axes.set_ylim(smoothed.min() - 0.25 * fall, smoothed.iloc[0] + 0.25 * fall)  # where it explodes it leaves
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    title(
        axes,
        "Learning-rate range test: loss while the rate grows",
        "Pale: each step's. Blue: smoothed. The suggested rate has nine tenths of the fall behind it.",
    )
    return fig


def _apart(values: Sequence[float], gap: float, top: float) -> list[float]:
    """Places for labels of ascending `values`: near them, `gap` or more apart, none above `top`."""
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + gap) if places else value)
    for index in reversed(range(len(places))):
        places[index] = min(places[index], top)
        top = places[index] - gap
    return places
