"""A node without a scheduler has Redis's clock all the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.clock import Clock
from cameron.store import redis_clock
from cameron.store.redis_clock import RedisClock

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

HOUR_MS = 3_600_000.0


@pytest.fixture
def started() -> Iterator[list[Any]]:
    """Actors to be ended after the test."""
    refs: list[Any] = []
    yield refs
    for ref in refs:
        ref.exit()
    eventually(lambda: not any(ref.is_alive() for ref in refs), "the actors to end")


@pytest.fixture
def wrong() -> Clock:
    """A clock that is an hour slow."""
    clock = Clock()
    clock.set(clock.now_ms() - HOUR_MS)
    return clock


def is_off(clock: Clock) -> bool:
    """By half an hour and more."""
    return abs(clock.now_ms() - Clock().now_ms()) > HOUR_MS / 2


def test_the_clock_is_set_by_the_time_the_start_has_returned(started: list[Any], redis: RedisServer, wrong: Clock) -> None:
    assert is_off(wrong)
    started.append(RedisClock.start(redis.url, 10.0, wrong))
    assert not is_off(wrong)


def test_it_is_set_again_and_again(started: list[Any], redis: RedisServer, wrong: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_clock, "EVERY_S", 0.02)
    started.append(RedisClock.start(redis.url, 10.0, wrong))
    wrong.set(wrong.now_ms() - HOUR_MS)
    eventually(lambda: not is_off(wrong), "the clock to be right again")


def test_a_redis_that_is_away_is_no_crash(started: list[Any], wrong: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_clock, "EVERY_S", 0.02)
    with refusing_port() as port:
        started.append(RedisClock.start(f"redis://127.0.0.1:{port}/0", 1.0, wrong))
        eventually(lambda: started[0].actor_inbox.actor.handled >= 2, "it to have tried more than once")
        assert started[0].is_alive()
    assert is_off(wrong)
