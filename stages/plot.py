"""plot: every picture, drawn from the tracked tables, metrics and predictions alone, never from a model."""

from pathlib import Path

from stages.core.base import schemas
from stages.core.base.artifacts import write_png
from stages.core.base.command import run
from stages.core.config.params import StageParams
from stages.core.config.sections import PlotConfig
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.misses import wrong
from stages.core.pictures.findings.together import check_together
from stages.core.pictures.gallery import pictures
from stages.core.pictures.style import house_style
from stages.core.scores import tasks
from stages.core.scores.predictions import read_predictions

TABLES = {
    "training": schemas.TRAINING, "cross_validate": schemas.CROSS_VALIDATE, "learning_curve": schemas.LEARNING_CURVE,
    "lr_range": schemas.LR_RANGE, **tasks.TABLES, "stress": schemas.STRESS, "importance": schemas.IMPORTANCE,
}  # fmt: skip
INPUTS = {
    "test": Path("data/prepared/test.safetensors"),
    "first": Path("models/first_examples.safetensors"),
    "model": Path("models/model.json"),
    "predictions": Path("models/predictions.safetensors"),
    "lr_range metrics": Path("metrics/lr_range.json"),
    **{f"{name} table": Path(f"plots/{name}.csv") for name in TABLES},
}
OUTPUTS = {"images": Path("plots/images")}


class Params(StageParams):
    plot: PlotConfig


def main() -> None:
    config = Params.load().plot
    test, first = (schemas.EXAMPLES.read(INPUTS[name]) for name in ("test", "first"))
    model = schemas.ModelDescription.read(INPUTS["model"])
    predictions = read_predictions(INPUTS["predictions"])
    mistakes, misses = wrong(predictions)
    found = Findings(
        data=model,
        metrics={"lr_range": schemas.LrRangeMetrics.read(INPUTS["lr_range metrics"]).model_dump()},
        tables={name: table.read(INPUTS[f"{name} table"]) for name, table in TABLES.items()},
        selected_epoch=model.selected_epoch,
        score=model.score,
        mistakes=mistakes,
        misses=misses,
        inputs=test["inputs"],
        first=(first["inputs"], first["targets"]),
    )
    check_together(found, predictions, test["targets"], INPUTS)
    with house_style():
        for name, picture in pictures().items():
            if picture.shown(found):
                write_png(OUTPUTS["images"] / f"{name}.png", picture.draw(found, config), config.dpi)


if __name__ == "__main__":
    run(main)
