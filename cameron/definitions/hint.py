"""Hints at what may have been meant by a name that nobody knows.

To compare names takes a time that grows with their lengths, and what is compared may have come from a client: so only the first names are
looked at, none that is long, and where many names are unknown only the first have a hint.
"""

import difflib
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

COMPARED_MAX: Final = 200  # names that one is compared with
LENGTH_MAX: Final = 64  # characters of a name that is compared
HINTS_MAX: Final = 3  # of one document


def closest(word: object, known: Iterable[str]) -> str | None:
    """The one of the known names that is nearest, None where none is near; within a tenth of a second, whatever they are."""
    if not isinstance(word, str) or len(word) > LENGTH_MAX:
        return None
    compared = [name for name in islice(known, COMPARED_MAX) if len(name) <= LENGTH_MAX]
    return next(iter(difflib.get_close_matches(word, compared, n=1, cutoff=0.6)), None)


def nearest(word: object, known: Iterable[str]) -> str:
    """A hint for the end of a sentence; empty where nothing is near."""
    near = closest(word, known)
    return f" (did you mean {near}?)" if near is not None else ""


def nearest_process(name: str, known: Collection[str]) -> str:
    """`nearest` among the names of processes, also for one whose name space was left out: `bar` of `space:bar`."""
    alike = (one for one in known if one.rpartition(":")[2] == name.rpartition(":")[2])
    near = next(alike, None) or closest(name, known)
    return f" (did you mean {near}?)" if near else ""


class Hints:
    """The hints of one document: once so many names have been looked for, there are no more."""

    def __init__(self, most: int = HINTS_MAX) -> None:
        self._left = most

    def nearest(self, word: object, known: Iterable[str]) -> str:
        """As `nearest`, or empty."""
        self._left -= 1
        return nearest(word, known) if self._left >= 0 else ""
