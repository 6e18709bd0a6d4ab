"""machinery over HTTP, as its users drive it: services and workflows registered, events sent, outputs fetched."""

import itertools
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from .support.answer import document, http
from .support.node import Node
from .support.port import free_port
from .support.program import PROJECT, Program
from .support.redis_server import RedisServer
from .support.service import Call, Service
from .support.waiting import eventually

EXAMPLES = PROJECT / "examples" / "definitions"
SERVICES = ["upper", "reverse", "space-counter"]
SENTENCE = "The Sun will rise in the morning !"
OUTPUTS = {"message": "! GNINROM EHT NI ESIR LLIW NUS EHT", "space_count": 7}
ENDED = {"done", "error", "cancelled"}
ID = re.compile(r"[0-9a-f]{32}")
NUMBERS = itertools.count(1)
LEASE = {"CAMERON_NODE_LEASE_S": "3"}  # how long a killed node's events wait for the next node
SETTINGS = {**LEASE, "CAMERON_COMMANDS_ALLOWED_BINARIES": "cat"}


class TextServices(Program):
    """`test/text_services/bin/run` on a port of its own (the documented one is 9393)."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [str(PROJECT / "test" / "text_services" / "bin" / "run")]
        settings = {"TEXT_SERVICES_PORT": str(self.port), "PATH": f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"}
        super().__init__("text_services", folder, command, settings)

    def start(self) -> None:
        """Start them and wait until they take connections."""
        self.launch()
        eventually(self._listens, "the text services to listen", every_s=0.05)

    def _listens(self) -> bool:
        assert self.running, f"the text services ended with {self.exited}:\n{self.output()}"
        try:
            socket.create_connection(("localhost", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def example(self, name: str) -> dict[str, Any]:
        """A document of the example, with the port that the services have here."""
        return dict(json.loads((EXAMPLES / f"{name}.json").read_text().replace(":9393/", f":{self.port}/")))


@pytest.fixture(scope="module")
def text_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextServices]:
    """The three sample services."""
    running = TextServices(tmp_path_factory.mktemp("text_services"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def process_text(node: Node, text_services: TextServices) -> str:
    """The id of the example's workflow, registered with its services."""
    for name in SERVICES:
        register(node, "s", text_services.example(f"service-{name}"))
    return register(node, "w", text_services.example("workflow-process-text"))


def register(node: Node, where: str, said: Any) -> str:
    """The id of a service (`s`) or a workflow (`w`) that may be registered."""
    answer = node.post(f"/{where}", json.dumps(said))
    assert answer.status_code == 201, answer.text
    [(member, id)] = answer.json().items()
    assert member == {"s": "service_id", "w": "workflow_id"}[where]
    assert ID.fullmatch(id)
    return str(id)


def values(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "type": type_name} for name, type_name in types.items()]


def flow(node: Node, url: str, inputs: Any = (), outputs: Any = (), **more: Any) -> str:
    """The id of a new workflow that calls one new service, whose outputs are the workflow's."""
    name = f"flow-{next(NUMBERS)}"
    register(node, "s", {"name": f"service-{name}", "address": url, "inputs": list(inputs), "outputs": list(outputs), **more})
    return register(node, "w", {"name": name, "services": [f"service-{name}"], "inputs": list(inputs), "outputs": list(outputs)})


def send(node: Node, workflow: str, data: Any) -> dict[str, Any]:
    """The answer to an event that is taken."""
    answer = node.post(f"/e/{workflow}", json.dumps({"data": data}))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def seen(sent: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """The event at its location once it has one of these statuses, or has ended."""
    wanted = set(statuses) | ENDED

    def look() -> Any:
        event = requests.get(sent["location"], timeout=30).json()
        return event if event["status"] in wanted else None

    return dict(eventually(look, f"the event to be {wanted}"))


def explained(sent: dict[str, Any], *words: str) -> str:
    """The sentence of the event's explanation once all of the words are in it."""

    def look() -> str:
        sentence = str(requests.get(f"{sent['location']}/explain", timeout=30).json()["sentence"])
        return sentence if all(word in sentence for word in words) else ""

    return eventually(look, f"an explanation with {words}")


# the document's walk-through


def test_the_sentence_comes_back_upper_cased_reversed_and_its_spaces_counted(node: Node, process_text: str) -> None:
    answer = node.post(f"/e/{process_text}", (EXAMPLES / "event-text.json").read_bytes())
    assert answer.status_code == 201
    sent = answer.json()
    assert list(sent) == ["event_id", "ack_date", "status", "location"]
    assert sent["location"] == answer.headers["Location"] == f"{node.url}/e/{process_text}/{sent['event_id']}"
    event = seen(sent)
    assert (event["status"], event["outputs"]) == ("done", OUTPUTS)
    assert (event["event_id"], event["workflow_id"], event["data"]) == (sent["event_id"], process_text, {"message": SENTENCE})
    assert [(service["name"], service["status"]) for service in event["services"]] == [(name, "done") for name in SERVICES]


def test_who_waits_has_the_outputs_at_once(node: Node, process_text: str) -> None:
    answer = node.post(f"/e/{process_text}?wait=5", (EXAMPLES / "event-text.json").read_bytes())
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["outputs"]) == ("done", OUTPUTS)


def test_a_workflow_is_found_by_its_name_as_well(node: Node, process_text: str) -> None:
    sent = send(node, "process-text", {"message": "a b"})
    assert f"/e/{process_text}/" in sent["location"]
    assert seen(sent)["outputs"] == {"message": "B A", "space_count": 1}


def test_the_workflow_is_drawn(node: Node, process_text: str) -> None:
    answer = node.get(f"/w/{process_text}.svg")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    picture = ElementTree.fromstring(answer.text)
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text") if element.get("class") == "name"]
    assert texts == SERVICES
    text = node.get(f"/w/{process_text}.mmd").text
    assert text.startswith("flowchart TD")
    assert all(f'"{name}<br/>' in text for name in SERVICES)
    assert node.get(f"/w/{'0' * 32}.svg").status_code == 404


def test_the_same_idempotency_key_is_the_same_event(node: Node, process_text: str) -> None:
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    body = (EXAMPLES / "event-text.json").read_bytes()
    first, second = (node.post(f"/e/{process_text}", body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["event_id"] == second.json()["event_id"]
    seen(first.json())
    third = node.post(f"/e/{process_text}", body, headers=headers)
    assert (third.status_code, third.json()["status"]) == (200, "done")


@pytest.mark.parametrize("path", ["scripted", "workflow:scripted"])
def test_a_process_of_another_dialect_is_no_workflow(node: Node, service: Service, path: str) -> None:
    answer = node.post(f"/e/{path}?wait=3", '{"key": "of another dialect", "data": {}}')
    assert (answer.status_code, list(answer.json())) == (404, ["message"])
    assert service.calls("of another dialect") == []


@pytest.mark.parametrize(
    ("query", "body", "headers", "status"),
    [
        ("?wait=-1", b"{}", {}, 400),
        ("", b"{}", {"Idempotency-Key": "k" * 256}, 400),
        ("", b" " * ((1 << 20) + 1), {}, 413),
    ],
)
def test_an_event_that_is_refused_is_told_in_machinerys_words(
    node: Node, process_text: str, query: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = node.post(f"/e/{process_text}{query}", body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["message"])


def test_an_idempotency_key_of_another_event_is_told_in_machinerys_words(node: Node, process_text: str) -> None:
    headers = {"Idempotency-Key": "twice"}
    first, second = (node.post(f"/e/{process_text}", json.dumps({"data": {"message": text}}), headers=headers) for text in "ab")
    assert (first.status_code, second.status_code, list(second.json())) == (201, 422, ["message"])


def test_the_commands_of_the_page_do_what_it_says(node: Node, text_services: TextServices, tmp_path: Path) -> None:
    for file in EXAMPLES.iterdir():
        copy = tmp_path / "examples" / "definitions" / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(text_services.example(file.stem)))
    page = (PROJECT / "docs" / "machinery.md").read_text().replace("http://localhost:8080", node.url)
    commands = [line.replace("curl ", "curl -sS ") for line in page.splitlines() if line.startswith("curl ")]
    printed = [
        subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
        for command in commands
    ]
    *services, workflow, event, mermaid = printed
    assert [list(json.loads(service)) for service in services] == [["service_id"]] * 3
    assert json.loads(workflow)["workflow_id"] in page
    assert json.loads(event)["outputs"] == OUTPUTS
    assert mermaid.startswith("flowchart TD")


# registration


def test_what_is_registered_is_listed_and_shown_with_its_id(node: Node, process_text: str, text_services: TextServices) -> None:
    upper = register(node, "s", text_services.example("service-upper"))
    assert node.get(f"/s/{upper}").json() == {"service_id": upper, **text_services.example("service-upper")}
    assert {"service_id": upper, **text_services.example("service-upper")} in node.get("/s").json()["services"]
    workflow = {"workflow_id": process_text, **text_services.example("workflow-process-text")}
    assert node.get(f"/w/{process_text}").json() == workflow
    assert workflow in node.get("/w").json()["workflows"]


def test_what_is_registered_is_found_at_its_location_and_by_its_name(node: Node, process_text: str) -> None:
    answer = node.post("/s", json.dumps({"name": "located", "address": "http://a/", "inputs": [], "outputs": []}))
    assert answer.headers["Location"].startswith(f"{node.url}/s/")
    assert requests.get(answer.headers["Location"], timeout=30).json()["name"] == "located"
    assert node.get("/w/process-text").json()["workflow_id"] == process_text


def test_the_same_name_again_updates_and_keeps_its_id(node: Node, service: Service) -> None:
    service.on("update/old", document({"x": 1}))
    service.on("update/new", document({"x": 2}))
    said = {"name": "updated", "address": service.url("update/old"), "inputs": [], "outputs": values(x="int")}
    first = register(node, "s", said)
    workflow = register(node, "w", {"name": "updating", "services": ["updated"], "inputs": [], "outputs": values(x="int")})
    assert seen(send(node, workflow, {}))["outputs"] == {"x": 1}
    assert register(node, "s", {**said, "address": service.url("update/new")}) == first
    assert seen(send(node, workflow, {}))["outputs"] == {"x": 2}


def test_an_event_goes_on_with_the_definition_that_it_started_with(node: Node, service: Service) -> None:
    gate = service.gate()
    service.on("held", document({}).held(gate))
    service.on("then/old", document({"x": 1}))
    service.on("then/new", document({"x": 2}))
    last = {"name": "last", "address": service.url("then/old"), "inputs": [], "outputs": values(x="int")}
    register(node, "s", {"name": "held", "address": service.url("held"), "inputs": [], "outputs": []})
    register(node, "s", last)
    workflow = register(node, "w", {"name": "held-flow", "services": ["held", "last"], "inputs": [], "outputs": values(x="int")})
    sent = send(node, workflow, {"key": "held-flow"})
    service.arrived("held-flow", 1)
    register(node, "s", {**last, "address": service.url("then/new")})
    gate.open()
    assert seen(sent)["outputs"] == {"x": 1}


def test_a_service_that_a_workflow_calls_is_not_deleted_before_the_workflow(node: Node, service: Service) -> None:
    used = register(node, "s", {"name": "used", "address": service.url("used"), "inputs": [], "outputs": []})
    user = register(node, "w", {"name": "user", "services": ["used"], "inputs": [], "outputs": []})
    refused = node.http.delete(f"{node.url}/s/{used}", timeout=30)
    assert refused.status_code == 409
    assert "user" in refused.json()["message"]
    assert node.http.delete(f"{node.url}/w/{user}", timeout=30).status_code == 204
    assert node.http.delete(f"{node.url}/s/{used}", timeout=30).status_code == 204
    assert (node.get(f"/w/{user}").status_code, node.get(f"/s/{used}").status_code) == (404, 404)
    eventually(lambda: node.post(f"/e/{user}", '{"data": {}}').status_code == 404, "the deleted workflow to take no events")


@pytest.mark.parametrize("where", ["s", "w"])
@pytest.mark.parametrize(("body", "status"), [("{", 415), ("", 400)])
def test_a_definition_that_cannot_be_read_is_refused(node: Node, where: str, body: str, status: int) -> None:
    answer = node.post(f"/{where}", body)
    assert (answer.status_code, list(answer.json())) == (status, ["message"])


@pytest.mark.parametrize(("where", "name"), [("s", "service-upper"), ("w", "workflow-process-text")])
def test_a_definition_with_fields_missing_or_wrong_is_told_by_field(
    node: Node, process_text: str, text_services: TextServices, where: str, name: str
) -> None:
    before = node.get(f"/{where}").json()
    for member in ("name", "inputs", "outputs"):
        said = text_services.example(name)
        del said[member]
        answer = node.post(f"/{where}", json.dumps(said))
        assert answer.status_code == 409
        [(field, [message])] = answer.json().items()
        assert (field, message[:10]) == (member, "is missing")
        answer = node.post(f"/{where}", json.dumps({**said, member: 5}))
        assert (answer.status_code, list(answer.json())) == (409, [member])
    assert node.get(f"/{where}").json() == before


def test_a_workflow_of_unknown_services_is_refused(node: Node, text_services: TextServices) -> None:
    answer = node.post("/w", json.dumps({**text_services.example("workflow-process-text"), "services": ["upper", "no-such-service"]}))
    assert (answer.status_code, answer.json()) == (409, {"message": "not all services exist"})


def test_a_name_that_a_process_of_another_dialect_has_is_refused(node: Node, process_text: str, text_services: TextServices) -> None:
    answer = node.post("/w", json.dumps({**text_services.example("workflow-process-text"), "name": "scripted"}))
    assert (answer.status_code, list(answer.json())) == (409, ["message"])
    assert "scripted" in answer.json()["message"]


@pytest.mark.parametrize(("where", "name"), [("s", "service-upper"), ("w", "workflow-process-text")])
def test_a_name_that_could_be_taken_for_an_id_is_refused(
    node: Node, process_text: str, text_services: TextServices, where: str, name: str
) -> None:
    answer = node.post(f"/{where}", json.dumps({**text_services.example(name), "name": process_text}))
    assert (answer.status_code, list(answer.json())) == (409, ["name"])
    assert "is no id (32 hex digits)" in answer.json()["name"][0]


def test_a_workflow_of_too_many_services_is_refused(node: Node, process_text: str, text_services: TextServices) -> None:
    document = {**text_services.example("workflow-process-text"), "services": ["upper"] * 201}
    answer = node.post("/w", json.dumps(document))
    assert (answer.status_code, answer.json()) == (409, {"services": ["must have at most 200 entries, not 201"]})


def test_a_long_chain_of_services_is_run_to_its_end(node: Node, service: Service) -> None:
    service.on("machinery/long-chain", http(200, b'{"n": 1}'))
    register(
        node, "s", {"name": "one", "address": service.url("machinery/long-chain"), "inputs": values(n="int"), "outputs": values(n="int")}
    )
    flow = register(node, "w", {"name": "long-chain", "services": ["one"] * 60, "inputs": values(n="int"), "outputs": values(n="int")})
    assert seen(send(node, flow, {"n": 0}), "done")["outputs"] == {"n": 1}
    sent = [call.json for call in service.all_calls() if call.activity == "machinery/long-chain"]
    assert sent == [{"n": 0}] + [{"n": 1}] * 59


def test_what_is_registered_survives_a_restart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, durable: RedisServer, text_services: TextServices
) -> None:
    node = Node(tmp_path_factory.mktemp("node"), durable.url, {}, LEASE)
    try:
        node.start()
        for name in SERVICES:
            register(node, "s", text_services.example(f"service-{name}"))
        workflow = register(node, "w", text_services.example("workflow-process-text"))
        node.kill()
        node.start()
        assert [listed["name"] for listed in node.get("/s").json()["services"]] == sorted(SERVICES)
        assert seen(send(node, workflow, {"message": SENTENCE}))["outputs"] == OUTPUTS
    finally:
        node.stop()


# events that are refused


def test_an_event_of_an_unknown_workflow_is_404(node: Node) -> None:
    answer = node.post(f"/e/{'0' * 32}", '{"data": {}}')
    assert (answer.status_code, list(answer.json())) == (404, ["message"])


def test_an_unknown_event_is_404(node: Node, process_text: str) -> None:
    answer = node.get(f"/e/{process_text}/{'0' * 32}")
    assert (answer.status_code, list(answer.json())) == (404, ["message"])


@pytest.mark.parametrize(("body", "status"), [("{", 415), ("", 400), ("[]", 400)])
def test_an_event_that_cannot_be_read_is_refused(node: Node, process_text: str, body: str, status: int) -> None:
    answer = node.post(f"/e/{process_text}", body)
    assert (answer.status_code, list(answer.json())) == (status, ["message"])


@pytest.mark.parametrize(
    ("body", "field"), [({}, "data"), ({"data": []}, "data"), ({"data": {}}, "message"), ({"data": {"message": 5}}, "message")]
)
def test_data_that_do_not_match_the_workflows_inputs_are_told_by_field(node: Node, process_text: str, body: Any, field: str) -> None:
    answer = node.post(f"/e/{process_text}", json.dumps(body))
    assert (answer.status_code, list(answer.json())) == (409, [field])
    [message] = answer.json()[field]
    assert "must be" in message


# data on the way


def test_an_output_that_is_missing_or_of_the_wrong_type_is_the_services_error(node: Node, service: Service) -> None:
    for number, (reply, text) in enumerate([({}, "is missing; it must be an int"), ({"x": "1"}, "must be an int, not a string ('1')")]):
        service.on(f"wrong/{number}", document(reply))
        event = seen(send(node, flow(node, service.url(f"wrong/{number}"), outputs=values(x="int")), {}))
        assert event["status"] == "error"
        assert f"its output 'x' {text}" in event["error"]
        assert event["services"][0]["status"] == "error"
        assert "outputs" not in event


def test_who_waits_is_told_the_error(node: Node, service: Service) -> None:
    service.on("broken", http(500, b"broken"))
    answer = node.post(f"/e/{flow(node, service.url('broken'))}?wait=30", '{"data": {}}')
    assert (answer.status_code, answer.json()["status"]) == (201, "error")
    assert "replied 500: broken" in answer.json()["error"]


def test_the_first_service_that_fails_ends_the_event_and_the_others_are_not_called(node: Node, service: Service) -> None:
    service.on("first", http(500, b"no"))
    for name in ("first", "second"):
        register(node, "s", {"name": name, "address": service.url(name), "inputs": [], "outputs": []})
    workflow = register(node, "w", {"name": "two", "services": ["first", "second"], "inputs": [], "outputs": []})
    event = seen(send(node, workflow, {"key": "two"}))
    assert [(one["name"], one["status"]) for one in event["services"]] == [("first", "error"), ("second", "scheduled")]
    assert [call.activity for call in service.calls("two")] == ["first"]


def test_operations_rename_on_the_way(node: Node, process_text: str, text_services: TextServices) -> None:
    workflow = {
        "name": "renaming",
        "services": ["upper", "reverse", "space-counter"],
        "inputs": values(text="string"),
        "outputs": values(text="string", loud="string", backwards="string", spaces="int"),
        "operations": [
            {"service": "upper", "inputs": {"message": "${text}"}, "outputs": {"loud": "message"}},
            {"service": "reverse", "inputs": {"message": "${loud}"}, "outputs": {"backwards": "message"}},
            {"service": "space-counter", "inputs": {"message": "${text}"}, "outputs": {"spaces": "space_count"}},
        ],
    }
    event = seen(send(node, register(node, "w", workflow), {"text": "a b"}))
    assert event["outputs"] == {"text": "a b", "loud": "A B", "backwards": "B A", "spaces": 1}


def test_a_service_is_posted_the_data_so_far_with_the_headers_of_every_call(node: Node, service: Service) -> None:
    service.on("posted", document({}))
    workflow = flow(node, service.url("posted"), inputs=values(n="float", list="list", ok="bool"))
    data = {"key": "posted", "n": 1, "list": [1, {}], "ok": True, "more": None}
    sent = send(node, workflow, data)
    assert seen(sent)["status"] == "done"
    [call] = service.calls("posted")
    assert call.json == data
    assert call.headers["x-cameron-job"] == sent["event_id"]


def test_services_may_be_of_other_kinds(node: Node) -> None:
    echo = {"name": "echo", "kind": "command", "command": ["cat"], "inputs": values(x="int"), "outputs": values(x="int")}
    refused = {"name": "forbidden", "kind": "command", "command": ["rm"], "inputs": [], "outputs": []}
    rest = {"name": "rest", "kind": "delay", "delay_s": 0.05, "inputs": [], "outputs": []}
    for said in (echo, refused, rest):
        register(node, "s", said)
    inputs, outputs = values(x="int"), values(x="int")
    kinds = register(node, "w", {"name": "kinds", "services": ["echo", "rest", "echo"], "inputs": inputs, "outputs": outputs})
    event = seen(send(node, kinds, {"x": 5}))
    assert (event["status"], event["outputs"]) == ("done", {"x": 5})
    assert [one["name"] for one in event["services"]] == ["echo", "rest", "echo#2"]
    forbidden = register(node, "w", {"name": "forbidding", "services": ["forbidden"], "inputs": [], "outputs": []})
    assert "allowed_binaries" in seen(send(node, forbidden, {}))["error"]


def test_an_event_that_failed_may_be_retried(node: Node, service: Service) -> None:
    service.on("again", http(500, b"no"), document({"x": 1}))
    sent = send(node, flow(node, service.url("again"), outputs=values(x="int")), {"key": "again"})
    assert seen(sent)["status"] == "error"
    assert requests.post(f"{sent['location']}/retry", timeout=30).status_code == 202
    event = seen(sent)
    assert (event["status"], event["outputs"]) == ("done", {"x": 1})


def test_what_cannot_be_done_to_an_event_is_told_with_its_workflows_name(node: Node, process_text: str) -> None:
    event = seen(send(node, process_text, {"message": "a b"}), "done")
    for verb in ("cancel", "retry"):
        answer = node.post(f"/e/{process_text}/{event['event_id']}/{verb}", "")
        assert answer.status_code == 409
        assert "of process 'process-text'" in answer.text


def test_an_event_under_way_may_be_cancelled(node: Node, service: Service) -> None:
    service.on("endless", http(202, b""))
    sent = send(node, flow(node, service.url("endless")), {"key": "endless"})
    service.arrived("endless", 1)
    explained(sent, "callback")
    assert requests.post(f"{sent['location']}/cancel", timeout=30).status_code in (200, 202)
    assert seen(sent)["status"] == "cancelled"


# answers that come later


def callback_of(call: Call) -> str:
    """The callback URL that the service was sent, on this node."""
    return call.headers["x-cameron-callback"]


def test_a_service_that_answers_202_is_waited_for_and_its_callback_counts_once(node: Node, service: Service) -> None:
    service.on("later", http(202, b""))
    sent = send(node, flow(node, service.url("later"), outputs=values(x="int")), {"key": "later"})
    [call] = service.arrived("later", 1)
    explained(sent, "callback")
    first = requests.post(callback_of(call), json={"x": 42}, timeout=30)
    assert first.status_code == 200, first.text
    event = seen(sent)
    assert (event["status"], event["outputs"]) == ("done", {"x": 42})
    second = requests.post(callback_of(call), json={"x": 43}, timeout=30)
    assert second.status_code == 409
    assert seen(sent)["outputs"] == {"x": 42}


def test_a_callback_with_another_token_is_refused_and_changes_nothing(node: Node, service: Service) -> None:
    service.on("guessed", http(202, b""))
    sent = send(node, flow(node, service.url("guessed"), outputs=values(x="int")), {"key": "guessed"})
    [call] = service.arrived("guessed", 1)
    explained(sent, "callback")
    url, _, token = callback_of(call).rpartition("/")
    wrong = requests.post(f"{url}/{'0' * len(token)}", json={"x": 1}, timeout=30)
    assert wrong.status_code == 404
    requests.post(callback_of(call), json={"x": 2}, timeout=30)
    assert seen(sent)["outputs"] == {"x": 2}


def test_a_callback_that_lacks_an_output_is_the_services_error(node: Node, service: Service) -> None:
    service.on("lacking", http(202, b""))
    sent = send(node, flow(node, service.url("lacking"), outputs=values(x="int")), {"key": "lacking"})
    [call] = service.arrived("lacking", 1)
    requests.post(callback_of(call), json={"y": 1}, timeout=30)
    event = seen(sent)
    assert event["status"] == "error"
    assert "the callback cannot be used: its output 'x' is missing" in event["error"]


def test_a_callback_that_never_comes_is_a_timeout(node: Node, service: Service) -> None:
    service.on("silent", http(202, b""))
    event = seen(send(node, flow(node, service.url("silent"), callback_timeout_s=0.2), {"key": "silent"}))
    assert event["status"] == "error"
    assert "callback" in event["error"]


def test_a_callback_is_taken_after_the_node_was_killed_and_started_again(
    tmp_path_factory: pytest.TempPathFactory, durable: RedisServer, service: Service
) -> None:
    service.on("outlived", http(202, b""))
    node = Node(tmp_path_factory.mktemp("node"), durable.url, {}, LEASE)
    try:
        node.start()
        sent = send(node, flow(node, service.url("outlived"), outputs=values(x="int")), {"key": "outlived"})
        [call, *_] = service.arrived("outlived", 1)
        explained(sent, "callback")
        node.kill()
        node.start()
        answer = requests.post(callback_of(call), json={"x": 7}, timeout=30)
        assert answer.status_code == 200, answer.text
        assert seen(sent)["outputs"] == {"x": 7}
    finally:
        node.stop()


def test_the_schema_is_published(node: Node) -> None:
    schema = node.get("/api/schema/machinery").json()
    assert set(schema["$defs"]) >= {"service", "workflow", "event"}
