"""What a supervisor does with actors: start a child, adopt it, end it. Blocks; in the supervisor's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from cameron.otp import names
from cameron.otp.child import ChildSpec
from cameron.otp.current import current
from cameron.otp.errors import Ignore, StartFailed
from cameron.otp.reasons import Reason, Shutdown, crash_of
from cameron.otp.ref import Ref
from cameron.otp.signals import ChildEnded, ExitRequest


def start_from(start: Callable[..., Any], args: tuple[Any, ...] = ()) -> Ref[Any]:
    """Call a child's start function.

    Raises:
        StartFailed: with its reason, also where the function itself raised anything else, or returned no ref.
        Ignore: the child has nothing to do.
    """
    outer, current.started = current.started, []
    child: Ref[Any] | None = None
    try:
        ref = start(*args)
        if not isinstance(ref, Ref):
            raise TypeError(f"a child's start must return what SomeActor.start(...) returns, not {ref!r}")
        child = ref
    except (Ignore, StartFailed):
        raise
    except BaseException as error:
        raise StartFailed(crash_of(error)) from None
    finally:
        for mailbox in current.started:
            if child is None or mailbox is not child.actor_inbox:
                mailbox.crash_is_reported = False
        current.started = outer
    return child


def adopt(parent: Ref[Any], child: Ref[Any], spec: ChildSpec) -> None:
    """Tell the parent by `ChildEnded` when the child ends; let the child end when the parent does, also when that is killed."""
    theirs, ours = child.actor_inbox, parent.actor_inbox
    theirs.crash_is_reported = True  # by the parent
    if child.name is not None:
        names.adopt(child.name, parent, spec.restart)
    killed_with = ours.watch(child, _TakeAlong(child))
    if killed_with is not None:  # the parent, while it started this child
        theirs.signal(ExitRequest(killed_with))
    ended_with = theirs.watch(parent, _TellParent(parent, child, spec.id))
    if ended_with is not None:
        if child.name is not None:
            names.disown(child.name, parent)
        ours.signal(ChildEnded(spec.id, child, ended_with))


class _TakeAlong:
    """Ends a child with its parent. There is one for each child alive, and a closure would be four objects."""

    __slots__ = ("_child",)

    def __init__(self, child: Ref[Any]) -> None:
        self._child = child

    def __call__(self, reason: Reason) -> None:
        self._child.actor_inbox.signal(ExitRequest(reason))


class _TellParent:
    """Tells a parent of its child's end."""

    __slots__ = ("_child", "_id", "_parent")

    def __init__(self, parent: Ref[Any], child: Ref[Any], child_id: Hashable) -> None:
        self._parent, self._child, self._id = parent, child, child_id

    def __call__(self, reason: Reason) -> None:
        self._parent.actor_inbox.signal(ChildEnded(self._id, self._child, reason))


def disown(parent: Ref[Any], child: Ref[Any]) -> None:
    """Forget a child that has ended, or that is to be ended now."""
    if child.name is not None:
        names.disown(child.name, parent)
    parent.actor_inbox.unwatch(child)
    child.actor_inbox.unwatch(parent)


def end_child(child: Ref[Any], shutdown_s: float | None) -> None:
    """Ask a child to end, wait `shutdown_s` seconds (None: no bound, 0: not at all), then kill it."""
    end_children([child], shutdown_s)


def end_children(children: Iterable[Ref[Any]], shutdown_s: float | None) -> None:
    """Ask them all to end at once, wait for all under one common bound, then kill those who are left.

    Past the fence, unlike `ref.exit` and `ref.kill`: a supervisor that is killed while it waits here still sees to its children's ends.
    """
    running = list(children)
    if shutdown_s != 0:
        last = _Last(len(running))
        for child in running:
            if child.actor_inbox.watch(last, last.one_ended) is not None:
                last.one_ended()
            child.actor_inbox.signal(ExitRequest(Shutdown()))
        last.ended.wait(shutdown_s)
    for child in running:
        child.actor_inbox.abandon()


class _Last:
    """Waits for the last of a number of ends."""

    def __init__(self, count: int) -> None:
        self.ended = threading.Event()
        self._left = count
        self._lock = threading.Lock()
        if count == 0:
            self.ended.set()

    def one_ended(self, reason: Reason | None = None) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.ended.set()
