"""What tells an example from the others: of a row its cells, in the columns that matter most, of an image its file."""

from stages.core.pictures.axes import shortened
from stages.core.pictures.findings import Findings
from stages.core.pictures.gallery.importance import ranked

_MOST = 5  # columns
_NAME = 24  # characters of a column's name


def columns(found: Findings) -> dict[str, str]:
    """The column that `cells` fills; none for images that have no files of their own."""
    return {"its cells": "prose"} if found.data.kind == "table" else {"file": "name"} if found.files else {}


def cells(found: Findings, index: int) -> tuple[str, ...]:
    """The row's most important cells as one text, `carat 2.01, cut Ideal`, or the image's file."""
    if found.data.columns is None:
        return (found.files[index],) if found.files else ()
    if found.inputs is None:
        return ()
    order = {name: place for place, name in enumerate(ranked(found)["column"])}
    ordered = sorted(enumerate(found.data.columns), key=lambda one: order.get(one[1].name, len(order)))
    told = []
    for place, column in ordered[:_MOST]:
        value = found.inputs[index, place]
        if value != value:
            cell = "missing"
        elif column.categories is None:
            cell = f"{value:.6g}"
        else:
            cell = column.categories[int(value)] if value >= 0 else "unseen"
        told.append(f"{shortened(column.name, _NAME, end=8)} {cell}")
    return (", ".join(told),)
