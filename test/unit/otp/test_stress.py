"""Asks at random moments of death: each is answered, or fails with the reason; none hangs and none is lost."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from cameron.otp import Actor, Exit, Killed, NoProc, Normal, Reason, Ref, Shutdown, ThreadActor
from cameron.otp.probe import PATIENCE_S, end_of

ACTORS = 125
ASKS_EACH = 40


class Pooled(Actor):
    def on_receive(self, message: Any) -> Any:
        if message == "die":
            self.exit()
        return message


class Threaded(ThreadActor):
    def on_receive(self, message: Any) -> Any:
        if message == "die":
            self.exit()
        return message


def ask_all(ref: Ref[Any], answers: list[Any]) -> None:
    futures = [ref.ask(number, block=False) for number in range(ASKS_EACH)]
    for number, future in enumerate(futures):
        try:
            answers.append(future.get(timeout=PATIENCE_S) == number)
        except Exit as exit_:
            answers.append(exit_.reason)


@pytest.mark.parametrize("kind", [Pooled, Threaded])
@pytest.mark.parametrize(
    ("death", "reason"),
    [(lambda ref: ref.tell("die"), Normal), (lambda ref: ref.exit(), Shutdown()), (lambda ref: ref.kill(), Killed)],
)
def test_5_000_asks_at_random_moments_of_death_are_each_answered_or_failed(kind: type[Actor], death: Any, reason: Reason) -> None:
    chance = random.Random(7)
    answers: list[Any] = []
    for _ in range(ACTORS):
        ref = kind.start()
        asker = threading.Thread(target=ask_all, args=(ref, answers))
        asker.start()
        for _ in range(chance.randrange(60)):  # a moment, not measured in seconds
            ref.is_alive()
        death(ref)
        asker.join(PATIENCE_S)
        assert not asker.is_alive()
        assert end_of(ref) == reason
    assert len(answers) == ACTORS * ASKS_EACH
    assert [answer for answer in answers if answer not in (True, reason, NoProc)] == []


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
