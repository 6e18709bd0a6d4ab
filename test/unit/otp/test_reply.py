"""The answer to an ask, taken by more than one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from pykka import Timeout

from cameron.otp.reply import Reply

ASKERS, ROUNDS = 4, 2_000


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns at every few instructions."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty")
def test_an_answer_that_has_come_is_there_for_all_who_ask_for_it_at_once() -> None:
    reply, taken, missed = Reply(), list[int](), list[Timeout]()
    reply.set(7)

    def ask() -> None:
        for _ in range(ROUNDS):
            try:
                taken.append(reply.get(timeout=0))
            except Timeout as error:
                missed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not missed
    assert taken == [7] * (ASKERS * ROUNDS)


def test_all_who_wait_for_an_answer_are_given_it() -> None:
    reply, taken = Reply(), list[int]()
    askers = [threading.Thread(target=lambda: taken.append(reply.get(timeout=60))) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    reply.set(7)
    for asker in askers:
        asker.join()
    assert taken == [7] * ASKERS


def test_only_the_first_answer_counts() -> None:
    reply = Reply()
    reply.set(1)
    reply.set_exception((ValueError, ValueError("late"), None))
    assert reply.get(timeout=0) == 1
