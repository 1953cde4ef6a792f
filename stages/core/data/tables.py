"""A table, your own or a built-in one: from its file to training and test part, with a schema for review.

The order of the rows in the file changes nothing: they are sorted by what they hold before anything is drawn, and so
are both parts. The order of the columns is that of the inputs, and may change a result.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stages.core.base.command import InputError
from stages.core.base.schemas import MACRO, DataDescription, InputColumn, RowCounts, TableForm
from stages.core.config.builtin import AnyBuiltin, BuiltinTable
from stages.core.config.plain import shown
from stages.core.config.sections import OWN_FOLDER, ColumnKind, DataConfig
from stages.core.data.cells import LONGEST_NAME, Cells, read
from stages.core.data.examples import Examples, Prepared, limited
from stages.core.data.kinds import MOST_CATEGORIES, MOSTLY, RULES, Column, called, empty, understood
from stages.core.data.schema import OF_PANDAS, Use, schema, uses
from stages.core.data.splits import check_classes, split_off

LEAST_ROWS, MOST_CLASSES = 10, 1_000  # of the training part, as its folds in five take 8; of the target
LARGEST_TARGET = 1e90  # so that predictions, which may lie beyond, have room
MOST_LETTERS = 3 << 20  # of all categories together, since facts and model hold them in JSON
_NOTICES = 5

_log = logging.getLogger(__name__)


def settled(data: DataConfig, raw: Path, builtin: AnyBuiltin | None) -> DataConfig:
    """`data` as it is for a table of your own; a `builtin` one knows its file in `raw`, task, target and form."""
    if not isinstance(builtin, BuiltinTable):
        return data
    (file,) = builtin.digests
    known = {"path": str(raw / file), "task": builtin.task, "target": builtin.target, "delimiter": "", "decimal": "."}
    return data.model_copy(update=known)


def prepared(data: DataConfig, limit: int, seed: int) -> Prepared:
    """Both parts of the table at `data.path`, or of that and `data.test_path`, cut to `limit` training rows (0: all).

    Raises `InputError` for whatever cannot be used.
    """
    cells = read(Path(data.path), data)
    roles = uses(cells, data)
    cells = _filled(cells, roles, data)
    _check_rows(cells, len(cells))
    columns = {name: _column(cells, name, use, data) for name, use in roles.items() if use.role != "ignored"}
    useless = {name: column.why for name, column in columns.items() if column.ignored}
    _notice(cells, {name: use.why for name, use in roles.items() if use is OF_PANDAS} | useless)
    for name, column in columns.items():
        if not column.ignored and MOSTLY in column.why:
            _log.warning("%s: column %s: %s", cells.path, shown(repr(name)), column.why)
    roles |= dict.fromkeys(useless, Use("ignored"))
    used = [name for name, use in roles.items() if use.role != "ignored"]
    inputs = [name for name in used if roles[name].role == "input"]
    if not inputs:
        raise InputError(f"{cells.path}: must have a column that can be an input, besides {', '.join(used)}")

    files, parts = [cells], [columns]
    if data.test_path != OWN_FOLDER:
        files.append(_filled(_test_cells(cells, roles, data), roles, data))
        parts.append({name: _column(files[1], name, roles[name], data, columns[name].kind) for name in used})
    merged = {name: _merged([part[name] for part in parts], data.decimal) for name in used}
    classes, targets = (None, merged[data.target].values)
    if data.task == "classification":
        classes, targets = _classes(merged[data.target], cells, data)
    examples = Examples(
        np.stack([merged[name].values for name in inputs], axis=1),
        targets,
        _ranked(merged[data.group], data.decimal)[1] if data.group else None,
        merged[data.time].values if data.time else None,
    )
    train, test = limited(*_split(examples, len(cells), data, classes, seed), limit, seed)
    _check_rows(cells, len(train), limit)
    if data.task == "regression" and (train.targets == train.targets[0]).all():
        where = f"{cells.path}: column {shown(repr(data.target))}"
        raise InputError(f"{where}: a target must vary, all of the training part are {train.targets[0]:g}")
    train, test, known = _by_training([merged[name] for name in inputs], train, test)
    _check_size(cells, inputs, known)
    return Prepared(
        train,
        test,
        DataDescription(
            task=data.task,
            classes=classes,
            columns=tuple(
                _input_column(name, merged[name].kind, texts, values)
                for name, texts, values in zip(inputs, known, np.asarray(train.inputs).T, strict=True)
            ),
            target=data.target,
            form=TableForm(delimiter=data.delimiter, decimal=data.decimal),
        ),
        schema(cells, roles, columns),
        _rows(files, len(train) + len(test)),
    )


def _check_rows(cells: Cells, number: int, limit: int = 0) -> None:
    """Refuse a training part of so few rows; called with all of them, to say so before all else."""
    if number < LEAST_ROWS:
        more = f" of the {len(cells)} that can be used" if number < len(cells) else ""
        more += f", by prepare.limit = {limit} of params.yaml" if limit else ""
        raise InputError(f"{cells.path}: the training part must have {LEAST_ROWS} rows at least, found {number}{more}")


def _filled(cells: Cells, roles: Mapping[str, Use], data: DataConfig) -> Cells:
    """The rows that have a target, and a group or time where there is to be one."""
    for name, use in roles.items():
        number = use.role == "time" or (use.role == "target" and data.task == "regression")
        if use.role in ("target", "group", "time") and (lacking := empty(cells, name, number)).any():
            if data.bad_rows != "drop":
                raise cells.refusal(name, lacking, f"filled, as it is the {use.role}")
            cells = cells.without(lacking, f"no {use.role}")
    if not len(cells):
        raise InputError(f"{cells.path}: has no rows that can be used: {', '.join(cells.dropped)}")
    return cells


def _column(cells: Cells, name: str, use: Use, data: DataConfig, kind: ColumnKind | None = None) -> Column:
    """The column understood: as it is used, as `data.columns` says, or as the `kind` that it is in another file."""
    wanted = kind or data.columns.get(name)
    if use.role == "group" or (use.role == "target" and data.task == "classification"):
        wanted = "category"
    elif use.role == "target":
        wanted = "number"
    column = understood(cells, name, data.decimal, wanted)
    if use.role == "time" and column.kind == "category":
        raise cells.refusal(name, np.ones(len(cells), bool), f"{RULES['date']}, or a number, as it is the time")
    if use.role != "input" and (lacking := np.isnan(column.values)).any():
        raise cells.refusal(name, lacking, f"{RULES[column.kind]}, as it is the {use.role}")
    if use.role == "target" and column.texts is None and (large := np.abs(column.values) > LARGEST_TARGET).any():
        rule = f"a number from -{LARGEST_TARGET:g} to {LARGEST_TARGET:g}, as it is the target"
        raise cells.refusal(name, large, rule)
    if use.role == "input" and kind is None and wanted == "category" and column.distinct > MOST_CATEGORIES:
        raise InputError(
            f"{cells.path}: column {shown(repr(name))}: must have at most {MOST_CATEGORIES:,} categories, found "
            f"{column.distinct:,}; data.ignore leaves it out"
        )
    return column


def _notice(cells: Cells, useless: Mapping[str, str]) -> None:
    for name, why in list(useless.items())[:_NOTICES]:
        _log.warning("%s: column %s: left out, %s", cells.path, shown(repr(name)), why)
    if len(useless) > _NOTICES:
        _log.warning("%s: %d more columns left out, see the schema", cells.path, len(useless) - _NOTICES)


def _test_cells(cells: Cells, roles: Mapping[str, Use], data: DataConfig) -> Cells:
    """The test part's own file, which must have the same columns, in any order, but for those left out."""
    found = read(Path(data.test_path), data)
    lacking = [name for name, use in roles.items() if use.role != "ignored" and name not in found.columns]
    others = [name for name in found.columns if name not in cells.columns]
    for name in lacking + others:
        has = "has no" if name in lacking else "has another,"
        raise InputError(f"{found.path}: must have the columns of {cells.path}, {has} {shown(repr(name))}")
    return found


def _merged(columns: Sequence[Column], decimal: str) -> Column:
    """One column below another, of categories by a list of all, in which 1 and 1.0 are one, see `called`."""
    first = columns[0]
    if first.texts is None:
        return Column(first.kind, first.why, np.concatenate([column.values for column in columns]))
    texts = np.unique(np.concatenate([column.texts for column in columns if column.texts is not None]))
    values = np.concatenate([_by(column, texts) for column in columns])
    names, ranks, _ = called(texts, decimal)
    if len(names) < len(texts):
        merged = np.unique(np.array(names, dtype=object))
        values = np.append(np.searchsorted(merged, np.array(names, dtype=object)[ranks]), np.nan)[
            np.where(np.isnan(values), len(texts), values).astype(np.int64)
        ]
        texts = merged
    return Column(first.kind, first.why, values, texts)


def _by(column: Column, texts: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
    """`values` of a column of categories (all its cells) as places in other `texts`, sorted; -1: not there."""
    values, own = column.values if values is None else values, column.texts
    assert own is not None
    places = np.append(np.where(np.isin(own, texts), np.searchsorted(texts, own), -1), np.nan)
    return np.asarray(places[np.where(np.isnan(values), len(own), values).astype(np.int64)])


def _classes(target: Column, cells: Cells, data: DataConfig) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the classes, numbers in their order and else sorted, and of each row its class, int64 (N,)."""
    column = f"{cells.path}: column {shown(repr(data.target))}"
    names, targets, as_numbers = _ranked(target, data.decimal)
    if not 2 <= len(names) <= MOST_CLASSES:
        hint = "; data.task = 'regression' predicts numbers" if as_numbers and len(names) > 2 else ""
        raise InputError(f"{column}: must have from 2 to {MOST_CLASSES:,} classes, found {len(names):,}{hint}")
    if len(longest := max(names, key=len)) > LONGEST_NAME:
        rule = f"a class must have at most {LONGEST_NAME} letters"
        raise InputError(f"{column}: {rule}, found {len(longest):,} in {shown(repr(longest))}")
    if MACRO in names:
        raise InputError(f"{column}: a class must not be called {MACRO!r}, which is the name of the classes' mean")
    counts = np.bincount(targets)
    if counts.min() < 2:
        name = shown(repr(names[np.argmin(counts)]))
        hint = "; data.task = 'regression' predicts numbers" if as_numbers and len(names) > len(targets) / 3 else ""
        raise InputError(f"{column}: a class must have two rows at least, one to test on, found one of {name}{hint}")
    return tuple(names), targets


def _ranked(column: Column, decimal: str) -> tuple[list[str], np.ndarray, bool]:
    """What a column of categories holds, each cell's place in that, int64 (N,), and whether all are numbers."""
    assert column.texts is not None
    names, ranks, as_numbers = called(column.texts, decimal)
    return names, ranks[column.values.astype(np.int64)], as_numbers


def _split(
    examples: Examples, of_first: int, data: DataConfig, classes: Sequence[str] | None, seed: int
) -> tuple[Examples, Examples]:
    """Training and test part, the rows of each sorted by what they hold."""
    if of_first < len(examples):
        rows = np.arange(len(examples))
        train, test = (_sorted(examples.take(part)) for part in (rows[:of_first], rows[of_first:]))
    else:
        examples = _sorted(examples)
        parts = split_off(examples, classes, data.test_fraction, seed, "row")
        train, test = (examples.take(part) for part in parts)
    check_classes(train.targets, test.targets, classes or (), data.path, "row")
    return train, test


def _sorted(examples: Examples) -> Examples:
    """The rows by their first input, then by the second, and so on: in an order that their content alone decides."""
    others = [array for array in (examples.times, examples.groups, examples.targets) if array is not None]
    return examples.take(np.lexsort([*others, *np.asarray(examples.inputs).T[::-1]]))


def _by_training(
    columns: Sequence[Column], train: Examples, test: Examples
) -> tuple[Examples, Examples, list[np.ndarray | None]]:
    """Both parts with the categories that the training part has, and these: what it does not know is -1."""
    known: list[np.ndarray | None] = []
    for place, column in enumerate(columns):
        texts = None
        if column.texts is not None:
            there = np.unique(train.inputs[:, place])
            texts = column.texts[there[~np.isnan(there)].astype(np.int64)]
            for inputs in (np.asarray(train.inputs), np.asarray(test.inputs)):  # themselves, no copies
                inputs[:, place] = _by(column, texts, inputs[:, place])
        known.append(texts)
    return train, test, known


def _check_size(cells: Cells, inputs: Sequence[str], known: Sequence[np.ndarray | None]) -> None:
    letters = [0 if texts is None else sum(map(len, texts)) for texts in known]
    if sum(letters) > MOST_LETTERS:
        longest = inputs[int(np.argmax(letters))]
        raise InputError(
            f"{cells.path}: column {shown(repr(longest))}: all categories together must have at most {MOST_LETTERS:,} "
            f"letters, found {sum(letters):,}, most of them here; data.ignore leaves it out"
        )


def _input_column(name: str, kind: ColumnKind, texts: np.ndarray | None, trained_on: np.ndarray) -> InputColumn:
    if texts is not None:
        return InputColumn(name=name, categories=tuple(texts))
    known = trained_on[~np.isnan(trained_on)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return InputColumn(name=name, dates=kind == "date", low=low, high=high)


def _rows(files: Sequence[Cells], used: int) -> RowCounts:
    """What became of the rows of all files; those beyond `prepare.limit` are dropped too."""
    dropped: dict[str, int] = {}
    for cells in files:
        for reason, number in cells.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + number
    kept = sum(map(len, files))
    if kept > used:
        dropped["beyond prepare.limit"] = kept - used
    return RowCounts(in_file=used + sum(dropped.values()), used=used, dropped=dropped)
