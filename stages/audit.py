"""audit: what in the data would make the scores lies, before a minute is spent on training.

It reads the test part, which is harmless: it compares it with the training part, and no model, number or choice comes
of it but the words in its table, and whether the run stops.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.base.artifacts import write_text
from stages.core.base.command import InputError, run
from stages.core.base.schemas import AUDIT, FILES, AuditMetrics, PrepareFacts, used_files
from stages.core.base.seeding import numpy_generator
from stages.core.config.automatic import LEAST_TRAINED, settle_by_data
from stages.core.config.params import StageParams
from stages.core.config.plain import shown
from stages.core.config.sections import AuditConfig, CrossValidateConfig
from stages.core.data.audit import audit, findings_table
from stages.core.data.audit.finding import Finding, Parts
from stages.core.data.examples import Examples, check_fit, read_training
from stages.core.data.splits import split_folds

INPUTS = {
    "facts": Path("data/prepared/facts.json"),
    "train": Path("data/prepared/train.safetensors"),
    "test": Path("data/prepared/test.safetensors"),
    "files": Path("data/prepared/files.csv"),
}
OUTPUTS = {
    "metrics": Path("metrics/audit.json"),
    "findings": Path("plots/audit.csv"),
    "audited": Path("data/audited"),
}
NAMED = 5  # findings in a message


class Params(StageParams):
    seed: Annotated[int, Field(ge=0)]
    audit: AuditConfig
    cross_validate: CrossValidateConfig


def main() -> None:
    train, facts = read_training(INPUTS["train"], INPUTS["facts"])
    test = Examples.read(INPUTS["test"])
    check_fit(test, facts, INPUTS["test"], INPUTS["facts"])
    params = Params.load(settle=settle_by_data(facts.kind, facts.task, len(train), len(facts.classes or ())))
    ledger = FILES.read(INPUTS["files"])
    files = (used_files(ledger, "train"), used_files(ledger, "test"))
    found = audit(Parts(train, test, facts, params.cross_validate.folds, params.seed, files))

    AUDIT.write(OUTPUTS["findings"], findings_table(found))
    severe = sum(finding.severe for finding in found)
    AuditMetrics(severe_findings=severe, notices=len(found) - severe).write(OUTPUTS["metrics"])
    if stopping := [finding for finding in found if finding.check in params.audit.stop_on]:
        # The table stays: DVC leaves what a stage that fails has written.
        more = [f"and {len(stopping) - NAMED} more"] if len(stopping) > NAMED else []
        told = "\n       ".join([*map(told_of, stopping[:NAMED]), *more])
        raise InputError(f"params.yaml: audit.stop_on stops the run, see {OUTPUTS['findings']}:\n       {told}")
    check_folds(train, facts, params.cross_validate.folds, params.seed)
    # Always the same text: training waits for it, and nothing is trained anew because of it.
    write_text(OUTPUTS["audited"], "nothing in the data stops the run\n")


def check_folds(train: Examples, facts: PrepareFacts, folds: int, seed: int) -> None:
    """Refuse now the folds that `cross_validate` would refuse, in words that name the class or how few there are."""
    if facts.classes and train.groups is None and train.times is None:
        counts = np.bincount(train.targets, minlength=len(facts.classes))
        if (least := counts.min()) < folds:
            raise InputError(
                f"params.yaml: cross_validate.folds = {folds}: must be at most {least}, the number of training "
                f"examples of the smallest class ({shown(facts.classes[counts.argmin()])})"
            )
    least = min(len(trained) for trained, _ in split_folds(train, folds, numpy_generator(seed, "folds")))
    if least < LEAST_TRAINED:
        raise InputError(
            f"params.yaml: cross_validate.folds = {folds}: must leave each fold {LEAST_TRAINED} examples to train on, "
            f"leaves one {least} of {len(train)}; there are too few for so many folds"
        )


def told_of(finding: Finding) -> str:
    column = f", column {finding.column!r}" if finding.column else ""
    return f"{finding.check}{column}: {finding.count} ({finding.example})"


if __name__ == "__main__":
    run(main)
