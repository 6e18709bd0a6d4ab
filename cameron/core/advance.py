"""How a job goes on: what has happened is applied, then what is decided, until nothing is left to decide.

    for decision in decide(process, job, now_ms, chance): apply it

Nothing is carried out here. Whoever holds the job, a node's runner or a test's simulation, records what has changed, calls what is to be
called, and sees to the timers.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cameron.core.decider import decide
from cameron.core.event import (
    Attempt,
    Change,
    Event,
    JobEnded,
    Performed,
    Skip,
    TaskCalled,
    TaskDelayed,
    TaskFailed,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.history import story
from cameron.core.job import Job, Task, follow_on, own
from cameron.core.process import Process


class Holder(NamedTuple):
    """What it depends on who holds the job."""

    node: str  # for the history
    prepare: Callable[[Job, Task], Attempt]  # the dialect's
    chance: Callable[[], float]  # from 0 to 1, of each round of decisions
    is_put_off: Callable[[Job, Event], bool]  # whether a decision has to wait; it is made again when it is asked for


class Advance:
    """What a job has come to, and what is to be done about it."""

    def __init__(self, job: Job) -> None:
        self.job = own(job)
        self.changes: list[Change] = []
        self.story: list[str] = []  # words and texts in turn, see `core.history`
        self.steps: list[tuple[Task | None, Event]] = []  # each event that was applied, and the task that it is about, as it was before
        self.called: list[tuple[Task, Performed]] = []  # to be carried out once the changes are on record
        self.timers: list[TaskDelayed | TaskWaits] = []
        self.end: JobEnded | None = None
        self.is_idle = False  # something has happened, and nothing new was due


def advance(process: Process, job: Job, events: Sequence[Event], now_ms: int, holder: Holder) -> Advance:
    """Where these events lead; without any, what is due by now. `now_ms` is the time in epoch milliseconds."""
    made, is_idle = Advance(job), bool(events)
    events = events or _decisions(process, job, now_ms, holder)
    while events:
        for event in events:
            _enact(made, event, holder)
            if made.end:
                return made
        events = _decisions(process, made.job, now_ms, holder)
        is_idle = is_idle and all(isinstance(event, TaskFailed) for event in events)  # a failure that is for good starts nothing
    made.is_idle = is_idle and bool(made.changes)
    return made


def _decisions(process: Process, job: Job, now_ms: int, holder: Holder) -> list[Event]:
    return [event for event in decide(process, job, now_ms, holder.chance()) if not holder.is_put_off(job, event)]


def _enact(made: Advance, event: Event, holder: Holder) -> None:
    match event:
        case TaskCalled(name):
            _begin(made, name, holder)
            return
        case TaskDelayed() | TaskWaits():
            made.timers.append(event)
        case JobEnded():
            made.end = event
    _apply(made, event, holder)


def _begin(made: Advance, name: str, holder: Holder) -> None:
    """A task's attempt: what is to be called joins `called`; what comes of it otherwise is known at once."""
    attempt = holder.prepare(made.job, made.job.tasks[name])
    if isinstance(attempt, Skip):
        _apply(made, TaskSkipped(name, attempt.why), holder)
    elif isinstance(attempt, Performed):
        _apply(made, TaskCalled(name, attempt.note), holder)
        made.called.append((made.job.tasks[name], attempt))
    else:
        _apply(made, TaskCalled(name), holder)
        _apply(made, TaskReplied(name, attempt), holder)


def _apply(made: Advance, event: Event, holder: Holder) -> None:
    made.steps.append((made.job.tasks.get(getattr(event, "task", "")), event))
    made.job, changes = follow_on(made.job, event)
    made.changes += changes
    made.story += story(made.job, event, changes, holder.node)
