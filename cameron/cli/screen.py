"""What a command prints: JSON for programs, tables and lines for people, and what is looked at again and again."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

from rich import box
from rich import print_json as print_coloured
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cameron.errors import CameronError
from cameron.tree_view import printable

__all__ = ["print_details", "print_json", "printable", "put", "show", "table"]

WATCH_S = 1.0
WIDE = 1000  # characters: a terminal wraps what is too long for it by itself, and it can still be copied


def print_json(value: Any) -> None:
    """Pretty, and coloured where a person looks; plain JSON in a pipe."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if sys.stdout.isatty():
        print_coloured(text)
    else:
        print(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows of text, whatever they hold."""
    made = Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def put(shown: RenderableType) -> None:
    """Print it without cutting anything off."""
    Console(width=WIDE, soft_wrap=True, highlight=False).print(shown)


def print_details(document: dict[str, Any]) -> None:
    """A line for each value, those of inner objects under dotted names."""
    details = list(_flat(document, ""))
    width = max((len(name) for name, _ in details), default=0)
    for name, text in details:
        print(f"  {name:<{width}}  {printable(text)}")


def _flat(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            yield prefix + name, ", ".join(value)
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def show(look: Callable[[], RenderableType], watch: bool) -> None:
    """Print what is seen; with `watch`, anew every `WATCH_S` seconds until Ctrl-C.

    On a terminal that takes the place of what was seen before, in a pipe it follows. A node that does not answer for a while is what one
    may be watching for: go on.
    """
    at_terminal = sys.stdout.isatty()
    console = Console(width=None if at_terminal else WIDE, soft_wrap=not at_terminal, highlight=False)
    seen = look()
    if watch and at_terminal:
        _replace(console, look, seen)
    console.print(seen)
    if watch:
        _append(console, look)


def _replace(console: Console, look: Callable[[], RenderableType], seen: RenderableType) -> NoReturn:
    with Live(seen, console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            time.sleep(WATCH_S)
            try:
                seen = shown = look()
            except CameronError as error:
                shown = Group(Text(f"{error}; as last seen:", style="red"), seen)
            live.update(shown, refresh=True)


def _append(console: Console, look: Callable[[], RenderableType]) -> NoReturn:
    while True:
        time.sleep(WATCH_S)
        try:
            console.print(look())
        except CameronError as error:
            console.print(Text(str(error)))
