"""Mender's workflows as their document has them: definitions, routes, statuses, templates, retries; on a real node."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
import requests

from .support import mender
from .support.answer import document, http
from .support.mender import flow, start, task
from .support.node import Node
from .support.program import PROJECT
from .support.redis_server import RedisServer
from .support.service import Call, Service
from .support.waiting import eventually

DECOMMISSION = (PROJECT / "priv" / "definitions" / "mender" / "decommission_device.json").read_text(encoding="utf-8")
MOCK = "v2/5de377e13000006800e9c9c2?mocky-delay=2000ms"
VERSION_10 = "name: versions\nversion: 10\ninputParameters: [at]\ntasks:\n"
INPUTS = {"device_id": "d1", "request_id": "r1", "authorization": "Bearer s3cret"}

SECRET = "the/secret-of-all 1"

METHODS = ("GET", "PUT", "PATCH", "DELETE", "HEAD", "POST")
NO_BODY = ("GET", "HEAD")


def definitions(service: Service, recorded: str) -> dict[str, Any]:
    """All of this module's; a workflow that has an input `at` calls what a test scripts there; `recorded` is the recorder's URL."""
    at = service.url("${workflow.input.at}")
    by = {method: {"method": method} | ({} if method in NO_BODY else {"body": {"a": 1}}) for method in METHODS}
    by_method = [flow(f"by_{method}", task("call", recorded, **http)) for method, http in by.items()]
    return {
        **{name: definition for each in by_method for name, definition in each.items()},
        "decommission_device.json": DECOMMISSION.replace("http://www.mocky.io", service.url("")[:-1]),
        **flow("plain", task("call", at), inputs=("at",)),
        **flow("patient", task("call", at, more={"retries": 2, "retryDelaySeconds": 0}), inputs=("at",)),
        **flow("slowly_again", task("call", at, more={"retries": 1, "retryDelaySeconds": 1.5}), inputs=("at",)),
        **flow("impatient", task("call", at, readTimeOut=300, connectionTimeOut=200), inputs=("at",)),
        **flow("picky", task("call", at, statusCodes=[204, 404]), inputs=("at",)),
        **flow("optional", task("call", at, more={"requires": ["${workflow.input.why}"]}), task("last", at), inputs=("at", "why")),
        **flow(
            "chain",
            task("find", f"{at}/find", method="GET"),
            task(
                "tell",
                f"{at}/tell/${{encoding=url;find.json.name}}",
                method="PUT",
                headers={"X-Status": "${find.status}"},
                body={
                    "key": "chain",
                    "number": "${find.json.list[1]}",
                    "whole": "${find.json}",
                    "none": "${find.json.none}",
                    "text": "no. ${find.json.list[1]}",
                    "else": "${find.json.nothing|a default}",
                },
            ),
            inputs=("at",),
        ),
        **flow("lost", task("find", at), task("tell", f"{at}/${{find.json.who.name}}"), task("last", at), inputs=("at",)),
        **flow("of_the_node", task("call", at, payload={"allowed": "${env.COLOUR}", "not": "${env.HOME|no}"}), inputs=("at",)),
        **flow("of_the_house", task("call", at, payload="${env.HOME}"), inputs=("at",)),
        **flow("told_apart", task("call", at, payload='{"a": "${workflow.input.a}", "b": "${workflow.input.b}"}'), inputs=("at", "a", "b")),
        **flow("waits", {"name": "ask", "type": "wait", "wait": {"uri": at}}, task("tell", at, payload="${ask.json}"), inputs=("at",)),
        **flow("rests", {"name": "rest", "type": "delay", "delay": {"delaySeconds": 0.2}}, task("call", at), inputs=("at",)),
        **flow("versions", task("old", at), inputs=("at",), version=2),
        "versions-10.yaml": VERSION_10 + f"- {{name: new, type: http, http: {{uri: '{at}'}}}}\n",
        "versions-9.yml": "name: versions\nversion: 9\ntasks:\n- {name: middle, type: http, http: {uri: 'http://localhost:1/'}}\n",
        "broken.json": '{"name": "broken", "tasks": [',
        **flow("lacking", task("call", "http://localhost:1/${workflow.input.nobody}")),
        **flow("elsewhere", task("call", service.url("")[:-1] + "${workflow.input.at}"), inputs=("at",)),
        **flow("raw", task("call", at, payload='{"n": "${workflow.input.at}"}\n{"n": 2}'), inputs=("at",)),
        **flow("repeats", task("call", at, payload="[" + ", ".join(["${workflow.input.large}"] * 1500) + "]"), inputs=("at", "large")),
        **flow(
            "secretive",
            task("call", f"{at}?t=${{env.SECRET}}", headers={"X-Pass": "Bearer ${env.SECRET}"}, payload={"t": "${env.SECRET}"}),
            inputs=("at",),
        ),
    }


class Recorder:
    """A server that answers all methods, and remembers them, which the scriptable service does not."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.content_types: list[str | None] = []
        requests, content_types = self.requests, self.content_types

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                requests.append((self.command, self.path, body))
                content_types.append(self.headers.get("Content-Type"))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/here"


@pytest.fixture(scope="module")
def recording() -> Iterator[Recorder]:
    running = Recorder()
    thread = Thread(target=running.server.serve_forever, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join(10)


@pytest.fixture
def recorder(recording: Recorder) -> Recorder:
    """It has nothing to remember yet."""
    recording.requests.clear()
    recording.content_types.clear()
    return recording


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service, recording: Recorder) -> Iterator[Node]:
    with redis.client() as client:
        client.flushall()
    folder: Path = tmp_path_factory.mktemp("definitions")
    mender.write(folder, definitions(service, recording.url))
    (folder / "tickets").mkdir()
    (folder / "tickets" / "ticket.json").write_text(json.dumps({"name": "ticket", "start_point_url": service.url("start")}))
    settings = {"CAMERON_DEFINITIONS_DIR": str(folder), "CAMERON_TEMPLATES_ENV": "COLOUR,NOT_SET,SECRET", "COLOUR": "red", "SECRET": SECRET}
    running = Node(tmp_path_factory.mktemp("node"), redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def at(request: pytest.FixtureRequest) -> str:
    """A place at the service of the test's own."""
    return "mender/" + re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name)


def calls(service: Service, place: str) -> list[Call]:
    """What arrived there, in order."""
    return sorted((call for call in service.all_calls() if call.activity.startswith(place)), key=lambda call: call.arrived)


# the document


def test_the_documents_definition_is_run_as_it_is(node: Node, service: Service) -> None:
    service.on(MOCK, document({"gone": True}))
    workflow = start(node, "decommission_device", **INPUTS)
    assert workflow.answer == {"id": workflow.id, "name": "decommission_device"}
    assert workflow.location == f"{node.url}/api/workflow/decommission_device/{workflow.id}"
    [result] = workflow.done()
    assert workflow.view() == {
        "id": workflow.id,
        "workflowName": "decommission_device",
        "version": 4,
        "inputParameters": [{"name": name, "value": value} for name, value in INPUTS.items()],
        "status": "done",
        "results": [result],
    }
    assert {name: result[name] for name in ("name", "type", "success", "skipped", "attempts")} == {
        "name": "delete_device_inventory",
        "type": "http",
        "success": True,
        "skipped": False,
        "attempts": 1,
    }
    assert result["response"] == {"statusCode": 200, "body": '{"gone": true}'}
    [call] = calls(service, MOCK)
    assert call.body == b'{"device_id": "d1"}'
    assert (call.headers["x-men-requestid"], call.headers["authorization"]) == ("r1", "Bearer s3cret")
    assert call.headers["content-type"] == "application/json"


def test_the_request_of_a_result_shows_no_authorization(node: Node, service: Service) -> None:
    service.on(MOCK, document({}))
    [result] = start(node, "decommission_device", **INPUTS).done()
    assert result["request"] == {
        "uri": service.url(MOCK),
        "method": "PUT",
        "headers": {"Content-Type": "application/json", "X-MEN-RequestID": "r1", "Authorization": "***"},
        "payload": '{"device_id": "d1"}',
    }


def test_an_input_cannot_break_out_of_its_string(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    inputs = {"a": '"}, {"b": "\\', "b": "line\nä\u0001"}
    start(node, "told_apart", at=at, **inputs).done()
    [call] = calls(service, at)
    assert call.json == inputs


def test_the_status_goes_from_processing_to_done(node: Node, service: Service, at: str) -> None:
    gate = service.gate()
    service.on(at, http(200, b"ok").held(gate))
    workflow = start(node, "plain", at=at).reached("processing")
    assert workflow.view()["results"] == []
    gate.open()
    workflow.done()


def test_no_get_that_follows_a_post_is_a_404(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    seen = [start(node, "plain", at=at).view()["status"] for _ in range(100)]
    assert set(seen) <= {"pending", "processing", "done"}


def test_a_client_may_wait_for_the_end(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b"ok"))
    answer = start(node, "plain", "?wait=30", at=at).answer
    assert (answer["name"], answer["status"], answer["results"][0]["response"]) == ("plain", "done", {"statusCode": 200, "body": "ok"})


# refusals


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("nope", "{}", 404, "Workflow not found: nope"),
        ("broken", "{}", 404, "Workflow not found: broken"),
        ("lacking", "{}", 404, "Workflow not found: lacking"),
        ("elsewhere", '{"at": "@127.0.0.1:1/x"}', 404, "Workflow not found: elsewhere"),
        ("told_apart", '{"a": 1}', 400, "Missing input parameters: at, b"),
        ("plain", '{"at": null}', 400, "Missing input parameters: at"),
    ],
)
def test_a_refusal_is_worded_as_documented(node: Node, path: str, body: str, status: int, error: str) -> None:
    answer = node.post(f"/api/workflow/{path}", body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize("path", ["scripted", "workflow:ticket", "ticket"])
def test_a_process_of_another_dialect_is_no_workflow(node: Node, service: Service, path: str) -> None:
    answer = node.post(f"/api/workflow/{path}?wait=3", '{"key": "of another dialect"}')
    assert (answer.status_code, answer.json()) == (404, {"error": f"Workflow not found: {path}"})
    assert service.calls("of another dialect") == []


def test_the_main_route_starts_a_workflow_as_well(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b"ok"))
    answer = node.post("/api/process/plain/start?wait=30", json.dumps({"at": at}))
    assert (answer.status_code, answer.json()["job"]["status"]) == (201, "done")


def test_the_same_idempotency_key_is_the_same_job_and_a_200(node: Node, service: Service, at: str) -> None:
    headers = {"Idempotency-Key": at}
    first, second = (node.post("/api/workflow/plain", json.dumps({"at": at}), headers=headers) for _ in range(2))
    other = node.post("/api/workflow/plain", json.dumps({"at": at, "more": 1}), headers=headers)
    assert [answer.status_code for answer in (first, second, other)] == [201, 200, 422]
    assert first.json() == second.json()
    assert isinstance(other.json()["error"], str)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"at": NaN}'])
def test_what_cannot_be_read_is_refused(node: Node, body: bytes) -> None:
    answer = node.post("/api/workflow/plain", body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("path", ["plain/00000000000000000000000000000000", "nope/00000000000000000000000000000000", "plain/x"])
def test_a_job_that_is_not_there_is_a_404(node: Node, path: str) -> None:
    answer = node.get(f"/api/workflow/{path}")
    assert answer.status_code == 404
    assert isinstance(answer.json()["error"], str)


def test_a_definition_that_cannot_be_used_is_told_and_takes_no_other_down(node: Node) -> None:
    told = node.output()
    assert "broken.json:1:" in told
    assert "lacking.json: $.tasks[0].http.uri: ${workflow.input.nobody} is not declared" in told
    assert "elsewhere.json: $.tasks[0].http.uri: ${workflow.input.at} would choose the host" in told
    assert "raw.json: $.tasks[0].http.payload: its content type is JSON, and the text is none" in told


# definitions


def test_the_highest_version_of_a_name_is_run(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    workflow = start(node, "versions", at=at)
    assert [result["name"] for result in workflow.done()] == ["new"]
    assert workflow.view()["version"] == 10


# retries


def test_a_task_is_tried_again_as_often_as_it_says(node: Node, service: Service, at: str) -> None:
    service.on(at, http(500, b"no"), http(404, b"no"), http(200, b"yes"))
    [result] = start(node, "patient", at=at).done()
    assert (result["attempts"], result["response"]["body"]) == (3, "yes")
    assert len({call.headers["idempotency-key"] for call in calls(service, at)}) == 1


def test_a_task_that_fails_for_good_fails_its_job(node: Node, service: Service, at: str) -> None:
    service.on(at, http(500, b"broken"))
    [result] = start(node, "patient", at=at).failed()
    assert (result["success"], result["attempts"]) == (False, 3)
    assert result["error"] == f"{service.url(at)} replied 500: broken (3 attempts)"
    assert len(calls(service, at)) == 3


def test_the_delay_between_attempts_is_as_long_as_it_says(node: Node, service: Service, at: str) -> None:
    service.on(at, http(500, b"no"), http(200, b"yes"))
    start(node, "slowly_again", at=at).done()
    first, again = calls(service, at)
    assert first.replied is not None
    assert again.arrived - first.replied >= 1.45


def test_a_failure_is_not_repeated_where_nothing_says_so(node: Node, service: Service, at: str) -> None:
    service.on(at, http(500, b"no"))
    [result] = start(node, "plain", at=at).failed()
    assert (result["attempts"], len(calls(service, at))) == (1, 1)


def test_a_reply_that_does_not_come_in_time_is_a_failure(node: Node, service: Service, at: str) -> None:
    gate = service.gate()
    service.on(at, http(200, b"late").held(gate))
    [result] = start(node, "impatient", at=at).failed()
    gate.open()
    assert "timeout" in result["error"].lower() or "timed out" in result["error"].lower()


@pytest.mark.parametrize(("status", "ends"), [(200, "failed"), (204, "done"), (404, "done"), (500, "failed")])
def test_status_codes_say_what_a_success_is(node: Node, service: Service, at: str, status: int, ends: str) -> None:
    service.on(at, http(status, b"" if status == 204 else b"body"))
    assert start(node, "picky", at=at).ended()["status"] == ends


@pytest.mark.parametrize("method", METHODS)
def test_the_method_is_the_one_that_is_given(node: Node, recorder: Recorder, method: str) -> None:
    [result] = start(node, f"by_{method}").done()
    assert recorder.requests == [(method, "/here", b"" if method in NO_BODY else b'{"a":1}')]
    assert result["request"]["method"] == method
    assert recorder.content_types == ([None] if method in NO_BODY else ["application/json"])


# templates


def test_a_task_that_lacks_what_it_requires_is_skipped(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    first, last = start(node, "optional", at=at, why="").done()
    assert first == {
        "name": "call",
        "type": "http",
        "success": True,
        "skipped": True,
        "attempts": 0,
        "request": None,
        "response": None,
    }
    assert (last["name"], last["skipped"]) == ("last", False)
    assert len(calls(service, at)) == 1


def test_a_task_that_has_what_it_requires_is_called(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    assert [result["skipped"] for result in start(node, "optional", at=at, why="because").done()] == [False, False]


def test_what_a_task_replied_goes_to_the_next_with_its_type(node: Node, service: Service, at: str) -> None:
    found = {"name": "a/b ä", "list": ["x", 2.5], "none": None}
    service.on(f"{at}/find", document(found))
    service.on(f"{at}/tell/a%2Fb%20%C3%A4", http(200, b"thanks"))
    find, tell = start(node, "chain", at=at).done()
    assert (find["request"]["method"], tell["request"]["method"]) == ("GET", "PUT")
    call = calls(service, f"{at}/tell")[0]
    assert call.json == {"key": "chain", "number": 2.5, "whole": found, "none": None, "text": "no. 2.5", "else": "a default"}
    assert call.headers["x-status"] == "200"


def test_a_template_that_names_what_is_not_there_fails_its_task(node: Node, service: Service, at: str) -> None:
    service.on(at, document({"who": {"id": 1}}))
    find, tell = start(node, "lost", at=at).failed()
    assert (find["success"], tell["success"], tell["name"]) == (True, False, "tell")
    assert "${find.json.who.name}" in tell["error"]
    assert "'who.name'; it has: who.id" in tell["error"]
    assert len(calls(service, at)) == 1


def test_templates_see_what_is_allowed_of_the_environment(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    start(node, "of_the_node", at=at).done()
    [call] = calls(service, at)
    assert call.json == {"allowed": "red", "not": "no"}


def test_templates_see_nothing_else_of_the_environment(node: Node, service: Service, at: str) -> None:
    [result] = start(node, "of_the_house", at=at).failed()
    assert "env under [templates]" in result["error"]
    assert calls(service, at) == []


def test_secrets_of_the_environment_are_sent_where_a_template_has_them_and_shown_to_nobody(node: Node, service: Service, at: str) -> None:
    service.on(f"{at}?t={quote(SECRET, safe='/')}", http(401, f"not with {SECRET}".encode()))
    workflow = start(node, "secretive", at=at)
    [result] = workflow.failed()
    [call] = calls(service, at)
    assert (call.headers["x-pass"], call.json) == (f"Bearer {SECRET}", {"t": SECRET})
    assert result["request"]["uri"] == service.url(f"{at}?t=***")
    assert result["request"]["headers"]["X-Pass"] == "Bearer ***"
    assert result["request"]["payload"] == '{"t":"***"}'
    assert result["error"].startswith(f"{service.url(f'{at}?t=***')} replied 401: not with ***")
    explained = requests.get(f"{workflow.location}/explain", timeout=30).text
    assert "secret-of-all" not in json.dumps(workflow.ended()) + explained + node.output()


def test_a_large_input_that_is_named_often_fails_its_task_and_nothing_is_sent(node: Node, service: Service, at: str) -> None:
    [result] = start(node, "repeats", at=at, large="v" * 900_000).failed()
    assert result["error"].endswith("with all names filled in, it has more than 16777216 characters")
    assert calls(service, at) == []


# other kinds of tasks


def test_a_wait_goes_on_with_what_is_called_back(node: Node, service: Service, at: str) -> None:
    service.on(at, http(202, b"working on it"), http(200, b""))
    workflow = start(node, "waits", at=at)
    eventually(lambda: calls(service, at), "the call")
    [asked] = calls(service, at)
    answer = requests.post(asked.headers["x-cameron-callback"], json={"approved": True}, timeout=30)
    assert answer.status_code < 300, answer.text
    ask, _ = workflow.done()
    assert json.loads(ask["response"]["body"]) == {"approved": True}
    assert calls(service, at)[1].json == {"approved": True}


def test_a_delay_lets_time_pass(node: Node, service: Service, at: str) -> None:
    service.on(at, http(200, b""))
    rest, call = start(node, "rests", at=at).done()
    assert (rest["type"], rest["response"], call["success"]) == ("delay", None, True)


# what operators do


def test_a_failed_job_is_retried_from_the_task_that_failed(node: Node, service: Service, at: str) -> None:
    service.on(f"{at}/find", document({"name": "n", "list": [0, 1], "none": None}))
    service.on(f"{at}/tell/n", http(500, b"down"), http(200, b"up"))
    workflow = start(node, "chain", at=at)
    workflow.failed()
    answer = workflow.verb("retry")
    assert answer.status_code < 300, answer.text
    assert [result["success"] for result in workflow.done()] == [True, True]
    assert [call.activity for call in calls(service, at)] == [f"{at}/find", f"{at}/tell/n", f"{at}/tell/n"]


def test_what_was_skipped_stays_skipped_when_a_job_is_retried(node: Node, service: Service, at: str) -> None:
    service.on(at, http(500, b"down"), http(200, b"up"))
    workflow = start(node, "optional", at=at, why="")
    workflow.failed()
    workflow.verb("retry")
    assert [result["skipped"] for result in workflow.done()] == [True, False]
    assert len(calls(service, at)) == 2


def test_a_cancelled_job_has_failed(node: Node, service: Service, at: str) -> None:
    gate = service.gate()
    service.on(at, http(200, b"").held(gate))
    workflow = start(node, "plain", at=at).reached("processing")
    assert workflow.verb("cancel").status_code < 300
    [result] = workflow.failed()
    gate.open()
    assert "cancelled" in result["error"]
