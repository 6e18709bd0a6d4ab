"""What the scheduler and the runner of a job tell each other."""

from typing import Any, NamedTuple

from cameron.otp import Shutdown

NOT_BEGUN = Shutdown("not begun")  # the exit reason of a runner that was stopped before it had read its job
MADE_ROOM = Shutdown("made room")  # the exit reason of a runner whose job was given to a node that has free places
NOT_HELD = Shutdown("not held")  # the exit reason of a runner whose node does not hold its job's entry any more


def runner_name(uuid: str) -> str:
    """The registered name of a job's runner: one at a time, and found again by a restarted scheduler."""
    return f"job {uuid}"


# the scheduler to a runner


class Drain(NamedTuple):
    """Told by the scheduler: call nothing new; when the calls under way have ended, hand the job back."""


class Stay(NamedTuple):
    """Told by the scheduler: the node drains no more; go on."""


class HandBack(NamedTuple):
    """Told by the scheduler: hand the job back now, whatever is under way."""


class Drop(NamedTuple):
    """Told by the scheduler: the job is not this node's any more; write nothing more."""


class CancelJob(NamedTuple):
    """Told by the scheduler: somebody wants the job ended as cancelled."""


class CallbackCame(NamedTuple):
    """Told by the scheduler: the record has what came by the task's callback URL."""

    task: str


class Proceed(NamedTuple):
    """Told by the scheduler: the node's one place for suspected jobs is yours."""


class Announce(NamedTuple):
    """Told by a scheduler that has just started: say whether the job is suspected."""


# a runner to the scheduler


class Suspected(NamedTuple):
    """Told to the scheduler: with a task of this job its nodes or runners have died; it calls nothing until told to `Proceed`."""

    ref: Any
    uuid: str


class Cleared(NamedTuple):
    """Told to the scheduler: the job is suspected no more; its place is free."""

    ref: Any
    uuid: str


class WasRead(NamedTuple):
    """Told to the scheduler: the runner has read its job from Redis, or what is left of it; another one may read."""

    uuid: str


class CrashCounted(NamedTuple):
    """Told to the scheduler: the record counts the crash of the job's last runner now, so that the scheduler need not."""

    ref: Any
