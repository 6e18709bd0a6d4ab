"""Asks that could wait for one another: an error or an answer in time, never a deadlock. Rule 15 stands behind all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest

from cameron.otp import (
    Actor,
    AskRefused,
    ChildSpec,
    Crash,
    Dispatcher,
    Exit,
    Ref,
    StartFailed,
    Supervisor,
    ThreadActor,
    start_child,
    which_children,
)
from cameron.otp.probe import PATIENCE_S, end_of
from cameron.otp.reply import Reply

SOON_S = 0.2


class _Does:
    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Threaded(_Does, ThreadActor):
    """On its own thread."""


class Narrow(_Does, Actor):
    """One thread for all of them."""

    dispatcher = Dispatcher(threads=1)


@pytest.fixture
def full_pool() -> Iterator[Ref[Any]]:
    """The pool's only thread is taken until the test ends."""
    entered, gate = threading.Event(), threading.Event()
    ref = Narrow.start()

    def enter(_: Any) -> None:
        entered.set()
        gate.wait(PATIENCE_S)

    ref.tell(enter)
    assert entered.wait(PATIENCE_S)
    yield ref
    gate.set()
    assert ref.ask("free", timeout=PATIENCE_S) == "free"


def tried(ask: Callable[[], Any]) -> Any:
    """What came of an ask: the answer, or the kind of error."""
    try:
        return ask()
    except (pykka.Timeout, Exit, AskRefused) as error:
        return type(error)


@pytest.mark.parametrize("length", [2, 3, 5])
def test_actors_that_ask_in_a_ring_get_an_error_in_time(length: int) -> None:
    ring = [Threaded.start() for _ in range(length)]

    def ask_next(me: Any, at: int) -> Any:
        return tried(lambda: ring[at % length].ask(lambda other: ask_next(other, at + 1), timeout=SOON_S))

    assert ring[0].ask(lambda me: ask_next(me, 1), timeout=PATIENCE_S) is pykka.Timeout
    assert [ref.ask("still here", timeout=PATIENCE_S) for ref in ring] == ["still here"] * length


def test_actors_that_ask_each_other_at_the_same_moment_get_an_error_in_time() -> None:
    both_ask = threading.Barrier(2)
    one, two = Threaded.start(), Threaded.start()

    def ask(other: Ref[Any]) -> Any:
        both_ask.wait(PATIENCE_S)
        return tried(lambda: other.ask("hello", timeout=SOON_S))

    asks = [one.ask(lambda _: ask(two), block=False), two.ask(lambda _: ask(one), block=False)]
    outcomes = {answer.get(timeout=PATIENCE_S) for answer in asks}
    assert pykka.Timeout in outcomes
    assert outcomes <= {pykka.Timeout, "hello"}  # the other one answers where it has given up first


def test_a_crash_in_a_ring_of_asks_fails_them_all_at_once() -> None:
    ring = [Threaded.start() for _ in range(3)]
    first = ring[0].ask(lambda _: ring[1].ask(lambda _: ring[2].ask(lambda _: 1 / 0, timeout=None), timeout=None), block=False)
    with pytest.raises(Exit) as caught:
        first.get(timeout=PATIENCE_S)
    assert isinstance(caught.value.reason, Crash)
    assert all(isinstance(end_of(ref), Crash) for ref in ring)


@pytest.mark.parametrize("kind", [Threaded, Narrow])
def test_rule_15_waiting_for_ones_own_answer_is_refused(kind: Any) -> None:
    ref = kind.start()
    assert ref.ask(lambda me: tried(lambda: me.actor_ref.ask("me?", timeout=None))) is AskRefused
    assert ref.ask(lambda me: tried(lambda: me.actor_ref.ask("me?", block=False).get(timeout=None))) is AskRefused


def test_waiting_inside_a_pooled_actor_is_refused_also_for_a_future() -> None:
    ref, other = Narrow.start(), Narrow.start()
    assert ref.ask(lambda _: tried(lambda: other.ask("hello", timeout=None))) is AskRefused
    assert ref.ask(lambda _: tried(lambda: other.ask("hello", block=False).get(timeout=None))) is AskRefused
    assert ref.ask(lambda _: tried(lambda: other.ask("hello", block=False).get(timeout=0))) is pykka.Timeout  # a look is no wait


def test_an_answer_that_has_come_may_be_taken_inside_a_pooled_actor() -> None:
    answered = Threaded.start().ask("hello", block=False)
    assert answered.get() == "hello"
    assert Narrow.start().ask(lambda _: answered.get()) == "hello"


def test_an_ask_to_a_full_pool_gets_an_error_in_time_and_the_pool_goes_on(full_pool: Ref[Any]) -> None:
    assert tried(lambda: Narrow.start().ask("anybody?", timeout=SOON_S)) is pykka.Timeout


def test_a_future_waits_no_longer_than_an_ask_unless_told_to(full_pool: Ref[Any]) -> None:
    assert Reply.get.__kwdefaults__ == {"timeout": 5.0}  # Pykka's waits for ever
    assert tried(lambda: full_pool.ask("anybody?", block=False).get(timeout=SOON_S)) is pykka.Timeout


def test_a_child_that_asks_its_supervisor_while_it_starts_fails_in_time() -> None:
    supervisors: list[Ref[Any]] = []

    class Asks(ThreadActor):
        def on_start(self) -> None:
            if supervisors:
                which_children(supervisors[0], timeout_s=SOON_S)

    class AsksPooled(Narrow):
        def on_start(self) -> None:
            which_children(supervisors[0], timeout_s=None)

    supervisors.append(Supervisor.start([]))
    for kind in (Asks, AsksPooled):
        with pytest.raises(StartFailed):
            start_child(supervisors[0], ChildSpec("asks", kind.start))
    assert which_children(supervisors[0]) == []
    supervisors[0].exit()


def test_a_hundred_threads_that_ask_through_two_workers_are_all_answered() -> None:
    class Two(_Does, Actor):
        dispatcher = Dispatcher(threads=2)

    refs = [Two.start() for _ in range(10)]
    answers: list[Any] = []
    askers = [
        threading.Thread(target=lambda n=number: answers.extend(refs[n % 10].ask(n, timeout=PATIENCE_S) for _ in range(20)))
        for number in range(100)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(PATIENCE_S)
    assert sorted(answers) == sorted(number for number in range(100) for _ in range(20))
