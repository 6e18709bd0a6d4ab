"""Crash reports: one log record for each failure of a child, with what its supervisor does about it."""

from __future__ import annotations

import logging
from typing import Any

from cameron.otp.child import ChildSpec
from cameron.otp.decisions import DOES_NOT_START, Report
from cameron.otp.reasons import Crash, Killed, Reason, Shutdown, is_orderly
from cameron.otp.ref import Ref

logger = logging.getLogger("cameron.otp")


def log_failure(supervisor: Ref[Any], report: Report) -> None:
    """Report a child that ended by itself or did not start. The record's `extra` has the same as fields."""
    child = f"{report.id!r}" if report.ref is None else f"{report.id!r} ({report.ref})"
    logger.log(
        _level(report),
        "%s: child %s %s: %s; %d restart(s) within the period; %s%s",
        supervisor,
        child,
        "did not start" if report.ref is None else "ended",
        report.reason,
        report.restarts,
        report.action,
        "" if report.is_known else traceback_of(report.reason),
        extra={
            "supervisor": str(supervisor),
            "child": child,
            "reason": str(report.reason),
            "restarts": report.restarts,
            "action": report.action,
        },
    )


def _level(report: Report) -> int:
    """What keeps a whole tree from starting is told once, by whoever runs it, where it is a known reason."""
    if report.ref is not None:
        return logging.INFO if is_orderly(report.reason) else logging.ERROR
    is_told_above = report.action == DOES_NOT_START and not isinstance(innermost(report.reason), Crash)
    return logging.DEBUG if is_told_above else logging.ERROR


def log_stop(supervisor: Ref[Any], spec: ChildSpec, child: Ref[Any]) -> None:
    """Report a child that was told to end, and did so in another way than it should have."""
    reason = child.actor_inbox.reason
    if reason is None or is_orderly(reason) or (reason == Killed and spec.shutdown_s == 0):
        return
    logger.error("%s: child %r (%s) was to shut down and ended: %s%s", supervisor, spec.id, child, reason, traceback_of(reason))


def innermost(reason: Reason) -> Reason:
    """The reason itself, or the one that kept a supervisor below from starting."""
    while isinstance(reason, Shutdown) and isinstance(reason.detail, tuple) and isinstance(reason.detail[-1], Reason):
        reason = reason.detail[-1]
    return reason


def traceback_of(reason: Reason) -> str:
    """The traceback of the crash, also where it is what kept a supervisor below from starting."""
    crash = innermost(reason)
    return f"\n{crash.traceback}" if isinstance(crash, Crash) else ""
