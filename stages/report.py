"""report: one page on the model: how good, how sure, where it fails, and how it was made. It needs no other file."""

from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stages import NUMERICS, NUMERICS_X86
from stages.core.base.artifacts import read_arrays, read_bytes, read_csv, read_json, write_text
from stages.core.base.command import run
from stages.core.config.params import StageParams
from stages.core.page.page import OPTIONAL, PICTURES, page
from stages.core.page.sentences import Findings
from stages.core.scores.classification import mistakes

INPUTS = {
    "facts": Path("data/prepared/facts.json"),
    "predictions": Path("models/predictions.safetensors"),
    "images": Path("plots/images"),
    **{name: Path(f"metrics/{name}.json") for name in ("cross_validate", "evaluate", "lr_range", "stress", "train")},
    **{
        f"{name} table": Path(f"plots/{name}.csv")
        for name in ("calibration", "classes", "cross_validate", "learning_curve", "training")
    },
}
OUTPUTS = {"report": Path("plots/report.html")}
LIBRARIES = ("dvc", "matplotlib", "numpy", "pandas", "pydantic", "safetensors", "scikit-learn", "scipy", "torch")


class Params(StageParams):
    """All of params.yaml: the page shows it. The stage `check` has checked it."""

    seed: Annotated[int, Field(ge=0)]
    data: dict[str, Any]
    prepare: dict[str, Any]
    model: dict[str, Any]
    augment: dict[str, Any]
    train: dict[str, Any]
    cross_validate: dict[str, Any]
    evaluate: dict[str, Any]
    stress: dict[str, Any]
    lr_range: dict[str, Any]
    plot: dict[str, Any]


def main() -> None:
    params = Params.load()
    facts = read_json(INPUTS["facts"])
    predictions = read_arrays(INPUTS["predictions"])
    files = {name: INPUTS["images"] / f"{name}.png" for name in PICTURES}
    files = {name: file for name, file in files.items() if name not in OPTIONAL or file.exists()}
    found = Findings(
        metrics={name: read_json(path) for name, path in INPUTS.items() if path.parent.name == "metrics"},
        tables={path.stem: read_csv(path, text=["class"]) for path in INPUTS.values() if path.suffix == ".csv"},
        mistakes=mistakes(predictions["targets"], predictions["probabilities"]),
        classes=facts["classes"],
    )
    html = page(
        found,
        {name: read_bytes(file) for name, file in files.items()},
        {name: str(file) for name, file in files.items()},
        dataset=facts["dataset"],
        params=params.model_dump(),
        versions={name: metadata.version(name).split("+")[0] for name in LIBRARIES},
        numerics=NUMERICS | NUMERICS_X86,
    )
    write_text(OUTPUTS["report"], html)


if __name__ == "__main__":
    run(main)
