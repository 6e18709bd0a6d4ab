"""What many actors cost, and that nothing is left of them."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Dispatcher,
    DynamicSupervisor,
    Ref,
    StartChild,
    ThreadActor,
    actor,
    count_children,
    names,
    start_child,
    which_children,
)
from cameron.otp.probe import PATIENCE_S, end_of
from cameron.otp.timers import timers

from .sizes import CHILDREN, IDLE_ACTORS

KIB = 1024
LONG_S = 100 * PATIENCE_S


class Idle(Actor):
    """Ends at its first message."""

    def on_receive(self, message: Any) -> None:
        self.exit()


class Waiting(Actor):
    """Has its own name and attributes, two timers, and says what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.deadline, self.reminder = self.send_after(LONG_S, "deadline"), self.send_after(LONG_S, "reminder")

    def on_receive(self, message: Any) -> Any:
        return message


class Watcher(ThreadActor):
    """Monitors all whom it is told of."""

    def on_receive(self, message: Any) -> Any:
        return self.monitor(message)


class IdleThread(Idle, ThreadActor):
    """The same, on a thread."""


@pytest.fixture
def traced() -> Iterator[None]:
    for kind in (Idle, Waiting):
        kind.start().exit()  # so that the dispatcher and the timers have their threads
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


def traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def traced_blocks() -> int:
    """Pieces of memory in use. Their bytes would tell less: a dict keeps the room that it once needed."""
    gc.collect()
    return sum(each.count for each in tracemalloc.take_snapshot().statistics("filename"))


def test_idle_actors_take_under_600_bytes_each_and_no_thread(traced: None) -> None:
    threads, before = threading.active_count(), traced_bytes()
    refs = [Idle.start() for _ in range(IDLE_ACTORS)]
    assert (traced_bytes() - before) / IDLE_ACTORS < 600
    assert threading.active_count() <= threads
    for ref in refs:
        ref.exit()
    for ref in refs:
        end_of(ref, LONG_S)


def test_idle_children_of_a_dynamic_supervisor_take_under_1000_bytes_each(traced: None) -> None:
    supervisor = DynamicSupervisor.start(Idle.start)
    threads, before = threading.active_count(), traced_bytes()
    for _ in range(IDLE_ACTORS):
        supervisor.tell(StartChild(()))
    assert count_children(supervisor, timeout_s=LONG_S).active == IDLE_ACTORS
    assert (traced_bytes() - before) / IDLE_ACTORS < 1000
    assert threading.active_count() <= threads
    supervisor.exit()
    end_of(supervisor, LONG_S)


def test_what_an_actor_has_done_makes_it_no_larger(traced: None) -> None:
    """A named child, monitored by another actor, with two timers, which was asked and told and is idle again: under 1.5 KiB."""
    supervisor, watcher = DynamicSupervisor.start(lambda number: Waiting.start(name=f"waiting-{number}")), Watcher.start()
    before = traced_bytes()
    for number in range(IDLE_ACTORS):
        supervisor.tell(StartChild((number,)))
    for info in which_children(supervisor, timeout_s=LONG_S):
        watcher.tell(info.child)
        info.child.tell("hello")
        assert info.child.ask("how are you?", timeout=LONG_S) == "how are you?"
    del info
    watcher.ask(watcher)  # behind the others
    assert (traced_bytes() - before) / IDLE_ACTORS < 1.5 * KIB
    supervisor.exit()
    watcher.exit()
    end_of(supervisor, LONG_S)
    end_of(watcher, LONG_S)


class Child(Idle):
    """On one worker: two of them fight for the interpreter, more or less by chance, which is not what is measured here."""

    dispatcher = Dispatcher(threads=1)


def come_and_go(supervisor: Ref[Any], count: int) -> None:
    """Start that many children, end them by message, and see that none is left."""
    for _ in range(count):
        supervisor.tell(StartChild(()))
    children = which_children(supervisor, timeout_s=LONG_S)
    assert len(children) == count
    for info in children:
        info.child.tell("end")
    for info in children:
        end_of(info.child, LONG_S)
    while count_children(supervisor, timeout_s=LONG_S).specs:
        pass  # the last ends are on their way to it


def cpu_of_children(count: int) -> float:
    """Seconds of CPU that it takes a new DynamicSupervisor; without the garbage collector, whose share depends on all that lives."""
    supervisor = DynamicSupervisor.start(Child.start)
    gc.collect()
    gc.disable()
    began_s = process_time()
    come_and_go(supervisor, count)
    took_s = process_time() - began_s
    gc.enable()
    supervisor.exit()
    end_of(supervisor)
    return took_s


def test_rule_12_ten_times_the_children_take_at_most_fifteen_times_the_time() -> None:
    cpu_of_children(100)  # warm up
    ten_times_few = sum(cpu_of_children(CHILDREN // 10) for _ in range(10))
    many = min(cpu_of_children(CHILDREN) for _ in range(3))
    assert many <= 1.5 * ten_times_few


def test_rule_12_children_that_have_ended_leave_nothing_in_memory(traced: None) -> None:
    supervisor = DynamicSupervisor.start(Idle.start)
    alive, registered = len(actor._alive), len(names._names)

    come_and_go(supervisor, CHILDREN // 10)
    before = traced_blocks()
    come_and_go(supervisor, CHILDREN)
    assert traced_blocks() - before < CHILDREN // 10  # what Python keeps for later is some hundred
    assert (len(actor._alive), len(names._names)) == (alive, registered)
    supervisor.exit()
    end_of(supervisor)


@pytest.mark.parametrize("kind", [Idle, IdleThread])
def test_nothing_is_left_of_an_actor_that_has_ended(kind: type[Idle]) -> None:
    supervisor, watcher = DynamicSupervisor.start(lambda number: kind.start(name=f"nothing-{number}")), IdleThread.start()
    left: list[weakref.ref[Any]] = []
    for number in range(10):
        ref: Ref[Any] | None = start_child(supervisor, number)
        assert ref is not None
        me = ref.actor_inbox.actor
        assert me is not None
        me.monitor(watcher)
        me.link(watcher)
        me.send_after(10_000, "late")
        left += [weakref.ref(me), weakref.ref(ref)]
        ref.tell("end")
        end_of(ref)
        del ref, me
    assert count_children(supervisor).specs == 0
    supervisor.exit()
    watcher.exit()
    end_of(supervisor)
    end_of(watcher)
    for thread in threading.enumerate():
        if thread.name.startswith("otp-Idle"):
            thread.join(PATIENCE_S)
    gc.collect()
    assert [each() for each in left if each() is not None] == []
    assert not any(name.startswith("nothing-") for name in (*names._names, *names._parents, *names._expected))
    assert all(due.timer._message != "late" for due in timers._heap)
