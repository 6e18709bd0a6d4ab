"""The supervision tree for a person's eyes: rich's tree, with aligned columns, as `cameron tree` prints it.

node web1-4711-9f3a2c
actor                    state      restarts mailbox oldest  handled  per s
root                     running           0       0              2    0.0
├── engine               running           1       0             11    0.0
"""

import time
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

GUIDE: Final = 4  # characters by which rich indents a child
STYLE: Final = {"running": "green", "restarting": "yellow", "stopped": "red"}
COLUMNS: Final = ("state", "restarts", "mailbox", "oldest", "handled", "per s")
CRASH_SHOWN: Final = 200  # characters

Handled = dict[tuple[str, ...], int]
"""Messages handled, by an actor's name and those above it."""


class TreeView:
    """Turns the answers of `GET /api/system/tree` into something to print; remembers the last one, to tell what is handled a second."""

    def __init__(self) -> None:
        self._handled: Handled = {}
        self._seen_s: float | None = None

    def render(self, answer: dict[str, Any], now_s: float | None = None) -> RenderableType:
        """The tree of one answer, got at `now_s` (monotonic; default: now)."""
        now_s = time.monotonic() if now_s is None else now_s
        root = answer["tree"]
        passed_s = None if self._seen_s is None else now_s - self._seen_s
        width = max(_widths(root, 0))
        node = Text(f"node {answer['node']}", style="bold")
        heading = Text("actor".ljust(width) + _columns(COLUMNS), style="dim", no_wrap=True)
        parts: list[RenderableType] = [node, heading, self._branch(root, (), width, passed_s)]
        if answer["zombies"]:
            parts.append(Text(f"killed, but their threads have not come back: {', '.join(answer['zombies'])}", style="red"))
        self._handled, self._seen_s = dict(_handled(root, ())), now_s
        return Group(*parts)

    def _branch(self, actor: dict[str, Any], above: tuple[str, ...], width: int, passed_s: float | None) -> Tree:
        path = (*above, actor["name"])
        tree = Tree(self._label(actor, path, width, passed_s), guide_style="dim")
        for child in actor["children"]:
            tree.children.append(self._branch(child, path, width - GUIDE, passed_s))
        if actor["more"]:
            tree.add(Text(f"and {actor['more']:,} more", style="dim", no_wrap=True))
        return tree

    def _label(self, actor: dict[str, Any], path: tuple[str, ...], width: int, passed_s: float | None) -> Text:
        """One line, and a second one with the last crash where there was one."""
        style = STYLE.get(actor["state"], "red")
        oldest_s = actor["oldest_message_s"]
        cells = _columns((
            actor["state"],
            str(actor["restarts"]),
            str(actor["mailbox"]),
            "" if oldest_s is None else _seconds(oldest_s),
            str(actor["handled"]),
            self._rate(actor["handled"], path, passed_s),
        ))  # fmt: skip
        line = Text.assemble((actor["name"].ljust(width), f"bold {style}"), (cells, style), no_wrap=True, overflow="ellipsis")
        if actor["last_crash"]:
            line.append(f"\n{printable(actor['last_crash'])[:CRASH_SHOWN]}", style="red")
        return line

    def _rate(self, handled: int, path: tuple[str, ...], passed_s: float | None) -> str:
        """Messages a second since the last look; an actor that was started again since has begun at 0."""
        if not passed_s:
            return ""
        before = self._handled.get(path, 0)
        rate = (handled - before if handled >= before else handled) / passed_s
        return f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def _columns(cells: tuple[str, ...]) -> str:
    state, restarts, mailbox, oldest, handled, rate = cells
    return f"{state:<10}{restarts:>9}{mailbox:>8}{oldest:>7}{handled:>9}{rate:>7}"


def _seconds(age_s: float) -> str:
    if age_s < 1:
        return f"{int(age_s * 1000)} ms"
    if age_s < 1000:
        return f"{age_s:.1f} s" if age_s < 100 else f"{age_s:.0f} s"
    return f"{age_s / 3600:.0f} h"


def printable(text: str) -> str:
    """On one line, without what could steer a terminal: the text may come from a service."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _widths(actor: dict[str, Any], indent: int) -> Iterator[int]:
    """How much room each name takes, with its indentation and a gap."""
    yield indent + len(actor["name"]) + 1
    for child in actor["children"]:
        yield from _widths(child, indent + GUIDE)


def _handled(actor: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    path = (*above, actor["name"])
    yield path, actor["handled"]
    for child in actor["children"]:
        yield from _handled(child, path)
