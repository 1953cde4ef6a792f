"""The model's card: what the page says, in short, in Markdown under the header that Hugging Face reads.

Source: Hugging Face's hub-docs, modelcard.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from stages.core.config.recipe import OWN_WEIGHTS
from stages.core.config.sections import OWN
from stages.core.page import sentences
from stages.core.page.parts import PageTable, pairs
from stages.core.page.rendering import rendered_markdown
from stages.core.page.sections import data as of_data
from stages.core.page.sections import scores as of_scores
from stages.core.page.sentences import data, model
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import listed, percent

TAGS = {"image-classification", "tabular-classification", "tabular-regression"}  # that Hugging Face has for pipelines


class _Yaml(yaml.SafeDumper):
    """Lists of numbers in a line, as params.yaml has them."""


_Yaml.add_representer(
    list,
    lambda dumper, found: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", found, flow_style=not any(isinstance(one, dict) for one in found)
    ),
)


def card(
    found: Findings,
    *,
    dataset: str,
    params: Mapping[str, Any],
    inputs: str,
    outputs: str,
    digests: Mapping[str, str],
) -> str:
    """The card as Markdown: the same bytes for the same findings, without times, hosts or absolute paths.

    `params` are all of params.yaml, settled; `inputs` and `outputs` as models/model.json describes them; `digests` has
    the SHA-256 of the files that a reader may want to recognise, by their paths from the root.
    """
    network, baselines = params["model"]["name"], of_scores.baselines(found)
    heading = f"{dataset}: {network}"
    return rendered_markdown(
        "card.md",
        header=_yaml(_header(found, heading, dataset, params)),
        heading=heading,
        model=model.told(found, network),
        inputs=inputs,
        outputs=outputs,
        onnx=model.onnx(found),
        data=" ".join(filter(None, (data.source(dataset, params), data.told(found), data.classes(found)))),
        columns=_columns(found),
        split=data.split(found, params),
        scores=of_scores.scores(found).before[0],
        baselines=baselines.before[0],
        worth_it=baselines.note,
        robustness=of_scores.corruptions(found),
        others=model.others(found),
        rules=sentences.rules(found),
        recipe=_yaml(_recipe(found, params)),
        own=_own(dataset, params),
        same_bytes=model.same_bytes(params),
        digests=pairs("What sha256sum says of each file", "file", "SHA-256", digests.items()),
        **dict(zip(("good", "sure", "fails", "fit", "worth", "sound"), sentences.answers(found), strict=True)),
    )


def _header(found: Findings, heading: str, dataset: str, params: Mapping[str, Any]) -> dict[str, Any]:
    task = f"{'tabular' if found.data.kind == 'table' else 'image'}-{found.data.task}"
    metrics = []
    for _, row in found.tables["scores"].iterrows():
        name = row["score"]
        # The format has no field for an interval.
        ends = f" (95% interval {row['low']:g} to {row['high']:g})" if row["low"] < row["high"] else ""
        told = {"name": found.label(name) + ends, "value": float(row["value"])}
        metrics.append({"type": name.removeprefix("macro_"), **told})
    result = {
        "task": {"type": task},
        "dataset": {"type": params["data"]["dataset"], "name": dataset, "split": "test"},
        "metrics": metrics,
    }
    return {
        "library_name": "pytorch",
        **({"pipeline_tag": task} if task in TAGS else {}),
        "tags": ["dvc", "pytorch", "reproducible", params["model"]["name"]],
        "model-index": [{"name": heading, "results": [result]}],
    }


def _columns(found: Findings) -> PageTable:
    """The inputs; of images there are no rows."""
    schema = found.tables["schema"]
    table = schema[schema["role"] == "input"]
    rows = [
        (row["column"], row["kind"], percent(row["missing"], 1), of_data.values(row))
        for _, row in table.head(of_data.ROWS).iterrows()
    ]
    columns = {"column": "name", "kind": "", "missing": "number", "values": "name"}
    return PageTable("The columns it takes" + of_data.first(table, "data/schema.csv"), columns, rows)


def _recipe(found: Findings, params: Mapping[str, Any]) -> dict[str, Any]:
    """What of params.yaml decides on the training; of a user's file of weights the name alone."""
    network = dict(params["model"])
    if network["weights_file"] != OWN_WEIGHTS:
        network["weights_file"] = Path(network["weights_file"]).name
    varied = {"augment": params["augment"]} if found.data.kind == "image" else {}
    return {"seed": params["seed"], "model": network, **varied, "train": params["train"]}


def _own(dataset: str, params: Mapping[str, Any]) -> str:
    """The user's files and folders that went into the model, by name; none may be in the repository."""
    names = [dataset] if params["data"]["dataset"] in OWN else []
    if data.has_test_path(params["data"]):
        names.append(Path(params["data"]["test_path"]).name)
    if params["model"]["weights"] == "file":
        names.append(Path(params["model"]["weights_file"]).name)
    return listed(names) if names else ""


def _yaml(values: Mapping[str, Any]) -> Markup:
    """YAML, every text of which stays in a line."""
    text = yaml.dump(dict(values), Dumper=_Yaml, sort_keys=False, allow_unicode=True, width=float("inf"))
    return Markup(text.rstrip("\n"))  # noqa: S704 - no line of it can end the block it is in
