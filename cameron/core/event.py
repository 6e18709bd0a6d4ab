"""What can happen to a job, what an attempt to run a task can come to, and what an event changed: the words of `job.apply`."""

from typing import NamedTuple

from cameron.core.process import Activity
from cameron.core.status import Status

# What an attempt came to


class Growth(NamedTuple):
    """The next activities that a reply names."""

    activities: tuple[Activity, ...]
    parallel: bool


class Success(NamedTuple):
    """The activity was carried out."""

    data: str  # the reply's data as compact JSON text
    growth: Growth | None = None
    growth_text: str = ""  # what the reply said of its next activities, for the record
    payload: bytes = b""  # the request body of the tasks that grow from here: the same for all of them
    requestor: str = ""  # in whose name they are called
    names: tuple[str, ...] | None = None  # restored from a record: the task names that the next activities were given, if any


class Failure(NamedTuple):
    """The attempt failed."""

    kind: str  # a word that retry policies know: refused, timeout, http_503, ...
    text: str  # for a person: what failed, and where
    retry_after_s: float | None = None  # what the service asked for


Outcome = Success | Failure


# Events


class JobStarted(NamedTuple):
    """A runner has taken the job up."""


class TaskCalled(NamedTuple):
    """A decision: the task is called, for the first time or again."""

    task: str


class TaskReplied(NamedTuple):
    """A fact: the attempt under way came to an outcome."""

    task: str
    outcome: Outcome


class TaskDelayed(NamedTuple):
    """A decision: the task is to be called again, not before `until_ms`."""

    task: str
    until_ms: int


class TaskFailed(NamedTuple):
    """A decision: the task has failed for good."""

    task: str
    text: str


class TaskDue(NamedTuple):
    """A fact: a delayed task's time has come, or a restored one has nobody who waits for its reply."""

    task: str


class TaskInterrupted(NamedTuple):
    """A fact: whoever ran the job has died, or crashed, while this task's call was under way."""

    task: str


class JobEnded(NamedTuple):
    """A decision: nothing is left to do, or nothing more is to be done; running tasks end in error with `text`."""

    status: Status
    text: str = ""
    culprit: str | None = None  # where the job is given up, as too many have died with it: the task that was called then, "" if none was


class JobRetried(NamedTuple):
    """A decision: a finished job is to go on from those of its tasks that have failed."""


Event = JobStarted | TaskCalled | TaskReplied | TaskDelayed | TaskFailed | TaskDue | TaskInterrupted | JobEnded | JobRetried


# Changes: what an event made different, for whoever keeps the record


class JobChanged(NamedTuple):
    """The job has a new status."""

    status: Status


class TasksDiscovered(NamedTuple):
    """Tasks have joined the job."""

    parent: str | None
    tasks: tuple[str, ...]


class TaskChanged(NamedTuple):
    """A task has a new status, and its output with it where it has ended; `scheduled` again, it has lost what it had."""

    task: str
    status: Status


class TaskTried(NamedTuple):
    """A running task's attempts, its delay or its crashes have changed."""

    task: str


Change = JobChanged | TasksDiscovered | TaskChanged | TaskTried
