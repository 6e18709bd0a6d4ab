"""One Redis and one activity service a session, one node a test module.

A module may say `SETTINGS = {"CAMERON_...": "..."}` for its node, and `OPTIONS = {"process": "{option, value}"}` for more processes.
"""

import itertools
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from .support.node import Node, definitions
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.start_node import StartNode

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
    """A node on an empty Redis whose one process, `scripted`, starts at the service's `/start`, as do those with options."""
    with redis.client() as client:
        client.flushall()
    settings = getattr(request.module, "SETTINGS", {})
    options = getattr(request.module, "OPTIONS", {})
    processes = definitions(dict.fromkeys(["scripted", *options], service.url("start")), options)
    running = Node(tmp_path_factory.mktemp("node"), redis.url, processes, settings)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def start_node(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[StartNode]:
    """Starts nodes, which end with the test."""
    starter = StartNode(lambda: tmp_path_factory.mktemp("node"), service)
    yield starter
    starter.stop()


@pytest.fixture
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the test's own, to be killed: it keeps all that it has acknowledged."""
    server = RedisServer(tmp_path_factory.mktemp("durable"), durable=True)
    server.start()
    yield server
    if server.running:
        os.kill(server.child.pid, signal.SIGCONT)
    server.kill()


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
            for node in [value] if isinstance(value, Node) else getattr(value, "nodes", ()):
                report.sections.append(("output of the node", node.output()[-6000:]))
