"""Activities in rows from the top, each below all that it waits for, and the arrows between them: where a picture has what.

What an activity waits for anyhow, by way of another, has no arrow of its own. An arrow that passes by a row has a narrow place in it, so
that it runs between the boxes.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from cameron.core.process import Activity

BOX_WIDTH, BOX_HEIGHT = 284, 58  # the width where no name is long
GAP, LANE, RISE = 32, 24, 46  # between boxes of a row, for an arrow that passes by, between rows
MARGIN, DOT, HEAD = 28, 7, 34  # around all, half of the start and the end, and for a title
SWEEPS = 4  # times that the rows are sorted by what stands above and below them

START, END = "start", "end"  # not activities: an activity is told by its position
Node = int | str  # an activity, the start or the end
Place = Node | tuple[int, int]  # such a one, or where an arrow passes by: number, row
Edge = tuple[Node, Node]
Point = tuple[float, float]


class Graph(NamedTuple):
    """Arrows between places, and the rows in which these stand."""

    edges: list[Edge]
    rows: list[list[Place]]
    paths: dict[Edge, list[Place]]  # an arrow -> all places that it goes by


def edges_of(activities: Sequence[Activity]) -> list[Edge]:
    """The arrows, without those that follow from others; from the start, and to the end."""
    position = {activity.name: number for number, activity in enumerate(activities)}
    before: list[int] = []  # of each activity, all that come before it, as bits of one number
    edges: list[Edge] = []
    open_ends = dict.fromkeys(range(len(activities)))
    for number, activity in enumerate(activities):
        waits_for = sorted({position[name] for name in activity.after})
        anyhow = 0
        for earlier in waits_for:
            anyhow |= before[earlier]
        direct = [earlier for earlier in waits_for if not anyhow >> earlier & 1]
        before.append(anyhow | sum(1 << earlier for earlier in direct))
        edges += [(earlier, number) for earlier in direct] or [(START, number)]
        for earlier in direct:
            open_ends.pop(earlier, None)
    return edges + [(last, END) for last in open_ends]


def graph_of(activities: Sequence[Activity]) -> Graph:
    """The arrows, and the rows in an order in which few of them cross."""
    edges = edges_of(activities)
    row: dict[Node, int] = {START: 0}
    for source, target in edges:  # in the order of the definition, so that a source has its row
        row[target] = max(row.get(target, 0), row[source] + 1)
    rows: list[list[Place]] = [[] for _ in range(row[END] + 1)]
    for place, number in row.items():
        rows[number].append(place)
    paths: dict[Edge, list[Place]] = {}
    passing = 0
    for source, target in edges:
        path: list[Place] = [source]
        for number in range(row[source] + 1, row[target]):
            passing += 1
            rows[number].append((passing, number))
            path.append((passing, number))
        paths[source, target] = [*path, target]
    _sort(rows, paths.values())
    return Graph(edges, rows, paths)


def _sort(rows: list[list[Place]], paths: Iterable[list[Place]]) -> None:
    """Put each row in the order of what it is joined to, above and below in turn: then few arrows cross."""
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for path in paths:
        for upper, lower in pairwise(path):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        joined, order = (above, rows[1:]) if sweep % 2 == 0 else (below, rows[-2::-1])
        fixed = rows[0] if sweep % 2 == 0 else rows[-1]
        for row in order:
            at = {place: (number + 0.5) / len(fixed) for number, place in enumerate(fixed)}
            middle = {place: _mean([at[other] for other in joined.get(place, ())]) for place in row}
            row.sort(key=middle.__getitem__)
            fixed = row


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.5


def width_of(place: Place, box_width: float = BOX_WIDTH) -> float:
    """In pixels, as all lengths here."""
    return box_width if isinstance(place, int) else LANE


def half_height_of(place: Place) -> float:
    """From its middle to where arrows begin and end."""
    return BOX_HEIGHT / 2 if isinstance(place, int) else DOT + 2


def coordinates(graph: Graph, box_width: float = BOX_WIDTH, least_width: float = 0) -> dict[Place, Point]:
    """The middle of each place; `least_width`: of the picture, in the middle of which all stands."""
    widths = [sum(width_of(place, box_width) for place in row) + GAP * (len(row) - 1) for row in graph.rows]
    middle, at = max(MARGIN + max(widths) / 2, least_width / 2), dict[Place, Point]()
    y = float(MARGIN + HEAD)
    for row, width in zip(graph.rows, widths, strict=True):
        half = max(map(half_height_of, row))
        y, x = y + half, middle - width / 2
        for place in row:
            own = width_of(place, box_width)
            at[place] = (x + own / 2, y)
            x += own + GAP
        y += half + RISE
    return at
