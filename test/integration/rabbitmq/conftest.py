"""The actor that starts jobs by message, on the session's broker, with an engine that does what the test says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.config import RabbitmqConfig
from cameron.otp import Backoff, ChildSpec, Supervisor
from cameron.rabbitmq import starter
from cameron.rabbitmq.starter import RabbitmqStarter

from ...acceptance.support.rabbitmq import Client, RabbitmqServer
from ...acceptance.support.waiting import eventually
from .engine import Engine, threads


@pytest.fixture
def broker(rabbitmq: RabbitmqServer) -> RabbitmqServer:
    """The session's broker, which is up."""
    if not rabbitmq.running:
        rabbitmq.start()
    return rabbitmq


@pytest.fixture
def client(broker: RabbitmqServer) -> Iterator[Client]:
    """A client of the broker, where all is declared and empty."""
    with broker.client() as client:
        client.declare_afresh()
        yield client


@pytest.fixture
def engine() -> Engine:
    """An engine with which all goes well, unless the test says otherwise."""
    return Engine()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that were put off are tried again at once."""
    monkeypatch.setattr(starter, "AGAIN", Backoff(delay_s=0.01, factor=1.0))


@pytest.fixture
def supervised(broker: RabbitmqServer, engine: Engine, client: Client) -> Iterator[Callable[..., Any]]:
    """Starts the actor below a supervisor, which is given back, with what differs of its settings; all of its threads end with the test."""
    roots = []

    def start(**settings: Any) -> Any:
        config = RabbitmqConfig(**{"url": broker.url, "prefetch": 10, **settings})
        spec = ChildSpec("rabbitmq_starter", lambda: RabbitmqStarter.start(engine, config, 1 << 20, name="rabbitmq_starter"), shutdown=20)
        roots.append(Supervisor.start([spec], name="root of the test"))
        return roots[-1]

    yield start
    for root in roots:
        root.stop()
    eventually(lambda: threads() == 0, "the threads to end")
