"""The pipeline's graph, drawn from top to bottom: ten boxes are no reason to ask for Graphviz on every machine."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup

from stages.core.page.rendering import rendered

Graph = Mapping[str, Sequence[str]]  # of every stage, those whose outputs it uses; a stage comes after them

_ROW, _HEIGHT, _GAP = 66, 32, 18  # pixels: from row to row, of a node, between neighbours
_LETTER = 8.6  # pixels, about


def reduced(graph: Graph) -> dict[str, list[str]]:
    """The graph without the edges that go without saying: those along which there is a longer way, too."""
    before: dict[str, set[str]] = {}
    for name, used in graph.items():
        before[name] = set(used).union(*(before[other] for other in used))
    return {name: [one for one in used if not any(one in before[o] for o in used)] for name, used in graph.items()}


def drawing(graph: Graph, label: str) -> Markup:
    """An SVG picture of the reduced graph, called `label` for who cannot see it; the page's style gives the colours."""
    rows, links = _layers(reduced(graph))
    width = _LETTER * max(map(len, graph)) + 20
    places: dict[str, tuple[float, int]] = {}  # the middle of each node, and where it begins
    for depth, row in enumerate(rows):
        above = {name: [places[up][0] for up, down in links if down == name] for name in row}
        row.sort(key=lambda name: sum(above[name]) / max(len(above[name]), 1))
        widths = [width if name in graph else 0 for name in row]
        x = -(sum(widths) + _GAP * (len(row) - 1)) / 2
        for name, own in zip(row, widths, strict=True):
            places[name] = (x + own / 2, depth * _ROW + 1)
            x += own + _GAP

    paths, boxes = [], []
    for up, down in links:
        (x, y), (to_x, to_y) = places[up], places[down]
        half = (y + _HEIGHT + to_y) / 2
        paths.append(f"M{x:.1f} {y + _HEIGHT}C{x:.1f} {half} {to_x:.1f} {half} {to_x:.1f} {to_y}")
    for name, (x, y) in places.items():
        if name in graph:
            boxes.append({"name": name, "middle": f"{x:.1f}", "left": f"{x - width / 2:.1f}", "top": y})
        else:
            paths.append(f"M{x:.1f} {y}v{_HEIGHT}")
    side = max(abs(x) for x, _ in places.values()) + width / 2 + 1
    height = (len(rows) - 1) * _ROW + _HEIGHT + 2
    return rendered(
        "graph.html",
        label=label,
        paths=paths,
        boxes=boxes,
        box_width=f"{width:.1f}",
        box_height=_HEIGHT,
        view=f"{-side:.1f} 0 {2 * side:.1f} {height}",
        width=f"{2 * side:.0f}",
        height=height,
    )


def _depths(graph: Graph) -> dict[str, int]:
    """How many stages must run, one after the other, before each."""
    depths: dict[str, int] = {}
    for name, used in graph.items():
        depths[name] = 1 + max((depths[other] for other in used), default=-1)
    return depths


def _layers(graph: Graph) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """The nodes by rows, and the links from row to row; a link that passes a row has a place in it, as a node has."""
    depths = _depths(graph)
    rows: list[list[str]] = [[] for _ in range(max(depths.values()) + 1)]
    links: list[tuple[str, str]] = []
    for name, used in graph.items():
        rows[depths[name]].append(name)
        for other in used:
            passed = {depth: f"{other} > {name}, {depth}" for depth in range(depths[other] + 1, depths[name])}
            for depth, place in passed.items():
                rows[depth].append(place)
            links += pairwise([other, *passed.values(), name])
    return rows, links
