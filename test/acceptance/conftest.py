"""One Redis and one activity service a session, one node a test module.

A module may say `SETTINGS = {"CAMERON_...": "..."}` for its node.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """The scriptable activity service."""
    running = Service()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node on an empty Redis whose one process, `scripted`, starts at the service's `/start`."""
    with redis.client() as client:
        client.flushall()
    settings = getattr(request.module, "SETTINGS", {})
    running = Node(tmp_path_factory.mktemp("node"), redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def scenario(request: pytest.FixtureRequest, node: Node, service: Service) -> Scenario:
    """A job key of the test's own on the module's node."""
    return Scenario(f"{re.sub(r'[^A-Za-z0-9_]+', '-', request.node.name)[:100]}-{next(NUMBERS)}", service, node)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the programs of a failed test have printed."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Node):
                report.sections.append(("output of the node", value.output()[-6000:]))
