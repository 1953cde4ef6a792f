"""The report: one page that says how good the model is, how sure that is, where it fails, and how it was made.

It holds all it shows, pictures included, asks for nothing from outside, and is the same bytes for the same findings.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from stages.core.base.artifacts import check_png
from stages.core.page import sentences
from stages.core.page.graph import drawing
from stages.core.page.pipeline import STAGES
from stages.core.page.rendering import STYLE, rendered
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import SECTIONS, pictures
from stages.core.pictures.wording import count, percent, plain, span
from stages.core.scores.classification import SCORES

_LISTED = 10  # mistakes in the table
_CONFUSIONS = 5  # in the table


class Image(NamedTuple):
    """A picture as the page carries it with it: a `data:` address, and its size in pixels."""

    source: str
    width: int
    height: int


class Figure(NamedTuple):
    image: Image
    alt: str
    caption: str


@dataclass(frozen=True)
class PageTable:
    """A table whose first column names its rows. `columns` says what each holds: a `number`, `prose`, or a short text.

    Without rows the sentence `empty` stands for it, if there is one.
    """

    caption: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]
    empty: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: from top to bottom a drawing, tables (in a `grid`, if so), pictures, tables, and a note."""

    key: str
    title: str
    before: Sequence[PageTable] = ()
    after: Sequence[PageTable] = ()
    _: KW_ONLY
    figures: Sequence[Figure] = ()
    drawing: Markup | str = ""
    grid: bool = False
    note: str = ""


def embedded(png: bytes, name: str) -> Image:
    """The PNG file for the page. Raises `InputError`, naming the file as `name`, unless it is one."""
    size = check_png(png, name)
    return Image(f"data:image/png;base64,{base64.b64encode(png).decode()}", *size)


def page(
    found: Findings,
    images: Mapping[str, Image],
    *,
    dataset: str,
    params: Mapping[str, Any],
    versions: Mapping[str, str],
    numerics: Mapping[str, str],
) -> str:
    """The report as HTML. `images` has every picture of the gallery that is shown for what was found, by its name."""
    drawn = pictures()

    def figures(section: str) -> list[Figure]:
        return [
            Figure(images[name], picture.describe(found), picture.caption)
            for name, picture in drawn.items()
            if picture.section == section and picture.shown(found)
        ]

    sections = [
        Section("scores", "Scores", [_scores(found)], note=sentences.RULES),
        Section("training", "Training", after=[_folds(found)], figures=figures("training")),
        Section("classes", "Classes", [_classes(found)], [_confusions(found)], figures=figures("classes")),
        Section("ranking", "Ranking", figures=figures("ranking")),
        Section("confidence", "Confidence", figures=figures("confidence")),
        Section("robustness", "Robustness", after=[_corruptions(found)], figures=figures("robustness")),
        Section("mistakes", "Mistakes", after=[_mistakes(found)], figures=figures("mistakes")),
        Section("pipeline", "Pipeline", [_stages()], drawing=_drawing()),
        Section("parameters", "Parameters", _parameters(params), grid=True),
        Section("environment", "Environment", _environment(versions, numerics), grid=True),
    ]
    assert tuple(section.key for section in sections if section.key in SECTIONS) == SECTIONS
    return rendered(
        "page.html",
        heading=f"{dataset}: {params['model']['name']}",
        style=STYLE,
        answers=_answers(found),
        sections=sections,
    )


def _answers(found: Findings) -> list[dict[str, str]]:
    answers = [
        ("How good is it?", percent(found.metrics["evaluate"]["accuracy"]), sentences.how_good(found)),
        ("How sure is that?", _ends("accuracy", found.interval), sentences.how_sure(found)),
        (
            "Where does it fail?",
            f"Class {sentences.worst_class(found, 'f1')['class']}",
            sentences.where_it_fails(found),
        ),
        ("Does it over- or underfit?", sentences.fit(found), sentences.over_or_underfit(found)),
    ]
    return [{"question": question, "short": short, "text": text} for question, short, text in answers]


def _scores(found: Findings) -> PageTable:
    rows = []
    for _, row in found.tables["scores"].iterrows():
        score = SCORES[row["score"]]
        value, ends = _score(score.name, row["value"]), _ends(score.name, (row["low"], row["high"]))
        rows.append((score.label, value, ends, score.meaning))
    return PageTable(
        f"On {found.examples:,} test images, with 95% intervals by stratified bootstrap, that of the calibration "
        "error by its bins' standard errors",
        {"score": "", "value": "number", "95% interval": "number", "what it is": "prose"},
        rows,
    )


def _folds(found: Findings) -> PageTable:
    rows = []
    for _, row in found.tables["fold_scores"].iterrows():
        name = row["score"]
        label = SCORES[name].label if name in SCORES else f"{name}, without temperature scaling"
        rows.append(
            (label, _score(name, row["mean"]), _ends(name, (row["low"], row["high"])), _score(name, row["std"]))
        )
    folds = found.tables["cross_validate"]["fold"].nunique()
    return PageTable(
        f"Cross-validation in {folds} folds, with 95% intervals by the corrected resampled t-test",
        {"score": "", "mean": "number", "95% interval": "number", "standard deviation": "number"},
        rows,
    )


def _classes(found: Findings) -> PageTable:
    shares, areas = ("precision", "recall", "f1"), ("roc_auc", "average_precision")
    rows = [
        (
            row["class"],
            *(percent(row[score]) for score in shares),
            *("–" if row[area] != row[area] else f"{row[area]:.5f}" for area in areas),  # NaN where there is none
            f"{row['support']:,}",
        )
        for _, row in found.tables["classes"].iterrows()
    ]
    numbers = ("precision", "recall", "F1", "ROC AUC", "average precision", "test images")
    return PageTable("Each class against the rest", {"class": "", **dict.fromkeys(numbers, "number")}, rows)


def _confusions(found: Findings) -> PageTable:
    rows = [(actual, predicted, f"{times:,}") for actual, predicted, times in found.confusions(_CONFUSIONS)]
    columns = {"true class": "", "taken for": "", "times": "number"}
    return PageTable("The most frequent confusions", columns, rows, "No class is taken for another.")


def _corruptions(found: Findings) -> PageTable:
    clean, examples = found.clean
    ranked = sorted(found.corruptions(), key=lambda row: row[1])
    rows = [(plain(name), percent(score)) for name, score in ranked]
    rows += [("all of them", percent(found.metrics["stress"]["mean_corruption_accuracy"])), ("none", percent(clean))]
    caption = f"Accuracy on {examples:,} test images, mean over the severities"
    return PageTable(caption, {"corruption": "", "accuracy": "number"}, rows)


def _mistakes(found: Findings) -> PageTable:
    rows = [
        (str(one.index), found.classes[one.actual], found.classes[one.predicted], percent(one.probability))
        for one in found.mistakes[:_LISTED]
    ]
    caption = f"The {len(rows)} most confident of {count(len(found.mistakes), 'mistake')}"
    columns = {"test image (from 0)": "", "true class": "", "predicted": "", "probability": "number"}
    return PageTable(caption, columns, rows, "There is no mistake.")


def _drawing() -> Markup:
    graph = {name: stage.uses for name, stage in STAGES.items()}
    told = [f"{name} uses {' and '.join(used)}" if used else f"{name} comes first" for name, used in graph.items()]
    return drawing(graph, f"The pipeline as a graph: {'; '.join(told)}.")


def _stages() -> PageTable:
    rows = [(name, stage.does, ", ".join(stage.uses) or "–") for name, stage in STAGES.items()]
    columns = {"stage": "", "what it does": "prose", "uses": "prose"}
    return PageTable("The stages, in an order to run them", columns, rows)


def _parameters(params: Mapping[str, Any]) -> list[PageTable]:
    """A table for each section of params.yaml; the keys outside of a section come first, together.

    Keys are sorted: their order in the file is no change that DVC would rebuild the page for.
    """
    single = {key: value for key, value in params.items() if not isinstance(value, dict)}
    sections = {"general": single, **{key: value for key, value in params.items() if key not in single}}
    return [
        _pairs(section, "parameter", "value", [(key, _parameter(value)) for key, value in sorted(values.items())])
        for section, values in sections.items()
    ]


def _environment(versions: Mapping[str, str], numerics: Mapping[str, str]) -> list[PageTable]:
    return [
        _pairs("Libraries this page was made with", "library", "version", versions.items()),
        _pairs("Numerics: the same on every x86-64 processor with AVX2", "variable", "value", numerics.items()),
    ]


def _pairs(caption: str, key: str, value: str, pairs: Iterable[tuple[str, str]]) -> PageTable:
    return PageTable(caption, {key: "", value: ""}, list(pairs))


def _score(name: str, value: float) -> str:
    """Shares as percentages, the others as they are."""
    return percent(value) if _is_share(name) else f"{value:.5f}"


def _ends(name: str, ends: Sequence[float]) -> str:
    return span(ends).replace("% to ", "–") if _is_share(name) else f"{ends[0]:.5f}–{ends[1]:.5f}"


def _is_share(name: str) -> bool:
    return name in SCORES and SCORES[name].share


def _parameter(value: Any) -> str:
    """A value as params.yaml has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(_parameter, value))}]" if isinstance(value, list | tuple) else str(value)
