"""Killing: an actor that does not come back is abandoned and fenced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    Address,
    ChildSpec,
    Dispatcher,
    Down,
    Exit,
    Killed,
    Normal,
    Reason,
    StartFailed,
    Supervisor,
    ThreadActor,
    names,
    send_after,
    whereis,
    which_children,
    zombies,
)
from cameron.otp.probe import PATIENCE_S, Probe, end_of


class _Stuck:
    """Stuck in a handler until its gate opens."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message

    def terminate(self, reason: Reason) -> None:
        raise AssertionError("terminate of a killed actor")


class Pooled(_Stuck, Actor):
    """On a dispatcher of its own, with one thread."""

    dispatcher = Dispatcher(threads=1)


class Threaded(_Stuck, ThreadActor):
    """On its own thread."""


both = pytest.mark.parametrize("kind", [Pooled, Threaded])
Kind = type[Pooled] | type[Threaded]


class Gate:
    """Lets a handler in, and out again."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.outcome: SimpleQueue[Any] = SimpleQueue()

    def enter(self, me: Any) -> None:
        self.thread = threading.current_thread()
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        self.outcome.put(me.is_fenced)


@both
def test_a_stuck_actor_is_dead_to_everybody_else(kind: Kind, probe: Probe) -> None:
    gate = Gate()
    ref = kind.start(name="stuck")
    probe.do(lambda me: me.monitor(ref))
    in_hand, queued = ref.ask(gate.enter, block=False), ref.ask("queued", block=False)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    assert probe.next() == Down(ref, Killed)
    assert whereis("stuck") is None
    assert not ref.is_alive()
    assert ref in zombies()
    for call in (in_hand, queued):
        with pytest.raises(Exit) as caught:
            call.get(timeout=PATIENCE_S)
        assert caught.value.reason == Killed
    gate.open.set()
    assert gate.outcome.get(timeout=PATIENCE_S) is True


@both
def test_a_zombie_that_comes_back_is_none_any_more(kind: Kind) -> None:
    gate = Gate()
    ref = kind.start()
    ref.tell(gate.enter)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    assert ref in zombies()
    gate.open.set()
    gate.thread.join(PATIENCE_S)  # a worker too ends after what it was abandoned with
    assert ref not in zombies()


def test_the_worker_of_a_stuck_actor_is_replaced() -> None:
    gate = Gate()
    ref, other = Pooled.start(), Pooled.start()
    ref.tell(gate.enter)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    assert other.ask("well?", timeout=PATIENCE_S) == "well?"
    gate.open.set()


Late = Callable[[Any, Probe], Any]


@both
@pytest.mark.parametrize(
    "late",
    [
        lambda me, probe: probe.ref.tell("from beyond"),
        lambda me, probe: probe.ref.ask("from beyond", block=False),
        lambda me, probe: Address("probe").tell("from beyond"),
        lambda me, probe: probe.ref.exit(),
        lambda me, probe: probe.ref.kill(),
        lambda me, probe: send_after(0, probe.ref, "from beyond"),
        lambda me, probe: me.send_after(0, "from beyond"),
        lambda me, probe: Pooled.start(name="from beyond"),
    ],
)
def test_what_a_zombie_does_to_others_is_refused(kind: Kind, probe: Probe, late: Late) -> None:
    gate = Gate()
    names.register("probe", probe.ref)

    def enter_and_send(me: Any) -> None:
        gate.enter(me)
        try:
            late(me, probe)
        except Exit as refused:
            gate.outcome.put(refused.reason)

    ref = kind.start()
    ref.tell(enter_and_send)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    gate.open.set()
    try:
        assert [gate.outcome.get(timeout=PATIENCE_S), gate.outcome.get(timeout=PATIENCE_S)] == [True, Killed]
    finally:
        names.release("probe", Normal)
    assert probe.rest() == []
    assert probe.ref.is_alive()


@both
def test_the_answer_of_a_zombie_is_dropped(kind: Kind) -> None:
    gate = Gate()
    ref = kind.start()

    def enter_and_answer(me: Any) -> str:
        gate.enter(me)
        return "late"

    answer = ref.ask(enter_and_answer, block=False)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    gate.open.set()
    gate.thread.join(PATIENCE_S)
    with pytest.raises(Exit) as caught:
        answer.get(timeout=PATIENCE_S)
    assert caught.value.reason == Killed


def test_a_supervisor_that_is_killed_while_a_child_takes_its_time_still_ends_it(probe: Probe) -> None:
    gate = Gate()

    class Slow(ThreadActor):
        def terminate(self, reason: Reason) -> None:
            gate.enter(self)

    supervisor = Supervisor.start([ChildSpec("slow", Slow.start, shutdown=0.2)])
    child = which_children(supervisor)[0].child
    supervisor.exit()
    assert gate.entered.wait(PATIENCE_S)
    supervisor.kill()
    assert end_of(child) == Killed
    gate.open.set()


@both
def test_an_idle_actor_that_is_killed_ends_without_terminate(kind: Kind) -> None:
    ref = kind.start()
    ref.kill()
    ref.kill()
    assert end_of(ref) == Killed


def test_a_pooled_actor_killed_in_its_own_start_is_a_zombie_until_its_starter_comes_back() -> None:
    gate, refs = Gate(), SimpleQueue[Any]()

    class Hangs(Pooled):
        def on_start(self) -> None:
            refs.put(self.actor_ref)
            gate.enter(self)

    failures: SimpleQueue[Any] = SimpleQueue()

    def start() -> None:
        try:
            Hangs.start()
        except StartFailed as failed:
            failures.put(failed.reason)

    starter = threading.Thread(target=start)
    starter.start()
    ref = refs.get(timeout=PATIENCE_S)
    assert gate.entered.wait(PATIENCE_S)
    ref.kill()
    assert ref in zombies()
    gate.open.set()
    starter.join(PATIENCE_S)
    assert ref not in zombies()
    assert failures.get(timeout=PATIENCE_S) == Killed
