"""What has happened in a job and what was decided, in order: asked over HTTP, of real nodes, and by the command."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests

from cameron.client import Client

from .support import mender
from .support.answer import document, follow, http, reply
from .support.foo import TASKS, script_foo
from .support.job import Job
from .support.node import CAMERON, Node, definitions
from .support.peers import drained, through
from .support.program import PROJECT
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually
from .test_cameron_cli import cameron

SETTINGS = {"CAMERON_NODE_LEASE_S": "1.5", "CAMERON_NODE_SHUTDOWN_S": "0.5"}
NAMES = ("task", "attempt", "kind", "node", "status", "text")  # of what is said of an event, as far as tests compare it

MakeNode = Callable[..., Node]


@pytest.fixture
def make(redis: RedisServer, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeNode]:
    """Start nodes of such names on an empty Redis; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(name: str, **settings: str) -> Node:
            all_settings = {**SETTINGS, "CAMERON_NODE_NAME": name, **settings}
            processes = {**script_foo(service), "scripted": service.url("start")}
            node = Node(tmp_path_factory.mktemp(name), redis.url, processes, all_settings)
            stack.callback(node.stop)
            return node.start()

        yield started


def asked(location: str, **query: Any) -> dict[str, Any]:
    """A page of a job's history."""
    answer = requests.get(f"{location}/events", params=query, timeout=30)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
    assert answer.headers["Content-Type"].startswith("application/json")
    return dict(answer.json())


def told(location: str) -> list[str]:
    """The whole history: each event as its word and what it is about."""
    page = asked(location)
    assert (page["next"], page["dropped"]) == (None, False)
    return [" ".join([event["event"], *(str(event[name]) for name in NAMES if name in event)]) for event in page["events"]]


def owner_of(node: Node, job: Job) -> str:
    """What the node that has written last is called in full."""
    return str(node.store.hget(f"cameron:record:{job.process}:{job.uuid}", "owner")).split(" ")[0]


def by_write(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Those that one write has told, which have one id, together."""
    return [list(write) for _, write in groupby(events, lambda event: event["id"])]


# what is told


def test_the_history_of_a_foo_job_tells_every_call_and_every_decision_in_order(make: MakeNode) -> None:
    node = make("n1")
    job = node.job("foo", {"key": "(id,007)", "data": "careful", "requestor": "bob"}).done()
    events = told(job.location)
    assert events[:2] == ["job.accepted", f"job.started {owner_of(node, job)}"]
    assert events[2:4] == ["task.called start 1", "task.done start"]
    assert events[4:9] == [f"task.called act_{number} 1" for number in range(1, 6)]
    assert (events[-2], events[-1]) in [(f"task.done {name}", "job.ended done") for name in TASKS]
    assert sorted(event for event in events if event != "decided nothing") == sorted(
        [*events[:2], *(f"task.called {name} 1" for name in TASKS), *(f"task.done {name}" for name in TASKS), "job.ended done"]
    )
    assert events.index("task.called act_5_sub_1 1") == events.index("task.done act_5") + 1
    writes = [{event["event"] for event in write} for write in by_write(asked(job.location)["events"])]
    assert [write for write in writes if "task.done" in write and not write & {"task.called", "job.ended", "decided"}] == []


def test_ids_and_times_go_up_and_pages_tell_each_event_once(make: MakeNode) -> None:
    node = make("n1")
    job = node.job("foo", {"key": "k"}).done()
    whole = asked(job.location)["events"]
    places = [tuple(map(int, event["id"].split("-"))) for event in whole]
    assert places[0] == (0, 0)
    assert places == sorted(places)
    assert [event["time"] for event in whole][1:] == sorted(event["time"] for event in whole[1:])
    paged, page = list[Any](), asked(job.location, limit=2)
    while page["next"]:
        paged += page["events"]
        page = asked(job.location, limit=2, after=page["next"])
    assert [*paged, *page["events"]] == whole
    with Client(node.url) as client:
        assert list(client.events(job.location)) == whole
        assert list(client.events(urlsplit(job.location).path, after=whole[3]["id"])) == [
            event for event in whole if event["id"] > whole[3]["id"]
        ]


def test_a_call_that_is_tried_again_tells_why_and_until_when_it_waits(make: MakeNode, service: Service) -> None:
    service.on("start", http(503, b"busy"), reply(1))
    node = make("n1")
    job = node.job("scripted", {"key": "k"}).done()
    events = asked(job.location)["events"]
    assert [event["event"] for event in events] == [
        "job.accepted", "job.started", "task.called", "task.attempt_failed", "task.delayed", "task.called", "task.done", "job.ended",
    ]  # fmt: skip
    failed, delayed, called = events[3:6]
    assert (failed["task"], failed["kind"]) == ("start", "http_503")
    assert "503" in failed["text"]
    assert failed["id"] == delayed["id"]
    assert delayed["time"] <= delayed["until"] <= called["time"]
    assert (called["task"], called["attempt"]) == ("start", 2)


def test_a_job_cancelled_while_it_waits_tells_that_alone(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()))
    node = make("n1", CAMERON_NODE_MAX_JOBS="1")
    node.job("scripted", {"key": "runs"})
    service.arrived("runs", 1)
    waits = node.job("scripted", {"key": "waits"})
    assert told(waits.location) == ["job.accepted"]
    assert waits.verb("cancel").status_code == 200
    assert told(waits.location) == ["job.accepted", "job.ended cancelled"]
    gate.open()


def test_a_job_whose_node_is_killed_tells_what_was_interrupted_and_who_went_on(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()), reply(2))
    first = make("first")
    job = first.job("scripted", {"key": "k"})
    service.arrived("k", 1)
    eventually(lambda: "task.called start 1" in told(job.location), "the call to be recorded")
    old, second = owner_of(first, job), make("second")
    first.kill()
    moved = through(second, job).done()
    assert told(moved.location) == [
        "job.accepted", f"job.started {old}", "task.called start 1", f"job.resumed {owner_of(second, job)}", "task.interrupted start",
        "task.called start 2", "task.done start", "job.ended done",
    ]  # fmt: skip
    gate.open()


def test_a_job_that_a_drained_node_hands_back_tells_so(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1, next_activities=follow([("a", service.url("a"))])).held(gate := service.gate()))
    service.on("a", reply(2))
    first = make("first")
    job = first.job("scripted", {"key": "k"})
    service.arrived("k", 1)
    old = owner_of(first, job)
    drained(first)
    gate.open()
    eventually(lambda: f"job.handed_back {old}" in told(job.location), "the job to be handed back")
    second = make("second")
    through(second, job).done()
    assert [event for event in told(job.location) if event != "decided nothing"] == [
        "job.accepted", f"job.started {old}", "task.called start 1", "task.done start", f"job.handed_back {old}",
        f"job.resumed {owner_of(second, job)}", "task.called a 1", "task.done a", "job.ended done",
    ]  # fmt: skip


def test_a_retried_job_keeps_its_history_and_goes_on_with_it(make: MakeNode, service: Service) -> None:
    service.on("start", http(400, b"no"), reply(1))
    node = make("n1")
    job = node.job("scripted", {"key": "k"}).done()
    before = told(job.location)
    assert job.verb("retry").status_code == 202
    eventually(lambda: told(job.location)[-1] == "job.ended done" and len(told(job.location)) > len(before), "the job to end again")
    started = f"job.started {owner_of(node, job)}"
    again = ["job.retried", started, "task.called start 1", "task.done start", "job.ended done"]
    assert told(job.location) == [*before, *again]


def test_a_history_expires_with_its_job(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1))
    node = make("n1", CAMERON_JOB_RETENTION_S="60")
    job = node.job("scripted", {"key": "k"}).done()
    lives = [node.store.pttl(key) for key in (job.hash_key, f"cameron:events:scripted:{job.uuid}")]
    assert [0 < life <= 60_000 for life in lives] == [True, True]
    assert node.store.keys(f"cameron:*{job.uuid}*:session") == []


def test_operators_read_the_same_in_redis(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1))
    node = make("n1")
    job = node.job("scripted", {"key": "k"}).done()
    entries = node.store.xrange(f"cameron:events:scripted:{job.uuid}")
    assert entries[0][1] == {"job.started": owner_of(node, job), "task.called": "start"}
    assert entries[-1][1] == {"task.done": "start", "job.ended": "done"}


# what is refused


@pytest.mark.parametrize(
    ("query", "code"),
    [("after=soon", "after_invalid"), ("after=", "after_invalid"), ("limit=0", "limit_invalid"), ("since=1", "parameter_unknown")],
)
def test_a_query_that_cannot_be_meant_is_a_400(make: MakeNode, service: Service, query: str, code: str) -> None:
    service.on("start", reply(1))
    job = make("n1").job("scripted", {"key": "k"})
    answer = requests.get(f"{job.location}/events?{query}", timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_an_unknown_job_is_a_404(make: MakeNode) -> None:
    answer = make("n1").get(f"/api/process/scripted/key/k/job/{'0' * 32}/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found")


# every dialect


class Way(NamedTuple):
    """How a job of one dialect is started, what its one task is called, and how an unknown one is told of."""

    start: str
    body: str
    task: str
    unknown: str


WAYS = {
    "cameron": Way("/api/process/scripted/start", '{"key": "k", "data": 1}', "start", "error"),
    "tickets": Way("/api/workflow/bar/start", '{"key": "k", "data": 1}', "start", "error"),
    "mender": Way("/api/workflow/tell", "{}", "tell", "error"),
    "machinery": Way("/e/shout", '{"key": "k", "data": {"message": "m"}}', "upper", "message"),
}


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node that has a process of each dialect."""
    with redis.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("definitions")
    mender.write(folder, mender.flow("tell", mender.task("tell", service.url("events/mender"))))
    workflows = f'{{workflows, [{{workflow, {{name, bar}}, {{start_point_url, "{service.url("events/tickets")}"}}}}]}}.'
    processes = f"{definitions({'scripted': service.url('events/cameron')})}{workflows}"
    node = Node(tmp_path_factory.mktemp("node"), redis.url, processes, {**SETTINGS, "CAMERON_DEFINITIONS_DIR": str(folder)})
    try:
        register(node.start(), service)
        yield node
    finally:
        node.stop()


def register(node: Node, service: Service) -> None:
    """The workflow of one service that machinery's clients start."""
    text = [{"name": "message", "type": "string"}]
    upper = {"name": "upper", "address": service.url("events/machinery"), "inputs": text, "outputs": text}
    shout = {"name": "shout", "services": ["upper"], "inputs": text, "outputs": text, "operations": []}
    for path, said in (("/s", upper), ("/w", shout)):
        answer = node.post(path, json.dumps(said))
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("dialect", WAYS)
def test_the_jobs_of_each_dialect_have_a_history_below_their_own_paths(speaking: Node, service: Service, dialect: str) -> None:
    way = WAYS[dialect]
    service.on(f"events/{dialect}", document({"requestor": "start", "name": "start", "data": 1, "message": "M"}))
    answer = speaking.post(way.start, way.body)
    location = speaking.url + urlsplit(answer.headers["Location"]).path
    eventually(lambda: told(location)[-1] == "job.ended done", "the job to end")
    events = told(location)
    assert [events[0], *events[2:]] == ["job.accepted", f"task.called {way.task} 1", f"task.done {way.task}", "job.ended done"]
    ended = cameron(speaking, "events", location)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, len(events))
    unknown = requests.get(location[:-32] + "0" * 32 + "/events", timeout=30)
    assert (unknown.status_code, list(unknown.json())) == (404, [way.unknown])


# the command


def test_the_command_prints_a_line_an_event_and_as_json_an_object_each(make: MakeNode, service: Service) -> None:
    service.on("start", http(503, b"busy"), reply(1))
    node = make("n1")
    job = node.job("scripted", {"key": "k"}).done()
    events = asked(job.location)["events"]
    ended = cameron(node, "events", job.location)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[event["time"], event["event"]] for event in events]
    assert lines[3].endswith(f"start, kind http_503, {events[3]['text']}")
    ended = cameron(node, "events", urlsplit(job.location).path, "--json")
    assert (ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]) == (0, events)


def test_followed_the_command_ends_when_the_job_has_ended(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()))
    node = make("n1")
    job = node.job("scripted", {"key": "k"})
    service.arrived("k", 1)
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "CAMERON_URL": node.url}
    command = [*CAMERON, "events", job.location, "--follow"]
    with subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True) as followed:
        assert followed.stdout
        lines = [followed.stdout.readline() for _ in range(3)]
        gate.open()
        lines += followed.communicate(timeout=60)[0].splitlines()
    assert [line.split()[1] for line in lines] == ["job.accepted", "job.started", "task.called", "task.done", "job.ended"]
    assert followed.returncode == 0
