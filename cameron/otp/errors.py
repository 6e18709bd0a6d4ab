"""What this library raises: an error for each thing a caller can do something about."""

from __future__ import annotations

from collections.abc import Hashable

from pykka import ActorDeadError

from cameron.otp.reasons import Crash, NoProc, Reason, Restarting


class Exit(ActorDeadError):
    """The actor asked is not there, or ended before it answered; `reason` says why.

    It is one of Pykka's `ActorDeadError`s, so that code written for Pykka understands it.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
        if isinstance(reason, Crash):
            self.__cause__ = reason.error

    def __str__(self) -> str:
        if self.reason == NoProc:
            return "no such actor is alive (noproc): start it, or look it up again by its name"
        if self.reason == Restarting:
            return "the actor is being restarted: ask again in a moment"
        return f"the actor ended before it answered ({self.reason}): ask its successor, if the request may be made twice"


class StartFailed(Exception):
    """An actor did not start; `reason` says why: a `Crash`, `AlreadyStarted(ref)`, `StartTimeout`, or what a supervisor refused."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
        if isinstance(reason, Crash):
            self.__cause__ = reason.error

    def __str__(self) -> str:
        return f"the actor did not start: {self.reason}"


class Ignore(Exception):
    """Raised in `on_start` (or in a child's start function): there is nothing to do here, and that is no failure.

    `SomeActor.start()` raises it to its caller. A supervisor keeps the child's spec, without an actor.
    """


class AskRefused(RuntimeError):
    """A blocking ask that could never end well: to oneself, or inside an actor that shares its thread with others."""


class ChildNotFound(LookupError):
    """The supervisor has no child of that id."""

    def __init__(self, child_id: Hashable) -> None:
        super().__init__(child_id)
        self.id = child_id

    def __str__(self) -> str:
        return f"no child {self.id!r} here: see which_children(supervisor) for the ids there are"


class ChildBusy(RuntimeError):
    """The child is `running` or `restarting`, and has to be stopped first."""

    def __init__(self, child_id: Hashable, state: str) -> None:
        super().__init__(child_id, state)
        self.id = child_id
        self.state = state

    def __str__(self) -> str:
        return f"child {self.id!r} is {self.state}: call terminate_child(supervisor, {self.id!r}) first"
