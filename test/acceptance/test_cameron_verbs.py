"""What people do with a job besides starting it and looking at it: cancel and retry."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from .support.answer import follow, http, reply
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.start_node import StartNode

CLIENTS = 20
OPTIONS = {"single": "{unique, key}", "narrow": "{max_jobs, 1}"}

# cancel


def test_a_job_that_waits_is_cancelled_at_once_and_never_called(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    first = scenario.start(process="narrow")
    scenario.arrived(1)
    waiting = scenario.start(process="narrow")
    for _ in range(2):  # a second time changes nothing
        answer = waiting.verb("cancel")
        assert (answer.status_code, answer.json()) == (200, {"process": "narrow", "uuid": waiting.uuid, "status": "cancelled"})
    assert waiting.view()["status"]["current"] == "cancelled"
    gate.open()
    first.done()
    assert len(scenario.calls()) == 1


def test_a_job_that_runs_is_cancelled_by_its_node(scenario: Scenario) -> None:
    gate = scenario.gate()
    next_one = follow([("next", scenario.url("next"))])
    scenario.on("start", reply(1, next_activities=next_one).held(gate))
    job = scenario.start()
    scenario.arrived(1)
    answer = job.verb("cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelling")
    assert job.ended().status == "cancelled"
    assert job.tasks()["start"]["status"]["current"] == "error"
    assert job.error("start") == "cancelled"
    gate.open()
    assert job.told("cancelled")
    assert [call.activity for call in scenario.calls()] == ["start"]


def test_a_job_is_cancelled_through_a_node_that_does_not_run_it(scenario: Scenario, redis: RedisServer, start_node: StartNode) -> None:
    other = start_node(redis, scripted=scenario.url("start"))
    by_name = {node.get("/health").json()["node"]: node for node in (scenario.node, other)}
    scenario.on("start", reply(1).held(scenario.gate()))
    job = scenario.start()
    job.told("is calling")
    (stranger,) = [node for name, node in by_name.items() if name != job.explained()["node"]["node"]]
    through = stranger.at(stranger.url + urlsplit(job.location).path)
    answer = through.verb("cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelling")
    assert job.ended().status == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    job = scenario.run()
    assert assert_json_error(job.verb("cancel"), 409)["code"] == "job_finished"
    assert job.status == "done"


@pytest.mark.parametrize(("method", "name"), [("POST", "cancel"), ("POST", "retry"), ("GET", "explain")])
def test_a_verb_of_a_job_that_is_not_there_is_a_404(scenario: Scenario, method: str, name: str) -> None:
    for process, key in (("scripted", "nobody"), ("unknown", "nobody")):
        path = f"{scenario.node.url}/api/process/{process}/key/{key}/job/{'0' * 32}/{name}"
        assert assert_json_error(requests.request(method, path, timeout=30), 404)["code"] == "job_not_found"


# retry


def test_a_retry_calls_what_has_failed_once_more_and_keeps_what_is_done(scenario: Scenario) -> None:
    scenario.on("start", reply(1, next_activities=follow([(name, scenario.url(name)) for name in ("a", "b", "c")])))
    scenario.on("a", http(500, b"broken"), reply("a", next_activities=follow([("d", scenario.url("d"))])))
    scenario.on("b", reply("b"))
    scenario.on("c", http(400, b"broken too"), reply("c"))
    scenario.on("d", reply("d"))
    job = scenario.run()
    assert job.statuses() == {
        "start": "done",
        "a": "error",
        "b": "done",
        "c": "error",
    }
    answer = job.verb("retry")
    assert (answer.status_code, answer.headers["Location"]) == (202, job.location)
    assert answer.json() == {"process": "scripted", "uuid": job.uuid, "status": "scheduled", "tasks": ["a", "c"]}
    job.done()
    assert job.statuses() == dict.fromkeys(["start", "a", "b", "c", "d"], "done")
    assert sorted(call.activity for call in scenario.calls()) == ["a", "a", "b", "c", "c", "d", "start"]
    assert (job.error("a"), job.error("c")) == (None, None)


def test_a_cancelled_job_can_be_retried(scenario: Scenario) -> None:
    scenario.on("start", reply(1).held(scenario.gate()))
    job = scenario.start()
    scenario.arrived(1)
    job.verb("cancel")
    job.ended()
    scenario.on("start", reply(2))
    assert job.verb("retry").json()["tasks"] == ["start"]
    assert job.done().tasks()["start"]["data"] == 2


def test_a_job_that_has_not_ended_cannot_be_retried(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    job = scenario.start()
    scenario.arrived(1)
    assert assert_json_error(job.verb("retry"), 409)["code"] == "job_not_finished"
    gate.open()
    job.done()
    assert assert_json_error(job.verb("retry"), 409)["code"] == "nothing_to_retry"
    assert len(scenario.calls()) == 1


def test_many_retries_at_once_are_one(scenario: Scenario) -> None:
    scenario.on("start", http(500, b"broken"), reply(1))
    job = scenario.run()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda _: job.verb("retry"), range(CLIENTS)))
    assert 202 in {answer.status_code for answer in answers}  # who comes at the same moment as another may be told so too
    refused = {answer.json()["error"]["code"] for answer in answers if answer.status_code != 202}
    assert refused <= {"job_not_finished", "nothing_to_retry"}
    job.done()
    assert len(scenario.calls()) == 2


def test_a_retry_waits_for_the_other_job_of_its_unique_key(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", http(500, b"broken"), reply(1).held(gate), reply(2))
    failed = scenario.start(process="single").ended()
    other = scenario.start(process="single")
    scenario.arrived(2)
    error = assert_json_error(failed.verb("retry"), 409)
    assert error["code"] == "key_taken"
    assert other.uuid in error["message"]
    gate.open()
    other.done()
    assert failed.verb("retry").status_code == 202
    failed.done()
