"""What the data are, and what the audit found in them."""

import math

import numpy as np
import pandas as pd

from stages.core.page.parts import PageTable, Section
from stages.core.page.sentences import audit as of_audit
from stages.core.page.sentences import data as of_data
from stages.core.pictures.findings import Findings
from stages.core.pictures.wording import count, percent, plain, ticked

ROWS = 40  # of a table, at most


def data(found: Findings, flip: str) -> Section:
    """`flip` as section augment of params.yaml has it."""
    lead = of_data.told(found) + (of_data.flipped(found, flip) if found.data.kind == "image" else "")
    return Section("data", "Data", [_schema(found)] if found.data.kind == "table" else (), lead=lead)


def audit(found: Findings) -> Section:
    table = found.tables["audit"]
    rows = [
        (
            *(plain(row["check"]), row["severity"], row["column"] or "–", f"{row['count']:,}", row["example"]),
            of_audit.MEANING.get(row["check"], ""),
        )
        for _, row in table.head(ROWS).iterrows()
    ]
    columns = {"check": "", "severity": "", "column": "name", "count": "number", "example": "prose"}
    caption = f"What the audit found{first(table, 'plots/audit.csv')}"
    shown = PageTable(caption, {**columns, "what it means": "prose"}, rows)
    return Section("audit", "Audit", [shown] if rows else (), lead=of_audit.verdict(found).text)


def _schema(found: Findings) -> PageTable:
    table = found.tables["schema"]
    rows = [
        (
            *(row["column"], row["role"], row["kind"], percent(row["missing"], 1), f"{row['distinct']:,}"),
            *(values(row), row["why"]),
        )
        for _, row in table.head(ROWS).iterrows()
    ]
    columns = {"column": "name", "role": "", "kind": "", "missing": "number", "distinct": "number", "values": "name"}
    caption = f"{count(len(table), 'column')} as they were understood; data.columns in params.yaml corrects a kind"
    return PageTable(caption + first(table, "data/schema.csv"), {**columns, "why": "prose"}, rows)


def values(row: pd.Series) -> str:
    """The values of a column; dates are days since 1970."""
    if row["categories"]:
        return str(row["categories"])
    ends = [row["low"], row["high"]]
    if any(end != end for end in ends):
        return "–"  # NaN: all cells are missing
    if row["kind"] == "date":
        return " to ".join(str(np.datetime64(math.floor(end), "D")) for end in ends)
    return " to ".join(map(ticked, ends))


def first(table: pd.DataFrame, file: str) -> str:
    return f"; the first {ROWS} of {len(table):,}, {file} has all" if len(table) > ROWS else ""
