"""An empty Redis, a writer's connection to it, and a way to it that a test may cut."""

from collections.abc import Iterator
from typing import Any

import pytest

from cameron.store.redis import Pipeline

from ..acceptance.support.redis_server import RedisServer
from .relay import Relay
from .scheduling import Around


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Any]:
    """A client of the session's Redis, emptied before; what a test configures is put back."""
    with redis.client() as made:
        made.flushall()
        yield made
        made.config_set("maxmemory", 0)


@pytest.fixture
def pipeline(redis: RedisServer, client: Any) -> Iterator[Pipeline]:
    """A connected pipeline."""
    made = Pipeline(redis.url, timeout_s=10.0)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def around(client: Any) -> Iterator[Around]:
    """What a scheduler needs around it; the test starts the scheduler."""
    made = Around(client)
    yield made
    made.stop()


@pytest.fixture
def relay(redis: RedisServer) -> Iterator[Relay]:
    """The way to Redis."""
    made = Relay(redis.port)
    yield made
    made.close()
