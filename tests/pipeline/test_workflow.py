"""The ways in: the Makefile's targets, what CI calls, and the lock that all of them build on."""

import os
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOW = ROOT / ".github/workflows/reproduce.yml"
LOCK = (ROOT / "requirements.lock").read_text()
CHECKS = {"lint", "test", "test-cpus", "verify"}


def makes(text: str) -> set[str]:
    """The targets that a script makes."""
    return set(re.findall(r"\bmake ([a-z-]+)", text))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


def test_help_lists_every_target() -> None:
    shown = make(ROOT).stdout
    assert makes(shown) >= targets()
    assert {"env", "repro", "test", "test-cpus", "lint", "lock", "verify", "help"} <= targets()


def test_workflow_and_ci_call_the_checks_through_the_makefile() -> None:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["reproduce"]["steps"]
    workflow = makes("\n".join(step.get("run", "") for step in steps))
    script = makes((ROOT / ".ci/run").read_text())
    assert script == {"env", *CHECKS}
    assert CHECKS <= workflow <= targets()
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.stem
)
def test_documentation_names_what_is_there(page: Path) -> None:
    """Its links, the presets and the targets that it uses."""
    text = page.read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    presets = re.findall(r"\$\(python -m stages\.preset (\w+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [name for name in presets if not (ROOT / f"presets/{name}.yaml").exists()] == []
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets()


def requirements(text: str) -> dict[str, Requirement]:
    """The requirements pinned in a lock, by name; a name pinned twice must be the same version twice."""
    pins = [Requirement(line.removesuffix("\\")) for line in text.splitlines() if re.match(r"\w", line)]
    return {pin.name: pin for pin in pins}


def test_lock_pins_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = requirements(LOCK)
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        asked = Requirement(line)
        (pin,) = pins[canonicalize_name(asked.name)].specifier
        assert pin.operator == "=="
        assert asked.specifier.contains(pin.version), f"{line}, but requirements.lock pins {pin}: run `make lock`"


def test_torch_and_torchvision_fit_each_other() -> None:
    """torchvision is compiled against one release of torch; its metadata says from which on."""
    pins = requirements(LOCK)
    asked = {need.name: need for need in map(Requirement, metadata.requires("torchvision") or [])}["torch"]
    assert pins["torchvision"].specifier == f"=={metadata.version('torchvision')}"
    assert asked.specifier.contains(str(pins["torch"].specifier).removeprefix("=="))


def test_lock_has_hashes_and_no_address() -> None:
    assert "://" not in LOCK
    blocks = re.split(r"^(?=\w)", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) > 100
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_no_file_names_a_registry() -> None:
    """Whoever clones this chooses the registry; the names are cut in two so that this file names none either."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "py" + "torch.org", "ana" + "conda.org"]
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(files) > 20
    named = {
        str(file.relative_to(ROOT)): host
        for file in files
        if file.is_file()
        for host in hosts
        if host.encode() in file.read_bytes()
    }
    assert named == {}


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with what `make env` needs, and no environment."""
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def interpreter(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('[ "$1" = --version ] && echo Python 3.10.2; exit 1', "must be 3.11 or newer, found Python 3.10.2"),
        ('case "$2" in *venv*) exit 1;; esac', "has no module venv"),
        ("", "no-such-python: not found"),
    ],
)
def test_unusable_python_is_refused(bare: Path, script: str, message: str) -> None:
    result = make(bare, "env", interpreter(bare, script) if script else "PYTHON=no-such-python")
    assert result.returncode != 0
    assert message in result.stderr


def test_half_an_environment_is_built_anew(bare: Path) -> None:
    """A build that stops midway is no environment: the next call starts over, whatever stands in .venv."""
    stops = interpreter(bare, 'case "$2" in venv) mkdir .venv && touch .venv/half;; esac')
    first, second = make(bare, "env", stops), make(bare, "env", stops)
    assert first.returncode != 0
    assert second.returncode != 0
    assert "Building .venv" in second.stdout


def test_environment_of_the_same_lock_is_kept(bare: Path) -> None:
    """A checkout or a restored cache changes times, not contents: nothing is built anew."""
    (bare / ".venv").mkdir()
    (bare / ".venv/requirements.lock").write_bytes((bare / "requirements.lock").read_bytes())
    os.utime(bare / ".venv/requirements.lock", (0, 0))
    assert make(bare, "env", "PYTHON=no-such-python").returncode == 0
    assert make(bare, "--question", "env", "PYTHON=no-such-python").returncode == 0
    (bare / "requirements.lock").write_text(LOCK + "# changed\n")
    assert make(bare, "env", "PYTHON=no-such-python").returncode != 0
