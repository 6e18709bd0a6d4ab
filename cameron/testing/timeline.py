"""Simulated time: what is still to happen, and what of it comes next."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple


class _Entry(NamedTuple):
    at_ms: int
    number: int  # of two at the same time, the one that was put first comes first
    what: Any


class Timeline:
    """Jumps from one happening to the next. What has a place in `order` happens when its turn has come, however long that takes."""

    def __init__(self, begin_ms: int, order: Sequence[str] = ()) -> None:
        self.now_ms, self._order = begin_ms, order
        self._fixed: list[_Entry] = []
        self._held: dict[str, Any] = {}  # by the task whose turn has not come
        self._last: _Entry | None = None
        self._numbers = count()

    def at(self, at_ms: int, what: Any) -> None:
        """It happens then, or at once where that has passed."""
        heappush(self._fixed, _Entry(at_ms, next(self._numbers), what))

    def soon(self, task: str, what: Any) -> None:
        """It happens at once; where `order` names the task, not before its turn."""
        if task in self._order:
            self._held[task] = what
        else:
            self.at(self.now_ms, what)

    def at_the_latest(self, at_ms: int, what: Any) -> None:
        """It happens then, unless nobody asks for what comes next any more: nothing is held back until then."""
        self._last = _Entry(at_ms, -1, what)

    def next(self, has_ended: Callable[[str], bool]) -> Any:
        """What happens next; it is that late by then. `has_ended` tells of a task whose turn it was whether the next one's has come."""
        if self._held and (task := self._turn(has_ended)):
            return self._held.pop(task)
        if self._fixed and (self._last is None or self._fixed[0].at_ms < self._last.at_ms):
            entry = heappop(self._fixed)
        elif self._held:  # nothing else will come of it: the order cannot be kept
            return self._held.pop(min(self._held, key=self._order.index))
        else:
            assert self._last is not None, "a job has a deadline"
            entry, self._last = self._last, None
        self.now_ms = max(self.now_ms, entry.at_ms)
        return entry.what

    def _turn(self, has_ended: Callable[[str], bool]) -> str | None:
        for task in self._order:
            if task in self._held:
                return task
            if not has_ended(task):
                return None
        return None
