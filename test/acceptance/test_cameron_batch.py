"""Many jobs by one POST: each is told by itself, runs by itself, and none costs another."""

import json
from typing import Any

import pytest
import requests

from cameron.client import Client, RequestFailed, StartedJob

from .support.answer import reply
from .support.node import Node
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

OPTIONS = {"single": "{unique, key}", "many": "{max_jobs, 1000}"}
SETTINGS = {"CAMERON_JOB_MAX_BACKLOG": "1000", "CAMERON_WEB_ACCEPT_TIMEOUT_S": "60"}
MOST = 1000


def post(node: Node, batch: Any, process: str = "scripted", query: str = "", **headers: str) -> requests.Response:
    """A batch as JSON, or as the bytes that it is."""
    body = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
    return node.http.post(f"{node.url}/api/process/{process}/start{query}", data=body, headers=headers, timeout=60)


def told(answer: requests.Response) -> list[dict[str, Any]]:
    """What a batch that could be read is answered."""
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json().keys() == {"jobs"}
    return list(answer.json()["jobs"])


def test_a_thousand_jobs_are_started_by_one_request_and_all_end_well(node: Node, service: Service) -> None:
    service.on("start", reply({"fine": True}))
    bodies = [{"key": f"one of many {number}", "data": number} for number in range(MOST)]
    jobs = told(post(node, bodies, "many"))
    assert [(job["status"], job["key"]) for job in jobs] == [(201, body["key"]) for body in bodies]
    assert len({job["uuid"] for job in jobs}) == MOST

    def done() -> int:
        return int(node.get("/api/process/many/jobs?limit=1").json()["counts"]["done"])

    eventually(lambda: done() == MOST, "all to end well", 120.0, every_s=0.1)
    for number in (0, 500, 999):
        job = node.at(jobs[number]["location"])
        assert (job.uuid, job.key, job.field("job.data")) == (jobs[number]["uuid"], f"one of many {number}", str(number))
        assert job.view()["status"]["current"] == "done"
        assert len(service.calls(job.key)) == 1


def test_what_cannot_be_started_costs_no_other(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    fine = json.dumps({"key": scenario.key, "data": 1.5})
    bad = ["{}", "7", '{"key": 7}', '{"key": "k", "data": NaN}', '{"key": "k", "data": "\\ud800"}', '{"key": "k", "requestor": 1}']
    jobs = told(post(scenario.node, f"[{fine}, {', '.join(bad)}, {fine}]".encode()))
    assert [job["status"] for job in jobs] == [201, *[400] * len(bad), 201]
    for body, job in zip(bad, jobs[1:-1], strict=True):
        alone = scenario.node.post("/api/process/scripted/start", body)
        assert job == {"status": alone.status_code, **alone.json()}
    for job in (jobs[0], jobs[-1]):
        assert scenario.node.at(job["location"]).done().key == scenario.key
    assert len(scenario.calls()) == 2


def test_a_batch_that_comes_twice_with_its_idempotency_key_starts_each_job_once(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    bodies, headers = [{"key": scenario.key, "data": number} for number in range(5)], {"Idempotency-Key": scenario.key}
    first, again = (told(post(scenario.node, bodies, **headers)) for _ in range(2))
    assert ([job["status"] for job in first], [job["status"] for job in again]) == ([201] * 5, [200] * 5)
    assert [job["location"] for job in again] == [job["location"] for job in first]
    changed = told(post(scenario.node, [bodies[0], {"key": scenario.key, "data": "other"}, *bodies[2:]], **headers))
    assert [job["status"] for job in changed] == [200, 422, 200, 200, 200]
    assert changed[1]["error"]["code"] == "idempotency_key_reused"
    for job in first:
        scenario.node.at(job["location"]).done()
    assert len(scenario.calls()) == 5


def test_of_a_unique_key_a_batch_starts_one_job(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    bodies = [{"key": scenario.key, "data": number} for number in range(3)]
    jobs = told(post(scenario.node, bodies, "single"))
    assert ([job["status"] for job in jobs], len({job["location"] for job in jobs})) == ([201, 200, 200], 1)
    gate.open()
    scenario.node.at(jobs[0]["location"]).done()
    assert len(scenario.calls()) == 1


def test_beyond_the_backlog_each_start_is_told_when_to_come_again(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    first = told(post(scenario.node, [{"key": scenario.key}] * 999))
    rest = told(post(scenario.node, [{"key": scenario.key}] * 3))
    gate.open()
    assert [job["status"] for job in first] == [201] * 999
    assert [job["status"] for job in rest] == [201, 503, 503]
    assert {job["error"]["code"] for job in rest[1:]} == {"backlog_full"}
    eventually(lambda: scenario.node.store.xlen("cameron:queue:scripted") == 0, "all to end", 120.0, every_s=0.1)


@pytest.mark.parametrize(
    ("batch", "query", "status", "code"),
    [
        (b"[]", "", 400, "batch_empty"),
        (b"[" + b",".join([b'{"key": "k"}'] * (MOST + 1)) + b"]", "", 400, "batch_too_large"),
        (b'[{"key": "k"},', "", 400, "body_not_json"),
        (b"[" * 100_000, "", 400, "body_not_json"),
        (b'[{"key": "k"}]', "?wait=1", 400, "wait_invalid"),
        (b'[{"key": "' + b"k" * (1 << 20) + b'"}]', "", 413, "body_too_large"),
    ],
)
def test_a_batch_that_cannot_be_taken_is_refused_as_a_whole(node: Node, batch: bytes, query: str, status: int, code: str) -> None:
    queued = node.store.xlen("cameron:queue:single")
    assert assert_json_error(post(node, batch, "single", query), status)["code"] == code
    assert node.store.xlen("cameron:queue:single") == queued


def test_a_batch_of_an_unknown_process_is_a_404_with_its_payload(node: Node) -> None:
    answer = post(node, b'[{"key":"k"}]', "unknown")
    assert (answer.status_code, answer.json()) == (404, {"payload": '[{"key":"k"}]'})


def test_the_python_client_starts_many_at_once(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    with Client(scenario.node.url) as client:
        fine, refused = client.start_all("scripted", [{"key": scenario.key, "data": "é"}, {"data": 1}], scenario.key)
        assert isinstance(fine, StartedJob)
        assert isinstance(refused, RequestFailed)
        assert (refused.status, refused.code, fine.existing) == (400, "key_missing", False)
        job = scenario.node.at(fine.location).done()
        assert (job.key, job.field("job.data")) == (scenario.key, "é")
        again, _ = client.start_all("scripted", [{"key": scenario.key, "data": "é"}, {"data": 1}], scenario.key)
        assert again == StartedJob(fine.location, fine.payload, existing=True)
