"""Which command goes next: those that wait, in the order they came. Pure: no processes, no clock."""

import itertools

from cameron.activities.call import CommandRun, ReplyTo


class CommandTurns:
    """A queue from whose middle the runs of a task may be dropped, however long it is."""

    def __init__(self) -> None:
        self._waiting: dict[int, CommandRun] = {}  # by number; in order
        self._of: dict[tuple[ReplyTo, str], set[int]] = {}  # the numbers of a task's runs; absent where none
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, run: CommandRun) -> None:
        """Let it wait. Raises TypeError where its receiver and task are not hashable."""
        number = next(self._numbers)
        self._of.setdefault((run.reply_to, run.task), set()).add(number)
        self._waiting[number] = run

    def take(self) -> CommandRun:
        """The one that has waited longest."""
        number = next(iter(self._waiting))
        run = self._waiting.pop(number)
        mine = self._of[run.reply_to, run.task]
        mine.discard(number)
        if not mine:
            del self._of[run.reply_to, run.task]
        return run

    def drop(self, reply_to: ReplyTo, task: str) -> None:
        """Forget the runs of this task."""
        for number in self._of.pop((reply_to, task), ()):
            del self._waiting[number]
