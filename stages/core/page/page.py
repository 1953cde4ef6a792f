"""The report: one page that says how good the model is, how sure that is, where it fails, and how it was made.

It holds all it shows, pictures included, asks for nothing from outside, and is the same bytes for the same findings.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from stages.core.page import sentences
from stages.core.page.parts import Figure, Image, Section
from stages.core.page.rendering import STYLE, rendered
from stages.core.page.sections import OF_TASK, data, run, scores
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import SECTIONS, pictures

ORDER = (
    *("scores", "baselines", "data", "audit", "training", "errors", "classes", "ranking", "confidence", "importance"),
    *("robustness", "mistakes", "pipeline", "parameters", "environment"),
)
assert tuple(key for key in ORDER if key in SECTIONS) == SECTIONS


def page(
    found: Findings,
    images: Mapping[str, Image],
    *,
    dataset: str,
    params: Mapping[str, Any],
    automatic: Collection[str] = (),
    versions: Mapping[str, str],
    numerics: Mapping[str, str],
) -> str:
    """The report as HTML. `images` has every picture of the gallery that is shown for what was found, by its name.

    `automatic` names the parameters, as `train.epochs`, whose values in `params` the data settled.
    """
    drawn = pictures()

    def figures(section: str) -> list[Figure]:
        return [
            Figure(images[name], picture.describe(found), picture.captioned(found))
            for name, picture in drawn.items()
            if picture.section == section and picture.shown(found)
        ]

    sections = [
        scores.scores(found),
        scores.baselines(found),
        data.data(found, params.get("augment", {}).get("flip", "none")),
        data.audit(found),
        Section("training", "Training", after=[scores.folds(found)]),
        Section("importance", "Importance", lead=sentences.without_importance(found)),
        Section("robustness", "Robustness", after=[scores.corruptions(found)]),
        *OF_TASK[found.data.task](found),
        run.pipeline(),
        run.parameters(params, automatic),
        run.environment(versions, numerics),
    ]
    whole = [replace(section, figures=figures(section.key)) for section in sections]
    return rendered(
        "page.html",
        heading=f"{dataset}: {params['model']['name']}",
        predicted=found.data.target or "",
        style=STYLE,
        answers=sentences.answers(found),
        sections=sorted((one for one in whole if one.filled), key=lambda one: ORDER.index(one.key)),
    )
