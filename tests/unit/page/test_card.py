"""The model's card says what the page says; Hugging Face reads its header, and no name gets out of its place."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stages.core.base.schemas import DataDescription
from stages.core.config.automatic import settled
from stages.core.config.params import PARAMS_FILE
from stages.core.page import sentences
from stages.core.page.card import card
from stages.core.page.sentences import data
from stages.core.pictures.findings import Findings
from stages.core.scores.predictions import Predictions
from tests.unit.page import test_page
from tests.unit.pictures import made_up

ROOT = Path(__file__).parents[3]
OWN = {"dataset": "table", "path": "/home/somebody/stones.csv"}
SECTIONS = ["Data", "Split", "Scores", "Beside simple models", "Robustness", "Limits"]
SECTIONS += ["Recipe", "How to reproduce", "Hashes"]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NAMES = [
    *(
        "---",
        "a | b",
        r"a \| b",
        "`a`",
        "```",
        "a\nb",
        "a\n---\nb",
        "\u2028---",
        "a\r\n\r\n# b",
        "# a #",
        "**a**",
        "_a_",
    ),
    *(
        "a_b",
        "<script>alert(1)</script>",
        "<!--",
        "[a](javascript:b)",
        "![a](b)",
        "~~a~~",
        "&lt;",
        "{{ 7 * 7 }}",
        "a\0b",
    ),
    *("- a", "1. a", "> a", "\\", "'a': b", 'a "b"', "%", "@a", "é ü"),
]


def images_of_numbers() -> Findings:
    made = made_up.regression()
    empty = {name: made.tables[name].iloc[:0] for name in ("schema", "importance")}
    counts = {"in_folder": 3001, "used": 3000, "duplicate": 1, "refused": {}, "left_out": {}}
    prepare = {**made.metrics["prepare"], "rows": None, "files": counts}
    return replace(
        made,
        data=DataDescription(task="regression", input_shape=(3, 32, 48)),
        tables={**made.tables, **empty},
        metrics={**made.metrics, "prepare": prepare},
    )


CASES: dict[str, Callable[[], Findings]] = {
    "image-classification": test_page.findings,
    "image-regression": images_of_numbers,
    "tabular-classification": made_up.classification,
    "tabular-regression": made_up.regression,
}
each_case = pytest.mark.parametrize("case", CASES)


def params(found: Findings, sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All of params.yaml, settled as for 2,400 training examples, with the given keys of its sections changed."""
    values = yaml.safe_load((ROOT / PARAMS_FILE).read_text())
    changed = {name: {**values[name], **keys} for name, keys in sections.items()}
    return settled(values | changed, found.data.kind, found.data.task, 2400)


def write(found: Findings, dataset: str = "stones", digest: str = 64 * "a", **sections: dict[str, Any]) -> str:
    return card(
        found,
        dataset=dataset,
        params=params(found, sections),
        inputs="what goes in",
        outputs="what comes out",
        digests={"models/model.safetensors": digest},
    )


def header(text: str) -> Any:
    return yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))


def read(text: str) -> list[Token]:
    return MARKDOWN.parse(text.partition("\n---\n")[2])


def body(text: str) -> str:
    """What a reader of the rendered card reads, a line for each paragraph and cell."""
    lines = []
    for token in read(text):
        inside = token.children or []
        lines.append("".join(" " if one.type == "softbreak" else one.content for one in inside) or token.content)
    return "\n".join(filter(None, lines))


def skeleton(text: str) -> list[str]:
    """All of the card's markup."""
    found = []
    for token in read(text):
        found += [f"{token.type} {token.level}", *(one.type for one in token.children or [] if one.type != "text")]
    return found


def with_rows(found: Findings, name: str, rows: list[tuple[Any, ...]]) -> Findings:
    table = pd.DataFrame(rows, columns=list(found.tables[name].columns))
    return replace(found, tables={**found.tables, name: table})


@each_case
def test_the_header_has_every_score(case: str) -> None:
    found = CASES[case]()
    read = header(write(found))
    (model,) = read["model-index"]
    (result,) = model["results"]
    assert result["task"] == {"type": case}
    assert result["dataset"] == {"type": "mnist", "name": "stones", "split": "test"}
    scores = found.tables["scores"]
    assert [metric["value"] for metric in result["metrics"]] == scores["value"].tolist()
    for metric, (_, row) in zip(result["metrics"], scores.iterrows(), strict=True):
        label, *ends = re.fullmatch(r"(.+) \(95% interval (\S+) to (\S+)\)", metric["name"]).groups()  # type: ignore[union-attr]
        assert label == found.label(row["score"])
        assert list(map(float, ends)) == pytest.approx([row["low"], row["high"]], rel=1e-5)
    assert read.get("pipeline_tag") == (None if case == "image-regression" else case)
    assert read["tags"] == ["dvc", "pytorch", "reproducible", "tabular" if case.startswith("tab") else "cnn"]
    assert "license" not in read


@each_case
def test_hugging_face_reads_it(case: str) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="no huggingface_hub here; tests/peers.lock has it")
    found = CASES[case]()
    made = hub.ModelCard(write(found))
    assert made.data.library_name == "pytorch"
    assert made.data.model_name == ("stones: tabular" if case.startswith("tab") else "stones: cnn")
    assert made.text.startswith("\n# stones: ")
    results = made.data.eval_results
    assert [result.metric_value for result in results] == found.tables["scores"]["value"].tolist()
    assert {(result.task_type, result.dataset_name, result.dataset_split) for result in results} == {
        (case, "stones", "test")
    }
    types = [name.removeprefix("macro_") for name in found.tables["scores"]["score"]]
    assert [result.metric_type for result in results] == types
    again = hub.ModelCardData(model_name=made.data.model_name, eval_results=results)
    assert again.to_dict()["model-index"] == header(write(found))["model-index"]


@each_case
def test_it_says_what_the_page_says(case: str) -> None:
    found = CASES[case]()
    told = body(write(found))
    assert all(answer.text in told for answer in sentences.answers(found))
    assert data.told(found) in told and sentences.rules(found) in told


def poor(found: Findings) -> Findings:
    """The same where nothing was found in the data, and no column is known."""
    return with_rows(with_rows(found, "audit", []), "schema", [])


@each_case
@pytest.mark.parametrize("change", [lambda found: found, poor])
def test_no_section_is_empty(case: str, change: Callable[[Findings], Findings]) -> None:
    text = write(change(CASES[case]()), train={"val_fraction": 0.0}, data=OWN)
    tokens = read(text)
    titles = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert [tokens[place + 1].content for place in titles][1:] == SECTIONS
    assert all(tokens[place + 3].type in {"paragraph_open", "bullet_list_open"} for place in titles)
    heads = [place for place, token in enumerate(tokens) if token.type == "thead_close"]
    assert len(heads) >= 4 and all(tokens[place + 1].type == "tbody_open" for place in heads)  # a table has rows
    assert not re.search(r"\b(nan|None)\b", body(text))
    assert "\n\n\n" not in text and text.endswith("|\n") and not re.search(r" $", text, re.MULTILINE)


def test_images_have_no_columns_and_a_table_has_no_augmentation() -> None:
    assert "The columns it takes" not in body(write(test_page.findings()))
    assert "augment:" in write(test_page.findings())
    made = write(made_up.classification())
    assert "carat\nnumber\n2.0%\n0.1 to 5\n" in body(made) and "augment:" not in made


def test_only_inputs_are_columns_and_many_are_not_listed() -> None:
    row = ("input", "number", "numbers", 0.25, 12, -1.5, 2000.0, "")
    rows = [("owner", "group", *row[1:]), *((f"column {place}", *row) for place in range(50))]
    told = body(write(with_rows(made_up.regression(), "schema", rows)))
    assert "column 39\nnumber\n25.0%\n-1.5 to 2,000\n" in told
    assert "column 40" not in told and "owner" not in told
    assert "the first 40 of 50, data/schema.csv has all" in told


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_in_its_place(name: str) -> None:
    """The markup is that of a card with plain names, and whoever reads it reads the name."""

    def named(called: str) -> str:
        classes = (called, "another", "one more")
        made = made_up.classification()
        known = made.data.model_copy(update={"classes": classes, "target": called})
        worst = made.tables["classes"].assign(**{"class": classes, "f1": [0.1, 0.5, 0.5]})
        confusion = made.tables["confusion"].assign(actual=np.repeat(classes, 3), predicted=classes * 3)
        made = replace(made, data=known, tables={**made.tables, "classes": worst, "confusion": confusion})
        made = with_rows(made, "schema", [(called, "input", "category", "", 0.0, 2, np.nan, np.nan, called)] * 2)
        made = with_rows(made, "audit", [("leak", called, 1, "severe", called)])
        return write(made, dataset=called, data=OWN, model={"weights": "file", "weights_file": f"x/{called}"})

    text = named(name)
    assert skeleton(text) == skeleton(named("plain"))
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)
    told = body(text)
    assert f"\n{shown}\ncategory\n0.0%\n{shown}\n" in told
    for place in (
        "What is predicted is the column {},",
        "The weakest class is {}, with",
        "gives the target away ({}).",
    ):
        assert place.format(shown) in told
    assert header(text)["model-index"][0]["results"][0]["dataset"]["name"] == name
    (recipe,) = [token.content for token in read(text) if token.type == "fence" and token.info == "yaml"]
    assert yaml.safe_load(recipe)["model"]["weights_file"] == Path(name).name


def test_a_name_s_underscores_are_left_alone_inside_of_a_word() -> None:
    text = write(made_up.regression(), dataset="_my_own_")
    assert "# \\_my_own\\_: tabular" in text and "_my_own_: tabular" in body(text)


def changed(found: Findings, table: str, column: str, value: object) -> Findings:
    other = found.tables[table].copy()
    other.loc[other.index[0], column] = value
    return replace(found, tables={**found.tables, table: other})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: changed(found, "scores", "value", 123.0), "\nRMSE\n123\n"),
        (lambda found: changed(found, "scores", "low", 12.0), "its RMSE is 12 to "),
        (lambda found: changed(found, "baselines", "value", 1.0), "that of median 1: a difference of "),
        (lambda found: changed(found, "stress", "score", 98765.0), "\nnone\n98,765\n"),
        (lambda found: changed(found, "schema", "missing", 0.75), "\ncarat\nnumber\n75.0%\n"),
        (
            lambda found: changed(found, "audit", "column", "depth"),
            "a column that nearly gives the target away (depth)",
        ),
        (lambda found: changed(found, "fold_scores", "high", 98765.0), " to 98,765 for other training data"),
        (lambda found: replace(found, selected_epoch=3), "chose the model's epoch, 3 of 8"),
    ],
)
def test_a_change_in_the_findings_is_one_in_the_card(change: Callable[[Findings], Findings], told: str) -> None:
    assert told in body(write(change(made_up.regression())))


def test_parameters_and_hashes_are_those_given() -> None:
    text = write(made_up.regression(), digest=64 * "b", train={"lr": 0.00001}, model={"hidden": [7, 9]})
    assert f"\nmodels/model.safetensors\n{64 * 'b'}" in body(text)
    (recipe,) = [token.content for token in read(text) if token.type == "fence" and token.info == "yaml"]
    values = yaml.safe_load(recipe)
    assert values["train"]["lr"] == 0.00001 and values["seed"] == 0 and "  hidden: [7, 9]\n" in recipe
    assert values["model"]["name"] == "tabular" and values["model"]["weights_file"] == "models/own"


def test_intervals_are_told_where_there_are_some() -> None:
    made = made_up.regression()
    share = made.metrics["evaluate"]["coverage"]
    told = body(write(made))
    assert "and predicts its price, with a 90% interval." in told and f"\ncoverage\n{share:.2%}\n" in told
    without = body(write(made_up.regression(intervals=False), train={"val_fraction": 0.0}))
    assert "and predicts its price. On" in without and "It gives no prediction intervals" in without
    assert "coverage" not in without


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("image-classification", "takes a grey image of 4 × 4 pixels and says how likely each of 3 classes is."),
        ("image-regression", "takes a colour image of 32 × 48 pixels and predicts a number, with a 90% interval."),
        ("tabular-classification", "takes a row of 4 columns and says how likely each of 3 classes of cut is."),
    ],
)
def test_it_says_what_the_model_is(case: str, told: str) -> None:
    assert f"A PyTorch network ({'tabular' if case.startswith('tab') else 'cnn'}) that {told}" in body(
        write(CASES[case]())
    )


def test_a_perfect_score_has_no_interval() -> None:
    found = test_page.findings(accuracy=1.0, sharpness=20)
    assert "\naccuracy\n100.00%\n–\n" in body(write(found))
    assert header(write(found))["model-index"][0]["results"][0]["metrics"][0]["name"] == "accuracy"
    groups = replace(found, predictions=Predictions(np.arange(4), np.eye(4, dtype=np.float32), np.arange(4)))
    told = "On these 600 images the bootstrap has no interval for its accuracy."
    assert told in body(write(groups)) and "Clopper" not in write(groups)


def grouped(found: Findings, groups: int) -> Findings:
    assert found.predictions is not None
    codes = np.arange(len(found.predictions.targets)) % groups
    return replace(found, predictions=replace(found.predictions, groups=codes))


@pytest.mark.parametrize(
    ("found", "sections", "told"),
    [
        (
            test_page.findings(),
            {},
            "The test part is the data set's own. The training part was cut into the folds of the cross-validation at "
            "random, stratified by class; a slice of about 5%, held out likewise, chose the model's epoch, 2 of 2.",
        ),
        (
            made_up.regression(),
            {"data": {"dataset": "diamonds"}},
            "split off at random, stratified by the size of the number to predict. The training part was cut into the "
            "folds of the cross-validation in the same way;",
        ),
        (made_up.classification(), {"data": OWN}, "The test part was split off at random, stratified by class."),
        (
            grouped(made_up.regression(), 20),
            {"data": OWN | {"group": "house"}},
            "The test part was split off by group, so that rows with the same house stay together.",
        ),
        (
            made_up.regression(),
            {"data": OWN | {"time": "day"}},
            "The test part was split off by time, so that what is tested has a later day than all that is trained on.",
        ),
        (
            made_up.regression(),
            {"data": OWN | {"test_path": "/home/b/later.csv"}},
            "The test part is a file of its own, later.csv. The training part was cut into the folds of the "
            "cross-validation at random",
        ),
        (
            images_of_numbers(),
            {"data": {"dataset": "images", "path": "own/shots"}},
            "The test part is the folder's own, or where it has none was split off at random",
        ),
        (
            made_up.regression(),
            {"train": {"val_fraction": 0.0}},
            "The model learned from all of that part; its last epoch was kept, 8 of 8.",
        ),
    ],
)
def test_it_says_how_the_data_were_split(found: Findings, sections: dict[str, Any], told: str) -> None:
    assert told in body(write(found, **sections))


def test_classes_are_told_with_their_examples_up_to_some() -> None:
    made = test_page.findings()
    assert "The classes: a, <b> and c & d." in body(write(made))
    prepare = {"train": {"examples": 3000, "class_counts": [1000, 1500, 500]}, "test": {"examples": 600}}
    counted = replace(made, metrics={**made.metrics, "prepare": prepare})
    assert "The classes, with their training images: a (1,000), <b> (1,500) and c & d (500)." in body(write(counted))
    many = made.data.model_copy(update={"classes": tuple(f"class {place}" for place in range(1000))})
    assert "class 19 and 980 more." in data.classes(replace(made, data=many))


def test_too_few_groups_are_told() -> None:
    assert "The test part has 7 groups, too few for an interval" in body(write(grouped(made_up.classification(), 7)))


def test_your_own_files_are_told_by_name_alone() -> None:
    weights = {"weights": "file", "weights_file": "/home/somebody/started.pth"}
    text = write(made_up.regression(), "stones.csv", data=OWN | {"test_path": "/home/b/later.csv"}, model=weights)
    assert "The data are those of the file stones.csv." in body(text)
    assert "Bring stones.csv, later.csv and started.pth to where its params.yaml says" in body(text)
    assert "/home" not in text
    assert "Bring" not in write(test_page.findings())


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({}, "all files come out with the hashes below on Linux and any x86-64 processor with AVX2."),
        ({"train": {"device": "cuda"}}, "on another machine the files may differ"),
        ({"model": {"name": "convnext_tiny"}}, "may differ in its last bits on another make of processor"),
    ],
)
def test_the_same_bytes_are_promised_where_they_are(sections: dict[str, Any], told: str) -> None:
    text = body(write(test_page.findings(), **sections))
    assert told in text and ("all files come out" in text) == (sections == {})


def test_same_bytes_in_another_process() -> None:
    program = """
import sys
import stages
from tests.unit.page import test_card as here
sys.stdout.buffer.write("".join(here.write(make()) for make in here.CASES.values()).encode())
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    made = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert made.stdout.decode() == "".join(write(make()) for make in CASES.values())
