"""The earlier ticket system, driven over HTTP as its users drive it: its document's own example, keys, fields, URLs and verbs."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
import requests

from .support.answer import document
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Call, Service
from .support.waiting import eventually

LOCATION = re.compile(r"/api/workflow/(?P<workflow>[^/]+)/ticket/(?P<ticket>[0-9a-f]{32})")
STAMP = re.compile(r"[0-9]{2}-[0-9]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}")
ENDED = {"done", "error", "cancelled"}
KEY = "any kind of ID which is gonna be posted to the start_point_url for that workflow"
DATA = "any JSON-like data to be attached to that resquest"
# The layout of the document, its hosts aside: those are the test's.
CONFIG = """
    {workflows, [{workflow, {name, bar},
                            {start_point_url, "http://foo.com/workflow/bar/start/{key}"}},
                 {workflow, {name, zar},
                            {start_point_url, "http://foo.com/workflow/zar/start/{key}"}}]}.
"""
MORE = """
    {processes, [{bar, {start_activity_url, "http://foo.com/process/bar"}},
                 {process_alone, {start_activity_url, "http://foo.com/process/bar"}}]}.
    {workflows, [{workflow, [{name, brief}, {start_point_url, "http://foo.com/workflow/bar/start/{key}"}, {retention_s, 60}]}]}.
"""


class Ticket:
    """One accepted ticket, as its Location, its hash in Redis and its error keys show it."""

    def __init__(self, node: Node, answer: requests.Response) -> None:
        assert answer.status_code in (200, 201), f"{answer.status_code}: {answer.text[:2000]}"
        self.location = answer.headers["Location"]
        parts = LOCATION.fullmatch(self.location)
        assert parts, f"not the Location of a ticket, as a path: {self.location!r}"
        self.workflow, self.uuid = parts["workflow"], parts["ticket"]
        self.node, self.answer = node, answer

    @property
    def hash_key(self) -> str:
        return f"cameron:workflow:{self.workflow}:ticket:{self.uuid}"

    @property
    def status(self) -> str | None:
        return self.hash().get("status.current")

    def hash(self) -> dict[str, str]:
        return dict(self.node.store.hgetall(self.hash_key))

    def keys(self) -> set[str]:
        """Every key that has something of this ticket, and of it alone."""
        return set(self.node.store.scan_iter(f"*{self.uuid}*", count=1000))

    def view(self) -> dict[str, Any]:
        answer = self.node.get(self.location)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
        return dict(answer.json())

    def tasks(self) -> dict[str, Any]:
        return {task["name"]: task for task in self.view()["tasks"]}

    def ended(self) -> "Ticket":
        eventually(lambda: self.status in ENDED, f"the ticket {self.uuid} to end; now {self.hash()!r:.1500}")
        return self


class Workflows:
    """The workflows `bar` and `zar` of one test: its key, what their services answer for it, and who called."""

    def __init__(self, key: str, service: Service, node: Node) -> None:
        self.key, self.service, self.node = key, service, node

    def on(self, path: str, said: Any, **options: Any) -> None:
        """Answer calls of that path, which ends with the key, with this document, or with what it is that says so."""
        self.service.on(f"workflow/{path}/{quote(self.key, safe='')}", said if callable(said) else document(said, **options), key=self.key)

    def next(self, *names: str) -> list[dict[str, str]]:
        """The `next` of a reply, with a template for a URL."""
        return [{"name": name, "url": self.service.url(f"workflow/{name}/{{key}}")} for name in names]

    def start(self, workflow: str = "bar", data: Any = DATA, query: str = "", **options: Any) -> Ticket:
        body = json.dumps({"key": self.key, "data": data})
        return Ticket(self.node, self.node.post(f"/api/workflow/{workflow}/start{query}", body, **options))

    def calls(self, name: str = "") -> list[Call]:
        """Those of this key, of all or of one task."""
        return [call for call in self.service.calls(self.key) if name in ("", *call.activity.split("/")[1:2])]

    def arrived(self, count: int) -> list[Call]:
        return self.service.arrived(self.key, count)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with the document's workflows, which notices within a second when it was killed."""
    with redis.client() as client:
        client.flushall()
    config = (CONFIG + MORE).replace("foo.com", f"127.0.0.1:{service.port}")
    settings = {"CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_SHUTDOWN_S": "0.5"}
    running = Node(tmp_path_factory.mktemp("node"), redis.url, config, settings)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def workflows(request: pytest.FixtureRequest, node: Node, service: Service) -> Workflows:
    """A key of the test's own."""
    return Workflows(f"{request.node.name}"[:200], service, node)


# the document's example


def test_the_documents_own_example(node: Node, service: Service) -> None:
    flow = Workflows(KEY, service, node)
    flow.on("bar/start", {"name": "bar", "data": DATA, "next": flow.next("kar", "xar"), "parallel": "yes"})
    flow.on("kar", {"name": "kar", "data": {"kar": 1}})
    flow.on("xar", {"data": None})
    ticket = flow.start().ended()
    assert ticket.answer.status_code == 201
    assert json.loads(ticket.answer.json()["payload"]) == {"key": KEY, "data": DATA}
    assert ticket.location == f"/api/workflow/bar/ticket/{ticket.uuid}"
    start, *others = flow.calls()
    assert start.activity == f"workflow/bar/start/{quote(KEY)}"
    assert {call.activity for call in others} == {f"workflow/{name}/{quote(KEY)}" for name in ("kar", "xar")}
    assert [list(call.json.items()) for call in flow.calls()] == 3 * [[("key", KEY), ("data", DATA)]]
    fields = ticket.hash()
    of_tasks = [
        f"task.{name}.{field}"
        for name in ("start", "kar", "xar")
        for field in ("status.current", "status.running.time", "status.done.time", "output.data", "output.next_activities")
    ]
    times = ["status.enqueued.time", "status.dispatched.time", "status.done.time"]
    assert sorted(fields) == sorted(["payload.key", "payload.data", "status.current", *times, "task.names", *of_tasks])
    assert (fields["payload.key"], fields["payload.data"], fields["status.current"]) == (KEY, DATA, "done")
    assert all(STAMP.fullmatch(fields[time]) for time in times)
    assert fields["task.names"] == "start,kar,xar"
    assert (fields["task.kar.output.data"], fields["task.kar.output.next_activities"]) == ('{"kar":1}', "undefined")
    assert ticket.keys() == {ticket.hash_key, *(f"cameron:{kind}:workflow:bar:{ticket.uuid}" for kind in ("record", "events"))}


def test_a_ticket_is_shown_in_its_own_words(workflows: Workflows) -> None:
    workflows.on("bar/start", {"name": "bar", "data": [1.0, "ä"]})
    ticket = workflows.start(data="17").ended()
    view, fields = ticket.view(), ticket.hash()
    assert list(view) == ["workflow", "ticket", "key", "data", "status", "tasks"]
    assert view == {
        "workflow": "bar",
        "ticket": ticket.uuid,
        "key": workflows.key,
        "data": "17",
        "status": {"current": "done", "time": fields["status.done.time"]},
        "tasks": [{"name": "start", "status": {"current": "done", "time": fields["task.start.status.done.time"]}, "data": [1.0, "ä"]}],
    }
    assert workflows.start(data={"a": [17]}).ended().view()["data"] == {"a": [17]}


# the queue


def test_a_ticket_is_enqueued_in_the_documented_queue_until_a_node_takes_it(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": 1})
    node, queue = workflows.node, "cameron:workflow:bar:queue:incoming"
    name = node.get("/health").json()["node"]
    eventually(lambda: node.store.xlen(queue) == 0, "the queue to be empty")
    assert node.post(f"/api/system/nodes/{name}/drain", b"").status_code == 202
    eventually(lambda: node.get("/status").status_code == 503, "the node to drain")
    try:
        ticket = workflows.start()
        fields = ticket.hash()
        assert STAMP.fullmatch(fields.pop("status.enqueued.time"))
        assert fields == {"payload.key": workflows.key, "payload.data": DATA, "status.current": "enqueued"}
        assert [entry["uuid"] for _, entry in node.store.xrange(queue)] == [ticket.uuid]
        assert ticket.view()["status"]["current"] == "enqueued"
        explained = node.get(f"{ticket.location}/explain").json()
        assert "draining" in explained["sentence"]
        assert workflows.calls() == []
    finally:
        assert node.post(f"/api/system/nodes/{name}/resume", b"").status_code == 202
    assert ticket.ended().status == "done"
    eventually(lambda: node.store.xlen(queue) == 0, "the entry to leave the queue")


def test_a_ticket_is_dispatched_while_its_tasks_are_called(workflows: Workflows) -> None:
    gate = workflows.service.gate()
    workflows.on("bar/start", lambda call: document({"data": 1}).held(gate))
    ticket = workflows.start()
    workflows.arrived(1)
    eventually(lambda: ticket.status == "dispatched", "the ticket to be dispatched")
    fields = ticket.hash()
    assert {name for name in fields if name.startswith("status.")} == {"status.current", "status.enqueued.time", "status.dispatched.time"}
    assert (fields["task.names"], fields["task.start.status.current"]) == ("start", "running")
    assert ticket.view()["status"] == {"current": "dispatched", "time": fields["status.dispatched.time"]}
    gate.open()
    assert ticket.ended().status == "done"


# next


def test_parallel_yes_calls_all_next_at_once(workflows: Workflows) -> None:
    gate = workflows.service.gate()
    workflows.on("bar/start", {"next": workflows.next("kar", "xar"), "parallel": "yes"})
    for name in ("kar", "xar"):
        workflows.on(name, lambda call: document({"data": 1}).held(gate))
    ticket = workflows.start()
    workflows.arrived(3)  # neither has been answered
    assert {call.replied for call in workflows.calls("kar") + workflows.calls("xar")} == {None}
    gate.open()
    assert ticket.ended().status == "done"


def test_parallel_no_calls_each_next_when_the_one_before_it_and_all_that_grew_from_it_have_ended(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": "of start", "next": workflows.next("kar", "xar"), "parallel": "no"})
    workflows.on("kar", {"data": "of kar", "next": workflows.next("sub")})
    workflows.on("sub", {"data": "of sub"})
    workflows.on("xar", {"data": "of xar"})
    ticket = workflows.start(data="of the client").ended()
    calls = workflows.calls()
    assert [(call.activity.split("/")[1], call.json["data"]) for call in calls] == [
        ("bar", "of the client"),
        ("kar", "of start"),
        ("sub", "of kar"),
        ("xar", "of start"),
    ]
    assert all(before.replied is not None and before.replied <= after.arrived for before, after in pairwise(calls))
    assert ticket.hash()["task.names"] == "start,kar,xar,sub"


def test_two_next_tasks_of_one_name_are_kept_apart(workflows: Workflows) -> None:
    workflows.on("bar/start", {"next": workflows.next("kar", "kar")})
    workflows.on("kar", {"data": 1})
    assert workflows.start().ended().hash()["task.names"] == "start,kar,kar#2"
    assert len(workflows.calls("kar")) == 2


@pytest.mark.parametrize("key", ["a b/c", "/", "ключ & löve?x=1#y", "100%2F{key}", "(id,007)", "😀", "a+b"])
def test_a_key_reaches_the_service_percent_encoded_in_the_url(node: Node, service: Service, key: str) -> None:
    flow = Workflows(key, service, node)
    encoded = "".join(f"%{byte:02X}" if not chr(byte).isalnum() or byte > 127 else chr(byte) for byte in key.encode())
    service.on(f"workflow/zar/start/{encoded}", document({"next": flow.next("kar")}), key=key)
    service.on(f"workflow/kar/{encoded}", document({"data": 1}), key=key)
    before = len(flow.calls())
    ticket = flow.start("zar").ended()
    assert (ticket.status, ticket.tasks()["kar"]["status"]["current"]) == ("done", "done"), ticket.hash()
    assert [(call.activity, call.json["key"]) for call in flow.calls()[before:]] == [
        (f"workflow/zar/start/{encoded}", key),
        (f"workflow/kar/{encoded}", key),
    ]
    assert ticket.view()["key"] == ticket.hash()["payload.key"] == key


def test_next_tasks_may_be_delays_and_waits_for_a_callback(workflows: Workflows) -> None:
    ask = {"name": "ask", "kind": "wait", "url": workflows.service.url("workflow/ask/{key}"), "timeout_s": 600}
    workflows.on("bar/start", {"data": 1, "next": [{"name": "rest", "kind": "delay", "delay_s": 0.05}, ask]})
    workflows.on("ask", {})
    workflows.on("kar", {"data": "the end"})
    ticket = workflows.start()
    workflows.arrived(2)
    [asked] = workflows.calls("ask")
    eventually(lambda: ticket.tasks()["rest"]["status"]["current"] == "done", "the delay to be over")
    assert ticket.status == "dispatched"
    said = {"data": "the answer", "next": workflows.next("kar")}
    requests.post(asked.headers["x-cameron-callback"], json=said, timeout=30).raise_for_status()
    assert ticket.ended().status == "done"
    assert (ticket.tasks()["ask"]["data"], ticket.tasks()["kar"]["data"]) == ("the answer", "the end")
    assert [call.json["data"] for call in workflows.calls("kar")] == ["the answer"]


# what goes wrong


def stored(node: Node) -> set[str]:
    """The keys of all queues and tickets, and the engine's records."""
    return {key for pattern in ("cameron:workflow:*", "cameron:queue:*", "cameron:record:*") for key in node.store.scan_iter(pattern)}


@pytest.mark.parametrize("name", ["nobody", "process_alone", "bar:baz", "workflow:bar", "BAR", "b%20r"])
def test_an_unknown_workflow_is_not_found_and_nothing_is_stored(node: Node, name: str) -> None:
    before = stored(node)
    body = '{"key": "007", "data": "ä"}'
    answer = node.post(f"/api/workflow/{name}/start", body)
    assert (answer.status_code, answer.json()) == (404, {"payload": body})
    assert stored(node) <= before


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "body_empty"), ("[]", "body_not_object"), ('{"data": 1}', "key_missing"), ('{"key": 7}', "key_invalid"), ("{", "body_not_json")],
)
def test_a_request_that_cannot_be_taken_is_refused_and_nothing_is_stored(node: Node, body: str, code: str) -> None:
    before = stored(node)
    assert assert_json_error(node.post("/api/workflow/bar/start", body), 400)["code"] == code
    assert stored(node) <= before


@pytest.mark.parametrize("path", ["bar/ticket/" + "0" * 32, "bar/ticket/x", "nobody/ticket/" + "0" * 32])
def test_an_unknown_ticket_is_not_found(node: Node, path: str) -> None:
    error = assert_json_error(node.get(f"/api/workflow/{path}"), 404)
    workflow, _, ticket = path.partition("/ticket/")
    assert error == {
        "code": "job_not_found",
        "message": f"workflow {workflow!r} has no ticket {ticket!r}: check the Location you were given",
    }


def test_errors_are_marked_and_the_ticket_ends_with_all_else_done(workflows: Workflows) -> None:
    odd = {"name": "odd", "url": workflows.service.url("workflow/odd/{ticket}")}
    workflows.on("bar/start", {"next": workflows.next("kar", "xar", "lar")})
    workflows.on("kar", {"it": "hurts"}, status=500)
    workflows.on("xar", {"data": "fine"})
    workflows.on("lar", {"next": [odd]})
    ticket = workflows.start().ended()
    url = workflows.service.url(f"workflow/kar/{quote(workflows.key, safe='')}")
    expected = f'{url} replied 500: {{"it": "hurts"}}'
    assert ticket.status == "done"
    assert ticket.node.store.get(f"{ticket.hash_key}:kar:error") == ticket.hash()["task.kar.output.data"] == expected
    assert "in its next, {ticket} is unknown" in ticket.node.store.get(f"{ticket.hash_key}:lar:error")
    assert {name: task["status"]["current"] for name, task in ticket.tasks().items()} == {
        "start": "done",
        "kar": "error",
        "xar": "done",
        "lar": "error",
    }
    engines = {f"cameron:{kind}:workflow:bar:{ticket.uuid}" for kind in ("record", "events")}
    assert ticket.keys() == {ticket.hash_key, f"{ticket.hash_key}:kar:error", f"{ticket.hash_key}:lar:error", *engines}


def test_all_keys_of_an_ended_ticket_expire_together(workflows: Workflows) -> None:
    workflows.on("bar/start", {"it": "hurts"}, status=500)
    ticket = workflows.start("brief").ended()
    found = ticket.keys()
    assert len(found) == 4
    left_ms = {key: ticket.node.store.pttl(key) for key in found}
    assert all(0 < left <= 60_000 for left in left_ms.values()), left_ms


# beside the processes


def test_a_process_and_a_workflow_of_one_name_do_not_meet(workflows: Workflows) -> None:
    node, key = workflows.node, workflows.key
    workflows.on("bar/start", {"data": "of the workflow"})
    workflows.service.on("process/bar", document({"data": "of the process"}), key=key)
    ticket, job = workflows.start().ended(), node.job("bar", {"key": key, "data": 1}).done()
    assert (ticket.tasks()["start"]["data"], job.tasks()["start"]["data"]) == ("of the workflow", "of the process")
    lists = {name: node.get(f"/api/process/{name}/jobs?key={quote(key)}").json()["jobs"] for name in ("bar", "workflow:bar")}
    assert {name: [row["uuid"] for row in rows] for name, rows in lists.items()} == {"bar": [job.uuid], "workflow:bar": [ticket.uuid]}
    assert node.get(f"/api/workflow/bar/ticket/{job.uuid}").status_code == 404
    assert node.get(f"/api/process/bar/key/{quote(key)}/job/{ticket.uuid}").status_code == 404
    assert node.post("/api/process/zar/start", '{"key": "k"}').status_code == 404


def test_a_ticket_is_a_job_of_the_qualified_name_on_the_routes_of_all_jobs(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": 1})
    job = workflows.node.job("workflow:bar", {"key": workflows.key, "data": "17"})
    path = f"/api/workflow/bar/ticket/{job.uuid}"
    eventually(lambda: workflows.node.get(path).json()["status"]["current"] == "done", "the ticket to end")
    assert job.view() == workflows.node.get(path).json()
    assert job.explained()["state"] == workflows.node.get(f"{path}/explain").json()["state"] == "done"
    assert "workflow:bar" in workflows.node.get("/status").json()["processes"]


# verbs


def test_who_waits_is_answered_with_the_ticket_when_it_has_ended(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": [1]})
    ticket = workflows.start(query="?wait=30")
    answer = ticket.answer.json()
    assert json.loads(answer["payload"])["key"] == workflows.key
    assert answer["job"] == ticket.view()
    assert answer["job"]["status"]["current"] == "done"


def test_the_same_request_sent_again_is_the_same_ticket(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": 1})
    headers = {"Content-Type": "application/json", "Idempotency-Key": workflows.key}
    first, again = (workflows.start(headers=headers) for _ in range(2))
    assert (first.location, first.answer.status_code, again.answer.status_code) == (again.location, 201, 200)
    first.ended()
    assert len(workflows.calls()) == 1


def test_a_ticket_is_explained_and_cancelled_at_its_location(workflows: Workflows) -> None:
    gate = workflows.service.gate()
    workflows.on("bar/start", lambda call: document({"next": workflows.next("kar")}).held(gate))
    ticket = workflows.start()
    workflows.arrived(1)
    eventually(lambda: "is calling" in workflows.node.get(f"{ticket.location}/explain").json()["sentence"], "the explanation", every_s=0.1)
    assert workflows.node.post(f"{ticket.location}/cancel", b"").status_code == 202
    assert ticket.ended().status == "cancelled"
    assert STAMP.fullmatch(ticket.hash()["status.cancelled.time"])
    assert ticket.node.store.get(f"{ticket.hash_key}:start:error") == "cancelled"
    gate.open()
    assert len(workflows.calls()) == 1


def test_a_ticket_that_is_done_can_be_neither_cancelled_nor_retried(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": 1})
    ticket = workflows.start().ended()
    codes = {verb: assert_json_error(workflows.node.post(f"{ticket.location}/{verb}", b""), 409)["code"] for verb in ("cancel", "retry")}
    assert codes == {"cancel": "job_finished", "retry": "nothing_to_retry"}


def test_a_ticket_with_an_error_is_retried_at_its_location_and_goes_on_from_there(workflows: Workflows) -> None:
    workflows.on("bar/start", {"data": 1, "next": workflows.next("kar")})
    workflows.on("kar", {}, status=500)
    ticket = workflows.start().ended()
    assert ticket.node.store.get(f"{ticket.hash_key}:kar:error")
    workflows.on("kar", {"data": "mended"})
    answer = workflows.node.post(f"{ticket.location}/retry", b"")
    assert answer.status_code in (200, 202), answer.text
    eventually(lambda: ticket.tasks()["kar"]["data"] == "mended", "the ticket to go on")
    assert ticket.ended().status == "done"
    assert ticket.node.store.get(f"{ticket.hash_key}:kar:error") is None
    assert [call.activity.split("/")[1] for call in workflows.calls()] == ["bar", "kar", "kar"]


# a node that dies


def test_a_ticket_survives_its_node_and_its_definition(workflows: Workflows) -> None:
    gate, node = workflows.service.gate(), workflows.node
    workflows.on("zar/start", {"data": 1, "next": workflows.next("kar", "xar"), "parallel": "no"})
    workflows.on("kar", lambda call: document({"data": 2}).held(gate))
    workflows.on("xar", {"data": 3})
    ticket = workflows.start("zar")
    workflows.arrived(2)
    eventually(lambda: ticket.hash().get("task.start.status.current") == "done", "the start to be recorded")
    node.kill()
    config = node.file.read_text()
    node.file.write_text(config.replace("{name, zar}", "{name, czar}"))
    gate.open()
    try:
        node.start()
        assert ticket.ended().status == "done"
        assert [task["data"] for task in ticket.view()["tasks"]] == [1, 2, 3]
        calls = [call.activity.split("/")[1] for call in workflows.calls()]
        assert (calls.count("zar"), calls.count("xar")) == (1, 1)
        assert {call.headers["idempotency-key"] for call in workflows.calls("kar")} == {f"{ticket.uuid}/kar"}
        assert node.post("/api/workflow/zar/start", '{"key": "k"}').status_code == 404
    finally:
        node.kill()
        node.file.write_text(config)
        node.start()
    assert ticket.view()["status"]["current"] == "done"
