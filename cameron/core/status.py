"""The states of jobs and tasks, and the one table of what may follow what; the README's diagram is drawn from it."""

from enum import StrEnum


class Status(StrEnum):
    """What a job or a task can be. A task is known (`scheduled`) from the moment it is discovered."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"  # of jobs only: a cancelled job's running tasks end in error
    SKIPPED = "skipped"  # of tasks only: it had nothing to do, so it was not called


LEGAL: dict[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.RUNNING, Status.SKIPPED, Status.ERROR, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.DONE, Status.ERROR, Status.CANCELLED}),
    Status.DONE: frozenset({Status.SCHEDULED}),  # a finished job that is retried, for those of its tasks that have failed
    Status.ERROR: frozenset({Status.SCHEDULED}),  # such a job, and such a task
    Status.CANCELLED: frozenset({Status.SCHEDULED}),
    Status.SKIPPED: frozenset(),
}


OF_JOBS = tuple(status for status in Status if status is not Status.SKIPPED)  # what a job can be
ENDED = frozenset({Status.DONE, Status.ERROR, Status.CANCELLED})


class IllegalTransition(Exception):
    """An event that cannot follow what has happened: a defect of Cameron's, never something a service can cause."""


def follow(old: Status, new: Status) -> Status:
    """The new status, where it may follow the old one. Raises IllegalTransition."""
    if new not in LEGAL[old]:
        raise IllegalTransition(f"{new} after {old}")
    return new
