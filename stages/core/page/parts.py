"""What the page consists of: sections with tables and pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

from markupsafe import Markup

from stages.core.base.artifacts import check_png


class Image(NamedTuple):
    """A picture as the page carries it with it: a `data:` address, and its size in pixels."""

    source: str
    width: int
    height: int


class Figure(NamedTuple):
    image: Image
    alt: str
    caption: str


@dataclass(frozen=True)
class PageTable:
    """A table whose first column names its rows. `columns` says what each holds: a `number`, `prose`, a
    `name` that may be long, or a short text.

    Without rows the sentence `empty` stands for it, if there is one.
    """

    caption: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]
    empty: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: from top to bottom a sentence or more, a drawing, tables (in a `grid`, if so), pictures,
    tables, and a note.
    """

    key: str
    title: str
    before: Sequence[PageTable] = ()
    after: Sequence[PageTable] = ()
    _: KW_ONLY
    lead: str = ""
    figures: Sequence[Figure] = ()
    drawing: Markup | str = ""
    grid: bool = False
    note: str = ""

    @property
    def filled(self) -> bool:
        """Whether there is anything in it; what a task or a kind of data has none of is left out."""
        return any((self.before, self.after, self.lead, self.figures, self.drawing))


def embedded(png: bytes, name: str) -> Image:
    """The PNG file for the page. Raises `InputError`, naming the file as `name`, unless it is one."""
    size = check_png(png, name)
    return Image(f"data:image/png;base64,{base64.b64encode(png).decode()}", *size)


def pairs(caption: str, key: str, value: str, found: Iterable[tuple[str, str]]) -> PageTable:
    return PageTable(caption, {key: "", value: ""}, list(found))
