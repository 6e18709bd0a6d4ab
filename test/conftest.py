"""Fixtures for every test that stands on a real Redis or RabbitMQ, which the suite starts itself."""

from collections.abc import Iterator

import pytest

from .acceptance.support.rabbitmq import RabbitmqServer
from .acceptance.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server of the session's own; who needs it empty flushes it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitmqServer]:
    """A rabbitmq-server of the session's own, which takes seconds to start; who has killed it starts it again."""
    server = RabbitmqServer(tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
