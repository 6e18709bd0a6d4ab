"""Several nodes share one Redis, and one another's work."""

from collections.abc import Iterator

import pytest

from .support.answer import follow, reply
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service

SETTINGS = {"CAMERON_NODE_SHUTDOWN_S": "0.5", "CAMERON_NODE_LEASE_S": "2.0"}


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """The first node, alone, on an empty Redis."""
    with redis.client() as client:
        client.flushall()
    running = Node(tmp_path_factory.mktemp("first"), redis.url, {"scripted": service.url("start")}, SETTINGS)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def second(node: Node, tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A second one beside it."""
    assert node.running
    running = Node(tmp_path_factory.mktemp("second"), redis.url, {"scripted": service.url("start")}, SETTINGS)
    try:
        yield running.start()
    finally:
        running.stop()


def test_any_node_shows_any_job(scenario: Scenario, second: Node) -> None:
    scenario.on("start", reply("either"))
    job = scenario.run().done()
    shown = second.get(job.location.removeprefix(scenario.node.url))
    assert shown.status_code == 200
    assert shown.json() == job.view()


def test_every_job_runs_on_one_node_only(scenario: Scenario, second: Node) -> None:
    scenario.on("start", reply(1, next_activities=follow([("a", scenario.url("a")), ("b", scenario.url("b"))])))
    scenario.on("a", reply(2))
    scenario.on("b", reply(3))
    jobs = []
    for _ in range(20):
        jobs += [scenario.start(), second.job("scripted", {"key": scenario.key})]
    for job in jobs:
        job.done()
    keys = [call.headers["idempotency-key"] for call in scenario.calls()]
    assert len(keys) == len(set(keys)) == 120


def test_what_one_node_hands_back_another_one_finishes(scenario: Scenario, second: Node) -> None:
    gate, first = scenario.gate(), scenario.node
    scenario.on("start", reply(1, next_activities=follow([("held", scenario.url("held"))])))
    scenario.on("held", reply(2).held(gate))
    jobs = [scenario.start() for _ in range(10)]
    scenario.arrived(20)
    assert first.terminate() == 0
    gate.open()
    for job in jobs:
        job.done()
    assert second.running
    assert len(scenario.calls("start")) == 10
    assert {call.headers["idempotency-key"] for call in scenario.calls("held")} == {f"{job.uuid}/held" for job in jobs}


def test_what_a_killed_node_was_running_another_one_finishes(scenario: Scenario, second: Node) -> None:
    gate, first = scenario.gate(), scenario.node
    scenario.on("start", reply(1, next_activities=follow([("held", scenario.url("held"))])))
    scenario.on("held", reply(2).held(gate))
    jobs = [scenario.start() for _ in range(10)]
    scenario.arrived(20)
    first.kill()
    gate.open()
    for job in jobs:
        job.done(60)
    assert second.running
    assert len(scenario.calls("start")) == 10
    assert {call.headers["idempotency-key"] for call in scenario.calls("held")} == {f"{job.uuid}/held" for job in jobs}
