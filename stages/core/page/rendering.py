"""The page's markup: the templates of this room, in which every value is escaped unless it is markup already."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

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


def rendered(template: str, **values: Any) -> Markup:
    """The file `templates/<template>` with `values` in it. A value that it lacks is an error."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))  # noqa: S704 - escaped by the template
