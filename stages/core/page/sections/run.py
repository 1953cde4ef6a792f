"""How the page came to be: the pipeline, its parameters, and what it ran with."""

from collections.abc import Collection, Mapping
from typing import Any

from markupsafe import Markup

from stages.core.page.graph import drawing
from stages.core.page.parts import PageTable, Section, pairs
from stages.core.page.pipeline import STAGES


def pipeline() -> Section:
    return Section("pipeline", "Pipeline", [_stages()], drawing=_drawing())


def parameters(params: Mapping[str, Any], automatic: Collection[str]) -> Section:
    """A table for each section of params.yaml; the keys outside of a section come first, together.

    Keys are sorted: their order in the file is no change that DVC would rebuild the page for. What is `automatic`,
    `train.epochs` for one, shows what it was settled to.
    """
    single = {key: value for key, value in params.items() if not isinstance(value, dict)}
    sections = {"general": single, **{key: value for key, value in params.items() if key not in single}}

    def shown(section: str, key: str, value: Any) -> str:
        return f"{_parameter(value)} (auto)" if f"{section}.{key}" in automatic else _parameter(value)

    tables = [
        pairs(section, "parameter", "value", [(key, shown(section, key, value)) for key, value in sorted(own.items())])
        for section, own in sections.items()
    ]
    return Section("parameters", "Parameters", tables, grid=True)


def environment(versions: Mapping[str, str], numerics: Mapping[str, str]) -> Section:
    tables = [
        pairs("Libraries this page was made with", "library", "version", versions.items()),
        pairs("Numerics: the same on every x86-64 processor with AVX2", "variable", "value", numerics.items()),
    ]
    return Section("environment", "Environment", tables, grid=True)


def _drawing() -> Markup:
    graph = {name: stage.uses for name, stage in STAGES.items()}
    told = [f"{name} uses {' and '.join(used)}" if used else f"{name} comes first" for name, used in graph.items()]
    return drawing(graph, f"The pipeline as a graph: {'; '.join(told)}.")


def _stages() -> PageTable:
    rows = [(name, stage.does, ", ".join(stage.uses) or "–") for name, stage in STAGES.items()]
    columns = {"stage": "", "what it does": "prose", "uses": "prose"}
    return PageTable("The stages, in an order to run them", columns, rows)


def _parameter(value: Any) -> str:
    """A value as params.yaml has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value == "":
        return '""'
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_parameter(one)}' for key, one in value.items())}}}"
    return f"[{', '.join(map(_parameter, value))}]" if isinstance(value, list | tuple) else str(value)
