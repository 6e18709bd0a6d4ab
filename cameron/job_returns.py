"""What comes back to a job: replies to its calls, and callbacks, as events.

A callback is kept in the job's record before anybody is told of it, and is read from there. None that was taken is lost: before a task
fails that was offered one, Redis is asked to take none any more, and says so where one was quicker.
"""

from collections.abc import Mapping
from typing import Any

from cameron import fault
from cameron.activities.call import Reply
from cameron.core.event import Event, Failure, TaskFailed, TaskReplied
from cameron.core.job import Job, Task
from cameron.core.status import Status
from cameron.definitions import Dialect
from cameron.job_calls import JobCalls
from cameron.job_data import Commands
from cameron.job_ledger import Ledger, callback_field
from cameron.otp import Address
from cameron.store import keys

Settled = TaskReplied | TaskFailed
_JOB_DATA = Address("job_data")


class _Closings:
    """Tasks that take no callback any more. Few jobs have any."""

    __slots__ = ("asked", "closed")

    def __init__(self) -> None:
        self.asked: list[str] = []  # those that are being closed, in order
        self.closed: dict[str, int | None] = {}  # and those that are: with what attempt; None: being closed, or one had been taken


class JobReturns:
    """Part of a runner, on its thread, given its messages."""

    __slots__ = ("_calls", "_closings", "_dialect", "_early", "_ledger", "_reads", "_runner")

    _dialect: Dialect

    def __init__(self, runner: Any, calls: JobCalls) -> None:
        self._runner, self._calls = runner, calls
        self._ledger: Ledger | None = None  # None while the job is being read
        self._early: tuple[str, ...] = ()  # tasks whose callbacks have come while the job was being read
        self._reads: tuple[str, ...] = ()  # tasks whose callbacks are being read, in order
        self._closings: _Closings | None = None  # None: no task had to be closed to callbacks so far

    @property
    def is_closing(self) -> bool:
        """Whether it is not sure yet that a task may fail."""
        return self._closings is not None and bool(self._closings.asked)

    def open(self, dialect: Dialect, ledger: Ledger) -> None:
        """The job is known from now on."""
        self._dialect, self._ledger = dialect, ledger

    # replies

    def replied(self, job: Job, replies: list[Reply]) -> list[Event]:
        """What the replies to calls mean, as far as anybody still waits for them."""
        events: list[Event] = []
        for reply in replies:
            task = job.tasks[reply.task]
            if task.status is Status.RUNNING and task.attempts == reply.attempt and self._calls.ended(reply.task):
                fault.at("reply.received")
                events.append(TaskReplied(reply.task, self._dialect.outcome(job, task, reply)))
        return events

    # callbacks

    def came(self, task: str) -> None:
        """The record has one. It may be large, so whoever said so has not brought it."""
        if self._ledger is None:
            self._early += (task,)
        else:
            self._read(task, self._ledger)

    def read_early(self) -> None:
        """Read those that came while the job was being read."""
        for task in self._early:
            self.came(task)

    def read(self, job: Job, answers: list[Any]) -> list[Event]:
        """One was read: what it means, where its task still waits for it."""
        (body,), task = answers, job.tasks.get(self._reads[0])
        self._reads = self._reads[1:]
        if isinstance(body, Exception):
            raise body
        if not body or task is None or task.status is not Status.RUNNING:
            return []
        fault.at("callback.read")
        return [self._settled(job, task, body)]

    def recorded(self, job: Job, record: Mapping[str, str]) -> list[Settled]:
        """What those mean that came while nobody ran the job, or whoever did had no time left to heed them."""
        running = (task for task in job.tasks.values() if task.status is Status.RUNNING)
        bodies = ((task, record.get(callback_field(task.name))) for task in running)
        return [self._settled(job, task, body) for task, body in bodies if body]

    def may_fail(self, task: Task) -> bool:
        """Whether no callback was taken, nor will be any more; where that is not sure, Redis is asked to take none."""
        if not task.activity.offers_callback:
            return True
        closings = self._closings = self._closings or _Closings()
        attempt = closings.closed.get(task.name, 0)
        if attempt == task.attempts:
            return True
        if attempt is not None and self._ledger is not None:
            closings.asked.append(task.name)
            closings.closed[task.name] = None
            _JOB_DATA.tell(self._ledger.close_to_callbacks(task.name))
        return False

    def is_closed(self, job: Job) -> None:
        """Redis takes none any more, for the first task of which it was asked that."""
        assert self._closings is not None
        task = self._closings.asked.pop(0)
        self._closings.closed[task] = job.tasks[task].attempts

    def was_quicker(self) -> None:
        """For that task one was taken before, so it counts."""
        assert self._closings is not None
        self.came(self._closings.asked.pop(0))

    def _read(self, task: str, ledger: Ledger) -> None:
        self._reads += (task,)
        record = keys.record(ledger.claim.process, ledger.claim.uuid)
        _JOB_DATA.tell(Commands((("HGET", record, callback_field(task)),), self._runner))

    def _settled(self, job: Job, task: Task, body: str) -> Settled:
        """It settles the task, also where its call is still under way; what a callback gets wrong is not called again for."""
        self._calls.drop(task.name)
        reply = Reply(task.name, task.attempts, 200, body.encode(), "", None, "", is_callback=True)
        outcome = self._dialect.outcome(job, task, reply)
        return TaskFailed(task.name, outcome.text) if isinstance(outcome, Failure) else TaskReplied(task.name, outcome)
