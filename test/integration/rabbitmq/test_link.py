"""What a node knows of its link to a real broker."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.broker_link import BrokerLink
from cameron.config import RabbitmqConfig
from cameron.otp import ChildSpec, Supervisor
from cameron.rabbitmq.starter import RabbitmqStarter

from ...acceptance.support.rabbitmq import RabbitmqServer
from ...acceptance.support.waiting import eventually
from ..relay import Relay


@pytest.fixture
def link() -> BrokerLink:
    return BrokerLink()


@pytest.fixture
def start(link: BrokerLink, rabbitmq: RabbitmqServer) -> Iterator[Callable[[str], None]]:
    """Starts the actor on such an address; nobody sends it messages."""
    if not rabbitmq.running:
        rabbitmq.start()
    roots: list[Any] = []

    def started(url: str) -> None:
        engine: Any = None
        config = RabbitmqConfig(url=url, queue="nobody_sends", dead_letter_queue="nobody_sends.dead", exchange="nobody_sends")
        spec = ChildSpec("rabbitmq_starter", lambda: RabbitmqStarter.start(engine, config, 1 << 20, link), shutdown=20)
        roots.append(Supervisor.start([spec], name="root of the test"))

    yield started
    for root in roots:
        root.stop()


def comes_to(link: BrokerLink, state: str, error: str = "") -> dict[str, Any]:
    """Wait until the link is in that state, with that as a part of why."""

    def look() -> dict[str, Any] | None:
        shown = link.shown()
        return shown if shown and shown["state"] == state and error in (shown["error"] or "") else None

    return eventually(look, f"the link to be {state}") or {}


def test_a_link_is_lost_and_made_again(start: Callable[[str], None], link: BrokerLink, rabbitmq: RabbitmqServer) -> None:
    road = Relay(rabbitmq.port)
    start(f"amqp://user:password@127.0.0.1:{road.port}/%2F")
    first = comes_to(link, "consuming")
    assert (first["url"], first["error"], link.problem) == (f"amqp://127.0.0.1:{road.port}/%2F", None, "")
    road.close()
    lost = comes_to(link, "retrying", "Connection refused")
    assert lost["since"] >= first["since"]
    assert "Connection refused" in link.problem
    road.open()
    again = comes_to(link, "consuming")
    assert (again["since"] > lost["since"], link.problem) == (True, "")
    road.close()


def test_a_password_that_is_refused_is_told_without_it(start: Callable[[str], None], link: BrokerLink, rabbitmq: RabbitmqServer) -> None:
    start(rabbitmq.url_of("user", "not-the-password"))
    shown = comes_to(link, "retrying", "the broker refuses the user or its password: correct them in rabbitmq.url")
    assert "not-the-password" not in f"{shown} {link.problem}"
