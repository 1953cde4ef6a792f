"""The report: one page that says how good the model is, how sure that is, where it fails, and how it was made.

It holds all it shows, pictures included, asks for nothing from outside, and is the same bytes for the same findings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.page import sentences as words
from stages.core.page.graph import drawing
from stages.core.page.look import STYLE
from stages.core.page.markup import Html, element, picture, table
from stages.core.page.pipeline import STAGES
from stages.core.page.sentences import Findings, percent, plain, span

PICTURES = {
    "training": "Loss (without temperature scaling) and accuracy; the weights of the chosen epoch are the model.",
    "cross_validate": "The recipe, trained anew on all folds but one and scored on that one.",
    "learning_curve": "The same on parts of the training images: whether more of them would help.",
    "lr_range": "The learning-rate range test; it suggests a rate and changes nothing.",
    "classes": "What each class lacks to 100%.",
    "confusion": "Actual against predicted classes on the test images.",
    "roc": "Ranking: true against false positives, one class against the rest.",
    "precision_recall": "Ranking: precision against recall, one class against the rest.",
    "calibration": "Whether the model is right as often as it says.",
    "stress": "Accuracy on test images that are shifted, turned, noisy, blurred or partly hidden.",
    "mistakes": "The mistakes of which the model was most sure.",
}
_SCORES = {
    "accuracy": ("accuracy", "share of the images recognised"),
    "macro_precision": ("macro precision", "of those called a class, the share that is; mean of the classes"),
    "macro_recall": ("macro recall", "of those of a class, the share called so; mean of the classes"),
    "macro_f1": ("macro F1", "harmonic mean of both; mean of the classes"),
    "roc_auc": ("ROC AUC", "chance that a class's own image ranks above another's; mean of the classes"),
    "log_loss": ("log loss", "surprise at the true class, in nats; 0 is perfect"),
    "ece": ("calibration error", "mean distance of confidence and accuracy (ECE); 0 is perfect"),
    "brier": ("Brier score", "mean squared error of the probabilities; 0 is perfect, 2 the worst"),
}
OPTIONAL = {"learning_curve"}  # drawn only if cross_validate.learning_curve asks for it
_LISTED = 10  # mistakes in the table
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # nothing from outside, enforced


def page(
    found: Findings,
    pictures: Mapping[str, bytes],
    names: Mapping[str, str],
    *,
    dataset: str,
    params: Mapping[str, Any],
    versions: Mapping[str, str],
    numerics: Mapping[str, str],
) -> str:
    """The report as HTML.

    `pictures` are the PNG files of `PICTURES`, with or without the `OPTIONAL` ones, `names` what to call each in an
    error. Raises `InputError` where a picture is none.
    """
    told = words.descriptions(found)
    shown = {name: picture(png, names[name], told[name], PICTURES[name]) for name, png in pictures.items()}
    optional = [shown[name] for name in shown if name in OPTIONAL]
    sections = {
        "scores": ("Scores", _scores(found)),
        "training": (
            "Training",
            [shown["training"], shown["cross_validate"], _folds(found), *optional, shown["lr_range"]],
        ),
        "classes": ("Classes", [*_classes(found), shown["classes"], shown["confusion"], _confusions(found)]),
        "ranking": ("Ranking", [shown["roc"], shown["precision_recall"]]),
        "confidence": ("Confidence", [shown["calibration"]]),
        "robustness": ("Robustness", [shown["stress"], _corruptions(found)]),
        "mistakes": ("Mistakes", [shown["mistakes"], _mistakes(found)]),
        "pipeline": ("Pipeline", _pipeline()),
        "parameters": ("Parameters", [_parameters(params)]),
        "environment": ("Environment", _environment(versions, numerics)),
    }
    heading = f"{dataset}: {params['model']['name']}"
    links = [element("li", element("a", title, href=f"#{key}")) for key, (title, _) in sections.items()]
    body = [
        element("a", "Skip to the answers", class_="skip", href="#main"),
        element(
            "header",
            element("h1", heading),
            element("p", "What the pipeline found: every number comes from its metrics and tables.", class_="soft"),
            element("nav", element("ul", *links), aria_label="Sections"),
        ),
        element(
            "main",
            _answers(found),
            *(element("section", element("h2", title), *parts, id=key) for key, (title, parts) in sections.items()),
            id="main",
        ),
        element("footer", element("p", "Made by the stage ", element("code", "report"), " of the pipeline.")),
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", heading),
        element("link", rel="icon", href="data:,"),
        element("style", Html(STYLE)),
    ]
    return f"<!DOCTYPE html>\n{element('html', element('head', *head), element('body', *body), lang='en')}\n"


def _answers(found: Findings) -> Html:
    answers = [
        ("How good is it?", percent(found.metrics["evaluate"]["accuracy"]), words.how_good(found)),
        ("How sure is that?", _ends("accuracy", found.interval), words.how_sure(found)),
        ("Where does it fail?", f"Class {words.worst_class(found, 'f1')['class']}", words.where_it_fails(found)),
        ("Does it over- or underfit?", words.fit(found), words.over_or_underfit(found)),
    ]
    boxes = [
        element("section", element("h2", question), element("p", short, class_="figure"), element("p", text))
        for question, short, text in answers
    ]
    return element("div", *boxes, class_="answers")


def _scores(found: Findings) -> list[Html]:
    rows = []
    for score, row in found.intervals.items():
        name, meaning = _SCORES[score]
        rows.append((name, _score(score, row["value"]), _ends(score, row["ci95"]), meaning))
    return [
        table(
            f"On {found.examples:,} test images, with 95% intervals by stratified bootstrap, that of the calibration "
            "error by test inversion",
            ("score", "value", "95% interval", "what it is"),
            rows,
            "snnw",
        ),
        element("p", words.RULES, class_="soft"),
    ]


def _folds(found: Findings) -> Html:
    metrics = found.metrics["cross_validate"]
    rows = []
    for row in metrics["scores"]:
        name = row["score"]
        label = _SCORES[name][0] if name in _SCORES else f"{name}, without temperature scaling"
        rows.append((label, _score(name, row["mean"]), _ends(name, row["ci95"]), _score(name, row["std"])))
    return table(
        f"Cross-validation in {len(metrics['folds'])} folds, with 95% intervals by the corrected resampled t-test",
        ("score", "mean", "95% interval", "standard deviation"),
        rows,
        "snnn",
    )


def _classes(found: Findings) -> list[Html]:
    rows = [
        (
            str(row["class"]),
            *(percent(row[score]) for score in ("precision", "recall", "f1")),
            *(f"{row[area]:.5f}" if row[area] != "" else "–" for area in ("roc_auc", "average_precision")),
            f"{row['support']:,}",
        )
        for _, row in found.tables["classes"].iterrows()
    ]
    header = ("class", "precision", "recall", "F1", "ROC AUC", "average precision", "test images")
    return [table("Each class against the rest", header, rows, "snnnnnn")]


def _confusions(found: Findings) -> Html:
    rows = [(row["actual"], row["predicted"], f"{row['count']:,}") for row in found.metrics["evaluate"]["confusions"]]
    if not rows:
        return element("p", "No class is taken for another.")
    return table("The most frequent confusions", ("true class", "taken for", "times"), rows, "ssn")


def _corruptions(found: Findings) -> Html:
    metrics = found.metrics["stress"]
    (clean,) = metrics["clean"]
    ranked = sorted(metrics["corruptions"], key=lambda row: row["accuracy"])
    rows = [(plain(row["corruption"]), percent(row["accuracy"])) for row in ranked]
    rows += [("all of them", percent(metrics["mean_corruption_accuracy"])), ("none", percent(clean["accuracy"]))]
    caption = f"Accuracy on {clean['examples']:,} test images, mean over the severities"
    return table(caption, ("corruption", "accuracy"), rows, "sn")


def _mistakes(found: Findings) -> Html:
    rows = [
        (str(one.index), found.classes[one.actual], found.classes[one.predicted], percent(one.probability))
        for one in found.mistakes[:_LISTED]
    ]
    if not rows:
        return element("p", "There is no mistake.")
    caption = f"The {len(rows)} most confident of {words.count(len(found.mistakes), 'mistake')}"
    return table(caption, ("test image (from 0)", "true class", "predicted", "probability"), rows, "sssn")


def _pipeline() -> list[Html]:
    graph = {name: stage.uses for name, stage in STAGES.items()}
    told = [f"{name} uses {' and '.join(used)}" if used else f"{name} comes first" for name, used in graph.items()]
    rows = [(name, stage.does, ", ".join(stage.uses) or "–") for name, stage in STAGES.items()]
    return [
        element("figure", drawing(graph, f"The pipeline as a graph: {'; '.join(told)}.")),
        table("The stages, in an order to run them", ("stage", "what it does", "uses"), rows, "sww"),
    ]


def _parameters(params: Mapping[str, Any]) -> Html:
    """A table for each section of params.yaml; the keys outside of a section come first, together.

    Keys are sorted: their order in the file is no change that DVC would rebuild the page for.
    """
    single = {key: value for key, value in params.items() if not isinstance(value, dict)}
    sections = {"general": single, **{key: value for key, value in params.items() if key not in single}}
    tables = []
    for section, values in sections.items():
        rows = [(key, _parameter(value)) for key, value in sorted(values.items())]
        tables.append(table(section, ("parameter", "value"), rows, "ss"))
    return element("div", *tables, class_="grid")


def _environment(versions: Mapping[str, str], numerics: Mapping[str, str]) -> list[Html]:
    return [
        element(
            "div",
            table("Libraries this page was made with", ("library", "version"), versions.items(), "ss"),
            table(
                "Numerics: the same on every x86-64 processor with AVX2", ("variable", "value"), numerics.items(), "ss"
            ),
            class_="grid",
        )
    ]


def _score(name: str, value: float) -> str:
    """Shares as percentages, the others as they are."""
    return percent(value) if _is_share(name) else f"{value:.5f}"


def _ends(name: str, ends: Sequence[float]) -> str:
    return span(ends).replace("% to ", "–") if _is_share(name) else f"{ends[0]:.5f}–{ends[1]:.5f}"


def _is_share(name: str) -> bool:
    return name == "accuracy" or name.startswith("macro_")


def _parameter(value: Any) -> str:
    """A value as params.yaml has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(_parameter, value))}]" if isinstance(value, list | tuple) else str(value)
