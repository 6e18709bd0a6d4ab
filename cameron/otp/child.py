"""A child as its supervisor knows it: the spec it was given, and the state it is in."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Literal, NamedTuple

from cameron.otp.backoff import Backoff
from cameron.otp.reasons import Reason, is_orderly

BRUTAL_KILL: Final = "brutal_kill"
DEFAULT_SHUTDOWN_S = 5.0

Shutdowns = float | Literal["brutal_kill"] | None
"""How long a child may take to end: seconds, or not at all (`0` and "brutal_kill"), or as long as it takes (None)."""

Kind = Literal["worker", "supervisor"]


class Restart(Enum):
    """When a child that ended is started again."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"

    def applies_to(self, reason: Reason) -> bool:
        """Whether an end with this reason calls for a restart: always, after a failure, or never."""
        if self is Restart.TRANSIENT:
            return not is_orderly(reason)
        return self is Restart.PERMANENT


class _Default(Enum):
    SHUTDOWN = "5 s for a worker, as long as it takes for a supervisor"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start, restart and stop a child.

    Attributes:
        id: its name among the children of its supervisor.
        start: without arguments; returns what `SomeActor.start(...)` returns, may raise what that raises.
        restart: when to start it again.
        shutdown: see `Shutdowns`; default 5.0 seconds for a worker, None for a supervisor.
        type: "worker" or "supervisor".
        significant: whether its end by itself may end its supervisor, see `AutoShutdown`.
        backoff: None restarts at once, as OTP does.
    """

    id: Hashable
    start: Callable[..., Any]
    restart: Restart = Restart.PERMANENT
    shutdown: Shutdowns | _Default = _Default.SHUTDOWN
    type: Kind = "worker"
    significant: bool = False
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if self.id is None:
            raise ValueError("a child spec needs an id, not None")
        if not callable(self.start):
            raise ValueError(f"child {self.id!r}: start must be a function that starts an actor, not {self.start!r}")
        if not isinstance(self.restart, Restart):
            raise ValueError(f"child {self.id!r}: restart must be one of {', '.join(map(str, Restart))}, not {self.restart!r}")
        if self.type not in ("worker", "supervisor"):
            raise ValueError(f'child {self.id!r}: type must be "worker" or "supervisor", not {self.type!r}')
        if self.shutdown is _Default.SHUTDOWN:
            object.__setattr__(self, "shutdown", DEFAULT_SHUTDOWN_S if self.type == "worker" else None)
        check_shutdown(f"child {self.id!r}", self.shutdown)
        if self.significant and self.restart is Restart.PERMANENT:
            raise ValueError(f"child {self.id!r}: significant goes with transient or temporary only, as a permanent child never ends")
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise ValueError(f"child {self.id!r}: backoff must be a Backoff or None, not {self.backoff!r}")

    @property
    def shutdown_s(self) -> float | None:
        """Seconds it may take to end: 0 is a kill at once, None no bound."""
        return seconds_to_end(self.shutdown)


def check_shutdown(whose: str, shutdown: object) -> None:
    """Raise ValueError unless `shutdown` is one of `Shutdowns`."""
    is_number = isinstance(shutdown, int | float) and not isinstance(shutdown, bool) and shutdown >= 0
    if not (shutdown is None or shutdown == BRUTAL_KILL or is_number):
        raise ValueError(f'{whose}: shutdown must be seconds (0 or more), "{BRUTAL_KILL}" or None for no bound, not {shutdown!r}')


def seconds_to_end(shutdown: object) -> float | None:
    """A checked `shutdown` as seconds: 0 is a kill at once, None no bound."""
    return float(shutdown) if isinstance(shutdown, int | float) else None if shutdown is None else 0.0


class ChildState(Enum):
    """What has become of a child."""

    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Child:
    """A spec and its state; `ref` is there while it is running."""

    spec: ChildSpec
    state: ChildState = ChildState.STOPPED
    ref: Any = None
    restarts: int = 0
    """How often its supervisor has started it again, or tried to."""

    last_failure: Reason | None = None
    """Why it ended, or did not start, the last time that this was not orderly."""

    def running(self, ref: Any) -> Child:
        """It has been started."""
        return replace(self, state=ChildState.RUNNING, ref=ref)

    def failed(self, reason: Reason) -> Child:
        """It has ended, or not started, for this reason."""
        return replace(self, state=ChildState.STOPPED, ref=None, last_failure=self.last_failure if is_orderly(reason) else reason)

    def restarting(self) -> Child:
        """It is to be started again."""
        return replace(self, state=ChildState.RESTARTING, ref=None, restarts=self.restarts + 1)

    def stopped(self) -> Child:
        """It has ended and is to stay so, for now."""
        return replace(self, state=ChildState.STOPPED, ref=None)


class ChildInfo(NamedTuple):
    """A line of `which_children`; `child` is a ref, None, or "restarting"."""

    id: Hashable
    child: Any
    type: Kind


class ChildCount(NamedTuple):
    """What `count_children` returns; `active` are those really alive."""

    specs: int
    active: int
    supervisors: int
    workers: int
