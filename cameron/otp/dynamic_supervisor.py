"""A supervisor of any number of children that come and go: one template, or a spec each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from cameron.otp import names
from cameron.otp.calls import ChildFailed, ChildStarted, CountChildren, StartChild, WhichChildren
from cameron.otp.child import Child, ChildCount, ChildInfo, ChildSpec, ChildState, Restart, Shutdowns
from cameron.otp.decisions import Report, TerminateChild
from cameron.otp.errors import ChildNotFound, Ignore, StartFailed
from cameron.otp.intensity import Restarts
from cameron.otp.parenthood import adopt, disown, end_children, start_from
from cameron.otp.reasons import MaxChildren, Reason, Shutdown, crash_of, is_orderly
from cameron.otp.ref import Ref
from cameron.otp.reply import Later
from cameron.otp.report import log_failure, log_stop
from cameron.otp.signals import ChildEnded
from cameron.otp.thread_actor import ThreadActor
from cameron.otp.timers import Timer


@dataclass(slots=True, eq=False)
class _Origin:
    """Where a child came from, and so how to start it again; all temporary children of a template share one."""

    spec: ChildSpec
    args: tuple[Any, ...] = ()
    restarts: int = 0
    name: str | None = None  # registered, of one that may be restarted


@dataclass(frozen=True, slots=True)
class _TryAgain:
    origin: _Origin


@dataclass(slots=True)
class _Leaving:
    """A child that was told to end: who waits for that, and what kills it if it takes too long."""

    callers: list[Later]
    overdue: Timer | None = None


@dataclass(frozen=True, slots=True)
class _KillOverdue:
    child: Ref[Any]


class DynamicSupervisor(ThreadActor):
    """Starts children on `StartChild(args)`, asked (`start_child(supervisor, *args)`) or told with a `reply_to`.

    `start` is called with those arguments in this supervisor's thread; where `start` is None each child brings a ChildSpec, which is the
    one argument. Children are independent of each other (one_for_one). On its end they are all asked to end at once, under one common time.
    """

    def __init__(
        self,
        start: Callable[..., Any] | None = None,
        restart: Restart = Restart.TEMPORARY,
        shutdown: Shutdowns = 5.0,
        intensity: int = 1,
        period_s: float = 5.0,
        max_children: int | None = None,
    ) -> None:
        super().__init__()
        if max_children is not None and max_children < 1:
            raise ValueError(f"max_children must be 1 or more, or None for no limit, not {max_children!r}")
        self._template = None if start is None else _Origin(ChildSpec("child", start, restart, shutdown))
        self._restarts = Restarts(intensity, period_s)
        self._max_children = max_children
        self._children: dict[Ref[Any], _Origin] = {}
        self._restarting: set[_Origin] = set()
        self._leaving: dict[Ref[Any], _Leaving] = {}
        self._numbers = itertools.count(1)

    def on_receive(self, message: Any) -> Any:
        """Answer the calls; hear of the children's ends."""
        match message:
            case StartChild():
                return self._start_child(message)
            case ChildEnded(_, ref, reason):
                return self._child_ended(ref, reason)
            case TerminateChild(ref):
                return self._terminate_child(ref)
            case _KillOverdue(ref):
                return ref.kill()
            case _TryAgain(origin):
                return self._attempt(origin)
            case WhichChildren():
                restarting = [ChildInfo(None, "restarting", origin.spec.type) for origin in self._restarting]
                return [*restarting, *(ChildInfo(None, ref, origin.spec.type) for ref, origin in reversed(self._children.items()))]
            case CountChildren():
                return self._count()
        return super().on_receive(message)

    def terminate(self, reason: Reason) -> None:
        """Ask all children to end, wait for them together, kill those who take too long."""
        bounds = [origin.spec.shutdown_s for origin in set(self._children.values())]
        children = list(self._children)
        for child in children:
            disown(self.actor_ref, child)
        end_children(children, None if None in bounds else max((bound for bound in bounds if bound is not None), default=0.0))
        for child in children:
            log_stop(self.actor_ref, self._children[child].spec, child)

    def children_now(self) -> list[Child]:
        """The children as they are, for people to look at. Any thread."""
        running = [Child(origin.spec, ChildState.RUNNING, ref, origin.restarts) for ref, origin in list(self._children.items())]
        return [*running, *(Child(origin.spec, ChildState.RESTARTING, None, origin.restarts) for origin in list(self._restarting))]

    # Starts

    def _start_child(self, message: StartChild) -> Ref[Any] | Exception | None:
        """Start a child; what came of it is both answered and told."""
        ref, failure = None, None
        with suppress(Ignore):
            try:
                ref = self._start(self._origin(message.args), message.args)
            except StartFailed as failed:
                failure = failed
        if message.reply_to is not None:
            tag = message.tag
            message.reply_to.tell(ChildStarted(tag, ref) if failure is None else ChildFailed(tag, failure.reason))
        return failure or ref

    def _origin(self, args: tuple[Any, ...]) -> _Origin:
        if self._max_children is not None and len(self._children) + len(self._restarting) >= self._max_children:
            raise StartFailed(MaxChildren(self._max_children))
        if self._template is None:
            spec = args[0] if len(args) == 1 else args
            if not isinstance(spec, ChildSpec):
                wrong = TypeError(f"a dynamic supervisor without a start function takes one ChildSpec a child, not {spec!r}")
                raise StartFailed(crash_of(wrong))
            return _Origin(spec)
        spec = self._template.spec
        if spec.restart is Restart.TEMPORARY:
            return self._template
        return _Origin(replace(spec, id=f"child-{next(self._numbers)}"), args)

    def _start(self, origin: _Origin, args: tuple[Any, ...]) -> Ref[Any]:
        ref = start_from(origin.spec.start, args if self._template is not None else ())
        self._children[ref] = origin
        adopt(self.actor_ref, ref, origin.spec)
        if ref.name is not None and origin.spec.restart is not Restart.TEMPORARY:
            origin.name = ref.name
        return ref

    # Ends

    def _child_ended(self, ref: Ref[Any], reason: Reason) -> None:
        origin = self._children.pop(ref, None)
        if origin is None:
            return
        disown(self.actor_ref, ref)
        if ref in self._leaving:
            self._has_left(ref, origin)
        elif origin.spec.restart.applies_to(reason):
            self._count_failure(origin, reason, ref)
        elif not is_orderly(reason):
            self._report(origin, reason, "not restarted", ref)

    def _has_left(self, ref: Ref[Any], origin: _Origin) -> None:
        leaving = self._leaving.pop(ref)
        if leaving.overdue is not None:
            leaving.overdue.cancel()
        log_stop(self.actor_ref, origin.spec, ref)
        self._come_or_gone(origin)
        for later in leaving.callers:
            later.set(None)

    def _come_or_gone(self, origin: _Origin) -> None:
        """The child is not awaited under its name any more."""
        if origin.name is not None:
            names.expect_no_longer(origin.name)

    def _count_failure(self, origin: _Origin, reason: Reason, ref: Ref[Any] | None) -> None:
        """A child (None: an attempt to restart it) failed: restart it, at once or later, or give up. Counted for all children together."""
        self._restarts = self._restarts.add(origin.spec.id, monotonic())
        if self._restarts.are_too_many:
            self._report(origin, reason, "giving up: too many restarts", ref)
            self.exit(Shutdown())
            return
        self._report(origin, reason, "restarting", ref)
        origin.restarts += 1
        self._restarting.add(origin)
        backoff = origin.spec.backoff
        if backoff is not None:
            self.send_after(backoff.delay(self._restarts.of(origin.spec.id), random.random()), _TryAgain(origin))
        elif ref is None:
            self.actor_ref.tell(_TryAgain(origin))  # behind what waits in the mailbox
        else:
            self._attempt(origin)

    def _attempt(self, origin: _Origin) -> None:
        self._restarting.discard(origin)
        try:
            self._start(origin, origin.args)
        except StartFailed as failure:
            self._count_failure(origin, failure.reason, None)
            return
        except Ignore:
            pass
        self._come_or_gone(origin)

    def _terminate_child(self, ref: Any) -> Any:
        """End one child without waiting for it: the caller is answered when it has ended."""
        origin = self._children.get(ref)
        if origin is None:
            return ChildNotFound(ref)
        if ref in self._leaving:
            self._leaving[ref].callers.append(self.reply_later())
            return None
        leaving = self._leaving[ref] = _Leaving([self.reply_later()])
        shutdown_s = origin.spec.shutdown_s
        if shutdown_s == 0:
            ref.kill()
            return None
        if shutdown_s is not None:
            leaving.overdue = self.send_after(shutdown_s, _KillOverdue(ref))
        ref.exit()
        return None

    def _count(self) -> ChildCount:
        origins = [*self._children.values(), *self._restarting]
        supervisors = sum(origin.spec.type == "supervisor" for origin in origins)
        active = sum(ref.is_alive() for ref in self._children)
        return ChildCount(len(origins), active, supervisors, len(origins) - supervisors)

    def _report(self, origin: _Origin, reason: Reason, action: str, ref: Ref[Any] | None = None) -> None:
        log_failure(self.actor_ref, Report(origin.spec.id, ref, reason, len(self._restarts.entries), action))
