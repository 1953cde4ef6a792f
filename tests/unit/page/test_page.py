"""The report shows what was found, and nothing else; it stands alone, and who cannot see it can use it."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from jinja2 import UndefinedError

from stages.core.base import schemas
from stages.core.base.command import InputError
from stages.core.base.schemas import DataDescription
from stages.core.config.params import PARAMS_FILE
from stages.core.page import graph
from stages.core.page import page as page_module
from stages.core.page.page import page
from stages.core.page.parts import embedded
from stages.core.page.rendering import STYLE, rendered
from stages.core.page.sentences import classification as sentences
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery import pictures
from stages.core.scores.classification import SCORES, mistakes
from stages.core.scores.tasks import TABLES

ROOT = Path(__file__).parents[3]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
CLASSES = ["a", "<b>", "c & d"]
BASELINES = {"majority": 0.34, "logistic_regression": 0.75}
CURVES = ("roc", "precision_recall")
OF_TABLES = {"predicted", "residuals", "deciles", "coverage", "importance"}
PICTURES = [name for name in pictures() if name not in OF_TABLES]


def findings(accuracy: float = 0.9, on_training: float = 0.95, sharpness: float = 6.0) -> Findings:
    """Of a made-up model that gets about `accuracy` of 600 test examples right."""
    generator = np.random.default_rng(0)
    targets = np.arange(600) % 3
    said = (targets + (generator.random(600) > accuracy) * generator.integers(1, 3, 600)) % 3
    logits = generator.normal(size=(600, 3)) + sharpness * np.eye(3)[said]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    said = probabilities.argmax(axis=1)
    counts = np.bincount(3 * targets + said, minlength=9).reshape(3, 3)
    right = float(np.mean(targets == said))
    precision, recall = np.diag(counts) / counts.sum(axis=0), np.diag(counts) / counts.sum(axis=1)
    f1 = 2 * np.diag(counts) / (counts.sum(axis=0) + counts.sum(axis=1))
    half = 1.96 * (right * (1 - right) / 600) ** 0.5
    values = {name: 0.1 + place / 1000 for place, name in enumerate(SCORES)} | {"accuracy": right}
    epochs = pd.DataFrame(
        {
            "epoch": [1, 2],
            "train_loss": [0.5, 0.25],
            "validation_loss": [0.6, 0.4],
            "train_score": [0.5, on_training],
            "validation_score": [0.5, 0.9],
        }
    )
    fold_scores = [("accuracy", 0.895, 0.0212, 0.56489, 1.22511), ("loss", 0.3, 0.0, 0.3, 0.3)]
    stress = [("blur", 0, 0.875), ("blur", 1, 0.8), ("blur", 2, 0.7), ("gaussian_noise", 0, 0.875)]
    stress += [("gaussian_noise", 1, 0.6), ("gaussian_noise", 2, 0.4)]
    bins = {"confidence_from": [0.0, 0.5], "confidence_to": [0.5, 1.0], "examples": [0, 600]}
    of_bins = {"confidence": float(probabilities.max(axis=1).mean()), "accuracy": right, "accuracy_low": right - half}
    empty = {"importance": schemas.IMPORTANCE, "audit": schemas.AUDIT, "schema": schemas.SCHEMA, **TABLES}
    simple = [(name, "accuracy", value, right, right - value, 0.1, 0.2, "better") for name, value in BASELINES.items()]
    return Findings(
        data=DataDescription(task="classification", classes=tuple(CLASSES), input_shape=(1, 4, 4)),
        metrics={
            "prepare": {"train": {"examples": 3000}, "test": {"examples": 600}},
            "evaluate": {name: values[name] for name, score in SCORES.items() if score.headline},
            "cross_validate": {"accuracy": 0.895, "accuracy_gap": 0.01},
            "train": {"val_accuracy": 0.9},
            "stress": {"mean_corruption_accuracy": 0.625},
            "lr_range": {"suggested_lr": 0.0042},
        },
        tables={name: pd.DataFrame(columns=list(table.columns)) for name, table in empty.items()}
        | {
            "baselines": pd.DataFrame(simple, columns=list(schemas.BASELINES.columns)),
            "scores": pd.DataFrame(
                [(name, value, value - half, value + half) for name, value in values.items()],
                columns=["score", "value", "low", "high"],
            ),
            "fold_scores": pd.DataFrame(fold_scores, columns=["score", "mean", "std", "low", "high"]),
            "classes": pd.DataFrame(
                {"class": CLASSES, "precision": precision, "recall": recall, "f1": f1, "support": counts.sum(axis=1)}
                | {"roc_auc": [0.99, 0.98, 0.97], "average_precision": [0.96, 0.95, 0.94]}
            ),
            "confusion": pd.DataFrame(
                {"actual": np.repeat(CLASSES, 3), "predicted": CLASSES * 3, "count": counts.ravel()}
            ),
            "calibration": pd.DataFrame(
                bins
                | {name: [np.nan, value] for name, value in of_bins.items()}
                | {"accuracy_high": [np.nan, right + half]}
            ),
            **{
                name: pd.DataFrame([("a", 0.0, 0.0), ("a", 1.0, 1.0)], columns=list(TABLES[name].columns))
                for name in CURVES
            },
            "cross_validate": pd.concat([epochs.assign(fold=fold) for fold in (1, 2)]),
            "learning_curve": pd.DataFrame(
                {"fold": [1, 1], "share": [0.5, 1.0], "examples": [1000, 2000], "train_score": [0.9, 0.9]}
                | {"validation_score": [0.75, 0.875]}
            ),
            "lr_range": pd.DataFrame(
                {"learning_rate": [0.01, 0.03, 0.1], "loss": [2.0, 0.8, 1.0], "smoothed_loss": [2.0, 0.77, 0.9]}
            ),
            "stress": pd.DataFrame(stress, columns=["corruption", "severity", "score"]).assign(examples=80),
            "training": epochs.assign(learning_rate=0.01),
        },
        mistakes=mistakes(targets, probabilities),
        selected_epoch=2,
        score="accuracy",
    )


def write(found: Findings, **changes: Any) -> str:
    given: dict[str, Any] = {
        "dataset": "letters",
        "params": yaml.safe_load((ROOT / PARAMS_FILE).read_text()),
        "versions": {"torch": "9.8.7"},
        "numerics": {"OMP_NUM_THREADS": "1"},
    }
    images = {name: embedded(PNG, name) for name, picture in page_module.pictures().items() if picture.shown(found)}
    return page(found, images, **(given | changes))


class Reader(HTMLParser):
    """The elements of a page, in order, and all of its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []  # every element is closed, and none by another's end

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"img", "meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += " ".join(data.split()) + " " if data.strip() else ""

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def found() -> Findings:
    return findings()


@pytest.fixture(scope="module")
def html(found: Findings) -> str:
    return write(found)


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    return Reader(html)


def test_it_needs_nothing_else(html: str, read: Reader) -> None:
    addresses = [
        value
        for _, attributes in read.elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "poster", "data"}
    ]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert re.search(r"https?:|url\(|@import|<script|<iframe|<object", html) is None
    (policy,) = [meta["content"] for meta in read.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")


def test_links_lead_somewhere(read: Reader) -> None:
    identifiers = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert {link["href"] for link in read.all("a")} == {f"#{identifier}" for identifier in identifiers}


def test_it_is_accessible(read: Reader) -> None:
    assert read.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert read.all("a")[0]["href"] == "#main"  # the first stop of the keyboard skips the navigation
    for box in [attributes for attributes in read.all("div") if attributes.get("class") == "scroll"]:
        assert box["tabindex"] == "0" and box["role"] == "region" and box["aria-label"]
    assert len(read.all("caption")) == len(read.all("table"))
    assert {cell["scope"] for cell in read.all("th")} == {"col", "row"}
    (drawn,) = read.all("svg")
    assert drawn["role"] == "img" and "evaluate uses prepare and train" in drawn["aria-label"]


def test_pictures_say_what_is_to_be_seen(read: Reader, found: Findings) -> None:
    described = dict(zip(PICTURES, read.all("img"), strict=True))
    for name, image in described.items():
        assert image["src"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        assert (image["width"], image["height"]) == ("1", "1")
        assert len(image["alt"]) > 60 and re.search(r"\d", image["alt"]), name
    wrong = len(found.mistakes)
    assert f"{600 - wrong} of 600 images are on the diagonal" in described["confusion"]["alt"]
    assert "training from 0.5000 to 0.2500, validation from 0.6000 to 0.4000" in described["training"]["alt"]
    assert "gaussian noise 50.0%" in described["stress"]["alt"]
    assert "0.0042" in described["lr_range"]["alt"]


def test_a_picture_that_was_not_asked_for_may_be_missing(found: Findings) -> None:
    whole = found.tables["learning_curve"].query("share == 1")
    html = write(replace(found, tables={**found.tables, "learning_curve": whole}))
    assert len(Reader(html).all("img")) == len(PICTURES) - 1
    caption = pictures()["learning_curve"].captioned(found)
    assert caption in write(found) and caption not in html


def test_a_new_picture_is_shown_in_its_section(found: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(pictures()["roc"], caption="A <new> one", describe=lambda found: f'"{found.examples}"', order=99)
    monkeypatch.setattr(page_module, "pictures", lambda: {**pictures(), "new": new})
    html = write(found)
    ranking = html[html.index('<section id="ranking">') : html.index('<section id="confidence">')]
    assert "A &lt;new&gt; one" in ranking and html.count("<figcaption>A &lt;new&gt; one</figcaption>") == 1
    assert '"600"' in [image["alt"] for image in Reader(html).all("img")]


def test_a_new_score_is_shown_with_its_sentence(found: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(SCORES["accuracy"], name="kappa", label="Cohen's kappa", meaning="agreement beyond chance")
    monkeypatch.setitem(SCORES, "kappa", new)
    scores = found.tables["scores"]
    scores = pd.concat([scores, scores.iloc[:1].assign(score="kappa", value=0.5, low=0.25, high=0.75)])
    text = Reader(write(replace(found, tables={**found.tables, "scores": scores}))).text
    assert "Cohen's kappa 50.00% 25.00–75.00% agreement beyond chance " in text


def test_every_score_is_shown_with_its_interval(read: Reader, found: Findings) -> None:
    for _, row in found.tables["scores"].iterrows():
        share = SCORES[row["score"]].share
        value, low, high = (f"{100 * row[n]:.2f}" if share else f"{row[n]:.5f}" for n in ("value", "low", "high"))
        unit = "%" if share else ""
        assert (
            f"{SCORES[row['score']].label} {value}{unit} {low}–{high}{unit} {SCORES[row['score']].meaning} "
            in read.text
        )


def test_every_table_has_the_numbers_found(read: Reader, found: Findings) -> None:
    for row in found.tables["classes"].itertuples():
        assert f"{row.precision:.2%} {row.recall:.2%} {row.f1:.2%} {row.roc_auc:.5f} " in read.text
    wrong = found.tables["confusion"].query("actual != predicted and count > 0")
    for _, pair in wrong.nlargest(5, "count").iterrows():
        assert f"{pair['actual']} {pair['predicted']} {pair['count']} " in read.text
    assert "accuracy 89.50% 56.49–100.00% 2.12% loss, without temperature scaling 0.30000 " in read.text
    first = found.mistakes[0]
    assert f"{first.index} {CLASSES[first.actual]} {CLASSES[first.predicted]} {first.probability:.2%} " in read.text
    assert "Accuracy on 80 test images, mean over the severities" in read.text
    assert "gaussian noise 50.00% blur 75.00% all of them 62.50% none 87.50% " in read.text
    assert "torch 9.8.7 " in read.text and "OMP_NUM_THREADS 1 " in read.text
    channels = ", ".join(map(str, yaml.safe_load(Path("params.yaml").read_text())["model"]["channels"]))
    assert f"channels [{channels}] " in read.text and "batch_norm true " in read.text


def test_names_are_no_markup(html: str, read: Reader) -> None:
    assert "<b>" not in html and "c & d" not in html
    assert "<b> " in read.text and "c & d " in read.text
    hostile = "\"><script>alert('x')</script>{{ 7 * 7 }}"
    given = {"dataset": hostile, "versions": {hostile: hostile}, "numerics": {hostile: hostile}}
    params = {hostile: {hostile: hostile}, "model": {"name": hostile}}
    made = findings()
    data = made.data.model_copy(update={"classes": (hostile,) * 3})
    whole = write(replace(made, data=data), params=params, **given)
    assert "<script" not in whole
    assert f"{hostile}: {hostile} " in Reader(whole).text
    assert hostile in {box["aria-label"] for box in Reader(whole).all("div") if "aria-label" in box}


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="is undefined"):
        rendered("page.html", heading="a page", style=STYLE, answers=[])


def test_the_style_ends_no_element_and_names_nothing_outside() -> None:
    assert "</" not in STYLE and "url(" not in STYLE


def test_same_bytes_in_another_process(html: str) -> None:
    program = """
import sys
import stages
sys.path.insert(0, "tests/unit/page")
import test_page as here
sys.stdout.buffer.write(here.write(here.findings()).encode())
"""
    for seed in "01":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"}
        command = [sys.executable, "-c", program]
        made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        assert made.stdout.decode() == html


@pytest.mark.parametrize("damage", [lambda png: png[:-20], lambda png: b"", lambda png: b"GIF89a" + png[6:]])
def test_a_damaged_picture_is_named(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InputError, match=r"plots/images/a\.png: damaged, not a PNG picture"):
        embedded(damage(PNG), "plots/images/a.png")


@pytest.mark.parametrize(
    ("accuracy", "on_training", "verdict"),
    [(0.9, 0.99, "It overfits"), (0.9, 0.9, "It underfits"), (1.0, 0.99, "Neither"), (1.0, 1.0, "Neither")],
)
def test_over_and_underfitting_by_the_rules_shown(accuracy: float, on_training: float, verdict: str) -> None:
    made = findings(accuracy, on_training)
    assert sentences.fit(made) == verdict
    assert f"Accuracy on training images is {on_training:.2%}" in sentences.over_or_underfit(made)
    assert sentences.rules(made) in Reader(write(made)).text


@pytest.mark.parametrize(
    ("accuracy", "sharpness", "verdict"),
    [(0.9, 9.0, "too bold"), (1.0, 3.0, "too cautious"), (0.9, 1.5, "at their word")],
)
def test_probabilities_are_judged_by_the_rules_shown(accuracy: float, sharpness: float, verdict: str) -> None:
    assert verdict in sentences.how_sure(findings(accuracy, sharpness=sharpness))


def test_sentences_have_the_numbers_found(found: Findings) -> None:
    wrong = len(found.mistakes)
    assert f"Of 600 test images that it has not learned from, {600 - wrong} are recognised." in sentences.how_good(
        found
    )
    assert f"{wrong} mistakes: one in {600 / wrong:.0f}." in sentences.how_good(found)
    low, high = found.interval("accuracy")
    assert f"{low:.2%} to {high:.2%}, with 95% confidence" in sentences.how_sure(found)
    assert "with an interval of 56.49% to 100.00%" in sentences.how_sure(found)  # of two folds: more is impossible
    assert "62.5% on average, and lowest under gaussian noise: 50.0%" in sentences.where_it_fails(found)


def test_a_model_without_mistakes() -> None:
    read = Reader(write(findings(accuracy=1.0, sharpness=20)))
    assert "0 mistakes." in read.text
    assert "Where does it fail? No mistake On these test images it does not. On corrupted images " in read.text
    # scipy.stats.binomtest(600, 600).proportion_ci() has these 99.387%.
    assert "How sure is that? 99.39% or more On these 600 images the bootstrap has no interval" in read.text
    assert "the bootstrap has no interval for its accuracy; by Clopper and Pearson it is 99.39% or more" in read.text
    assert read.text.count("There is no mistake.") == 1
    assert "No class is taken for another." in read.text


@pytest.mark.parametrize(("wrong", "interval"), [(400, "29.57% to 37.26%"), (600, "0.00% to 0.61%")])
def test_classes_that_are_all_right_or_all_wrong(wrong: int, interval: str) -> None:
    """Resamples by class are then all alike. The intervals are those of beta quantiles."""
    made = findings()
    scores = made.tables["scores"].copy()
    scores.loc[scores["score"] == "accuracy", ["value", "low", "high"]] = 1 - wrong / 600
    made = replace(made, tables={**made.tables, "scores": scores}, mistakes=(made.mistakes * 600)[:wrong])
    assert f"by Clopper and Pearson it is {interval}, with 95% confidence." in sentences.how_sure(made)
    assert "one in" not in sentences.how_good(made)


def test_without_validation_and_with_a_class_unseen(found: Findings) -> None:
    """As the tables read back from CSV: empty cells are NaN."""
    training = found.tables["training"].assign(validation_loss=np.nan, validation_score=np.nan)
    classes = found.tables["classes"].copy()
    classes.loc[2, ["roc_auc", "average_precision"]] = np.nan
    poor = replace(found, tables={**found.tables, "training": training, "classes": classes})
    described = dict(zip(PICTURES, Reader(write(poor)).all("img"), strict=True))
    assert "Loss: training from 0.5000 to 0.2500." in described["training"]["alt"]
    assert "c & d – – " not in described["roc"]["alt"]


def test_graph_without_what_goes_without_saying() -> None:
    uses: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["a"], "e": ["c", "d", "a"]}
    assert graph.reduced(uses) == {"a": [], "b": ["a"], "c": ["b"], "d": ["a"], "e": ["c", "d"]}


def test_drawing_has_every_stage_and_no_edge_through_another() -> None:
    uses: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["b"], "<d>": ["a"], "e": ["c", "<d>"]}
    drawn = Reader(graph.drawing(uses, "a label"))
    assert sorted(drawn.text.split()) == ["<d>", "a", "b", "c", "e"]
    boxes = [{side: float(box[side]) for side in ("x", "y", "width", "height")} for box in drawn.all("rect")]
    assert len(boxes) == 5
    for path in drawn.all("path"):
        if passing := re.fullmatch(r"M(-?[\d.]+) (\d+)v32", path["d"]):
            x, y = map(float, passing.groups())
            assert not any(box["y"] == y and box["x"] <= x <= box["x"] + box["width"] for box in boxes)
    assert sum("C" in path["d"] for path in drawn.all("path")) == 6  # five edges, one of them in two parts


@pytest.mark.parametrize(
    ("classes", "doubt"),
    [(("1", "2", "3"), "better leave that off"), (("cat", "dog", "cow"), "of digits and text it is not")],
)
def test_flips_are_doubted(classes: tuple[str, ...], doubt: str) -> None:
    made = findings()
    found = replace(made, data=made.data.model_copy(update={"classes": classes}))
    params = yaml.safe_load((ROOT / PARAMS_FILE).read_text())
    assert "augment.flip" not in Reader(write(found, params=params)).text
    flipped = params | {"augment": params["augment"] | {"flip": "vertical"}}
    text = Reader(write(found, params=flipped)).text
    assert "(augment.flip = vertical)" in text and doubt in text


def test_mistakes_are_listed_with_their_files() -> None:
    made = findings()
    found = replace(made, files=[f"b/<i>{place}.png" for place in range(600)])
    one = found.mistakes[0]
    named = f"{CLASSES[one.actual]} {CLASSES[one.predicted]} {one.probability:.2%} b/<i>{one.index}.png "
    assert named in Reader(write(found)).text and "<i>" not in write(found)
