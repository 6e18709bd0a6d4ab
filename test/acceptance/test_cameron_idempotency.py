"""One job for many starts: the header Idempotency-Key, and processes whose keys are unique; also when all come at once."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from .support.answer import reply
from .support.node import Node
from .support.refusal import assert_json_error
from .support.scenario import Scenario

CLIENTS = 20
OPTIONS = {"single": "{unique, key}", "other": "{max_jobs, 100}"}


def at_once(node: Node, process: str, payload: dict[str, Any], **headers: str) -> list[requests.Response]:
    """The same start from many clients at the same moment."""
    gate = threading.Barrier(CLIENTS)

    def post(_: int) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            gate.wait(30)
            return session.post(f"{node.url}/api/process/{process}/start", json=payload, headers=headers, timeout=30)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(post, range(CLIENTS)))


def test_of_all_starts_with_an_idempotency_key_one_starts_a_job_however_many_come_at_once(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    payload = {"key": scenario.key, "data": "d", "requestor": "r"}
    answers = at_once(scenario.node, "scripted", payload, **{"Idempotency-Key": scenario.key})
    assert sorted(answer.status_code for answer in answers) == [200] * (CLIENTS - 1) + [201]
    (location,) = {answer.headers["Location"] for answer in answers}
    assert [json.loads(answer.json()["payload"]) for answer in answers] == [payload] * CLIENTS
    scenario.node.at(location).done()
    assert len(scenario.calls()) == 1
    assert len(list(scenario.node.store.scan_iter(f"cameron:process:*:key:{scenario.key}:job:*"))) == 1


def start(node: Node, process: str, key: str, idempotency_key: str | None = None, data: Any = "d") -> requests.Response:
    headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
    return requests.post(f"{node.url}/api/process/{process}/start", json={"key": key, "data": data}, headers=headers, timeout=30)


def test_an_idempotency_key_is_remembered_when_its_job_has_ended(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    first = start(scenario.node, "scripted", scenario.key, scenario.key)
    scenario.node.at(first.headers["Location"]).done()
    again = start(scenario.node, "scripted", scenario.key, scenario.key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Location"] == first.headers["Location"]
    assert len(scenario.calls()) == 1


def test_an_idempotency_key_with_another_body_is_a_422(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    assert start(scenario.node, "scripted", scenario.key, scenario.key).status_code == 201
    for other in (
        start(scenario.node, "scripted", scenario.key, scenario.key, data="other"),
        start(scenario.node, "scripted", f"{scenario.key}-2", scenario.key),
    ):
        assert assert_json_error(other, 422)["code"] == "idempotency_key_reused"


def test_idempotency_keys_of_different_processes_do_not_meet(scenario: Scenario) -> None:
    scenario.on("start", reply(1))
    assert [start(scenario.node, name, scenario.key, scenario.key).status_code for name in ("scripted", "other")] == [201, 201]


def test_an_idempotency_key_that_is_none_is_a_400(scenario: Scenario) -> None:
    assert assert_json_error(start(scenario.node, "scripted", scenario.key, "x" * 256), 400)["code"] == "idempotency_key_invalid"
    assert scenario.calls() == []


def test_a_unique_key_has_one_unfinished_job_however_many_starts_come_at_once(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    answers = at_once(scenario.node, "single", {"key": scenario.key, "data": "d"})
    assert sorted(answer.status_code for answer in answers) == [200] * (CLIENTS - 1) + [201]
    (location,) = {answer.headers["Location"] for answer in answers}
    gate.open()
    scenario.node.at(location).done()
    afterwards = start(scenario.node, "single", scenario.key)
    assert afterwards.status_code == 201
    assert afterwards.headers["Location"] != location
    scenario.node.at(afterwards.headers["Location"]).done()
    assert len(scenario.calls()) == 2


def test_a_key_that_is_free_again_by_a_cancellation_can_be_started(scenario: Scenario) -> None:
    scenario.on("start", reply(1).held(scenario.gate()))
    first = scenario.start(process="single")
    scenario.arrived(1)
    assert first.verb("cancel").status_code in (200, 202)
    first.ended()
    scenario.on("start", reply(1))
    assert start(scenario.node, "single", scenario.key).status_code == 201
