"""The reader on a real Redis, with a stand-in for the scheduler."""

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.otp import Reason
from cameron.queue_reader import QueueReader, ReaderReady, Taken, Want
from cameron.store import keys
from cameron.store.inbox import open_inbox

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .relay import Relay
from .stand import Stand

PATIENCE_S = 20.0
QUEUE = keys.queue("foo")
WANT = Want("here", 10, {"foo": 10}, 3)


class Reading:
    """A reader, and what it tells the scheduler."""

    def __init__(self, client: Any, relay: Relay) -> None:
        self.client, self.relay = client, relay
        self.told: SimpleQueue[Any] = SimpleQueue()
        self.scheduler = Stand.start(self.told, name="job_scheduler")
        self.reader: Any = QueueReader.start(relay.url, 5.0, name="queue_reader")
        assert self.next_told() == ReaderReady()

    def next_told(self) -> Any:
        return self.told.get(timeout=PATIENCE_S)


@pytest.fixture
def reading(client: Any, redis: RedisServer) -> Iterator[Reading]:
    client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)
    open_inbox(client, "here")
    relay = Relay(redis.port)
    made = Reading(client, relay)
    yield made
    relay.close()
    for ref in (made.reader, made.scheduler):
        ref.exit(Reason())
    eventually(lambda: not made.reader.is_alive() and not made.scheduler.is_alive(), "the actors to end")


def test_it_brings_entries_and_signals_and_says_in_which_term_they_were_wanted(reading: Reading) -> None:
    entry = reading.client.xadd(QUEUE, {"uuid": "u"})
    signal = reading.client.xadd(keys.inbox("here"), {"signal": "drain"})
    reading.reader.tell(WANT)
    taken = reading.next_told()
    assert taken == Taken(3, [("foo", entry, {"uuid": "u"})], [(signal, {"signal": "drain"})], [])


def test_it_comes_back_with_nothing_so_that_it_can_be_stopped(reading: Reading) -> None:
    reading.reader.tell(WANT)
    assert reading.next_told() == Taken(3, [], [], [])


def test_after_trouble_it_says_that_something_may_have_been_lost(reading: Reading) -> None:
    reading.client.xadd(QUEUE, {"uuid": "v"})
    reading.relay.lose_next_answer()
    reading.reader.tell(WANT)
    reading.relay.await_loss()
    assert reading.next_told() == ReaderReady()


def test_a_queue_that_is_none_is_named(reading: Reading) -> None:
    reading.client.set(keys.queue("odd"), "x")
    entry = reading.client.xadd(QUEUE, {"uuid": "u"})
    reading.reader.tell(Want("here", 10, {"odd": 5, "foo": 5}, 0))
    assert reading.next_told() == Taken(0, [("foo", entry, {"uuid": "u"})], [], ["odd"])
