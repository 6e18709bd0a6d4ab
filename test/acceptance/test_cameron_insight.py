"""Why is this job not moving, who runs what, and how is the node: explanations, the list of nodes, draining, health."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from .support.answer import follow, http, reply
from .support.node import Node
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.waiting import eventually

OPTIONS = {"narrow": "{max_jobs, 1}", "patient": "{retry, [{attempts, 2}, {on, [http_500]}, {delay_s, 3600}, {cap_s, 3600}]}"}

# explanations


def test_a_job_that_waits_in_the_queue_is_told_how_many_are_before_it(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    jobs = [scenario.start(process="narrow") for _ in range(3)]
    scenario.arrived(1)
    said = jobs[2].told("1 job is before it")
    assert "waits in the queue of process 'narrow'" in said
    found = jobs[2].explained()
    assert list(found)[:5] == ["process", "uuid", "key", "state", "sentence"]
    assert (found["process"], found["uuid"], found["key"], found["state"]) == ("narrow", jobs[2].uuid, scenario.key, "queued")
    gate.open()
    for job in jobs:
        job.done()


def test_a_job_that_runs_is_told_what_is_called_and_what_waits_for_it(scenario: Scenario) -> None:
    gate = scenario.gate()
    both = follow([("first", scenario.url("first")), ("second", scenario.url("second"))], parallelizable="no")
    scenario.on("start", reply(1, next_activities=both))
    scenario.on("first", reply(1).held(gate))
    scenario.on("second", reply(2))
    job = scenario.start()
    scenario.arrived(2)
    said = job.told("is calling", "'first'", scenario.url("first"), "'second'", "waits for")
    name = scenario.node.get("/health").json()["node"]
    assert name in said
    gate.open()
    job.done()
    job.told("done")


def test_a_job_that_waits_for_a_retry_is_told_when_it_is(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"broken"))
    job = scenario.start(process="patient")
    scenario.arrived(1)
    job.told("'start'", "called again")
    assert job.verb("cancel").status_code == 202
    assert job.ended().status == "cancelled"


def test_a_job_that_has_failed_is_told_with_what(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"the awesome error"))
    scenario.run().told("1 failed", "'start'")


# nodes


def nodes(node: Node) -> dict[str, dict[str, Any]]:
    return {found["node"]: found for found in node.get("/api/system/nodes").json()["nodes"]}


def test_a_node_tells_what_it_holds(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    job = scenario.start()
    scenario.arrived(1)
    name = scenario.node.get("/health").json()["node"]
    found = eventually(lambda: nodes(scenario.node)[name] if nodes(scenario.node)[name]["jobs"] else None, "the job to be counted")
    assert (found["state"], found["processes"]["scripted"]) == ("running", 1)
    assert 0 <= found["lease_age_s"] < found["lease_s"]
    assert datetime.fromisoformat(found["since"]).tzinfo is not None
    assert isinstance(found["pid"], int)
    gate.open()
    job.done()


def test_a_drained_node_runs_nothing_takes_requests_and_can_be_resumed(scenario: Scenario) -> None:
    node = scenario.node
    scenario.on("start", reply(1))
    name = node.get("/health").json()["node"]
    answer = node.post(f"/api/system/nodes/{quote(name)}/drain", "")
    assert (answer.status_code, answer.json()) == (202, {"node": name, "state": "draining"})
    eventually(lambda: nodes(node)[name]["state"] == "drained", "the node to be drained")
    for path in ("/status", "/health"):
        assert node.get(path).status_code == 503
    assert node.get("/status").json()["error"]["code"] == "draining"
    assert node.get("/health").json()["status"] == "draining"
    job = scenario.start()
    job.told("draining")
    assert scenario.calls() == []
    answer = node.post(f"/api/system/nodes/{quote(name)}/resume", "")
    assert (answer.status_code, answer.json()) == (202, {"node": name, "state": "running"})
    job.done()
    eventually(node.healthy, "the node to answer 200 again")


@pytest.mark.parametrize("word", ["drain", "resume"])
def test_an_unknown_node_is_a_404(node: Node, word: str) -> None:
    assert assert_json_error(node.post(f"/api/system/nodes/nobody-1-abc/{word}", ""), 404)["code"] == "node_not_found"


def test_health_tells_of_redis_and_of_what_a_crash_of_it_can_lose(node: Node) -> None:
    answer = node.get("/health")
    assert answer.status_code == 200
    found = answer.json()
    assert {"status", "node", "redis", "durability", "problems"} <= found.keys()
    assert found["durability"]["a_crash_can_lose"]
