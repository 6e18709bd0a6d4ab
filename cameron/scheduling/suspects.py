"""The node's one place for suspected jobs: first come, first served.

With a task of such a job whoever ran it has died before. Were several of them under way when the node dies, an innocent one would be
suspected with the guilty.
"""

from typing import Any


class Suspects:
    """Who has the place, and who waits for it, as refs of runners. Pure."""

    def __init__(self) -> None:
        self._holder: Any = None
        self._waiting: dict[Any, None] = {}  # in order of arrival

    def __iter__(self) -> Any:
        """All of them, the one that has the place first."""
        return iter([ref for ref in (self._holder, *self._waiting) if ref is not None])

    def add(self, ref: Any) -> bool:
        """It asks for the place, for the first time or again; whether it has it."""
        if self._holder is None:
            self._holder = ref
        elif self._holder != ref:
            self._waiting.setdefault(ref)
        return bool(self._holder == ref)

    def remove(self, ref: Any) -> Any:
        """It is suspected no more, or has ended; who gets the place by that, or None."""
        self._waiting.pop(ref, None)
        if self._holder is None or self._holder != ref:
            return None
        self._holder = next(iter(self._waiting), None)
        self._waiting.pop(self._holder, None)
        return self._holder
