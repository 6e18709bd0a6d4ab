"""Redis goes away and comes back: clients are told to come again, and the node recovers by itself."""

import signal
import uuid
from collections.abc import Iterator

import pytest
import requests

from .support.answer import follow, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the test's own that keeps what it has acknowledged over a SIGKILL."""
    server = RedisServer(tmp_path_factory.mktemp("durable"), durable=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def node(own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Node]:
    """A node on that Redis, quick to notice."""
    settings = {"CAMERON_REDIS_TIMEOUT_S": "1.0"}
    running = Node(tmp_path_factory.mktemp("node"), own_redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


def assert_come_again(answer: requests.Response) -> None:
    """503, with Retry-After in whole seconds."""
    assert answer.status_code == 503, answer.text[:500]
    assert int(answer.headers["Retry-After"]) >= 1


def accepted_again(scenario: Scenario) -> Job:
    """Start a job as a client does that is told to come again, until it is accepted."""
    node = scenario.node

    def location() -> str:
        answer = node.post("/api/process/scripted/start", f'{{"key": "{scenario.key}"}}')
        assert answer.status_code in (201, 503), answer.text[:500]
        return answer.headers.get("Location", "")

    return node.at(eventually(location, "a start to be accepted again"))


def test_redis_away_is_503_with_retry_after_and_the_node_comes_back_by_itself(scenario: Scenario, own_redis: RedisServer) -> None:
    scenario.on("start", reply("before"))
    node, earlier = scenario.node, scenario.run().done()
    for _ in range(2):
        own_redis.kill()
        body = f'{{"key": "{uuid.uuid4()}"}}'
        start = node.post("/api/process/scripted/start", body)
        assert_come_again(start)
        assert_json_error(start, 503)
        assert_come_again(node.get(earlier.location.removeprefix(node.url)))
        assert_come_again(node.get("/status"))
        assert node.get("/api").status_code == 200
        assert node.post("/api/process/unknown/start", body).status_code == 404
        own_redis.start()
        accepted_again(scenario).done()
        eventually(node.healthy, "the node to say that it is well")
        assert earlier.view()["status"]["current"] == "done"
    assert node.running


def test_a_start_that_redis_has_not_answered_tells_that_it_may_have_been_stored(scenario: Scenario, own_redis: RedisServer) -> None:
    scenario.on("start", reply(1))
    headers, body = {"Idempotency-Key": scenario.key}, f'{{"key": "{scenario.key}"}}'
    own_redis.child.send_signal(signal.SIGSTOP)
    try:
        start = scenario.node.post("/api/process/scripted/start", body, headers=headers)
    finally:
        own_redis.child.send_signal(signal.SIGCONT)
    assert_come_again(start)
    message = start.json()["error"]["message"]
    assert "the job may have been stored all the same; repeat the request with the same Idempotency-Key, or" in message
    assert "try again" not in message

    def repeated() -> str:
        return scenario.node.post("/api/process/scripted/start", body, headers=headers).headers.get("Location", "")

    scenario.node.at(eventually(repeated, "the start to be accepted")).done()
    assert len(scenario.calls()) == 1


def test_status_does_not_say_ok_while_starts_are_still_refused(scenario: Scenario, own_redis: RedisServer) -> None:
    scenario.on("start", reply(1))
    own_redis.kill()
    assert_come_again(scenario.node.post("/api/process/scripted/start", f'{{"key": "{scenario.key}"}}'))
    own_redis.start()
    eventually(scenario.node.healthy, "the node to say that it is well", every_s=0.001)
    assert scenario.node.post("/api/process/scripted/start", f'{{"key": "{scenario.key}"}}').status_code == 201


def test_a_job_under_way_while_redis_is_away_ends_done(scenario: Scenario, own_redis: RedisServer) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1, next_activities=follow([("a", scenario.url("a")), ("b", scenario.url("b"))])))
    scenario.on("a", reply("during").held(gate))
    scenario.on("b", reply(2))
    job = scenario.start()
    scenario.arrived(3)
    eventually(lambda: job.field("task.b.status.current") == "done", "b to be recorded")
    own_redis.kill()
    gate.open()
    eventually(lambda: scenario.calls("a")[0].replied, "a to be answered")
    assert_come_again(scenario.node.get("/status"))
    own_redis.start()
    job.done(60)
    assert job.tasks()["a"]["data"] == "during"
    assert len(scenario.calls("start")) == 1
    assert len(scenario.calls("b")) == 1
    assert {call.headers["idempotency-key"] for call in scenario.calls("a")} == {f"{job.uuid}/a"}


def test_a_redis_that_has_lost_everything_stops_no_new_job(scenario: Scenario, own_redis: RedisServer) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    scenario.start()
    scenario.arrived(1)
    with own_redis.client() as client:
        client.flushall()
        client.script_flush()
    gate.open()
    accepted_again(scenario).done(60)


def test_a_start_that_was_not_accepted_leaves_nothing_behind(scenario: Scenario, own_redis: RedisServer) -> None:
    scenario.on("start", reply(1))
    own_redis.kill()
    assert_come_again(scenario.node.post("/api/process/scripted/start", f'{{"key": "{scenario.key}"}}'))
    own_redis.start()
    later = accepted_again(scenario).done()
    with own_redis.client() as client:
        assert list(client.scan_iter("cameron:process:*")) == [later.hash_key]
    assert len(scenario.calls()) == 1
