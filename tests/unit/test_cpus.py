"""The comparison of processors: what differs is said, what is missing too, and where nothing can be emulated."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import stages
from stages.core.config.recipe import Recipe
from tests.cpus import compare
from tests.cpus.compare import Run, complaints, digests, reason_to_skip, table
from tests.cpus.digest import RECIPES

PARTS = {"models/model.safetensors": "a" * 64, "cnn, AdamW": "b" * 64}
# What a recipe computes with.
CHOICES = {"model": ["name"], "train": ["optimizer", "loss", "target_transform", "class_weights"]}
# One of torchvision's networks stands for four: under emulation the larger ones take many minutes.
LEFT_OUT = {"resnet18", "efficientnet_b0", "convnext_tiny"}
NATIVE = Run(compare.NATIVE, PARTS)
ALIKE = Run("Haswell-v4", PARTS)
FORGED = Run("EPYC-Rome-v1", PARTS | {"cnn, AdamW": "c" * 64})
LESS = Run("Haswell-v4", {"models/model.safetensors": "a" * 64})


@pytest.mark.parametrize(("section", "key"), [(section, key) for section in CHOICES for key in CHOICES[section]])
def test_the_digests_take_every_choice_of_the_configuration(section: str, key: str) -> None:
    tried = {recipe[section][key] for recipe in RECIPES.values() if key in recipe[section]}
    choices = set(get_args(Recipe.model_fields[section].annotation.model_fields[key].annotation))
    assert tried == choices - LEFT_OUT


@pytest.mark.parametrize(
    ("runs", "complaint", "verdicts"),
    [
        ([NATIVE, ALIKE], [], ["yes", "yes"]),
        ([NATIVE, FORGED], ["EPYC-Rome-v1: not identical: cnn, AdamW"], ["yes", "NO"]),
        ([NATIVE, LESS], ["Haswell-v4: not identical: cnn, AdamW"], ["yes", "missing"]),
        ([LESS, NATIVE], ["this one: not identical: cnn, AdamW"], ["yes"]),
        ([Run("this one", {}), Run("Haswell-v4", {})], ["this one: made nothing"], []),
    ],
)
def test_what_is_not_identical_is_told(runs: list[Run], complaint: list[str], verdicts: list[str]) -> None:
    assert complaints(runs) == complaint
    assert [row.split()[-1] for row in table(runs).splitlines()[1:]] == verdicts


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        ("", ""),
        ("raise SystemExit('error: no such thing')", "ended with exit code 1: error: no such thing"),
        ("import time; time.sleep(60)", "did not end within 2 s"),
    ],
)
def test_parts_are_read_as_they_come_however_it_ends(end: str, failure: str) -> None:
    run = digests("this one", [sys.executable, "-c", f"print('0' * 64, 'a part', flush=True); {end}"], timeout=2)
    assert run == Run("this one", {"a part": "0" * 64}, failure)
    assert not failure or complaints([NATIVE, run]) == [f"this one: {failure}"]


def test_what_cannot_be_compared_is_skipped_with_the_reason(tmp_path: Path) -> None:
    assert reason_to_skip("x86_64", lambda name: f"/usr/bin/{name}") == ""
    assert "aarch64" in reason_to_skip("aarch64", lambda name: f"/usr/bin/{name}")
    command = [sys.executable, compare.__file__]
    result = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("skipped, other processors were not compared: ")


def test_the_emulators_version_is_read() -> None:
    assert compare.major_version("qemu-x86_64 version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright (c) 2003-2025") == 10
    assert compare.major_version("no such thing") == 0


@pytest.mark.parametrize(
    ("cpuinfo", "missing"),
    [
        ("flags\t\t: fpu sse4_2 avx fma avx2\nflags\t\t: fpu", []),
        ("model name\t: old\nflags\t\t: fpu sse4_2 avx", ["avx2", "fma"]),
        ("processor\t: 0", []),
    ],
)
def test_processors_without_the_pinned_kernels_are_recognised(cpuinfo: str, missing: list[str]) -> None:
    assert stages.missing_features(cpuinfo) == missing
