"""`?wait=SECONDS`: a start that is answered when the job has ended, if that is in time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from cameron.client import Client, RequestFailed

from .support.answer import http, reply
from .support.job import Job
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.start_node import StartNode
from .support.waiting import eventually

SEATS = 2
SETTINGS = {"CAMERON_WEB_THREADS": str(2 * SEATS), "CAMERON_NODE_SHUTDOWN_S": "0.5"}
LONG_S = 60
ANSWER_WITHIN_S = 50


def start(scenario: Scenario, wait: str | float, **headers: str) -> requests.Response:
    """POST a start of the scenario's job. From any thread."""
    url, body = f"{scenario.node.url}/api/process/scripted/start", {"key": scenario.key, "data": 1, "requestor": "a test"}
    return requests.post(url, params={"wait": wait}, json=body, headers=headers, timeout=ANSWER_WITHIN_S)


def accepted(scenario: Scenario, answer: requests.Response) -> Job:
    assert answer.status_code == 201, answer.text
    return scenario.node.at(answer.headers["Location"])


def test_a_job_that_ends_in_time_is_in_the_answer_as_a_get_has_it(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply({"found": "it"}).held(gate))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(start, scenario, LONG_S)
        scenario.arrived(1)
        assert not answer.done()
        gate.open()
        told = answer.result()
    job = accepted(scenario, told)
    assert told.json() == {"payload": told.request.body.decode(), "job": job.view()}
    assert told.json()["job"]["tasks"][0]["data"] == {"found": "it"}


def test_a_job_that_fails_has_ended_too(scenario: Scenario) -> None:
    scenario.on("start", http(400, b"no"))
    assert start(scenario, LONG_S).json()["job"]["tasks"][0]["status"]["current"] == "error"


def test_a_job_that_is_cancelled_meanwhile_is_told_as_such(scenario: Scenario) -> None:
    scenario.on("start", reply(1).held(scenario.gate()))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(start, scenario, LONG_S)
        scenario.arrived(1)
        (listed,) = scenario.node.get("/api/process/scripted/jobs", params={"key": scenario.key}).json()["jobs"]
        scenario.node.at(scenario.node.url + listed["location"]).verb("cancel")
        assert answer.result().json()["job"]["status"]["current"] == "cancelled"


def test_a_job_that_ends_too_late_goes_on(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    answer = start(scenario, 0.2)
    job = accepted(scenario, answer)
    assert list(answer.json()) == ["payload"]
    gate.open()
    job.done()


def test_a_request_that_comes_again_waits_for_the_same_job(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    headers = {"Idempotency-Key": scenario.key}
    job = accepted(scenario, start(scenario, 0, **headers))
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(start, scenario, LONG_S, **headers)
        gate.open()
        told = again.result()
    assert (told.status_code, told.headers["Location"]) == (200, job.location)
    assert told.json()["job"]["uuid"] == job.uuid


def test_the_client_waits_longer_than_it_would_for_any_other_answer(scenario: Scenario) -> None:
    scenario.on("start", reply("found").after(1.5))
    with Client(scenario.node.url, timeout_s=1.0) as impatient:
        started = impatient.start("scripted", scenario.key, 1, "a test", wait_s=LONG_S)
    with Client(scenario.node.url) as client:
        assert started.ended == client.job(started.location)
        assert started.ended["status"]["current"] == "done"
        scenario.on("start", reply("found").held(scenario.gate()))
        assert client.start("scripted", scenario.key, 1, "a test", wait_s=0.1).ended is None
        with pytest.raises(RequestFailed) as refused:
            client.start("scripted", scenario.key, 1, "a test", wait_s=61)
    assert (refused.value.status, refused.value.code) == (400, "wait_invalid")


@pytest.mark.parametrize("wait", ["", "soon", "-1", "61", "nan"])
def test_a_wait_that_is_none_starts_nothing(scenario: Scenario, wait: str) -> None:
    assert assert_json_error(start(scenario, wait), 400)["code"] == "wait_invalid"
    assert scenario.node.get("/api/process/scripted/jobs", params={"key": scenario.key}).json()["jobs"] == []


def test_who_comes_when_all_seats_are_taken_is_answered_at_once_and_the_api_goes_on(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    with ThreadPoolExecutor(2 * SEATS) as pool:
        answers = [pool.submit(start, scenario, LONG_S) for _ in range(2 * SEATS)]
        eventually(lambda: sum(answer.done() for answer in answers) >= SEATS, "those without a seat to be answered")
        at_once = [answer for answer in answers if answer.done()]
        assert scenario.node.healthy()
        gate.open()
        later = [answer.result() for answer in answers if answer not in at_once]
    assert [list(answer.result().json()) for answer in at_once] == [["payload"]] * SEATS
    assert [told.json()["job"]["status"]["current"] for told in later] == ["done"] * SEATS
    assert start(scenario, LONG_S).json()["job"]["status"]["current"] == "done"  # the seats are free again


def test_a_job_that_another_node_runs_is_waited_for_too(scenario: Scenario, redis: RedisServer, start_node: StartNode) -> None:
    scenario.on("start", reply(1))
    asked: Any = scenario.node
    name = asked.get("/health").json()["node"]
    other = start_node(redis, scripted=scenario.url("start"))
    try:
        assert other.post(f"/api/system/nodes/{name}/drain", b"").status_code == 202
        eventually(lambda: asked.get("/health").json()["status"] == "draining", "the node to drain")
        assert start(scenario, LONG_S).json()["job"]["status"]["current"] == "done"
    finally:
        other.post(f"/api/system/nodes/{name}/resume", b"")
        eventually(asked.healthy, "the node to be back")


def test_who_waits_does_not_hold_up_a_stop_and_is_answered(scenario: Scenario) -> None:
    gate, node = scenario.gate(), scenario.node
    scenario.on("start", reply(1).held(gate))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(start, scenario, LONG_S)
        scenario.arrived(1)
        assert node.terminate() == 0
        told = answer.result()
    assert (told.status_code, list(told.json())) == (201, ["payload"])
    assert "still unanswered" not in node.output()
    gate.open()
    node.start()
    node.at(told.headers["Location"]).done()
