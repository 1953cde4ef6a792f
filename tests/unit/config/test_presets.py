"""Every preset is valid, and its words are what a shell hands to DVC."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.base.command import InputError
from stages.core.config.presets import names, settings, summary

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", names())
def test_every_preset_is_valid_and_says_what_it_costs(name: str) -> None:
    words = settings(name)
    assert words[::2] == ["-S"] * (len(words) // 2)
    assert len(summary(name)) > 30


def test_there_are_presets_and_a_bare_call_lists_them() -> None:
    result = subprocess.run([sys.executable, "-m", "stages.preset"], cwd=ROOT, capture_output=True, text=True)
    assert [line.split()[0] for line in result.stdout.splitlines()] == names()
    assert {"fast", "guide", "quick"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_the_words_survive_a_shell(name: str) -> None:
    command = f"printf '%s|' $({sys.executable} -m stages.preset {name})"
    result = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.rstrip("|").split("|") == settings(name)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    result = subprocess.run([sys.executable, "-m", "stages.preset", "fest"], cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: fest: no preset, did you mean fast?\n"


@pytest.mark.parametrize("name", ["../presets/fast", "fast.yaml", "x" * 1000, ""])
def test_a_name_is_that_of_a_file_in_the_folder(name: str) -> None:
    with pytest.raises(InputError, match="no preset, ") as error:
        settings(name)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("train: {epoch: 1}", "train.epoch: unknown key, did you mean train.epochs?"),
        ("train: {epochs: 0}", "train.epochs = 0: input should be greater than or equal to 1"),
        ("agument: {shift: 1}", "agument: unknown key, did you mean augment?"),
        ("data: {target: a price}", "data.target = 'a price': a shell would change it"),
        ("[1]", "must be a mapping of sections, found list"),
    ],
)
def test_a_preset_that_is_none_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        settings("bad", tmp_path)
    assert str(tmp_path / "bad.yaml") in str(caught.value) and problem in str(caught.value)
