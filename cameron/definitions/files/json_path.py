"""Where in a document something stands: `$.tasks[0].taskdef.uri`."""

import re
from collections.abc import Iterable

NAME_MAX = 100  # characters of one name that are shown
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def json_path(parts: Iterable[str | int]) -> str:
    """The path of member names and indices, from the document's root inwards."""
    return "$" + "".join(map(_step, parts))


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    name = part if len(part) <= NAME_MAX else part[:NAME_MAX] + "…"
    return f".{name}" if _PLAIN.fullmatch(name) else f"[{name!r}]"
