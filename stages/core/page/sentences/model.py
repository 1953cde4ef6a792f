"""What the model is, what it does with inputs that nobody has tried, and where it comes out the same."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from stages.core.base.schemas import NOMINAL_COVERAGE
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count


def told(found: Findings, network: str) -> str:
    """What the network takes and what it says; `network` is its name in params.yaml."""
    if found.data.input_shape:
        channels, height, width = found.data.input_shape
        kind = {1: "a grey", 3: "a colour"}.get(channels, f"a {channels}-channel")
        takes = f"{kind} image of {height} × {width} pixels"
    else:
        takes = f"a row of {count(len(found.data.columns or ()), 'column')}"
    if found.classes:
        of = f" of {found.target}" if found.data.target else ""
        says = f"says how likely each of {len(found.classes):,} classes{of} is"
    else:
        says = f"predicts {f'its {found.target}' if found.data.target else 'a number'}"
        if found.metrics["evaluate"].get("coverage") is not None:
            says += f", with a {float(NOMINAL_COVERAGE):.0%} interval"
    return f"A PyTorch network ({network}) that takes {takes} and {says}."


def onnx(found: Findings) -> Markup:
    """What the ONNX file takes and gives, in Markdown."""
    if found.data.input_shape:
        takes = "`images`, uint8 (N, C, H, W) of the shape above"
    else:
        takes = "each column by its name, (N,): numbers in float64, NaN where one is missing"
        if any(column.dates for column in found.data.columns or ()):
            takes += ", dates as days since 1970-01-01"
        if any(column.categories is not None for column in found.data.columns or ()):
            takes += '; categories as texts, "" where one is missing'
    if found.classes:
        gives = "`prediction`, a text, and `probabilities`, float32 (N, classes)"
    elif found.metrics["evaluate"].get("coverage") is not None:
        gives = "`value`, `low` and `high`, float64 (N,)"
    else:
        gives = "`value`, float64 (N,)"
    told = f"`models/model.onnx` needs none of this code. It takes {takes}. It gives {gives}."
    return Markup(told)  # noqa: S704 - words of ours alone


def others(found: Findings) -> str:
    """What is known of inputs of another kind than those it was tried on."""
    things = found.things
    told = [f"Of {things} that differ from those of the test part nothing is known but how it does on corrupted ones."]
    if found.classes:
        told.append(f"Whatever it is shown, it takes for one of its {len(found.classes):,} classes.")
    if any(column.categories is None for column in found.data.columns or ()):
        told.append("A number further out than any it was trained on counts as the furthest of those.")
    return " ".join(told)


def same_bytes(params: Mapping[str, Any]) -> str:
    """Where the files come out as they are here; `params` are all of params.yaml, settled."""
    if params["train"]["device"] != "cpu":
        return "The model was trained on a GPU: on another machine the files may differ."
    if params["model"]["name"] == "convnext_tiny":
        return (
            "A convnext_tiny may differ in its last bits on another make of processor, and so may all files after it."
        )
    return (
        "With the versions of requirements.lock, all files come out with the hashes below on Linux and any "
        "x86-64 processor with AVX2."
    )
