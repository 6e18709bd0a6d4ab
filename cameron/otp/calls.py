"""Calling a supervisor: the messages, and a function for each.

`supervisor` is a `Ref` or an `Address`. Every function asks, waits at most `timeout_s` seconds (a start or a stop takes its time), and
may raise `Exit` (the supervisor is dead) or `pykka.Timeout` besides what it names.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from cameron.otp.child import ChildCount, ChildInfo, ChildSpec
from cameron.otp.decisions import DeleteChild, RestartChild, TerminateChild
from cameron.otp.names import Address
from cameron.otp.reasons import Reason
from cameron.otp.ref import Ref

CALL_TIMEOUT_S = 60.0

AnySupervisor = Ref[Any] | Address


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a child: a `Supervisor`'s args are one ChildSpec, a `DynamicSupervisor`'s what its template's start takes.

    Told with `reply_to`, it is answered there by `ChildStarted(tag, ref)` or `ChildFailed(tag, reason)`.
    """

    args: tuple[Any, ...]
    reply_to: AnySupervisor | None = None
    tag: Any = None


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """The child runs; `ref` is None where it had nothing to do (`Ignore`)."""

    tag: Any
    ref: Ref[Any] | None


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """The child did not start."""

    tag: Any
    reason: Reason


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """List the children."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Count the children."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Look up a child's spec."""

    id: Hashable


def start_child(supervisor: AnySupervisor, *args: Any, timeout_s: float | None = CALL_TIMEOUT_S) -> Ref[Any] | None:
    """Start a child from one ChildSpec, or from a dynamic supervisor's arguments; None where it ignored its start.

    Raises:
        StartFailed: with the reason, `AlreadyStarted(ref)`, `AlreadyPresent(id)` or `MaxChildren(limit)`; the spec is not kept.
        ValueError: the spec does not go with the supervisor's flags.
    """
    ref: Ref[Any] | None = _call(supervisor, StartChild(args), timeout_s)
    return ref


def terminate_child(supervisor: AnySupervisor, child: Hashable, *, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Stop the child of this id (of a dynamic supervisor: this ref). Its spec stays, unless it is temporary; ends restart attempts.

    Raises:
        ChildNotFound: there is none.
    """
    _call(supervisor, TerminateChild(child), timeout_s)


def restart_child(supervisor: AnySupervisor, child_id: Hashable, *, timeout_s: float | None = CALL_TIMEOUT_S) -> Ref[Any] | None:
    """Start a child again that has ended or been terminated; None where it ignored its start.

    Raises:
        ChildNotFound: there is none.
        ChildBusy: it is running or restarting.
        StartFailed: with the reason; the spec stays.
    """
    ref: Ref[Any] | None = _call(supervisor, RestartChild(child_id), timeout_s)
    return ref


def delete_child(supervisor: AnySupervisor, child_id: Hashable, *, timeout_s: float | None = CALL_TIMEOUT_S) -> None:
    """Forget the spec of a child that has ended or been terminated.

    Raises:
        ChildNotFound: there is none.
        ChildBusy: it is running or restarting.
    """
    _call(supervisor, DeleteChild(child_id), timeout_s)


def which_children(supervisor: AnySupervisor, *, timeout_s: float | None = CALL_TIMEOUT_S) -> list[ChildInfo]:
    """List the children, the one started last first."""
    children: list[ChildInfo] = _call(supervisor, WhichChildren(), timeout_s)
    return children


def count_children(supervisor: AnySupervisor, *, timeout_s: float | None = CALL_TIMEOUT_S) -> ChildCount:
    """Count the children."""
    count: ChildCount = _call(supervisor, CountChildren(), timeout_s)
    return count


def get_childspec(supervisor: AnySupervisor, child_id: Hashable, *, timeout_s: float | None = CALL_TIMEOUT_S) -> ChildSpec:
    """Look up a child's spec, every default filled in.

    Raises:
        ChildNotFound: there is none.
    """
    spec: ChildSpec = _call(supervisor, GetChildSpec(child_id), timeout_s)
    return spec


def _call(supervisor: AnySupervisor, message: object, timeout_s: float | None) -> Any:
    answer = supervisor.ask(message, timeout=timeout_s)
    if isinstance(answer, Exception):
        raise answer
    return answer
