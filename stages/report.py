"""report: one page on the model: how good, how sure, where it fails, and how it was made. It needs no other file."""

from importlib import metadata
from pathlib import Path

from stages import NUMERICS, NUMERICS_X86
from stages.core.base import schemas
from stages.core.base.artifacts import read_bytes, write_text
from stages.core.base.command import InputError, run
from stages.core.config.sections import AllParams as Params
from stages.core.page.page import embedded, page
from stages.core.pictures.findings import Findings, check_together
from stages.core.pictures.gallery import pictures
from stages.core.scores.classification import evaluate_metrics, mistakes
from stages.core.scores.predictions import Predictions

METRICS: dict[str, type[schemas.Record]] = {
    "cross_validate": schemas.CrossValidateMetrics,
    "evaluate": evaluate_metrics(),
    "lr_range": schemas.LrRangeMetrics,
    "stress": schemas.StressMetrics,
}
TABLES = {
    "training": schemas.TRAINING, "cross_validate": schemas.CROSS_VALIDATE, "fold_scores": schemas.FOLD_SCORES,
    "learning_curve": schemas.LEARNING_CURVE, "lr_range": schemas.LR_RANGE, "scores": schemas.SCORES,
    "classes": schemas.CLASSES, "confusion": schemas.CONFUSION, "roc": schemas.ROC,
    "precision_recall": schemas.PRECISION_RECALL, "calibration": schemas.CALIBRATION, "stress": schemas.STRESS,
}  # fmt: skip
INPUTS = {
    "facts": Path("data/prepared/facts.json"),
    "model": Path("models/model.json"),
    "predictions": Path("models/predictions.safetensors"),
    "images": Path("plots/images"),
    **{f"{name} metrics": Path(f"metrics/{name}.json") for name in METRICS},
    **{f"{name} table": Path(f"plots/{name}.csv") for name in TABLES},
}
OUTPUTS = {"report": Path("plots/report.html")}
LIBRARIES = (
    "dvc",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
)


def main() -> None:
    params = Params.load()
    facts = schemas.PrepareFacts.read(INPUTS["facts"])
    predictions = Predictions.read(INPUTS["predictions"])
    model = schemas.ModelDescription.read(INPUTS["model"])
    found = Findings(
        metrics={name: kind.read(INPUTS[f"{name} metrics"]).model_dump() for name, kind in METRICS.items()},
        tables={name: kind.read(INPUTS[f"{name} table"]) for name, kind in TABLES.items()},
        mistakes=mistakes(predictions.targets, predictions.probabilities),
        classes=facts.classes or (),
        selected_epoch=model.selected_epoch,
        score=model.score,
    )
    if facts.classes != model.classes:
        raise InputError(f"{INPUTS['facts']}: other classes than in {INPUTS['model']}; `dvc repro` makes both")
    check_together(found, predictions, INPUTS)
    files = {name: INPUTS["images"] / f"{name}.png" for name, one in pictures().items() if one.shown(found)}
    html = page(
        found,
        {name: embedded(read_bytes(file), str(file)) for name, file in files.items()},
        dataset=facts.dataset,
        params=params.model_dump(mode="json"),
        versions={name: metadata.version(name).split("+")[0] for name in LIBRARIES},
        numerics=NUMERICS | NUMERICS_X86,
    )
    write_text(OUTPUTS["report"], html)


if __name__ == "__main__":
    run(main)
