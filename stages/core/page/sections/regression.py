"""What the page of a regression has: its errors, by the size of the prediction and the largest ones."""

from stages.core.page.parts import PageTable, Section
from stages.core.page.sections.cells import cells, columns
from stages.core.pictures.findings import Findings
from stages.core.pictures.findings.regression import ends
from stages.core.pictures.wording import count, percent

_LISTED = 10  # errors in the table


def sections(found: Findings) -> list[Section]:
    return [
        Section("errors", "Errors", after=[_deciles(found)]),
        Section("confidence", "Confidence"),
        Section("mistakes", "Largest errors", after=[_misses(found)]),
    ]


def _deciles(found: Findings) -> PageTable:
    covered = found.tables["coverage"]
    rows = []
    for place, (_, row) in enumerate(found.tables["deciles"].iterrows()):
        own = [found.amount(row[score]) for score in ("rmse", "mae", "bias")]
        if len(covered):
            inside = covered.iloc[place]
            own += [percent(inside["coverage"], 1), found.amount(inside["mean_width"])]
        rows.append((ends(found, row), f"{row['examples']:,.0f}", *own))
    columns = [
        f"test {found.things}",
        "RMSE",
        "MAE",
        "mean error",
        *["in 90% interval", "mean width"] * bool(len(covered)),
    ]
    caption = "The errors by tenths of the predictions; a mean error above 0: predictions are too large"
    return PageTable(caption, {"predictions": "", **dict.fromkeys(columns, "number")}, rows)


def _misses(found: Findings) -> PageTable:
    rows = []
    for one in found.misses[:_LISTED]:
        between = "–" if one.low is None or one.high is None else f"{found.amount(one.low)} to {found.amount(one.high)}"
        values = map(found.amount, (one.actual, one.predicted, one.predicted - one.actual))
        rows.append((str(one.index), *values, between, *cells(found, one.index)))
    numbers = dict.fromkeys((f"actual {found.target}", "predicted", "error", "90% interval"), "number")
    names = {f"test {found.thing} (from 0)": "", **numbers, **columns(found)}
    return PageTable(f"The {count(len(rows), 'largest error')} on the test {found.things}", names, rows)
