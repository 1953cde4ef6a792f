"""plot: every picture, drawn from the tracked tables, metrics and predictions alone, never from a model."""

from pathlib import Path

from stages.core.base.artifacts import read_arrays, read_csv, read_json, write_png
from stages.core.base.command import run
from stages.core.config.params import StageParams
from stages.core.config.sections import PlotConfig
from stages.core.pictures import figures
from stages.core.pictures.style import house_style
from stages.core.scores.classification import mistakes

INPUTS = {
    "facts": Path("data/prepared/facts.json"),
    "test": Path("data/prepared/test.safetensors"),
    "predictions": Path("models/predictions.safetensors"),
    "train": Path("metrics/train.json"),
    "training": Path("plots/training.csv"),
    "cross_validate": Path("plots/cross_validate.csv"),
    "learning_curve": Path("plots/learning_curve.csv"),
    "confusion": Path("plots/confusion.csv"),
    "roc": Path("plots/roc.csv"),
    "precision_recall": Path("plots/precision_recall.csv"),
    "classes": Path("plots/classes.csv"),
    "stress": Path("plots/stress.csv"),
    "lr_range": Path("plots/lr_range.csv"),
    "suggestion": Path("metrics/lr_range.json"),
    "calibration": Path("plots/calibration.csv"),
}
OUTPUTS = {"images": Path("plots/images")}


class Params(StageParams):
    plot: PlotConfig


def main() -> None:
    config = Params.load().plot
    tables = {name: read_csv(path, text=["class"]) for name, path in INPUTS.items() if path.suffix == ".csv"}
    classes = read_json(INPUTS["facts"])["classes"]
    images = read_arrays(INPUTS["test"])["inputs"]
    predictions = read_arrays(INPUTS["predictions"])
    targets, probabilities = predictions["targets"], predictions["probabilities"]

    counts = tables["confusion"]["count"].to_numpy().reshape(len(classes), len(classes))
    wrong = mistakes(targets, probabilities)
    with house_style():
        pictures = {
            "training": figures.training(tables["training"], read_json(INPUTS["train"])["selected"][0]["epoch"]),
            "cross_validate": figures.cross_validate(tables["cross_validate"]),
            "confusion": figures.confusion(counts, classes),
            "roc": figures.roc(tables["roc"], tables["classes"]),
            "precision_recall": figures.precision_recall(tables["precision_recall"], tables["classes"]),
            "stress": figures.stress(tables["stress"]),
            "lr_range": figures.lr_range(tables["lr_range"], read_json(INPUTS["suggestion"])["suggested_lr"]),
            "classes": figures.classes(tables["classes"]),
            "calibration": figures.calibration(tables["calibration"]),
            "mistakes": figures.mistakes(wrong[: config.mistakes], images, classes, len(wrong)),
        }
        if tables["learning_curve"]["share"].nunique() > 1:  # off by default
            pictures["learning_curve"] = figures.learning_curve(tables["learning_curve"])
        for name, figure in pictures.items():
            write_png(OUTPUTS["images"] / f"{name}.png", figure, config.dpi)


if __name__ == "__main__":
    run(main)
