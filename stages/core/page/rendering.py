"""The markup of page and card: the templates of this room, in which every value is escaped unless it is markup."""

import html
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.core.config.plain import shown

_ROOM = Path(__file__).parent
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_ROOM / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
STYLE = Markup((_ROOM / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours
# What is markup inside of a line, of formulas too; not the underscores inside of a word, as many names have them.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")


def rendered(template: str, **values: Any) -> Markup:
    """The file `templates/<template>`, HTML, with `values` in it. A value that it lacks is an error."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))  # noqa: S704 - escaped by the template


def rendered_markdown(template: str, **values: Any) -> Markup:
    """The same of a file in Markdown, with tables as GitHub has them.

    A value becomes a text inside of a line: the template begins none, and ends no heading, with a name of the user's.
    """
    return Markup(_MARKDOWN.get_template(template).render(**values))  # noqa: S704 - escaped by `_as_text`


def _as_text(value: object) -> object:
    """A value that a Markdown template shows: one line, of which no character is markup."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    line = shown(text, 10 * len(text))  # whole: a character that is not printable takes up to ten
    return _MARKS.sub(r"\\\g<0>", html.escape(line, quote=False))


# Jinja escapes for HTML alone.
_MARKDOWN = _ENVIRONMENT.overlay(autoescape=False, finalize=_as_text)
_MARKDOWN.filters["table"] = lambda one: rendered_markdown("table.md", one=one)
