from pathlib import Path
from typing import Literal, Self

import pytest
import yaml
from dvc.utils.serialize import parse_yaml
from pydantic import Field, ValidationError, model_validator

from stages.core.base.command import InputError
from stages.core.config.params import Section, StageParams


class Layer(Section):
    width: int = Field(ge=1)


class Train(Section):
    lr: float = Field(gt=0)
    epochs: int = Field(ge=1, le=1000)
    nesterov: bool
    schedule: Literal["constant", "cosine"]
    layer: Layer | None = None

    @model_validator(mode="after")
    def cosine_needs_time(self) -> Self:
        if self.schedule == "cosine" and self.epochs == 1:
            raise ValueError("schedule = 'cosine' needs epochs > 1")
        return self


class Params(StageParams):
    seed: int
    train: Train


class AllParams(Params, extra="forbid"):
    @model_validator(mode="after")
    def seed_goes_with_epochs(self) -> Self:
        if self.seed > self.train.epochs:
            raise ValueError(f"seed = {self.seed} must be at most train.epochs = {self.train.epochs}")
        return self


GOOD = {"lr": "0.1", "epochs": "2", "nesterov": "true", "schedule": "constant"}


@pytest.fixture
def load(tmp_path: Path):
    """Loads Params from a params.yaml with these `train` keys (None: left out)."""

    def load(**keys: str | None) -> Params:
        keys = {key: text for key, text in {**GOOD, **keys}.items() if text is not None}
        file = tmp_path / "params.yaml"
        file.write_text("seed: 7\nplot: {dpi: 100}\ntrain:\n" + "".join(f"  {k}: {v}\n" for k, v in keys.items()))
        return Params.load(file)

    return load


def load_text(folder: Path, text: str) -> Params:
    (folder / "params.yaml").write_text(text)
    return Params.load(folder / "params.yaml")


def test_sections_become_objects_and_those_of_other_stages_are_left_alone(load):
    params = load(layer="{width: 3}")
    assert params == Params(
        seed=7, train=Train(lr=0.1, epochs=2, nesterov=True, schedule="constant", layer=Layer(width=3))
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-05", 1e-5), ("1E3", 1000.0), ("+2.5e+1", 25.0), ("3.e0", 3.0), ("1", 1.0), ("0.25", 0.25)],
)
def test_numbers_are_read_as_yaml_1_2_writes_them(load, text: str, value: float):
    assert load(lr=text).train.lr == value


@pytest.mark.parametrize("text", [".5e1", "1:3x", "offs"])
def test_what_is_a_text_to_dvc_is_one_here(load, text: str):
    """DVC would record a text where a stage computed with a number."""
    assert parse_yaml(f"lr: {text}", "params.yaml") == {"lr": text}
    with pytest.raises(InputError, match="valid number"):
        load(lr=text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("07", 7), ("08", 8), ("0o17", 15), ("0x1F", 31), ("1_000", 1000), ("+1", 1), ("'7'", "7"), ("'yes'", "yes")],
)
def test_what_a_value_means_to_dvc_it_means_to_a_stage(tmp_path: Path, text: str, value: int | str):
    assert parse_yaml(f"seed: {text}", "params.yaml") == {"seed": value}
    content = f"seed: {text}\ntrain: {{lr: 0.1, epochs: 2, nesterov: true, schedule: constant}}\n"
    if isinstance(value, int):
        assert load_text(tmp_path, content).seed == value
    else:
        with pytest.raises(InputError, match=f"seed = {value!r}: input should be a valid integer"):
            load_text(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "value", "other"),
    [
        ("010", 10, 8),
        ("-0_17", -17, -15),
        ("1:3", "1:3", 63),
        ("1:30.5", "1:30.5", 90.5),
        ("off", "off", False),
        ("yes", "yes", True),
        ("NO", "NO", False),
    ],
)
def test_what_is_another_value_to_yaml_1_1_is_refused(load, text: str, value: int | str, other: float):
    """Whatever the type of the key: a reader beside DVC would compute with another value, and say nothing."""
    assert parse_yaml(f"lr: {text}", "params.yaml") == {"lr": value}
    assert yaml.safe_load(f"lr: {text}") == {"lr": other}
    for key in ("lr", "epochs", "nesterov", "schedule"):
        with pytest.raises(InputError) as error:
            load(**{key: text})
        assert f"params.yaml: train.{key} = {value!r} in YAML 1.2, which DVC reads, but" in str(error.value)
        assert f"train.{key} = {other!r} in YAML 1.1: write what is the same in both" in str(error.value)


def test_values_cannot_be_changed(load):
    with pytest.raises(ValidationError, match="frozen"):
        load().train.lr = 1.0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"lr": "banana"}, "train.lr = 'banana': input should be a valid number"),
        ({"lr": "'0.1'"}, "train.lr = '0.1': input should be a valid number"),
        ({"lr": "true"}, "train.lr = True: input should be a valid number"),
        ({"lr": ".inf"}, "train.lr = inf: input should be a finite number"),
        ({"lr": ".nan"}, "train.lr = nan: input should be a finite number"),
        ({"lr": "-1e-3"}, "train.lr = -0.001: input should be greater than 0"),
        ({"lr": ""}, "train.lr = None: input should be a valid number"),
        ({"epochs": "2.0"}, "train.epochs = 2.0: input should be a valid integer"),
        ({"epochs": "true"}, "train.epochs = True: input should be a valid integer"),
        ({"epochs": "-5"}, "train.epochs = -5: input should be greater than or equal to 1"),
        ({"nesterov": "1"}, "train.nesterov = 1: input should be a valid boolean"),
        ({"schedule": "cosinus"}, "train.schedule = 'cosinus': input should be 'constant' or 'cosine'"),
        ({"epochs": None}, "train.epochs: missing"),
        ({"epoch": "3"}, "train.epoch: unknown key, did you mean train.epochs?"),
        ({"zzz": "3"}, "train.zzz: unknown key, the section has lr, epochs, nesterov, schedule, layer"),
        ({"layer": "{widht: 3, width: 4}"}, "train.layer.widht: unknown key, did you mean train.layer.width?"),
        ({"layer": "{width: 0}"}, "train.layer.width = 0: input should be greater than or equal to 1"),
        ({"schedule": "cosine", "epochs": "1"}, "train: schedule = 'cosine' needs epochs > 1"),
    ],
)
def test_a_bad_value_is_refused_by_key_value_and_rule(load, keys: dict[str, str | None], message: str):
    with pytest.raises(InputError) as error:
        load(**keys)
    assert str(error.value).endswith(f"params.yaml: {message}")


def test_every_problem_gets_its_line(load):
    with pytest.raises(InputError) as error:
        load(lr="0", epochs="0", epoch="1")
    assert str(error.value).partition("params.yaml: ")[2].split("\n       ") == [
        "train.lr = 0: input should be greater than 0",
        "train.epochs = 0: input should be greater than or equal to 1",
        "train.epoch: unknown key, did you mean train.epochs?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 7\n", "train: missing"),
        ("seed: 7\ntrain:\n", "train = None: input should be a valid dictionary or instance of Train"),
        ("seed: 7\ntrain: [1]\n", "train = [1]: input should be a valid dictionary or instance of Train"),
        ("- seed\n- train\n", "must be a mapping of sections, found list"),
        ("", "must be a mapping of sections, found NoneType"),
        ("seed: [7\n", "not valid YAML: "),
        ("seed: !!python/object:os.system 7\n", "not valid YAML: "),
    ],
)
def test_a_file_without_the_sections_is_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(InputError) as error:
        load_text(tmp_path, text)
    assert f"params.yaml: {message}" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "seed: " + "x" * 5000,
        "seed: [" + "1, " * 4000 + "1]",
        "seed: &a [1, 1, 1, 1]\ntrain: {lr: &b [*a, *a, *a], epochs: &c [*b, *b, *b, *b], layer: [*c, *c, *c, *c]}",
        "seed: 7\ntrain: {" + "q" * 900 + ": 1}",
        'seed: 7\ntrain: {"a\\nb": 1}',
        "seed: " + "[" * 3000 + "]" * 3000,
        "seed: !!bool maybe",
        "seed: " + "9" * 5000,
        "seed: \0",
        "train: {" + ", ".join(f"key{number}: 1" for number in range(500)) + "}",
    ],
    ids=["text", "list", "aliases", "key", "line break", "depth", "tag", "number", "NUL", "many keys"],
)
def test_whatever_the_file_holds_a_message_is_short(tmp_path: Path, text: str):
    with pytest.raises(InputError) as error:
        load_text(tmp_path, text)
    lines = str(error.value).removeprefix(str(tmp_path)).split("\n")
    assert len(lines) <= 21
    assert all(line.startswith("       ") for line in lines[1:])
    assert max(map(len, lines)) < 500


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"params\.yaml: cannot be read \(No such file or directory\)"):
        Params.load(tmp_path / "params.yaml")


def test_a_key_given_twice_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("train:\n  lr: 0.1\n  epochs: 2\n  lr: 0.2\n")
    with pytest.raises(InputError, match="line 4: lr: given twice"):
        StageParams.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", None),
        ("trian: {lr: 0.1}\n", "trian: unknown key, did you mean train?"),
        ("zzz: 1\n", "zzz: unknown key, the file has seed, train"),
        ("1: 2\n", "1 = 1: keys should be strings"),
        (
            "zzz: 1\nsede: 1\n",
            "zzz: unknown key, the file has seed, train\n       sede: unknown key, did you mean seed?",
        ),
    ],
)
def test_a_key_at_the_top_may_be_forbidden(tmp_path: Path, text: str, message: str | None):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\ntrain: {lr: 0.1, epochs: 2, nesterov: true, schedule: constant}\n" + text)
    Params.load(path)
    if message is None:
        AllParams.load(path)
        return
    with pytest.raises(InputError) as error:
        AllParams.load(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_rule_across_sections_names_the_keys_itself(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 7\ntrain: {lr: 0.1, epochs: 2, nesterov: true, schedule: constant}\n")
    with pytest.raises(InputError) as error:
        AllParams.load(path)
    assert str(error.value) == f"{path}: seed = 7 must be at most train.epochs = 2"
