"""A process as a picture, for people: SVG that any browser shows, and the text from which mermaid draws one.

Kinds of activities are told apart by colour, by outline and by a word. Nothing in a definition is taken for markup.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from cameron.core.process import Activity, CommandCall, DelayCall, Process
from cameron.definitions.layered_graph import (
    BOX_HEIGHT,
    BOX_WIDTH,
    DOT,
    END,
    MARGIN,
    START,
    Node,
    Point,
    coordinates,
    edges_of,
    graph_of,
    half_height_of,
    width_of,
)

NAME_MAX = 64  # characters of a name that are shown
DETAIL_MAX = 39  # of what is called, where nothing says how wide a box is
NAME_WIDTH, DETAIL_WIDTH, KIND_WIDTH = 9.0, 6.4, 7.6  # of a character, at most on average
LEFT, RIGHT, APART = 16, 12, 10  # of a box's texts to its edges, and to each other
TITLE_WIDTH = 12  # of a character
_LOGIN = re.compile(r"^(\w+://)[^/?#]*@")  # of a URL: a picture goes to more people than may know it
KINDS: Final = {"http": "HTTP", "command": "COMMAND", "python": "PYTHON", "wait": "WAIT", "delay": "DELAY"}
STYLE: Final = """
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;fill:#1c2733}
.title{font-size:17px;font-weight:600}.name{font-size:14px;font-weight:600}.detail{font-size:11px;fill:#56657a}
.kind{font-size:9px;font-weight:700;letter-spacing:.8px}.box{fill:#fff;stroke-width:1.5}.paper{fill:#f7f9fb}
.edge{fill:none;stroke:#7b8a9c;stroke-width:1.6}.tip{fill:#7b8a9c}.dot{fill:#3b4a5c}.ring{fill:none;stroke:#3b4a5c;stroke-width:1.5}
.http .box{stroke:#2f6fde}.http .bar{fill:#2f6fde}.http .kind{fill:#2f6fde}
.command .box{stroke:#a8520e}.command .bar{fill:#a8520e}.command .kind{fill:#a8520e}
.python .box{stroke:#a3266b}.python .bar{fill:#a3266b}.python .kind{fill:#a3266b}
.wait .box{stroke:#7a45c4;stroke-dasharray:6 3}.wait .bar{fill:#7a45c4}.wait .kind{fill:#7a45c4}
.delay .box{stroke:#18795b;stroke-dasharray:2 3}.delay .bar{fill:#18795b}.delay .kind{fill:#18795b}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#12181f}.box{fill:#1b232d}.detail{fill:#9fb0c3}
.dot{fill:#c3d0de}.ring{stroke:#c3d0de}
.http .kind{fill:#7aa7f5}.command .kind{fill:#e59a5c}.python .kind{fill:#ee86bb}.wait .kind{fill:#b894ee}.delay .kind{fill:#56c3a1}}
""".replace("\n", "")


def svg(process: Process) -> str:
    """An SVG document of its own."""
    graph = graph_of(process.activities)
    title = _shortened(process.name, NAME_MAX)
    box_width = max(BOX_WIDTH, *map(_wanted_width, process.activities))
    at = coordinates(graph, box_width, least_width=2 * MARGIN + TITLE_WIDTH * len(title))
    width = max(2 * at[START][0], max(x + width_of(place, box_width) / 2 for place, (x, _) in at.items()) + MARGIN)
    height = max(y for _, y in at.values()) + MARGIN
    told = _told(process)
    drawn = [_edge([at[place] for place in graph.paths[edge]], *map(half_height_of, edge)) for edge in graph.edges]
    drawn += [_box(activity, box_width, *at[number]) for number, activity in enumerate(process.activities)]
    drawn += [_dot(at[START]), _dot(at[END], 'class="ring"', DOT + 2), _dot(at[END], radius=DOT - 2)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-labelledby="title told"><title id="title">{_text(process.name)}</title><desc id="told">{_text(told)}</desc>'
        f'<style>{STYLE}</style><defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path class="tip" d="M0 0 10 5 0 10Z"/></marker></defs><rect class="paper" width="100%" height="100%" rx="10"/>'
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 10}">{_text(title)}</text>{"".join(drawn)}</svg>\n'
    )


def mermaid(process: Process) -> str:
    """A flowchart in mermaid's language, as in a fenced `mermaid` block of Markdown."""
    shapes = {"http": ('["', '"]'), "command": ('[["', '"]]'), "python": ('[/"', '"/]'), "wait": ('(["', '"])'), "delay": ('{{"', '"}}')}
    lines = ["flowchart TD", f"    accTitle: {_one_line(process.name)}", f"    accDescr: {_one_line(_told(process))}"]
    lines.append('    start(("Start"))')
    for number, activity in enumerate(process.activities):
        opening, closing = shapes[activity.kind]
        label = f"{_entities(activity.name)}<br/><small>{KINDS[activity.kind].lower()} {_entities(_detail(activity, DETAIL_MAX))}</small>"
        lines.append(f"    a{number}{opening}{label}{closing}")
    lines.append('    finish((("End")))')
    names: Mapping[Node, str] = {START: "start", END: "finish"} | {number: f"a{number}" for number in range(len(process.activities))}
    lines += [f"    {names[source]} --> {names[target]}" for source, target in edges_of(process.activities)]
    return "\n".join(lines) + "\n"


# drawing


def _edge(points: Sequence[Point], from_half: float, to_half: float) -> str:
    """An arrow from the lower edge of its first point to the upper edge of its last, straight down past those in between."""
    (x, y), *passed = points
    y += from_half
    drawn = [f"M{x:g} {y:g}"]
    for number, (to_x, to_y) in enumerate(passed):
        is_last = number == len(passed) - 1
        upper = to_y - (to_half if is_last else BOX_HEIGHT / 2)
        bend = (upper - y) / 2
        drawn.append(f"L{x:g} {upper:g}" if to_x == x else f"C{x:g} {y + bend:g} {to_x:g} {upper - bend:g} {to_x:g} {upper:g}")
        x, y = to_x, upper
        if not is_last:
            y = to_y + BOX_HEIGHT / 2
            drawn.append(f"L{x:g} {y:g}")
    return f'<path class="edge" marker-end="url(#tip)" d="{"".join(drawn)}"/>'


def _wanted_width(activity: Activity) -> float:
    """Of a box in which the name has room beside the kind."""
    return LEFT + NAME_WIDTH * min(len(activity.name), NAME_MAX) + APART + KIND_WIDTH * len(KINDS[activity.kind]) + RIGHT


def _box(activity: Activity, width: float, x: float, y: float) -> str:
    left, top, kind = x - width / 2, y - BOX_HEIGHT / 2, activity.kind
    detail = _detail(activity, int((width - LEFT - RIGHT) / DETAIL_WIDTH))
    return (
        f'<g class="{kind}"><title>{_text(f"{activity.name}: {kind} {_detail(activity)}")}</title>'
        f'<rect class="box" x="{left:g}" y="{top:g}" width="{width:g}" height="{BOX_HEIGHT}" rx="8"/>'
        f'<rect class="bar" x="{left:g}" y="{top + 8:g}" width="4" height="{BOX_HEIGHT - 16}"/>'
        f'<text class="name" x="{left + LEFT:g}" y="{top + 26:g}">{_text(_shortened(activity.name, NAME_MAX))}</text>'
        f'<text class="kind" x="{left + width - RIGHT:g}" y="{top + 25:g}" text-anchor="end">{KINDS[kind]}</text>'
        f'<text class="detail" x="{left + LEFT:g}" y="{top + 45:g}">{_text(detail)}</text></g>'
    )


def _dot(at: Point, style: str = 'class="dot"', radius: float = DOT) -> str:
    return f'<circle {style} cx="{at[0]:g}" cy="{at[1]:g}" r="{radius}"/>'


# texts


def _told(process: Process) -> str:
    """The process in words, for those who do not see the picture."""
    steps = [
        f"{activity.name} ({activity.kind})" + (f" after {' and '.join(activity.after)}" if activity.after else "")
        for activity in process.activities[:50]
    ]
    more = f", and {len(process.activities) - 50} more" if len(process.activities) > 50 else ""
    return f"Process {process.name}: {', '.join(steps)}{more}."


def _detail(activity: Activity, most: int | None = None) -> str:
    """What is called; `most`: so many characters of it."""
    match activity.call:
        case DelayCall(delay_s):
            detail = f"{delay_s:g} s"
        case CommandCall(command):
            detail = " ".join(command)
        case call:
            detail = _LOGIN.sub(r"\1***@", call.target) or "for a callback"
    return detail if most is None else _shortened(detail, most, from_front=activity.kind in ("http", "wait"))


def _shortened(text: str, most: int, from_front: bool = False) -> str:
    """At most so many characters; of a URL the end says more than the beginning."""
    if len(text) <= most:
        return text
    return f"…{text[1 - most :]}" if from_front else f"{text[: most - 1]}…"


def _text(text: str) -> str:
    """As a text of XML."""
    return escape(_printable(text))


def _one_line(text: str) -> str:
    return _entities(" ".join(text.split()))


def _entities(text: str) -> str:
    """As mermaid takes it within quotes: what could be its own, or HTML, as numbers of characters."""
    plain = " -_.,:/…()"
    return "".join(character if character.isalnum() or character in plain else f"#{ord(character)};" for character in _printable(text))


def _printable(text: str) -> str:
    """Without control characters, which XML cannot hold at all."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
