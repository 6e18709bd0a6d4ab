"""Asks at random moments of death: each is answered, or fails with the reason; none hangs and none is lost."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from cameron.otp import Actor, Crash, Exit, Killed, NoProc, Normal, Reason, Ref, Shutdown, ThreadActor
from cameron.otp.mailbox import Mailbox
from cameron.otp.probe import PATIENCE_S, end_of

from .sizes import ASKS

ASKS_EACH = 40
EDGES = ["put", "signal", "take", "rest", "close", "watch"]


class _Answers:
    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Pooled(_Answers, Actor):
    """On the dispatcher."""


class Threaded(_Answers, ThreadActor):
    """On its own thread."""


def fail(_: Any) -> None:
    raise ValueError("no")


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> Iterator[random.Random]:
    """Now and then a thread waits at the edge of a mailbox, before or behind, and threads take turns at every few instructions."""
    chance, never = random.Random(7), threading.Event()

    def delay() -> None:
        if chance.random() < 0.03:
            never.wait(chance.random() * 0.0005)

    def delayed(edge: Callable[..., Any]) -> Callable[..., Any]:
        def with_delays(*args: Any) -> Any:
            delay()
            try:
                return edge(*args)
            finally:
                delay()

        return with_delays

    for name in EDGES:
        monkeypatch.setattr(Mailbox, name, delayed(getattr(Mailbox, name)))
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(0.000_05)
    yield chance
    sys.setswitchinterval(interval_s)


def ask_all(ref: Ref[Any], chance: random.Random, answers: list[Any]) -> None:
    """Ask, mostly without waiting; an answer is True where it is the right one, the reason where there is none."""
    futures = []
    for number in range(ASKS_EACH):
        if chance.random() < 0.9:
            futures.append((number, ref.ask(number, block=False)))
        else:
            answers.append(outcome(partial(ref.ask, number, timeout=PATIENCE_S), number))
    answers += [outcome(partial(future.get, timeout=PATIENCE_S), number) for number, future in futures]


def outcome(ask: Callable[[], Any], number: int) -> bool | Reason:
    try:
        return bool(ask() == number)
    except Exit as exit_:
        return exit_.reason


DEATHS: list[tuple[Any, type[Reason]]] = [
    (lambda ref: ref.tell(Pooled.exit), type(Normal)),
    (lambda ref: ref.exit(), Shutdown),
    (lambda ref: ref.tell(fail), Crash),
    (lambda ref: ref.kill(), type(Killed)),
]


@pytest.mark.parametrize("kind", [Pooled, Threaded])
@pytest.mark.parametrize(("death", "reason"), DEATHS, ids=["normal", "shutdown", "crash", "killed"])
def test_an_ask_at_any_moment_of_death_is_answered_or_failed(
    kind: type[Actor], death: Callable[[Ref[Any]], None], reason: type[Reason], delays: random.Random
) -> None:
    actors = ASKS // ASKS_EACH // 2 // len(DEATHS) + 1
    for _ in range(actors):
        ref, answers = kind.start(), list[Any]()
        asker = threading.Thread(target=ask_all, args=(ref, delays, answers))
        asker.start()
        for _ in range(delays.randrange(80)):  # a moment, not measured in seconds
            ref.is_alive()
        death(ref)
        asker.join(PATIENCE_S * 2)
        ended_with = end_of(ref)
        assert isinstance(ended_with, reason)
        assert len(answers) == ASKS_EACH
        assert [answer for answer in answers if answer not in (True, ended_with, NoProc)] == []


def test_many_tells_from_many_threads_all_arrive() -> None:
    class Counts(Actor):
        count = 0

        def on_receive(self, message: Any) -> Any:
            if message == "count":
                return self.count
            self.count += 1
            return None

    ref = Counts.start()

    def tell_all() -> None:
        for _ in range(5_000):
            ref.tell("one")

    tellers = [threading.Thread(target=tell_all) for _ in range(4)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join(PATIENCE_S)
    assert ref.ask("count", timeout=PATIENCE_S) == 20_000
