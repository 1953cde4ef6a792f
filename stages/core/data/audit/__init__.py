"""The audit: what in the data would make the scores lies. A check is a function of both parts that gives findings."""

from collections.abc import Callable, Sequence
from typing import get_args

import pandas as pd

from stages.core.base.schemas import AUDIT
from stages.core.config.sections import AuditCheck
from stages.core.data.audit import columns, crossings, rows
from stages.core.data.audit.drift import drift
from stages.core.data.audit.finding import Finding, Parts
from stages.core.data.audit.images import near_duplicates

CHECKS: dict[AuditCheck, Callable[[Parts], list[Finding]]] = {
    "duplicate_rows": rows.duplicate_rows,
    "duplicates_across": rows.duplicates_across,
    "contradictions": rows.contradictions,
    "groups_across": crossings.groups_across,
    "times_across": crossings.times_across,
    "leak": columns.leak,
    "identifier": columns.identifier,
    "constant": columns.constant,
    "drift": drift,
    "rare_class": crossings.rare_class,
    "near_duplicates": near_duplicates,
}
assert tuple(CHECKS) == get_args(AuditCheck)


def audit(parts: Parts) -> list[Finding]:
    """All findings, the severe ones first, otherwise in the order of the checks, and in that of the columns."""
    found = [finding for check in CHECKS.values() for finding in check(parts)]
    return sorted(found, key=lambda finding: not finding.severe)


def findings_table(found: Sequence[Finding]) -> pd.DataFrame:
    """A row a finding, as in `AUDIT`."""
    rows = [
        (finding.check, finding.column, finding.count, "severe" if finding.severe else "notice", finding.example)
        for finding in found
    ]
    return pd.DataFrame(rows, columns=list(AUDIT.columns))
