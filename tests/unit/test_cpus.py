"""The comparison of processors: what differs is said, what is missing too, and where nothing can be emulated."""

import subprocess
import sys
from pathlib import Path

import pytest

import stages
from tests.cpus import compare
from tests.cpus.compare import Run, complaints, digests, reason_to_skip, table

PARTS = {"models/model.safetensors": "a" * 64, "cnn, AdamW": "b" * 64}
NATIVE = Run(compare.NATIVE, PARTS)
ALIKE = Run("Haswell-v4", PARTS)
FORGED = Run("EPYC-Rome-v1", PARTS | {"cnn, AdamW": "c" * 64})


def script(code: str, timeout: float = 60) -> Run:
    return digests("this one", [sys.executable, "-c", code], timeout)


def test_what_is_alike_is_called_identical() -> None:
    assert complaints([NATIVE, ALIKE]) == []
    heading, *rows = table([NATIVE, ALIKE]).splitlines()
    assert heading.split() == ["part", "this", "one", "Haswell-v4", "(Intel)"]
    assert [row.rsplit(maxsplit=2) for row in rows] == [
        ["models/model.safetensors", "a" * 12, "yes"],
        ["cnn, AdamW", "b" * 12, "yes"],
    ]


def test_a_forged_digest_is_found() -> None:
    assert complaints([NATIVE, ALIKE, FORGED]) == ["EPYC-Rome-v1: not identical: cnn, AdamW"]
    assert [row.split()[-2:] for row in table([NATIVE, ALIKE, FORGED]).splitlines()[1:]] == [
        ["yes", "yes"],
        ["yes", "NO"],
    ]


def test_a_part_made_by_one_alone_is_found() -> None:
    less = Run("Haswell-v4", dict(list(PARTS.items())[:1]))
    assert complaints([NATIVE, less]) == ["Haswell-v4: not identical: cnn, AdamW"]
    assert complaints([less, NATIVE]) == ["this one: not identical: cnn, AdamW"]
    assert table([NATIVE, less]).splitlines()[-1].endswith("missing")


def test_nothing_at_all_is_not_identical() -> None:
    assert complaints([Run("this one", {}), Run("Haswell-v4", {})]) == ["this one: made nothing"]


def test_parts_are_read_as_they_come() -> None:
    run = script("print('0' * 64, 'a part'); print('1' * 64, 'plots/b.png')")
    assert run == Run("this one", {"a part": "0" * 64, "plots/b.png": "1" * 64})


def test_a_crash_is_told_with_its_last_line() -> None:
    run = script("print('0' * 64, 'a part', flush=True); raise SystemExit('error: no such thing')")
    assert run.digests == {"a part": "0" * 64}
    assert complaints([NATIVE, run]) == ["this one: ended with exit code 1: error: no such thing"]


def test_a_run_that_hangs_is_ended() -> None:
    run = script("import time; print('0' * 64, 'a part', flush=True); time.sleep(60)", timeout=1)
    assert run == Run("this one", {"a part": "0" * 64}, "did not end within 1 s")


def test_what_cannot_be_compared_is_skipped_with_the_reason() -> None:
    assert reason_to_skip("x86_64", lambda name: f"/usr/bin/{name}") == ""
    assert "apt install qemu-user" in reason_to_skip("x86_64", lambda name: None)
    assert "aarch64" in reason_to_skip("aarch64", lambda name: f"/usr/bin/{name}")


def test_the_emulators_version_is_read() -> None:
    assert compare.major_version("qemu-x86_64 version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright (c) 2003-2025") == 10
    assert compare.major_version("no such thing") == 0


def test_without_the_emulator_the_script_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, compare.__file__]
    result = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("skipped, other processors were not compared: ")


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
