"""One job's life in simulated time: `cameron.job_runner`, without what Redis has to be told. Both go on by `core.advance`."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from cameron.activities.call import Reply
from cameron.core.advance import Advance, Holder, advance
from cameron.core.event import (
    Attempt,
    Awaited,
    Change,
    CommandLine,
    Event,
    Failure,
    Invocation,
    JobEnded,
    JobStarted,
    Performed,
    TaskBegun,
    TaskChanged,
    TaskDue,
    TaskFailed,
    TaskReplied,
)
from cameron.core.history import NOTHING_DUE, story
from cameron.core.job import Job, Task, apply, new_job
from cameron.core.process import Process
from cameron.core.status import ENDED, Status
from cameron.definitions import Dialect, JobRequest
from cameron.testing.errors import TooManyCalls
from cameron.testing.happening import Happening
from cameron.testing.outside import Outside
from cameron.testing.timeline import Timeline

__tracebackhide__ = True

BEGIN_MS = 1_700_000_000_000  # when all simulated jobs are accepted: 2023-11-14, 22:13:20 UTC
LONGEST_S = 1e10  # simulated seconds that anything may last; it is longer than any job may
HAPPENINGS_MAX = 500_000  # of one job; as many calls as `Outside` lets it make come to less
NODE = "simulation"  # what the history calls the node


class Start(NamedTuple):
    """What is asked for."""

    process: Process
    dialect: Dialect
    body: bytes  # of the request
    request: JobRequest  # the same, read
    uuid: str  # that the job gets


class Told(NamedTuple):
    """A line of the history."""

    at_ms: int
    word: str
    text: str


class _Comes(NamedTuple):
    """A reply to the task's call."""

    reply: Reply


class _CalledBack(NamedTuple):
    task: str
    body: bytes


class _Due(NamedTuple):
    task: str


class _ClosedToCallbacks(NamedTuple):
    task: str


class _Deadline(NamedTuple):
    pass


class Simulation:
    """Of a new job. `chance`, from 0 to 1, is what jitter is drawn by; `order` names tasks in the order in which they are to end."""

    def __init__(self, start: Start, outside: Outside, chance: float = 0.5, order: Sequence[str] = ()) -> None:
        process, dialect, request = start.process, start.dialect, start.request
        self._process, self._dialect, self._outside = process, dialect, outside
        deadline_ms = BEGIN_MS + int(process.limits.timeout_s * 1000)
        self.job = new_job(process, request.key or start.uuid, start.uuid, request.payload, deadline_ms)
        self._holder = Holder(NODE, self._prepare, lambda: chance, self._is_put_off)
        self._timeline = Timeline(BEGIN_MS, order)
        self._timeline.at_the_latest(deadline_ms, _Deadline())
        self._expected: list[str] = []  # tasks whose attempts wait for a callback, and call nobody
        self._under_way: set[str] = set()  # tasks whose calls have not come back
        self._closed: dict[str, int | None] = {}  # tasks that take no callback, with what attempt; None: about to be
        self.story: list[Told] = []
        self.ended: list[str] = []  # tasks, in the order of their ends
        self.end = JobEnded(Status.DONE)
        self.fields = _pairs(dialect.layout.accepted(request._replace(key=self.job.key), self._stamp()))
        about = {"request": start.body.decode(), "definition": process.digest, "deadline": str(deadline_ms), "accepted": str(BEGIN_MS)}
        self.record = about | _pairs(request.record)

    @property
    def now_ms(self) -> int:
        """Simulated epoch milliseconds."""
        return self._timeline.now_ms

    def run(self) -> Job:
        """From its start to its end, which the job's deadline makes sure of. Raises TooManyCalls, and what `Outside.perform` does."""
        self._go_on([JobStarted()])
        happened = 0
        while self.job.status not in ENDED:
            happened += 1
            if happened > HAPPENINGS_MAX:
                raise TooManyCalls(
                    f"after {HAPPENINGS_MAX:,} happenings the job of {self.job.process} goes on: no definition should do that"
                )
            self._happen(self._timeline.next(lambda task: task in self.ended))
        return self.job

    # what happens to it

    def _happen(self, what: Any) -> None:
        match what:
            case _Comes(reply):
                self._replied(reply)
            case _CalledBack(name, body):
                self._called_back(name, body)
            case _Due(name):
                self._go_on([TaskDue(name)] if self.job.tasks[name].status is Status.RUNNING else [])
            case _ClosedToCallbacks(name):
                self._closed[name] = self.job.tasks[name].attempts
                self._go_on([])
            case _Deadline():
                self._go_on([])

    def _replied(self, reply: Reply) -> None:
        task = self.job.tasks[reply.task]
        if task.status is Status.RUNNING and task.attempts == reply.attempt and reply.task in self._under_way:
            self._under_way.discard(reply.task)
            self._go_on([TaskReplied(reply.task, self._dialect.outcome(self.job, task, reply))])

    def _called_back(self, name: str, body: bytes) -> None:
        """It settles the task, also where its call is still under way; what a callback gets wrong is not called again for."""
        task = self.job.tasks[name]
        if task.status is not Status.RUNNING:
            return
        self._under_way.discard(name)
        outcome = self._dialect.outcome(self.job, task, Reply(name, task.attempts, 200, body, "", None, "", is_callback=True))
        self._go_on([TaskFailed(name, outcome.text) if isinstance(outcome, Failure) else TaskReplied(name, outcome)])

    # how it goes on

    def _go_on(self, events: list[Event]) -> None:
        """As a runner does: see what comes of these, then call what is to be called."""
        self._expected.clear()
        self._enact(advance(self._process, self.job, events, self.now_ms, self._holder))

    def _enact(self, made: Advance) -> None:
        self._become(made.job, made.changes, made.story)
        if made.end:
            self.end = made.end
            return
        for name in self._expected:
            self._expect(name, self._outside.await_callback(self.job, self.job.tasks[name], self.now_ms))
        for timer in made.timers:
            self._timeline.at(timer.until_ms, _Due(timer.task))
        if made.is_idle:
            self._tell(NOTHING_DUE)
        for task, attempt in made.called:
            self._perform(task, attempt)

    def _prepare(self, job: Job, task: Task) -> Attempt:
        attempt = self._dialect.prepare(job, task)
        if isinstance(attempt, Awaited) and attempt.callback:
            self._expected.append(task.name)
        return attempt

    def _is_put_off(self, job: Job, event: Event) -> bool:
        return isinstance(event, TaskFailed) and not self._may_fail(job.tasks[event.task])

    def _may_fail(self, task: Task) -> bool:
        """A task that was offered a callback is closed to it first: one that comes meanwhile counts."""
        if not task.activity.offers_callback or self._closed.get(task.name, 0) == task.attempts:
            return True
        if self._closed.get(task.name, 0) is not None:
            self._closed[task.name] = None
            self._timeline.at(self.now_ms, _ClosedToCallbacks(task.name))
        return False

    def _become(self, job: Job, changes: Sequence[Change], told: Sequence[str]) -> None:
        """From now on; a node would write it."""
        self.job = job
        self._tell(told)
        ended = (Status.DONE, Status.ERROR, Status.SKIPPED)
        self.ended += [change.task for change in changes if isinstance(change, TaskChanged) and change.status in ended]
        writes = self._dialect.layout.writes(job, changes, self._stamp())
        self.fields |= _pairs(writes.fields)
        self.record |= _pairs(writes.record)

    def _tell(self, told: Sequence[str]) -> None:
        self.story += (Told(self.now_ms, word, text) for word, text in zip(told[::2], told[1::2], strict=True))

    def _perform(self, task: Task, attempt: Performed) -> None:
        """There is always a free place: what could wait for one begins at once."""
        self._under_way.add(task.name)
        happening = self._outside.perform(self.job, task, attempt, self.now_ms)
        if isinstance(attempt, CommandLine | Invocation):
            event = TaskBegun(task.name)
            job, changes = apply(self.job, event)
            self._become(job, changes, story(job, event, changes, NODE))
        self._expect(task.name, happening)

    def _expect(self, name: str, happening: Happening) -> None:
        if happening.reply is not None:
            what = _Comes(happening.reply)
            if happening.lasts_s is None and happening.callback is None:
                self._timeline.soon(name, what)
            else:
                self._timeline.at(self._after(happening.lasts_s or 0.0), what)
        if happening.callback is not None:
            called_back = _CalledBack(name, happening.callback)
            if happening.callback_after_s:
                self._timeline.at(self._after(happening.callback_after_s), called_back)
            else:
                self._timeline.soon(name, called_back)

    def _after(self, seconds: float) -> int:
        return self.now_ms + int(1000 * min(seconds, LONGEST_S))

    def _stamp(self) -> str:
        """The time as the documented hash has it, which is local."""
        return time.strftime("%m-%d-%Y %H:%M:%S", time.localtime(self.now_ms // 1000))


def _pairs(listed: Sequence[str]) -> dict[str, str]:
    """Of names and values in turn."""
    return dict(zip(listed[::2], listed[1::2], strict=True))
