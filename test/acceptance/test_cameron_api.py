"""The web API of the main system: routes, bodies, headers, and what is refused."""

import re
from typing import Any

import pytest

from .support.answer import reply
from .support.foo import DOCUMENT
from .support.node import Node
from .support.refusal import assert_json_error
from .support.scenario import Scenario
from .support.service import Service

RAW = '{"key":"(id,007)", "data":"be careful with that data", "requestor":"bob_the_thin"}'
UUID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(autouse=True)
def start_activity(service: Service) -> None:
    """Every job here has one task, which answers at once."""
    service.on("start", reply({"fine": True}, name="first"))


def test_get_api_tells_the_name_of_the_system(node: Node) -> None:
    answer = node.get("/api")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.lower().startswith("cameron")


def test_get_status_says_ok(node: Node) -> None:
    answer = node.get("/status")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_an_accepted_start_is_201_with_the_payload_and_the_location(node: Node) -> None:
    answer = node.post("/api/process/scripted/start", RAW)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"payload": RAW}
    pattern = re.escape(f"{node.url}/api/process/scripted/key/(id,007)/job/") + "[0-9a-f]{32}"
    assert re.fullmatch(pattern, answer.headers["Location"]), answer.headers["Location"]


def test_the_payload_comes_back_as_it_was_sent_spaces_and_all(node: Node) -> None:
    body = '{ "data" : [1,  2.50, "é\\u00e9\\n"],\n"key":"spaces" }'
    assert node.post("/api/process/scripted/start", body).json() == {"payload": body}


def test_the_location_names_the_host_as_the_client_addressed_it(node: Node) -> None:
    answer = node.post("/api/process/scripted/start", RAW, headers={"Host": "cameron.example:4711"})
    assert answer.headers["Location"].startswith("http://cameron.example:4711/api/process/scripted/key/(id,007)/job/")


def test_the_content_type_of_curl_is_accepted(node: Node) -> None:
    answer = node.post("/api/process/scripted/start", RAW, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 201


def test_an_encoded_process_name_is_decoded_once(node: Node) -> None:
    assert node.post("/api/process/%73cripted/start", RAW).status_code == 201
    assert node.post("/api/process/%2573cripted/start", RAW).status_code == 404


VALUES = ["text", "", '{"looks":"like json"}', 7, 2.5, True, None, [], [1, {"a": []}], {}, {"é": "ü", "n": {"m": None}}]


@pytest.mark.parametrize("data", VALUES)
def test_data_may_be_any_json_value_and_reaches_the_activity_as_it_was(scenario: Scenario, data: Any) -> None:
    scenario.run(data=data).done()
    (call,) = scenario.calls()
    assert call.json["data"] == data
    assert type(call.json["data"]) is type(data)


def test_missing_data_is_null_and_missing_requestor_is_empty(scenario: Scenario) -> None:
    job = scenario.node.job("scripted", {"key": scenario.key}).done()
    (call,) = scenario.calls()
    assert call.json == {"key": scenario.key, "data": None, "requestor": ""}
    assert job.view()["requestor"] == ""


def test_every_start_is_a_job_of_its_own(scenario: Scenario) -> None:
    first, second = scenario.run(), scenario.run()
    assert first.uuid != second.uuid
    assert first.status == second.status == "done"


def test_get_shows_a_job_in_the_documented_shape_and_order(scenario: Scenario) -> None:
    job = scenario.run(requestor="bob_the_thin")
    view = job.view()
    assert list(view)[:6] == ["process", "uuid", "key", "requestor", "status", "tasks"]
    assert view["process"] == "scripted"
    assert view["uuid"] == job.uuid
    assert view["key"] == scenario.key
    assert view["requestor"] == "bob_the_thin"
    assert view["status"] == {"current": "done", "time": job.field("job.status.done.time")}
    (task,) = view["tasks"]
    assert list(task)[:3] == ["name", "status", "data"]
    assert task["name"] == "start"
    assert task["status"] == {"current": "done", "time": job.field("task.start.status.done.time")}
    assert task["data"] == {"fine": True}


def test_get_shows_a_running_task_without_data(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("x").held(gate))
    job = scenario.start()
    scenario.arrived(1)
    view = job.view()
    gate.open()
    assert view["status"]["current"] == "running"
    (task,) = view["tasks"]
    assert task["status"]["current"] == "running"
    assert task["data"] is None
    job.done()


NOWHERE = "0" * 32


@pytest.mark.parametrize(
    "path",
    [
        f"/api/process/scripted/key/nobody/job/{NOWHERE}",
        f"/api/process/unknown/key/nobody/job/{NOWHERE}",
        "/api/process/scripted/key/nobody/job/not-a-uuid",
        f"/api/process/scripted/key/nobody/job/{'F' * 32}",
        f"/api/process/scripted/key/*/job/{NOWHERE}",
        "/",
        "/nowhere",
        "/api/process",
        "/api/process/scripted",
        "/api/process/scripted/start/more",
        "/api/process/scripted/key",
    ],
)
def test_what_does_not_exist_is_404_with_a_json_error(node: Node, path: str) -> None:
    assert_json_error(node.get(path), 404)


def test_a_job_is_found_only_under_its_own_process_and_key(scenario: Scenario) -> None:
    job = scenario.run()
    assert_json_error(scenario.node.get(f"/api/process/scripted/key/another/job/{job.uuid}"), 404)
    assert_json_error(scenario.node.get(f"/api/process/Scripted/key/{job.key}/job/{job.uuid}"), 404)
    assert_json_error(scenario.node.get(f"/api/process/scripted/key/{job.key.upper()}/job/{job.uuid}"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/process/scripted/start"),
        ("PUT", "/api/process/scripted/start"),
        ("DELETE", "/api/process/scripted/start"),
        ("POST", "/api"),
        ("POST", "/status"),
        ("POST", f"/api/process/scripted/key/nobody/job/{NOWHERE}"),
    ],
)
def test_a_wrong_method_is_405_with_a_json_error_and_the_allowed_ones(node: Node, method: str, path: str) -> None:
    answer = node.http.request(method, node.url + path, timeout=30)
    assert_json_error(answer, 405)
    assert answer.headers["Allow"]


@pytest.mark.parametrize("name", ["unknown", "Scripted", "SCRIPTED", "scripted%20", "%2e%2e", "fo%C3%B6", "a" * 65])
def test_an_unknown_process_is_404_with_the_payload_and_leaves_no_key(node: Node, name: str) -> None:
    before = set(node.store.scan_iter("cameron:process:*"))
    answer = node.post(f"/api/process/{name}/start", RAW)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"payload": RAW}
    assert set(node.store.scan_iter("cameron:process:*")) == before


def test_the_payload_of_the_document_is_stored_as_the_document_shows(node: Node) -> None:
    job = node.job("scripted", DOCUMENT)
    assert UUID.fullmatch(job.uuid)
    assert job.hash_key == f"cameron:process:scripted:key:(id,007):job:{job.uuid}"
    stored = job.done().hash()
    assert stored["job.key"] == "(id,007)"
    assert stored["job.data"] == "be careful with that data"
    assert stored["job.requestor"] == "bob_the_thin"
    for status in ("scheduled", "running", "done"):
        assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", stored[f"job.status.{status}.time"])
