"""Every command of the README and the recipes, run as it is printed, in the order of the pages, on a small pipeline.

Those of docs/share.md need others: test_share.py.
"""

import re

import pytest

from tests.pipeline import warm
from tests.pipeline.project import ROOT, Project

PAGES = ("README.md", "docs/use.md", "docs/own-table.md", "docs/own-images.md", "docs/recipes.md", "docs/extending.md")
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )?(?:dvc|git|make|pytest|python -m|torchrun) \S.*")
BACK = "git checkout -- params.yaml dvc.lock metrics plots data && dvc checkout"
NOT_RUN = {  # and why
    "dvc exp run": "the beginning of a command",
    "DATA_DIR=/path/to/idx/files make repro": "a path of the reader's; test_fetch.py has one",
    "dvc exp apply NAME": "a name of the reader's",
    "python -m stages.preset NAME": "a name of the reader's",
    "dvc exp run -S data.dataset=fashion-mnist": "30 MB from the internet",
    "dvc exp run $(python -m stages.preset emoji)": "minutes, and a package from the internet",
    "dvc exp run $(python -m stages.preset fashion)": "minutes, and 30 MB from the internet",
    "dvc exp run $(python -m stages.preset diamonds)": "minutes, and a package from the internet",
    "dvc exp run $(python -m stages.preset penguins)": "a package from the internet; the table below is as small",
    "dvc exp run $(python -m stages.preset guide)": "one whole run more; test_presets.py reads it as `check` does",
    "dvc queue start": "four runs in the background; test_experiments.py takes two from the queue",
    "dvc queue stop --kill": "there is none to be stopped",
    "make verify": "minutes; test_end_to_end.py runs tests/verify.py",
    "make test-cpus": "minutes, and QEMU; CI runs it",
    "make bench": "hours",
    "make test": "this is it",
    "make lint": "of this repository, not of a small pipeline; CI runs it",
    "make lint test": "of this repository, not of a small pipeline; CI runs it",
    "pytest tests/pipeline/test_contract.py": "it is beside this file",
}


def printed() -> dict[str, list[str]]:
    """The commands by section: the lines of its `sh` blocks, and those in its text; each where it first stands."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for section in re.split(r"^#+ ", (ROOT / page).read_text(), flags=re.MULTILINE)[1:]:
            commands = found.setdefault(f"{page}: {section.partition(chr(10))[0]}", [])
            for language, block, text in re.findall(r"```(\w*)\n(.*?)```|`([^`]+)`", section, re.DOTALL):
                for line in [" ".join(text.split())] if text else block.splitlines() * (language == "sh"):
                    command = line.partition("  #")[0].strip()
                    known = any(command in others for others in found.values())
                    if not known and (block or COMMAND.fullmatch(command)):
                        commands.append(command)
    return {section: commands for section, commands in found.items() if commands}


SECTIONS = printed()


def test_commands_are_found_and_those_not_run_are_still_printed() -> None:
    commands = [command for section in SECTIONS.values() for command in section]
    assert len(commands) > 40
    assert [command for command in NOT_RUN if command not in commands] == []


@pytest.fixture(scope="module")
def reader(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small pipeline as a clone with an environment, a commit before the last, and a server."""
    project = reproduced.copy(tmp_path_factory.mktemp("reader"))
    (project.root / ".git/info/exclude").write_text("/.venv\n")
    (project.root / ".venv").symlink_to(warm.folder())
    project.run("git", "branch", "--move", "main")
    project.run("git", "commit", "--quiet", "--allow-empty", "--message", "Nothing")
    project.run("git", "clone", "--quiet", "--bare", ".", "../origin.git")
    project.run("git", "remote", "add", "origin", "../origin.git")
    project.run("git", "fetch", "--quiet", "origin")
    return project


@pytest.mark.parametrize("page", ["README.md", "docs/use.md"])
def test_the_onnx_file_is_used_as_printed_without_our_code(page: str, reader: Project) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    alone = "import sys\nsys.modules.update(dict.fromkeys(('torch', 'pandas', 'stages', 'onnx', 'sklearn')))\n"
    shown = "\nprint(prediction, probabilities.shape)" * (page == "README.md")
    result = reader.run("python", "-c", alone + block + shown)
    assert re.search(r"\['\d' '\d'\] \(2, 10\)" if shown else "'code_sha256': '[0-9a-f]{64}'", result.stdout)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_commands_of_a_section_run_as_printed(section: str, reader: Project) -> None:
    if "learning curve" in section:
        reader.set({"train.batch_size": 25})  # or a tenth of so few examples fills none
    if "Run it" in section:  # as params.yaml has it
        reader.set({"prepare.limit": 0, "train.batch_size": "auto"})
    for command in [command for command in SECTIONS[section] if command not in NOT_RUN]:
        # Whatever `make` thinks of the environment, it is not to build one here.
        result = reader.run("bash", "-c", command, check=False, PYTHON="no-such-python")
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        assert re.search("^(ERROR|error|Traceback)", result.stderr, re.MULTILINE) is None, result.stderr
        if "--drop" in command:  # DVC matches a pattern from the start of a column's name
            assert re.search(r"\.json\s|models/|plots/|stages/", result.stdout) is None, result.stdout
    if reader.run("git", "status", "--porcelain").stdout:
        reader.run("bash", "-c", BACK)
