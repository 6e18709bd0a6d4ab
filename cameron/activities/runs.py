"""Runs that wait for a free place, or for their end, in the order they came. Pure: no processes, no threads, no clock."""

import itertools
from typing import Generic, TypeVar

from cameron.activities.call import CommandRun, PythonRun, ReplyTo

R = TypeVar("R", CommandRun, PythonRun)


class Runs(Generic[R]):
    """A queue from whose middle a run may be taken by its number, and those of a task dropped, however long it is."""

    def __init__(self) -> None:
        self._runs: dict[int, R] = {}  # by number; in order
        self._of: dict[tuple[ReplyTo, str], set[int]] = {}  # the numbers of a task's runs; absent where none
        self._numbers = itertools.count(1)
        self._newest = self._asked = 0  # numbers: the last one's, now and when `are_held_up` was last asked

    def __len__(self) -> int:
        return len(self._runs)

    def put(self, run: R) -> int:
        """Add it; its number, which no other has ever had. Raises TypeError where its receiver and task are not hashable."""
        number = next(self._numbers)
        self._of.setdefault((run.reply_to, run.task), set()).add(number)
        self._runs[number] = run
        self._newest = number
        return number

    def get(self, number: int) -> R | None:
        """The one of that number; None where it was taken or dropped."""
        return self._runs.get(number)

    def take(self, number: int) -> R | None:
        """The same, which is no longer among them."""
        run = self._runs.pop(number, None)
        if run is not None:
            of_task = self._of[run.reply_to, run.task]
            of_task.discard(number)
            if not of_task:
                del self._of[run.reply_to, run.task]
        return run

    def take_first(self) -> R:
        """The one that has waited longest; there must be one."""
        run = self.take(next(iter(self._runs)))
        assert run is not None, "its number is that of a run"
        return run

    def take_last(self, count: int) -> list[R]:
        """The last `count` of those that may be given back, in order; fewer where there are not so many."""
        may = (number for number in reversed(self._runs) if not (self._runs[number].fresh or self._runs[number].stays))
        taken = [self.take(number) for number in list(itertools.islice(may, max(0, count)))]
        return [run for run in reversed(taken) if run is not None]

    def drop(self, reply_to: ReplyTo, task: str) -> set[int]:
        """Forget the runs of this task; their numbers."""
        dropped = self._of.pop((reply_to, task), set())
        for number in dropped:
            del self._runs[number]
        return dropped

    def are_held_up(self) -> bool:
        """Whether the first of them was there already when this was last asked."""
        asked, self._asked = self._asked, self._newest
        return next(iter(self._runs), asked + 1) <= asked

    def numbers(self) -> list[int]:
        """Those of all. Any thread."""
        return list(self._runs)
