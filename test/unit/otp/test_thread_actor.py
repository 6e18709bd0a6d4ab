"""A thread of its own: replaceable wait, messages taken while it ends, a start that takes too long."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.otp import Crash, Down, Exit, Reason, Shutdown, StartFailed, StartTimeout, ThreadActor, zombies
from cameron.otp.probe import PATIENCE_S, Probe, end_of


class Keeps(ThreadActor):
    """Tells a probe all that happens to it."""

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.probe.ref.tell(message)
        return None


def test_on_drained_follows_the_last_of_the_waiting_messages(probe: Probe) -> None:
    class Collects(Keeps):
        def on_drained(self) -> None:
            self.probe.ref.tell("drained")

    gate = threading.Event()
    ref = Collects.start(probe)
    ref.tell(lambda _: gate.wait(PATIENCE_S))
    for number in range(3):
        ref.tell(number)
    gate.set()
    assert [probe.next() for _ in range(4)] == [0, 1, 2, "drained"]


def test_on_drained_is_not_missed_where_a_batch_ends_with_the_last_message(probe: Probe) -> None:
    class Collects(Keeps):
        count = 0

        def on_receive(self, message: Any) -> Any:
            self.count += 1
            return message(self) if callable(message) else None

        def on_drained(self) -> None:
            self.probe.ref.tell(self.count)

    gate = threading.Event()
    ref = Collects.start(probe)
    ref.tell(lambda _: gate.wait(PATIENCE_S))
    for number in range(999):
        ref.tell(number)
    gate.set()
    assert probe.next() == 1_000


class Own(Keeps):
    """Waits in its own way, for messages and for work of its own."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self.work: SimpleQueue[Any] = SimpleQueue()

    def work_on(self, item: str) -> None:
        self.work.put(item)

    def wait(self, timeout_s: float | None) -> None:
        if timeout_s == 0:
            return
        item = self.work.get(timeout=timeout_s)
        if item == "boom":
            raise OSError("boom")
        if item != "wake":
            self.probe.ref.tell(("worked", item))

    def wake(self) -> None:
        self.work.put("wake")


def test_an_overridden_wait_is_one_wait_for_messages_and_other_work(probe: Probe) -> None:
    ref = Own.start(probe)
    ref.tell("message")
    assert probe.next() == "message"
    ref.proxy().work_on("chunk")
    assert probe.next() == ("worked", "chunk")
    ref.exit()
    assert end_of(ref) == Shutdown()


def test_a_wait_that_raises_is_a_crash(probe: Probe) -> None:
    ref = Own.start(probe)
    ref.proxy().work_on("boom")
    reason = end_of(ref)
    assert isinstance(reason, Crash)
    assert isinstance(reason.error, OSError)


def test_wait_gets_its_moment_amid_a_flood(probe: Probe) -> None:
    class Floods(Keeps):
        def wait(self, timeout_s: float | None) -> None:
            if timeout_s == 0:
                self.probe.ref.tell("had a look")
                self.exit()
            else:
                super().wait(timeout_s)

        def on_receive(self, message: Any) -> Any:
            self.actor_ref.tell("more")

    Floods.start(probe).tell("first")
    assert probe.next() == "had a look"


def test_an_end_can_go_on_receiving_until_it_is_done(probe: Probe) -> None:
    class Orderly(Keeps):
        def terminate(self, reason: Reason) -> None:
            while (message := self.receive(PATIENCE_S)) != "enough":
                self.probe.ref.tell(("at the end", message))

    other = Keeps.start(probe)
    ref = Orderly.start(probe)
    entered, gate = threading.Event(), threading.Event()
    ref.ask(lambda me: me.monitor(other))
    ref.tell(lambda _: [entered.set(), gate.wait(PATIENCE_S)])  # type: ignore[func-returns-value]
    assert entered.wait(PATIENCE_S)
    ref.exit()
    ref.tell("work")
    other.exit(Shutdown("other"))
    end_of(other)
    ref.tell("enough")
    gate.set()
    end_of(ref)
    assert probe.rest() == [("at the end", Down(other, Shutdown("other"))), ("at the end", "work")]


def test_receive_returns_none_when_nothing_comes(probe: Probe) -> None:
    ref = Keeps.start(probe)
    assert ref.ask(lambda me: [me.receive(0.0), me.receive(0.01)]) == [None, None]


def test_an_ask_received_at_the_end_is_answered_or_fails(probe: Probe) -> None:
    class Last(Keeps):
        def terminate(self, reason: Reason) -> None:
            if self.receive(PATIENCE_S) == "answer me":
                self.reply_later().set("answered")
            self.receive(PATIENCE_S)

    ref = Last.start(probe)
    ref.exit()
    answered, forgotten = ref.ask("answer me", block=False), ref.ask("forget me", block=False)
    assert answered.get(timeout=PATIENCE_S) == "answered"
    with pytest.raises(Exit) as caught:
        forgotten.get(timeout=PATIENCE_S)
    assert caught.value.reason == Shutdown()


def test_a_start_that_takes_too_long_is_abandoned_and_fenced(probe: Probe) -> None:
    gate = threading.Event()

    class Slow(Keeps):
        start_timeout_s = 0.05

        def on_start(self) -> None:
            self.probe.ref.tell(self)
            gate.wait(PATIENCE_S)

    with pytest.raises(StartFailed) as caught:
        Slow.start(probe, name="slow")
    assert caught.value.reason == StartTimeout
    slow = probe.next()
    assert slow.is_fenced
    assert slow.actor_ref in zombies()
    gate.set()
    Keeps.start(probe, name="slow").exit()  # the name is free
