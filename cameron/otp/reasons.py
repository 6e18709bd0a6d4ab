"""Why an actor ended: small frozen values, named as in OTP.

`Normal`, `Killed`, `NoProc` and `Restarting` are values to compare with (`reason == Normal`); `Shutdown` and `Crash` are classes,
as they carry something. An exit is *orderly* with `Normal` and with any `Shutdown`; everything else is a failure.
"""

from __future__ import annotations

import traceback as tracebacks
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Reason:
    """Base of all exit reasons; subclass it for reasons of your own, which count as failures."""


@dataclass(frozen=True, slots=True)
class Named(Reason):
    """A reason that says everything by its name."""

    name: str

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name.title()


Normal: Final = Named("normal")
"""It had done its work."""

Killed: Final = Named("killed")
"""It did not end in the time it was given, or was to end at once: it has been abandoned and fenced."""

NoProc: Final = Named("noproc")
"""There is no such actor (any more)."""

Restarting: Final = Named("restarting")
"""There is no such actor at the moment: its supervisor is about to start it again."""

StartTimeout: Final = Named("start_timeout")
"""Its `on_start` did not end within `start_timeout_s`."""


@dataclass(frozen=True, slots=True)
class Shutdown(Reason):
    """It was told to stop, or its supervisor gave up; `detail` says why where there is more to say."""

    detail: Any = None

    def __str__(self) -> str:
        match self.detail:
            case None:
                return "shutdown"
            case ("failed_to_start_child", child_id, reason):
                return f"shutdown: child {child_id!r} did not start: {reason}"
        return f"shutdown: {self.detail}"


@dataclass(frozen=True, slots=True)
class Crash(Reason):
    """A hook of the actor's raised `error`; `traceback` is its text (the error itself no longer holds its frames)."""

    error: BaseException
    traceback: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        lines = self.traceback.strip().splitlines()
        return f"crash: {lines[-1] if lines else type(self.error).__name__}"


@dataclass(frozen=True, slots=True)
class AlreadyStarted(Reason):
    """The name, or the child's id, belongs to a live actor: `ref`."""

    ref: Any

    def __str__(self) -> str:
        return f"already started: {self.ref}; stop that one first, or use it"


@dataclass(frozen=True, slots=True)
class AlreadyPresent(Reason):
    """The supervisor has a spec of that id already, whose child does not run."""

    id: Hashable

    def __str__(self) -> str:
        return f"child {self.id!r} is already present: call restart_child, or delete_child first"


@dataclass(frozen=True, slots=True)
class MaxChildren(Reason):
    """The dynamic supervisor has as many children as it may have."""

    limit: int

    def __str__(self) -> str:
        return f"there are {self.limit} children already, which is max_children: try again when some have ended"


@dataclass(frozen=True, slots=True)
class ExitStatus(Reason):
    """The process of a port ended with another status than 0; minus the signal's number where a signal ended it."""

    status: int

    def __str__(self) -> str:
        return f"exit status {self.status}" if self.status >= 0 else f"ended by signal {-self.status}"


@dataclass(frozen=True, slots=True)
class CannotRun(Reason):
    """The command of a port could not be run."""

    program: str
    why: str

    def __str__(self) -> str:
        return f"{self.program!r} can't be run: {self.why}"


def is_orderly(reason: Reason) -> bool:
    """Whether an actor that ended so did what was wanted of it (OTP's `normal`, `shutdown` and `{shutdown, Term}`)."""
    return reason == Normal or isinstance(reason, Shutdown)


def crash_of(error: BaseException) -> Crash:
    """Make the reason of an error just caught, and let go of the frames it holds, so that reasons may be kept."""
    try:
        text = "".join(tracebacks.format_exception(error))
    except Exception:  # an error may break its own printing; the crash must be told all the same
        text = f"{type(error).__name__} (its text can't be printed)\n"
    return Crash(error.with_traceback(None), text)
