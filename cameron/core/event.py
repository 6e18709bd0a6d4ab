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


class Awaited(NamedTuple):
    """The call was made, or needs none; what it comes to is still to come."""

    for_s: float
    callback: bool  # a callback brings it, at most so late; else nothing does: once the time has passed, the task is done


Outcome = Success | Failure | Awaited


# What an attempt is to be, all templates filled in


class HttpRequest(NamedTuple):
    """A request to send."""

    url: str
    body: bytes
    headers: tuple[str, ...] = ("Content-Type: application/json",)  # "Name: value"; the engine adds its own
    method: str = "POST"
    note: str = ""  # what the record keeps of it, for the dialect to show; "": nothing


class CommandLine(NamedTuple):
    """A program to run, which is given `stdin`."""

    command: tuple[str, ...]
    stdin: bytes = b""
    timeout_s: float = 300.0
    note: str = ""  # as of a request


class Invocation(NamedTuple):
    """An activity of the node's Python package to run."""

    activity: str  # the name of its class or function
    data: bytes  # what it works on, as JSON
    config: bytes = b"{}"  # a JSON object: what its definition says besides
    timeout_s: float = 0.0  # 0: as the activity says, or else the node is set
    isolation: str = ""  # `thread` or `process`; "": as the activity says
    note: str = ""  # as of a request


class Skip(NamedTuple):
    """Nothing is to be done: the task is skipped."""

    why: str  # for a person


Performed = HttpRequest | CommandLine | Invocation  # somebody has to carry it out
Attempt = Performed | Skip | Outcome  # an outcome: what it comes to is known already


# Events


class JobStarted(NamedTuple):
    """A runner has taken the job up."""


class TaskCalled(NamedTuple):
    """A decision: the task is called, for the first time or again."""

    task: str
    note: str = ""  # see HttpRequest


class TaskBegun(NamedTuple):
    """A fact: the attempt under way has been given a free place, and is being carried out."""

    task: str


class TaskSkipped(NamedTuple):
    """A decision: the task is not called, as it has nothing to do."""

    task: str
    why: str


class TaskReplied(NamedTuple):
    """A fact: the attempt under way came to an outcome."""

    task: str
    outcome: Outcome


class TaskWaits(NamedTuple):
    """A decision: the task, whose outcome is still to come, waits for it until then."""

    task: str
    until_ms: int


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


Event = (
    JobStarted
    | TaskCalled
    | TaskBegun
    | TaskSkipped
    | TaskReplied
    | TaskWaits
    | TaskDelayed
    | TaskFailed
    | TaskDue
    | TaskInterrupted
    | JobEnded
    | JobRetried
)


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
    """A running task's attempts, its delay, what it waits for or its crashes have changed."""

    task: str


Change = JobChanged | TasksDiscovered | TaskChanged | TaskTried
