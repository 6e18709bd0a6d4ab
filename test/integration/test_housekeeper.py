"""What expired jobs leave in the lists is cleared up."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron import housekeeper
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.housekeeper import Housekeeper
from cameron.process_catalog import Catalog
from cameron.store import keys

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually


@pytest.fixture
def running(client: Any, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A housekeeper that is often at work."""
    monkeypatch.setattr(housekeeper, "EVERY_S", 0.05)
    ref: Any = Housekeeper.start(redis.url, 5.0, Catalog(Settings(RetryPolicy(), Timeouts(), Limits())), name="housekeeper")
    yield ref
    ref.exit()
    eventually(lambda: not ref.is_alive(), "it to end")


def test_jobs_that_have_expired_are_listed_no_more(running: Any, client: Any) -> None:
    client.sadd(keys.QUEUES, "foo")
    gone, kept = keys.job_member("k", 1, "a" * 32), keys.job_member("k", 2, "b" * 32)
    client.hset(keys.record("foo", "b" * 32), "owner", "n 1 1")
    for index in (keys.jobs("foo", "done"), keys.jobs_by_key("foo")):
        client.zadd(index, {gone: 1, kept: 2})
    eventually(lambda: client.zrange(keys.jobs("foo", "done"), 0, -1) == [kept], "the expired one to go")
    eventually(lambda: client.zrange(keys.jobs_by_key("foo"), 0, -1) == [kept], "the expired one to go")


def test_jobs_that_have_expired_leave_the_dead_letter(running: Any, client: Any) -> None:
    client.sadd(keys.QUEUES, "foo")
    client.xadd(keys.dead("foo"), {"uuid": "a" * 32})
    client.hset(keys.record("foo", "b" * 32), "owner", "n 1 1")
    kept = client.xadd(keys.dead("foo"), {"uuid": "b" * 32})
    eventually(lambda: [id for id, _ in client.xrange(keys.dead("foo"))] == [kept], "the expired one to go")


def test_a_set_that_is_none_does_not_end_it(running: Any, client: Any) -> None:
    client.sadd(keys.QUEUES, "bad", "foo")
    client.set(keys.jobs("bad", "done"), "x")
    client.zadd(keys.jobs("foo", "done"), {keys.job_member("k", 1, "a" * 32): 1})
    eventually(lambda: not client.exists(keys.jobs("foo", "done")), "the expired one to go")
    assert running.is_alive()
