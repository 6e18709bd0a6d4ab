"""A broker whose disk is full: it takes no messages, but goes on giving those that it has."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.config import RabbitmqConfig
from cameron.rabbitmq import starter
from cameron.rabbitmq.starter import RabbitmqStarter

from ...acceptance.support.rabbitmq import Client, RabbitmqServer
from ...acceptance.support.waiting import eventually
from .engine import TIMEOUT_S, Engine, threads

GOOD, BAD = 20, 25  # more bad ones than are prefetched


@pytest.fixture
def alarm(broker: RabbitmqServer, client: Client) -> Iterator[Callable[[], None]]:
    """Publish what is bad before what is good, and have the alarm; what is given ends it, which the test's end does in any case."""
    for number in range(BAD):
        client.publish(b"bad", f"bad-{number}")
    for _ in range(GOOD):
        client.publish({"name": "a"})
    with broker.alarm() as over:
        yield over
    eventually(lambda: threads() == 0, "who waited for the broker to end")


def test_starts_go_on_and_dead_letters_wait_without_being_lost_or_doubled(
    alarm: Callable[[], None],
    supervised: Callable[..., Any],
    engine: Engine,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starter, "SLOW_LETTER_S", 0.1)
    root = supervised()
    eventually(lambda: len(engine.done) == GOOD, "all to be started")
    eventually(lambda: "the broker takes no dead letters" in caplog.text, "the wait to be told")
    assert client.dead() is None
    alarm()
    assert sorted(client.next_dead().properties.message_id for _ in range(BAD)) == sorted(f"bad-{number}" for number in range(BAD))
    root.stop()
    assert (client.waiting(), client.dead(), engine.tries.total()) == (0, None, GOOD), "nothing was given a second time"


def test_an_end_waits_for_no_dead_letters(alarm: Callable[[], None], broker: RabbitmqServer, engine: Engine, client: Client) -> None:
    starter = RabbitmqStarter.start(engine, RabbitmqConfig(url=broker.url, prefetch=10), 1 << 20)
    eventually(lambda: len(engine.done) == GOOD, "all to be started")
    began_s = time.monotonic()
    ending = threading.Thread(target=starter.stop)
    ending.start()
    ending.join(TIMEOUT_S)
    assert time.monotonic() - began_s < 10
    eventually(lambda: client.waiting() == BAD, "the bad ones to be given back")
