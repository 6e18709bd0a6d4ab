"""What can happen to a supervisor, and what it can decide to do: the vocabulary of `supervision.py`.

Times are monotonic seconds; `chance` is a random number between 0 and 1. Both are passed in, so that deciding needs neither clock nor luck.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from cameron.otp.child import Child, ChildSpec
from cameron.otp.reasons import Reason

DOES_NOT_START = "the supervisor does not start"  # a report's action where a first child could not be started

# Events


@dataclass(frozen=True, slots=True)
class Boot:
    """The supervisor itself starts."""


@dataclass(frozen=True, slots=True)
class Started:
    """The child of the last `Start` runs."""

    ref: Any


@dataclass(frozen=True, slots=True)
class Ignored:
    """The child of the last `Start` had nothing to do."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The child of the last `Start` failed to start."""

    reason: Reason
    now: float
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A child ended by itself."""

    id: Hashable
    ref: Any
    reason: Reason
    now: float
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Again:
    """It is time for what `TryAgain` announced."""

    id: Hashable
    attempt: int
    now: float
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class AddChild:
    """Somebody calls `start_child`."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Somebody calls `terminate_child`."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Somebody calls `restart_child`."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Somebody calls `delete_child`."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class StopAll:
    """The supervisor ends, for whatever reason."""


Event = Boot | Started | Ignored | NotStarted | Ended | Again | AddChild | TerminateChild | RestartChild | DeleteChild | StopAll

# Effects


@dataclass(frozen=True, slots=True)
class Start:
    """Start this child, then come back with `Started`, `Ignored` or `NotStarted`. Always the last effect."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop these children, one after the other in this order."""

    children: tuple[Child, ...]


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Come back with `Again` after the delay; with 0, behind what waits in the mailbox."""

    id: Hashable
    attempt: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Leave:
    """End the supervisor with this reason; its children have been stopped."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer who called; an exception is raised there."""

    value: Any


@dataclass(frozen=True, slots=True)
class Report:
    """Tell people of a failure, and what is done about it."""

    id: Hashable
    ref: Any
    reason: Reason
    restarts: int
    """Within the intensity's period, this one included."""

    action: str

    is_known: bool = False
    """Whether the reason has been reported before, with its traceback."""


Effect = Start | Stop | TryAgain | Leave | Answer | Report
