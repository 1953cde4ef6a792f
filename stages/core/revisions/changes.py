"""What a change does to the model, the numbers and the pictures, as one Markdown page for a pull request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Changes:
    """What sets the workspace apart from the revision `base`, and from its own commit.

    `pictures` and `differing` give the hashes (of `base` or of the commit, here) of each file that changed; a file that
    is not there has none. Where the hashes of `base` are not known `pictures` is None. `stale` are the stages that have
    not run since something they use changed, `verified` is what `make verify` printed, "" where it was not run.
    """

    base: str
    verdict: str
    metrics: str
    params: str
    pictures: Mapping[str, tuple[str, str]] | None
    differing: Mapping[str, tuple[str, str]]
    stale: Sequence[str]
    verified: str


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The hashes, before and after, of what is not the same in both; "" where it is not there."""
    both = {name: (before.get(name, ""), after.get(name, "")) for name in sorted({*before, *after})}
    return {name: (old, new) for name, (old, new) in both.items() if old != new}


def markdown_page(found: Changes) -> str:
    parts = [
        f"## Compared with `{found.base}`",
        found.verdict.strip(),
        "### Metrics",
        _sorted(found.metrics) or "No metric changed.",
        "### Parameters",
        _sorted(found.params) or "No parameter changed.",
        "### Pictures",
        _pictures(found),
        "### Reproduction",
        _reproduction(found),
    ]
    return "\n\n".join(parts) + "\n"


def _sorted(table: str) -> str:
    """DVC's table in an order that is always the same; nothing where it has no rows."""
    head, rows = table.strip().splitlines()[:2], table.strip().splitlines()[2:]
    return "\n".join([*head, *sorted(rows)]) if rows else ""


def _pictures(found: Changes) -> str:
    if found.pictures is None:
        return f"Which pictures changed is not known: those of `{found.base}` are not in the cache."
    if not found.pictures:
        told = "No picture changed."
    else:
        told = _table("picture", "before", found.pictures) + "\n\nIn CI, the new ones are in the artifact `report`."
    if "plot" in found.stale:
        told = "`plot` has not run since something it draws changed: these pictures are older.\n\n" + told
    return told


def _reproduction(found: Changes) -> str:
    if found.stale:
        here = f"Not checked here: `dvc repro` has yet to run {', '.join(f'`{name}`' for name in found.stale)}."
    elif found.differing:
        here = "**Not what the commit promises:**\n\n" + _table("output", "promised", found.differing)
    else:
        here = "Every output is what the commit promises."
    return f"{here}\n\n{_verification(found.verified)}"


def _verification(printed: str) -> str:
    """What `make verify` ended with, and the table of hashes to unfold, or all it printed if it did not get so far."""
    if not printed.strip():
        return "What DVC's cache had was not computed anew: `make verify` does that."
    *_, last = printed.strip().splitlines()
    _, found, table = printed.rpartition("Reproduced ")
    told = ("Computed anew, from a fresh clone", "Every hash") if found else ("Not computed anew", "What it printed")
    details = f"<details><summary>{told[1]}</summary>\n\n```\n{(found + table).strip()}\n```\n\n</details>"
    return f"{told[0]}: **{last}**\n\n{details}"


def _table(what: str, before: str, hashes: Mapping[str, tuple[str, str]]) -> str:
    rows = [f"| `{name}` | {_state(old, new)} | {_hash(old)} | {_hash(new)} |" for name, (old, new) in hashes.items()]
    return "\n".join([f"| {what} | | {before} | here |", "| --- | --- | --- | --- |", *rows])


def _state(old: str, new: str) -> str:
    return "changed" if old and new else "new" if new else "gone"


def _hash(digest: str) -> str:
    return f"`{digest[:8]}`" if digest else "–"
