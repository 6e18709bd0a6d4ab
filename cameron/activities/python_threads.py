"""The threads of a node's Python activities: who is busy with what, who is free, and who has not come back."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from cameron.activities.call import PythonRun, ReplyTo
from cameron.activities.python_activity import PythonActivity, PythonTask
from cameron.activities.python_worker import Perform, PythonWorker
from cameron.activities.revocable_session import RevocableSession
from cameron.otp import Exit, Ref, Timer, zombies


class TimeIsUp(NamedTuple):
    """Sent to oneself: a run in a thread has taken as long as it may."""

    number: int


class ThreadRun(NamedTuple):
    """A run under way."""

    run: PythonRun
    worker: Ref[PythonWorker]
    timer: Timer
    session: RevocableSession
    module: str  # of its activity


class GivenUp(NamedTuple):
    """A run whose thread was left behind."""

    run: PythonRun
    place: str  # where it was then: "activities/orders.py:12"; "" where that is not to be seen


class PythonThreads:
    """Part of the actor that owns them. A thread that is free is used again; one that is given up is replaced when it is needed."""

    def __init__(self, start: Callable[[], Ref[PythonWorker]], send_after: Callable[[float, Any], Timer]) -> None:
        self._start, self._send_after = start, send_after
        self._numbers = itertools.count(1)
        self._busy: dict[int, ThreadRun] = {}  # by number
        self._cancelled: set[int] = set()  # of those: nobody waits for them
        self._free: list[Ref[PythonWorker]] = []

    def __len__(self) -> int:
        """Those that are busy, and may yet come back in time."""
        return len(self._busy)

    def begin(self, run: PythonRun, activity: PythonActivity, task: PythonTask, session: RevocableSession) -> None:
        """Have it run. Raises StartFailed where there is no thread to be had."""
        worker = self._free.pop() if self._free else self._start()
        number = next(self._numbers)
        timer = self._send_after(run.timeout_s, TimeIsUp(number))
        self._busy[number] = ThreadRun(run, worker, timer, session, activity.module)
        worker.tell(Perform(number, activity, task, session))

    def end(self, number: int) -> PythonRun | None:
        """It has come back: its thread is free again. None where nobody waits for it any more."""
        thread = self._busy.pop(number, None)
        if thread is None:
            return None
        thread.timer.cancel()
        self._free.append(thread.worker)
        return self._awaited(number, thread)

    def give_up(self, number: int) -> GivenUp | None:
        """Its time is over: its thread is left behind. None where it has come back meanwhile, or nobody waits for it any more."""
        thread = self._busy.pop(number, None)
        if thread is None:
            return None
        actor = thread.worker.actor_inbox.actor
        place = actor.stands_at(thread.module) if isinstance(actor, PythonWorker) else ""
        _leave(thread)
        return GivenUp(thread.run, place) if self._awaited(number, thread) else None

    def lost(self, worker: Any) -> PythonRun | None:
        """A thread has ended, which none does by itself; the run that has ended with it."""
        if worker in self._free:
            self._free.remove(worker)
        for number, thread in self._busy.items():
            if thread.worker is worker:
                thread.timer.cancel()
                thread.session.revoke()
                del self._busy[number]
                return self._awaited(number, thread)
        return None

    def cancel(self, reply_to: ReplyTo, task: str) -> None:
        """Nobody waits for the task's runs any more; each keeps its place until it comes back, or its time is over."""
        for number, thread in self._busy.items():
            if (thread.run.reply_to, thread.run.task) == (reply_to, task):
                self._cancelled.add(number)
                thread.session.revoke()

    def leave(self) -> None:
        """Their owner has ended, in whatever way. Any thread; never blocks, never raises."""
        for worker in list(self._free):
            with suppress(Exit):
                worker.exit()
        for thread in list(self._busy.values()):
            with suppress(Exit):
                _leave(thread)

    def _awaited(self, number: int, thread: ThreadRun) -> PythonRun | None:
        if number in self._cancelled:
            self._cancelled.discard(number)
            return None
        return thread.run


def left_behind() -> int:
    """How many threads of Python activities have not come back, of this node's whole life."""
    return sum(ref.actor_class is PythonWorker for ref in zombies())


def _leave(thread: ThreadRun) -> None:
    """Let it go on without anybody who listens; raises Exit where the calling thread is itself one that was left."""
    thread.session.revoke()
    run = thread.run
    thread.worker.name = f"{run.activity!r}, task {run.task!r} of job {run.job}"  # no registered one: what its zombie is shown with
    thread.worker.kill()
