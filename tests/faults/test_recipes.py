"""Text, guests and recipes: names are shown as they are written, a foreign layer is told from a reproducible one."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from markupsafe import escape
from matplotlib.text import Text
from ruamel.yaml import YAML
from torch import nn

from stages.core.base import schemas
from stages.core.base.command import InputError
from stages.core.base.declared import Record, Table
from stages.core.config.automatic import MODELS
from stages.core.config.params import PARAMS_FILE
from stages.core.config.sections import AllParams
from stages.core.networks.fronts.pixels import Normalise
from stages.core.networks.layers import Dropout, RandomLayer
from stages.core.networks.model import initialise
from stages.core.pictures.axes import shortened
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import pictures
from stages.core.pictures.style import house_style
from stages.core.revisions.changes import Changes, markdown_page
from stages.core.revisions.verdict import as_markdown
from stages.core.scores import tables
from stages.core.scores.classification import mistakes
from stages.core.scores.comparison import compare
from stages.core.scores.predictions import Predictions
from stages.core.training.engine import Engine
from stages.core.training.fit import fit
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers
from tests.unit.page.test_page import PICTURES, write
from tests.unit.page.test_page import findings as of_three_classes
from tests.unit.pictures import made_up
from tests.unit.pictures.findings import CONFIG

NAMES = {  # as a class may be called, and as a picture writes it
    r"$\frac{1}{$": r"$\frac{1}{$",
    "x^2_{y}\\": "x^2_{y}\\",
    "%s {0} ${a}": "%s {0} ${a}",
    "a\nb": r"a\nb",
    "a\r": r"a\r",
    "a\r\nb": r"a\r\nb",
    "a\tb": r"a\tb",
    "\x1b[31m": r"\x1b[31m",
    5000 * "w": 15 * "w" + "…",
    "数字": r"\u6570\u5b57",
    "😀👩": r"😀\U0001f469",
    "שלום": "שלום",
    "<b>&amp;\"'</b>": "<b>&amp;\"'</b>",
    "a|b`*": "a|b`*",
    "": "",
    " ": " ",
    "01": "01",
    "NA": "NA",
}
CLASSES = list(NAMES)


@pytest.fixture(scope="module")
def found() -> Findings:
    """Of a made-up model whose classes have these names, its tables written to files and read back."""
    few, many = of_three_classes(), 20 * len(CLASSES)
    generator = np.random.default_rng(0)
    targets = np.arange(many) % len(CLASSES)
    probabilities = generator.dirichlet(np.ones(len(CLASSES)), many).astype(np.float32)
    own = tables.tables(targets, probabilities, CLASSES, 20)
    return replace(
        few,
        tables={**few.tables, **own},
        data=few.data.model_copy(update={"classes": tuple(CLASSES)}),
        mistakes=mistakes(targets, probabilities),
        inputs=np.zeros((many, 1, 4, 4), np.uint8),
        first=(np.zeros((len(CLASSES), 1, 4, 4), np.uint8), np.arange(len(CLASSES))),
    )


@pytest.mark.parametrize(("name", "drawn"), NAMES.items(), ids=ascii)
def test_a_name_is_one_line_that_the_font_can_write(name: str, drawn: str) -> None:
    assert shortened(name) == drawn


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_draws_any_name_without_a_warning(name: str, found: Findings, tmp_path: Path) -> None:
    with house_style():
        figure = pictures()[name].draw(found, CONFIG)
        texts = figure.findobj(Text)
        figure.savefig(tmp_path / "picture.png", dpi=50)
    assert not any(text.get_parse_math() for text in texts)
    assert not any(class_name in text.get_text() for class_name in ("a\nb", 17 * "w", "数字") for text in texts)


@pytest.mark.parametrize("target", [r"$\frac{1}{$", "a\nb", "数字"], ids=ascii)
def test_a_table_may_have_any_name_for_its_columns(target: str, tmp_path: Path) -> None:
    made = made_up.regression(rows=30, columns=len(CLASSES))
    made = replace(
        made,
        data=made.data.model_copy(update={"target": target}),
        tables={**made.tables, "importance": made.tables["importance"].assign(column=CLASSES)},
    )
    with house_style():
        for name, picture in pictures().items():
            if picture.shown(made):
                figure = picture.draw(made, CONFIG)
                figure.savefig(tmp_path / f"{name}.png", dpi=40)
                texts = [text.get_text() for text in figure.findobj(Text)]
                assert not any(raw in text for raw in ("a\nb", 40 * "w", "数字") for text in texts)
    assert "<b>" not in write(made)


@pytest.mark.parametrize("table", ["confusion", "roc", "precision_recall", "classes"])
def test_tables_keep_any_name(table: str, found: Findings, tmp_path: Path) -> None:
    declared: Table = getattr(schemas, table.upper())
    declared.write(tmp_path / "table.csv", found.tables[table])
    pd.testing.assert_frame_equal(declared.read(tmp_path / "table.csv"), declared.checked(found.tables[table], table))


def test_the_page_shows_any_name_as_text(found: Findings) -> None:
    html = write(found)
    assert [name for name in CLASSES if f'<th scope="row">{escape(name)}</th>' not in html] == []
    assert "<b>" not in html and unescape(html).count("<b>&amp;") > 1


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b", "a"], "class 'a': given twice"),
        (["", "b", ""], "class '': given twice"),
        (["a", "macro"], "class 'macro': is the name of the classes' mean"),
    ],
    ids=ascii,
)
def test_names_that_cannot_be_told_apart_or_written_are_refused(names: list[str], told: str, tmp_path: Path) -> None:
    class Named(Record):
        classes: schemas.ClassNames

    (tmp_path / "names.json").write_text(json.dumps({"classes": names}))
    with pytest.raises(InputError, match=re.escape(f"names.json: damaged, or another version's: classes: {told}")):
        Named.read(tmp_path / "names.json")


def layer(forward: Callable[[Any, torch.Tensor], torch.Tensor], base: type[nn.Module] = nn.Module) -> nn.Module:
    """A layer of a user's own that computes that."""
    return type("Own", (base,), {"forward": forward})()


def holding(parameter: torch.Tensor) -> nn.Module:
    """A layer of a user's own with a parameter that begins like that."""
    own = layer(lambda self, x: x)
    own.weight = nn.Parameter(parameter)
    return own


def buffered(buffer: torch.Tensor) -> nn.Module:
    """A layer of a user's own with a buffer that begins like that."""
    own = layer(lambda self, x: x)
    own.register_buffer("state", buffer, persistent=False)
    return own


def transformer() -> list[nn.Module]:
    return [nn.Unflatten(1, (1, 144)), nn.TransformerEncoderLayer(144, 2, 8, batch_first=True), nn.Flatten()]


GUESTS: dict[str, tuple[Callable[[], list[nn.Module]], str]] = {  # what is put before a linear layer, and the refusal
    "Dropout": (lambda: [nn.Dropout(0.5)], r"layer 2 \(Dropout\): draws from torch's own generator"),
    "Dropout2d": (
        lambda: [nn.Unflatten(1, (1, 12, 12)), nn.Dropout2d(0.5), nn.Flatten()],
        r"layer 3 \(Dropout2d\): draws",
    ),
    "RReLU": (lambda: [nn.RReLU()], r"layer 2 \(RReLU\): draws"),
    "functional": (
        lambda: [layer(lambda self, x: F.dropout(x, training=self.training))],
        r"layer 2 \(Own\): draws",
    ),
    "a coin": (lambda: [layer(lambda self, x: x * float(torch.rand(1)))], r"layer 2 \(Own\): draws"),
    "nested": (lambda: [nn.Sequential(nn.ReLU(), nn.Dropout(0.5))], r"layer 2\.1 \(Dropout\): draws"),
    "RandomLayer, not its generator": (
        lambda: [layer(lambda self, x: x * torch.rand(x.shape), RandomLayer)],
        r"layer 2 \(Own\): draws",
    ),
    "transformer": (transformer, r"layer 3\.self_attn \(MultiheadAttention\): its initial weights"),
    "Embedding": (lambda: [nn.Embedding(3, 3)], r"layer 2 \(Embedding\): its initial weights"),
    "LSTM": (lambda: [nn.LSTM(144, 144)], r"layer 2 \(LSTM\): its initial weights"),
    "parameter": (lambda: [holding(torch.randn(3))], r"layer 2 \(Own\): its initial weights"),
    "a single number": (lambda: [holding(torch.randn(()))], r"layer 2 \(Own\): its initial weights"),
    "buffer": (lambda: [buffered(torch.randn(3))], r"layer 2 \(Own\): its initial weights or buffers"),
}


def given(monkeypatch: pytest.MonkeyPatch, guest: Callable[[], list[nn.Module]]) -> None:
    """Has the engine build this, and a linear layer after it, whatever the recipe says."""

    def build(*arguments: Any) -> nn.Module:
        model = nn.Sequential(Normalise([0.5], [0.25]), nn.Flatten(), *guest(), nn.Linear(144, 4))
        initialise(model, arguments[-1])
        return model

    monkeypatch.setattr("stages.core.training.engine.build_model", build)


@pytest.mark.parametrize("name", GUESTS)
def test_a_layer_that_draws_outside_the_runs_streams_is_refused_by_name(name, recipe, digits, monkeypatch) -> None:
    guest, refusal = GUESTS[name]
    given(monkeypatch, guest)
    with Workers(1) as workers, pytest.raises(InputError, match=f"^network: {refusal}"):
        Engine(recipe(), digits(32), objective_of(recipe().train, "classification"), 4, workers)


def noisy(self: RandomLayer, x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(x.shape, generator=self.generator) if self.training else x


# Tested in unit/training/test_backbones.py; the last takes no images so small.
ELSEWHERE = ("mobilenet_v3_small", "efficientnet_b0", "convnext_tiny")
NETWORKS: dict[str, Callable[[], list[nn.Module]] | None] = {
    **dict.fromkeys(name for name in MODELS["image"] if name not in ELSEWHERE),
    "our Dropout": lambda: [Dropout(0.5)],
    "a RandomLayer of one's own": lambda: [layer(noisy, RandomLayer)],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_two_runs_of_a_network_give_the_same_weights(name, recipe, digits, monkeypatch) -> None:
    """Every name that `model.name` may have, or nearly, and a guest; whatever the state of torch's generator is."""
    model = {"name": name, "hidden": [8], "dropout": 0.5}
    if guest := NETWORKS[name]:
        given(monkeypatch, guest)
        model = {}
    runs = []
    for workers in (1, 2):
        torch.manual_seed(workers)
        with Workers(workers) as pool:
            objective = objective_of(recipe().train, "classification")
            fitted = fit(recipe(model=model), digits(64), digits(16, seed=1), objective, 4, pool)
        runs.append({name: tensor.numpy().tobytes() for name, tensor in fitted.model.state_dict().items()})
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"learning_curve": [0.1, 0.5]}, "(learning_curve takes 0.1 of a fold's, prepare.limit = 2000)"),
        (
            {"learning_curve": [0.25]},
            "at most 250, the examples that cross_validate trains on (learning_curve",
        ),
        ({"learning_curve": []}, ""),
    ],
)
def test_parts_of_a_subset_that_are_too_small_for_a_batch_are_refused_by_their_cause(changes, cause) -> None:
    values = YAML(typ="safe").load(PARAMS_FILE)
    values["prepare"]["limit"] = 2000
    values["train"] |= {"batch_size": 256, "val_fraction": 0.05}
    values["cross_validate"] |= {"folds": 2, **changes}
    params = AllParams.model_validate(values)
    if not cause:
        params.check_sizes()
        return
    with pytest.raises(InputError, match=re.escape(cause)):
        params.check_sizes()


@pytest.mark.parametrize(("stale", "told"), [(["plot", "report"], True), (["report"], False), ([], False)])
@pytest.mark.parametrize("pictures", [{}, {"a.png": ("1", "2")}])
def test_a_report_on_pictures_that_were_not_drawn_anew_says_so(pictures, stale, told) -> None:
    page = markdown_page(Changes("main", "", "", "", pictures, {}, stale, ""))
    assert ("`plot` has not run since" in page) == told


def test_a_revision_with_a_bar_in_its_name_breaks_no_table() -> None:
    targets, probabilities = np.arange(40) % 2, np.full((40, 2), 0.5, np.float32)
    found = compare(Predictions(targets, probabilities), Predictions(targets, probabilities), np.random.default_rng(0))
    rows = [line for line in as_markdown(found, "a|b", "main").splitlines() if line.startswith("|")]
    assert len(rows) > 4
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {8}
