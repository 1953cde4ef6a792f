"""The promises dvc.yaml makes about the stages: what they read, write and depend on, and that it is complete.

The first tests compare declarations; `test_stage_needs_nothing_undeclared` in test_end_to_end.py runs every stage with
nothing but its declarations. `import stages` and friends never load torch here.
"""

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from stages.core.config.automatic import MANY, settle_by_data
from stages.core.config.recipe import OWN_WEIGHTS
from tests.pipeline.project import ROOT, declared, outs, sections

PARAMS_TEXT = (ROOT / "params.yaml").read_text()
OWN = "data/own"  # what `${data.path}` and `${data.test_path}` are unless the user's files are named
OWN_FILES = {"prepare": OWN, "weights": OWN_WEIGHTS}  # of the stages that get their paths from parameters
PIPELINE = yaml.safe_load(
    re.sub(r"\$\{data\.(test_)?path\}", OWN, (ROOT / "dvc.yaml").read_text()).replace(
        "${model.weights_file}", OWN_WEIGHTS
    )
)
STAGES: dict[str, dict[str, Any]] = PIPELINE["stages"]

each_stage = pytest.mark.parametrize("name", STAGES)


def module(name: str) -> ModuleType:
    return importlib.import_module(f"stages.{name}")


def source_file(dotted: str) -> Path | None:
    """The file of the module called `dotted`; None for what is no module of ours, as a function in one."""
    folder = ROOT.joinpath(*dotted.split("."))
    return next((file for file in (folder.with_suffix(".py"), folder / "__init__.py") if file.exists()), None)


def imported_names(file: Path) -> Iterator[str]:
    """Every dotted name that an import anywhere in `file` may load, functions in it included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file}: imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_closure(dotted: str) -> set[str]:
    """The files of ours that loading the module `dotted` may load, its packages' `__init__.py` included."""
    found: set[Path] = set()
    waiting = [dotted]
    while waiting:
        parts = waiting.pop().split(".")
        prefixes = [".".join(parts[: end + 1]) for end in range(len(parts))] if parts[0] == "stages" else []
        for file in {source_file(prefix) for prefix in prefixes} - found - {None}:
            found.add(file)
            waiting += imported_names(file)
    return {str(file.relative_to(ROOT)) for file in found}


def require(found: Iterable[str], expected: Iterable[str], where: str) -> None:
    """Fail unless both have the same lines; say in full which ones `where` lacks, and which it has in vain."""
    left, right = Counter([*found]), Counter([*expected])
    wrong = {"add": sorted(right - left), "take out": sorted(left - right)}
    if any(wrong.values()):
        told = [f"  {verb} {line}" for verb, lines in wrong.items() for line in lines]
        pytest.fail("\n".join([f"{where}:", *told]), pytrace=False)


def test_scripts_and_stages_are_the_same() -> None:
    tools = {"changes", "compare", "mend", "predict", "preset", "repro"}
    scripts = {file.stem for file in (ROOT / "stages").glob("*.py")} - {"__init__"} - tools
    require(STAGES, scripts, "dvc.yaml: stages")


def test_the_readme_lists_the_stages() -> None:
    table = (ROOT / "README.md").read_text().partition("| stage | does |")[2].partition("\n\n")[0]
    listed = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    require(listed, STAGES, "README.md: the table of stages")


@each_stage
def test_stage_runs_its_script_and_says_what_it_does(name: str) -> None:
    assert STAGES[name]["cmd"] == f"python -m stages.{name}"
    assert len(STAGES[name]["desc"]) > 20
    assert module(name).__doc__.startswith(f"{name}: ")


@each_stage
def test_dependencies_are_the_rooms_of_its_imports_and_the_inputs(name: str) -> None:
    """A module of `stages/core` is depended on by its room, a folder there: none is missing, none in vain."""
    files = import_closure(f"stages.{name}")
    rooms = {str(Path(*Path(file).parts[:3])) if file.startswith("stages/core/") else file for file in files}
    expected = rooms | {str(path) for path in module(name).INPUTS.values()}
    if name in OWN_FILES:
        expected.add(OWN_FILES[name])
    require(dict.fromkeys(STAGES[name].get("deps", [])), expected, f"dvc.yaml: stages.{name}.deps")


def test_the_pipeline_reads_as_a_table_of_contents() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 300


@each_stage
def test_the_test_part_is_read_after_the_training_alone(name: str) -> None:
    """But by the audit, of which no model depends but for whether there is one; the last two show rows of it."""
    uses_test = any("test" in Path(path).stem for path in STAGES[name].get("deps", []))
    assert uses_test == (name in {"audit", "evaluate", "export", "baselines", "stress", "plot", "report"})


@each_stage
def test_outputs_are_those_of_the_script(name: str) -> None:
    require(outs([STAGES[name]]), map(str, module(name).OUTPUTS.values()), f"dvc.yaml: stages.{name}.outs")


@each_stage
def test_tables_and_metrics_live_in_git_and_the_rest_in_the_cache(name: str) -> None:
    for out in STAGES[name]["outs"]:
        path, settings = (out, {}) if isinstance(out, str) else next(iter(out.items()))
        in_git = path.startswith("metrics/") or (path.endswith(".csv") and not path.startswith("data/prepared/"))
        assert settings == ({"cache": False} if in_git else {}), path


@each_stage
def test_parameters_are_the_sections_of_the_script(name: str) -> None:
    """Or their keys, where it knows no others of a section."""
    of_check, used = module("check").Params.model_fields, []
    for section, field in module(name).Params.model_fields.items():
        whole = field.annotation is of_check[section].annotation
        used += [section] if whole else [f"{section}.{key}" for key in field.annotation.model_fields]
    listed = sections(STAGES[name]) if name == "check" else STAGES[name].get("params", [])
    require(listed, used, f"dvc.yaml: stages.{name}.params")


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ("stages/core/config/sections.py: AllParams", module("check").Params.model_fields),
        ("stages/report.py: Params", module("report").Params.model_fields),
        ("dvc.yaml: stages.report.params", STAGES["report"]["params"]),
    ],
)
def test_check_and_report_take_every_section(where: str, taken: Iterable[str]) -> None:
    require(taken, yaml.safe_load(PARAMS_TEXT), where)


@each_stage
def test_stages_are_chained_by_outputs(name: str) -> None:
    """Every input is an output of another stage: nothing comes into the pipeline by hand, but the user's own data."""
    made = outs(STAGES.values())
    assert {str(path) for path in module(name).INPUTS.values()} <= made


@each_stage
def test_metrics_file_is_called_like_its_stage(name: str) -> None:
    metrics = [path for path in outs([STAGES[name]]) if path.startswith("metrics/")]
    assert metrics in ([], [f"metrics/{name}.json"])


def test_dvc_shows_the_scores_of_the_model() -> None:
    made = {path for path in outs(STAGES.values()) if path.startswith("metrics/")}
    made -= {f"metrics/{name}.json" for name in ("prepare", "audit", "baselines", "export")}
    require(PIPELINE["metrics"], made, "dvc.yaml: metrics")


def keys(section: str, values: Any) -> list[str]:
    return [f"{section}.{key}" for key in values] if isinstance(values, dict) else [section]


@each_stage
def test_defaults_are_valid(name: str) -> None:
    params = module(name).Params.load(ROOT / "params.yaml", settle_by_data("image", "classification", MANY))
    read = {key for section, values in params.model_dump().items() for key in keys(section, values)}
    own = declared(STAGES[name], yaml.safe_load(PARAMS_TEXT))
    there = {key for section, values in own.items() for key in keys(section, values)}
    require(read, there, f"params.yaml, as {name} reads it")


def test_every_stage_waits_for_the_check() -> None:
    makers = {out: name for name, stage in STAGES.items() for out in outs([stage])}
    before = {name: {makers[path] for path in stage["deps"] if path in makers} for name, stage in STAGES.items()}
    assert [name for name, stages in before.items() if not stages] == ["check"]


def inherits(field: FieldInfo, other: FieldInfo) -> bool:
    classes = field.annotation, other.annotation
    return all(isinstance(one, type) for one in classes) and issubclass(*classes)


@each_stage
def test_check_declares_what_the_stage_does(name: str) -> None:
    """A section is checked by one class, whoever uses it, or by one from which that inherits the keys."""
    of_check, own = module("check").Params.model_fields, module(name).Params.model_fields
    others = [
        section
        for section, field in own.items()
        if repr(field) != repr(of_check.get(section)) and not inherits(of_check[section], field)
    ]
    assert others == [], f"stages/core/config/sections.py: AllParams must have them as {name} does"


def test_the_report_shows_the_pipeline_and_every_parameter() -> None:
    shown = module("core.page.pipeline").STAGES
    makers = {out: name for name, stage in STAGES.items() for out in outs([stage])}
    used = {name: {makers[path] for path in stage["deps"] if path in makers} for name, stage in STAGES.items()}
    require(
        [f"{name}: {stage.does}; uses {', '.join(sorted(stage.uses))}" for name, stage in shown.items()],
        [f"{name}: {stage['desc']}; uses {', '.join(sorted(used[name]))}" for name, stage in STAGES.items()],
        "stages/core/page/pipeline.py: STAGES",
    )
    order = list(shown)
    assert all(order.index(used) < order.index(name) for name in order for used in shown[name].uses)


def test_every_section_belongs_to_a_stage() -> None:
    used = {section for name, stage in STAGES.items() if name not in {"check", "report"} for section in sections(stage)}
    require(used, yaml.safe_load(PARAMS_TEXT), "dvc.yaml: the params of all stages but check and report")


def test_every_parameter_has_a_comment() -> None:
    knobs = [line for line in PARAMS_TEXT.splitlines() if re.match(r" +\w+:|seed:", line)]
    assert len(knobs) > 20
    assert [line for line in knobs if not re.search(r"  ?# \S", line)] == []


def test_metrics_plots_and_artifacts_point_to_outputs() -> None:
    made = outs(STAGES.values())
    plots = [next(iter(plot.items())) if isinstance(plot, dict) else (plot, {}) for plot in PIPELINE["plots"]]
    sources = {
        source
        for name, settings in plots
        for source in (settings["y"] if isinstance((settings or {}).get("y"), dict) else [name])
    }
    assert set(PIPELINE["metrics"]) < made
    assert sources < made
    assert {artifact["path"] for artifact in PIPELINE["artifacts"].values()} < made


def test_artifacts_are_described() -> None:
    for artifact in PIPELINE["artifacts"].values():
        assert {"path", "type", "desc", "labels"} <= artifact.keys()
