"""HTML as text that knows what it is: whatever is no `Html` yet is escaped when it gets into an element."""

import base64
import html
from collections.abc import Iterable, Sequence

from stages.core.base.command import InputError

_VOID = {"img", "meta", "link"}
_PNG_BEGINS, _PNG_ENDS = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class Html(str):
    """Markup, taken as it stands."""

    __slots__ = ()


def element(name: str, /, *content: str, **attributes: str | float) -> Html:
    """`<name attributes>content</name>`. In an attribute's name `_` stands for `-`, and for nothing at the end."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>" + ("" if name in _VOID else f"{join(content)}</{name}>"))


def join(parts: Iterable[str]) -> Html:
    """The parts one after the other, those that are no markup escaped, a line each where that changes nothing."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts))


def scrolling(content: Html, label: str) -> Html:
    """A box of its own for what may be wider than the screen; with the keyboard it is reached and scrolled, too."""
    return element("div", content, class_="scroll", role="region", aria_label=label, tabindex=0)


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], kinds: str) -> Html:
    """A table with a row header in the first column. `kinds` has a letter for each column: number, words or short."""
    classes = [{"n": {"class_": "number"}, "w": {"class_": "words"}, "s": {}}[kind] for kind in kinds]
    head = [element("th", cell, scope="col", **kind) for cell, kind in zip(header, classes, strict=True)]
    body = []
    for first, *others in rows:
        cells = [element("td", cell, **kind) for cell, kind in zip(others, classes[1:], strict=True)]
        body.append(element("tr", element("th", first, scope="row", **classes[0]), *cells))
    parts = (element("caption", caption), element("thead", element("tr", *head)), element("tbody", *body))
    return scrolling(element("table", *parts), caption)


def picture(png: bytes, name: str, alt: str, caption: str) -> Html:
    """A figure that carries its picture with it. Raises `InputError`, naming the file as `name`, unless it is a PNG."""
    if not png.startswith(_PNG_BEGINS) or not png.endswith(_PNG_ENDS):
        raise InputError(f"{name}: damaged, not a PNG picture; `dvc repro` makes it")
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    shown = element("img", src=source, alt=alt, width=width, height=height)
    return element("figure", scrolling(shown, caption), element("figcaption", caption))
