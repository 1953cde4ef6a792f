"""The stage `audit` on a small made-up table: what it writes, and how it stops the run."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from stages import audit
from stages.core.base.artifacts import write_arrays
from stages.core.base.command import InputError
from stages.core.base.schemas import AUDIT, FILES, AuditMetrics, InputColumn, PrepareFacts
from stages.core.data.examples import Examples
from tests.pipeline.project import Project

AUDITED = "nothing in the data stops the run\n"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository, with a table prepared: a constant column, and one that gives the answer away."""
    project = Project.create(tmp_path_factory.mktemp("audit"))
    draw = np.random.default_rng(0)
    for part, number in (("train", 300), ("test", 100)):
        targets = draw.normal(size=number)
        inputs = np.column_stack([draw.normal(size=number), np.full(number, 3.0), 2 * targets])
        write_arrays(project.root / audit.INPUTS[part], {"inputs": inputs, "targets": targets})
    PrepareFacts(
        task="regression",
        dataset="table",
        columns=tuple(InputColumn(name=name) for name in ("weight", "unit", "answer in euro")),
        target="answer",
        train_sha256=hashlib.sha256((project.root / audit.INPUTS["train"]).read_bytes()).hexdigest(),
    ).write(project.root / audit.INPUTS["facts"])
    FILES.write(project.root / audit.INPUTS["files"], pd.DataFrame(columns=list(FILES.columns)))
    return project


def test_findings_are_written_and_stop_nothing_by_themselves(own: Project) -> None:
    own.dvc("repro", "--single-item", "audit")
    assert (own.root / "data/audited").read_text() == AUDITED
    table = AUDIT.read(own.root / "plots/audit.csv")
    assert table[["check", "column", "count", "severity"]].to_numpy().tolist() == [
        ["leak", "answer in euro", 1, "severe"],
        ["constant", "unit", 1, "notice"],
    ]
    metrics = AuditMetrics.read(own.root / "metrics/audit.json")
    assert (metrics.severe_findings, metrics.notices) == (1, 1)


def test_findings_stop_the_run_where_params_say_so_and_the_table_can_be_read(own: Project) -> None:
    with own.parameters({"audit.stop_on": ["leak", "drift", "constant"]}):
        result = own.dvc("repro", "--single-item", "audit", check=False)
    assert result.returncode != 0 and "Traceback" not in result.stderr
    for told in (
        "error: params.yaml: audit.stop_on stops the run, see plots/audit.csv:\n",
        "       leak, column 'answer in euro': 1 (R2 ",
        "       constant, column 'unit': 1 (3 in all 300 rows)\n",
        "failed to reproduce 'audit'",
    ):
        assert told in result.stderr
    assert AUDIT.read(own.root / "plots/audit.csv")["check"].tolist() == ["leak", "constant"]
    assert not (own.root / "data/audited").exists()  # so that nothing is trained

    with own.parameters({"audit.stop_on": ["drift"]}):
        assert own.stage("audit").returncode == 0
    assert (own.root / "data/audited").read_text() == AUDITED  # the same text, so that nothing is trained anew


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"audit.stop_on": ["leek"]}, "audit.stop_on.0 = 'leek': input should be 'duplicate_rows'"),
        ({"audit.stop_on": "leak"}, "audit.stop_on = 'leak'"),
        ({"cross_validate.folds": 1}, "cross_validate.folds = 1"),
    ],
    ids=str,
)
def test_parameters_are_refused_by_name(changes: dict[str, object], parts: str, own: Project) -> None:
    with own.parameters(changes):
        result = own.stage("audit")
    assert result.returncode == 1 and "Traceback" not in result.stderr and parts in result.stderr


@pytest.mark.parametrize("name", audit.INPUTS)
def test_a_damaged_input_is_named(name: str, own: Project) -> None:
    file = own.root / audit.INPUTS[name]
    content = file.read_bytes()
    file.write_bytes(content[:-100])
    result = own.stage("audit")
    file.write_bytes(content)
    assert result.returncode == 1 and "Traceback" not in result.stderr and str(audit.INPUTS[name]) in result.stderr


def test_folds_that_train_on_next_to_nothing_are_refused() -> None:
    train = Examples(np.zeros((40, 1)), np.arange(40.0), times=np.arange(40.0))
    facts = PrepareFacts(
        task="regression", dataset="table", columns=(InputColumn(name="x"),), target="y", train_sha256="0" * 64
    )
    with pytest.raises(InputError, match=r"folds = 5: must leave each fold 8 examples to train on, leaves one 6 of 40"):
        audit.check_folds(train, facts, 5, 0)
    audit.check_folds(train, facts, 4, 0)
