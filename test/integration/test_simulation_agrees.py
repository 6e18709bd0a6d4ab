"""A real node and the simulation of `cameron.testing` come to the same: the same services answer both, and the same activities run.

Compared is all that clients and operators see, but for times, and for the order of what goes on side by side: the job's hash, its GET,
and its history.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from cameron.testing import CalledBack, Project, Replied, SimulatedCall, SimulatedJob, Simulator

from ..acceptance.support.answer import document, follow, http
from ..acceptance.support.foo import FooWorkflow
from ..acceptance.support.node import Node, definitions
from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.service import Service
from ..acceptance.support.waiting import eventually

PRIV = Path(__file__).parents[2] / "priv"
TIMES = {"time", "ack_date", "id", "until", "at_s", "until_s", "node"}
OF_TIME = re.compile(r"\.time$")


class Stand(NamedTuple):
    """A node, and a simulator of the same definitions; `service` answers both."""

    node: Node
    simulator: Simulator
    service: Service

    def real(self, process: str, body: Any) -> "Facts":
        """What the node makes of such a start."""
        return self.ended(self.started(process, body))

    def started(self, process: str, body: Any) -> str:
        """The path of a job that is started on the node."""
        answer = self.node.post(f"/api/process/{process}/start", json.dumps(body))
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].removeprefix(self.node.url)

    def ended(self, path: str) -> "Facts":
        """What becomes of it."""
        eventually(lambda: self.events(path)[-1]["event"] == "job.ended", "the job to end")
        uuid = re.findall(r"[0-9a-f]{32}", path)[-1]
        [name] = [key for key in self.node.store.scan_iter("cameron:process:*", count=1000) if key.endswith(f":job:{uuid}")]
        return facts(uuid, self.node.store.hgetall(name), self.node.get(path).json(), self.events(path))

    def simulated(self, process: str, body: Any, **stubs: Any) -> "Facts":
        """What the simulation makes of it."""
        self.service.forget()  # a script that answers calls in turn begins anew
        job: SimulatedJob = self.simulator.run(process, body=body, stubs={"http://*": asked, **stubs})
        return facts(job.uuid, job.fields, job.shown, job.events)

    def events(self, path: str) -> list[dict[str, Any]]:
        """Its history so far."""
        events: list[dict[str, Any]] = self.node.get(f"{path}/events").json()["events"]
        return events


class Facts(NamedTuple):
    """Of one job, without times."""

    fields: Mapping[str, str]
    shown: Any
    of_job: list[Any]  # events
    of_tasks: Mapping[str, list[Any]]


def facts(uuid: str, fields: Mapping[str, str], shown: Any, events: Any) -> Facts:
    """What must be the same; ids are made so, and how often nothing was decided hangs on what comes at once."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(inner) for name, inner in value.items() if name not in TIMES or (name == "id" and inner == uuid)}
        if isinstance(value, list | tuple):
            return [plain(inner) for inner in value]
        return value.replace(uuid, "UUID").replace(uuid[:8], "UUID8") if isinstance(value, str) else value

    told = [plain(event) for event in events if event["event"] != "decided"]
    of_tasks: dict[str, list[Any]] = {}
    for event in told:
        if "task" in event:
            of_tasks.setdefault(event["task"], []).append(event)
    written = {name: "" if OF_TIME.search(name) else plain(value) for name, value in fields.items()}
    return Facts(written, plain(shown), [event for event in told if "task" not in event], of_tasks)


def asked(data: Any, call: SimulatedCall) -> Replied:
    """What the service that is called replies in truth."""
    body = None if data is None else json.dumps(data).encode()
    answer = requests.request(call.method, call.target, headers=dict(call.headers), data=body, timeout=20)
    return Replied(answer.status_code, answer.content, answer.headers.get("Retry-After", ""))


@pytest.fixture(scope="module")
def foo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FooWorkflow]:
    """The sample service."""
    running = FooWorkflow(tmp_path_factory.mktemp("foo"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, foo: FooWorkflow) -> Iterator[Stand]:
    """Of the sample processes, and of `chain`, whose services are scripted."""
    folder, service = tmp_path_factory.mktemp("node"), Service()
    service.start()
    processes = definitions({"foo": f"{foo.url}/start", "grow": service.url("grow")})
    places = folder / "definitions"
    for dialect, name in (("libero", "order_workflow"), ("mender", "chain")):
        (places / dialect).mkdir(parents=True)
        text = json.dumps(chain(service)) if name == "chain" else orders()
        (places / dialect / f"{name}.json").write_text(text)
    with redis.client() as client:
        client.flushall()
    node = Node(folder, redis.url, processes, {"CAMERON_DEFINITIONS_DIR": str(places)})
    try:
        node.start()
        yield Stand(node, Simulator(Project(places, node.file, "activities", PRIV)), service)
    finally:
        node.stop()
        service.stop()


def orders() -> str:
    """The sample of workflows that list Python activities."""
    texts = [file.read_text(encoding="utf-8") for file in sorted((PRIV / "definitions").rglob("*.json"))]
    return next(text for text in texts if '"OrderWorkflow"' in text)


def chain(service: Service) -> dict[str, Any]:
    """Requests in a row: one that is repeated, one that is skipped, one that fails."""

    def request(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "type": "http", "taskdef": {"uri": service.url(name), "json": {"id": "${workflow.input.id}"}}, **more}

    tasks = [
        request("find", retries=3, retryDelaySeconds=0),
        request("skip", requires=["${find.json.nothing|}"]),
        {"name": "rest", "type": "delay", "delay": {"delaySeconds": 0.01}},
        request("tell", retries=1, retryDelaySeconds=0),
        request("never"),
    ]
    return {"name": "chain", "inputParameters": ["id"], "tasks": tasks}


def test_the_sample_process_with_its_seven_tasks(stand: Stand) -> None:
    body = {"key": "(id,007)", "data": "be careful with that data", "requestor": "bob_the_thin"}
    real, simulated = stand.real("foo", body), stand.simulated("foo", body)
    assert simulated == real
    assert (len(simulated.fields), len(simulated.of_tasks)) == (43, 7)


def test_a_chain_with_attempts_skipped_and_failing_tasks(stand: Stand) -> None:
    stand.service.on("find", http(503, b"busy"), http(500, b"no luck", {"Retry-After": "0"}), document({"name": "n"}))
    stand.service.on("tell", http(409, b'{"why": "taken"}'))
    real, simulated = stand.real("chain", {"id": 7}), stand.simulated("chain", {"id": 7})
    assert simulated == real
    statuses = {name: events[-1]["event"] for name, events in simulated.of_tasks.items()}
    assert statuses == {"find": "task.done", "skip": "task.skipped", "rest": "task.done", "tell": "task.failed"}


def test_what_grows_in_sequence_and_fails_here_and_there(stand: Stand) -> None:
    url = stand.service.url
    stand.service.on("grow", document({"data": 1, "next_activities": follow([(name, url(name)) for name in "abab"], "no")}))
    stand.service.on("a", document({"data": "a", "name": "A", "next_activities": follow([("c", url("c")), ("c", url("c"))])}))
    stand.service.on("b", http(404, b"nothing here"))
    stand.service.on("c", document([]))
    body = {"key": "k", "data": {"x": [1]}}
    real, simulated = stand.real("grow", body), stand.simulated("grow", body)
    assert simulated == real
    assert set(simulated.of_tasks) == {"start", "a", "b", "a#2", "b#2", "c", "c#2", "c#3", "c#4"}


@pytest.mark.parametrize("pieces", [2, 99])
def test_python_activities_side_by_side_and_in_turn(stand: Stand, pieces: int) -> None:
    body = {"data": {"item": "book", "pieces": pieces, "price": 10.0, "email": "a@b"}}
    real, simulated = stand.real("OrderWorkflow", body), stand.simulated("OrderWorkflow", body)
    assert simulated == real
    assert simulated.fields["job.status.current"] == ("done" if pieces == 2 else "error")


def test_data_that_activities_do_not_take_be_they_run_or_stubbed(stand: Stand) -> None:
    body = {"data": {"item": "book", "pieces": "many", "price": 10.0}}
    real = stand.real("OrderWorkflow", body)
    assert stand.simulated("OrderWorkflow", body) == real
    stubs = {"check_credit": True, "charge": {"paid": 1.0, "reservation": None}, "send_receipt": "sent"}
    assert stand.simulated("OrderWorkflow", body, **stubs) == real
    assert "cannot take the data it was given" in json.dumps(real.shown)


@pytest.mark.parametrize("brought", [{"message": "B"}, {"massage": "B"}, None])
def test_a_service_that_promises_a_callback_and_one_that_fails(stand: Stand, brought: Any) -> None:
    text = [{"name": "message", "type": "string"}]
    for name in ("first", "second"):
        define(stand, "service", {"name": name, "address": stand.service.url(name), "inputs": text, "outputs": text})
    workflow = define(stand, "workflow", {"name": "two", "services": ["first", "second"], "inputs": text, "outputs": text})
    stand.service.on("first", document({}, 202) if brought else http(500, b"no luck"))
    stand.service.on("second", document({"message": "C"}))
    stand.service.forget()
    path = stand.started(workflow, {"data": {"message": "A"}})
    if brought:
        [call] = eventually(lambda: [call for call in stand.service.all_calls() if call.activity == "first"], "the call")
        eventually(lambda: "task.waits" in {event["event"] for event in stand.events(path)}, "the task to wait")
        assert requests.post(call.headers["x-cameron-callback"], json=brought, timeout=20).ok
    real = stand.ended(path)
    stubs = {"first": CalledBack(brought, after_s=5)} if brought else {}
    assert stand.simulated("two", {"data": {"message": "A"}}, **stubs) == real
    assert real.fields["job.status.current"] == ("done" if brought == {"message": "B"} else "error")


def define(stand: Stand, kind: str, machinery_document: dict[str, Any]) -> str:
    """Register it with the node, and with the simulator; its id."""
    answer = stand.node.post(f"/{kind[0]}", json.dumps(machinery_document))
    assert answer.status_code == 201, answer.text
    stand.simulator.define("machinery", machinery_document)
    return str(answer.json()[f"{kind}_id"])
