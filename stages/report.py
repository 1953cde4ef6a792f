"""report: how good the model is, how sure, where it fails, and how it was made: one page, and in short its card."""

from importlib import metadata
from pathlib import Path

from stages import NUMERICS, NUMERICS_X86
from stages.core.base import schemas
from stages.core.base.artifacts import read_bytes, sha256, write_text
from stages.core.base.command import InputError, run
from stages.core.base.declared import Record
from stages.core.config.automatic import AUTO, settle_by_data
from stages.core.config.params import PARAMS_FILE
from stages.core.config.plain import leaves, read_values
from stages.core.config.sections import OWN
from stages.core.config.sections import AllParams as Params
from stages.core.page.card import card
from stages.core.page.page import page
from stages.core.page.parts import embedded
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.misses import wrong
from stages.core.pictures.findings.together import check_together
from stages.core.pictures.gallery import pictures
from stages.core.scores import tasks
from stages.core.scores.predictions import read_predictions

METRICS: dict[str, type[Record]] = {
    "cross_validate": schemas.CrossValidateMetrics,
    "lr_range": schemas.LrRangeMetrics,
    "prepare": schemas.PrepareMetrics,
    "stress": schemas.StressMetrics,
}  # and those of `evaluate`, of which each task has its own
TABLES = {
    "training": schemas.TRAINING, "cross_validate": schemas.CROSS_VALIDATE, "fold_scores": schemas.FOLD_SCORES,
    "learning_curve": schemas.LEARNING_CURVE, "lr_range": schemas.LR_RANGE, "scores": schemas.SCORES,
    **tasks.TABLES, "stress": schemas.STRESS, "importance": schemas.IMPORTANCE, "baselines": schemas.BASELINES,
    "audit": schemas.AUDIT,
}  # fmt: skip
INPUTS = {
    "facts": Path("data/prepared/facts.json"),
    "files table": Path("data/prepared/files.csv"),
    "test": Path("data/prepared/test.safetensors"),
    "schema table": Path("data/schema.csv"),
    "evaluate metrics": Path("metrics/evaluate.json"),
    "model": Path("models/model.json"),
    "weights": Path("models/model.safetensors"),
    "onnx": Path("models/model.onnx"),
    "export metrics": Path("metrics/export.json"),
    "predictions": Path("models/predictions.safetensors"),
    "images": Path("plots/images"),
    **{f"{name} metrics": Path(f"metrics/{name}.json") for name in METRICS},
    **{f"{name} table": Path(f"plots/{name}.csv") for name in TABLES},
}
OUTPUTS = {"report": Path("plots/report.html"), "card": Path("models/README.md")}
DIGESTS = ("weights", "model", "onnx", "test")  # of the inputs, those that the card knows by their SHA-256
TRAIN = "data/prepared/train.safetensors"  # no input: the facts have its SHA-256
LIBRARIES = (
    "dvc",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "pillow",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
)


def main() -> None:
    facts = schemas.PrepareFacts.read(INPUTS["facts"])
    model = schemas.ModelDescription.read(INPUTS["model"])
    predictions = read_predictions(INPUTS["predictions"])
    mistakes, misses = wrong(predictions)
    test, ledger = schemas.EXAMPLES.read(INPUTS["test"]), schemas.FILES.read(INPUTS["files table"])
    metrics = {name: kind.read(INPUTS[f"{name} metrics"]).model_dump() for name, kind in METRICS.items()}
    evaluated = tasks.evaluate_metrics(model.task).read(INPUTS["evaluate metrics"])
    tables = {name: kind.read(INPUTS[f"{name} table"]) for name, kind in TABLES.items()}
    found = Findings(
        data=facts,
        metrics=metrics | {"evaluate": evaluated.model_dump()},
        tables=tables | {"schema": schemas.SCHEMA.read(INPUTS["schema table"])},
        mistakes=mistakes,
        misses=misses,
        selected_epoch=model.selected_epoch,
        score=model.score,
        inputs=test["inputs"],
        predictions=predictions,
        files=schemas.used_files(ledger, "test"),
    )
    kinds = [{name: getattr(one, name) for name in schemas.DataDescription.model_fields} for one in (facts, model)]
    if kinds[0] != kinds[1]:
        raise InputError(f"{INPUTS['facts']}: of other data than {INPUTS['model']}; `dvc repro` makes both")
    check_together(found, predictions, test["targets"], INPUTS)
    params = Params.load(
        settle=settle_by_data(facts.kind, facts.task, metrics["prepare"]["train"]["examples"], len(facts.classes or ()))
    )
    files = {name: INPUTS["images"] / f"{name}.png" for name, one in pictures().items() if one.shown(found)}
    dataset = Path(params.data.path).name if facts.dataset in OWN else facts.dataset
    values = params.model_dump(mode="json")
    automatic = {key for key, value in leaves(read_values(PARAMS_FILE)) if value == AUTO}
    if facts.input_shape:
        values["data"] |= {"channels": facts.input_shape[0], "size": facts.input_shape[1:]}
    else:
        automatic -= {"data.channels", "data.size"}
    html = page(
        found,
        {name: embedded(read_bytes(file), str(file)) for name, file in files.items()},
        dataset=dataset,
        params=values,
        automatic=automatic,
        versions={name: metadata.version(name).split("+")[0] for name in LIBRARIES},
        numerics=NUMERICS | NUMERICS_X86,
    )
    if sha256(INPUTS["onnx"]) != schemas.ExportMetrics.read(INPUTS["export metrics"]).onnx_sha256:
        raise InputError(
            f"{INPUTS['onnx']}: is not the file that {INPUTS['export metrics']} tells of; `dvc repro` makes both"
        )
    digests = {str(INPUTS[name]): sha256(INPUTS[name]) for name in DIGESTS} | {TRAIN: facts.train_sha256}
    markdown = card(found, dataset=dataset, params=values, inputs=model.input, outputs=model.output, digests=digests)
    write_text(OUTPUTS["report"], html)
    write_text(OUTPUTS["card"], markdown)


if __name__ == "__main__":
    run(main)
