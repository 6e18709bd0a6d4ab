"""The walk-through of the original document, with the sample service as people start it."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from .support.foo import DOCUMENT, TASKS, FooWorkflow
from .support.job import Job
from .support.node import Node
from .support.program import PROJECT
from .support.redis_server import RedisServer, redis_binary

ACTS = TASKS[1:6]
ACT_DATA = {
    "bar": "the likable bar",
    "baz": {"qux": "the awesome qux", "quux": "the amazing quux", "corge": "the great corge"},
}
SUB_DATA = {
    "grault": "the likable grault",
    "garply": {"waldo": "the awesome waldo", "fred": "the amazing fred", "plugh": "the great plugh"},
}
START_DATA = {
    "who_id": "(id,007)",
    "who_name": "Leandro Silva",
    "who_login": "leandrosilva.codezone",
    "who_web_info": {"blog": "http://leandrosilva.com.br", "twitter": "codezone"},
    "who_dev_info": {"github": "http://github.com/leandrosilva"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FooWorkflow]:
    """The sample service, test/foo_workflow/bin/run."""
    running = FooWorkflow(tmp_path_factory.mktemp("foo"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def foo_node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, sample: FooWorkflow) -> Iterator[Node]:
    """A node that knows the processes of the document's configuration, on an empty Redis."""
    with redis.client() as client:
        client.flushall()
    processes = {"foo": f"{sample.url}/start", "bar": "http://bar.invalid/process/bar/start"}
    running = Node(tmp_path_factory.mktemp("node"), redis.url, processes)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def finished(foo_node: Node) -> Job:
    """One foo job, done; before it, the 404 of the walk-through, which leaves nothing to see."""
    answer = foo_node.post("/api/process/no_such_process/start", json.dumps(DOCUMENT))
    assert answer.status_code == 404
    assert list(foo_node.store.scan_iter("cameron:process:*")) == []
    return foo_node.job("foo", DOCUMENT).done()


def test_a_finished_foo_job_holds_exactly_the_43_documented_fields(finished: Job) -> None:
    job_fields = {
        "job.key", "job.data", "job.requestor", "job.tasks",
        "job.status.current", "job.status.scheduled.time", "job.status.running.time", "job.status.done.time",
    }  # fmt: skip
    parts = ["status.current", "status.running.time", "status.done.time", "output.data", "output.next_activities"]
    task_fields = {f"task.{task}.{part}" for task in TASKS for part in parts}
    assert set(finished.hash()) == job_fields | task_fields
    assert len(finished.hash()) == 43


def test_redis_cli_prints_86_lines(finished: Job, redis: RedisServer) -> None:
    command = [redis_binary("redis-cli"), "-p", str(redis.port), "hgetall", finished.hash_key]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    assert len(printed.splitlines()) == 86


def test_the_keys_of_the_walk_through_are_the_hash_alone(finished: Job, foo_node: Node) -> None:
    assert list(foo_node.store.scan_iter("cameron:process:*")) == [finished.hash_key]


def test_the_values_of_the_hash_are_those_of_the_document(finished: Job) -> None:
    stored = finished.hash()
    assert {name: stored[f"job.{name}"] for name in DOCUMENT} == DOCUMENT
    assert stored["job.status.current"] == "done"
    tasks = stored["job.tasks"].split(",")
    assert tasks[0] == "start"
    assert tasks[1:6] == ACTS
    assert tasks[6:] == ["act_5_sub_1"]
    assert {stored[f"task.{task}.status.current"] for task in TASKS} == {"done"}
    assert json.loads(stored["task.start.output.data"]) == START_DATA
    assert json.loads(stored["task.act_3.output.data"]) == ACT_DATA
    assert json.loads(stored["task.act_5_sub_1.output.data"]) == SUB_DATA


def test_next_activities_are_stored_as_replied_or_undefined(finished: Job, sample: FooWorkflow) -> None:
    stored = finished.hash()
    definitions = [{"name": act, "url": f"{sample.url}/activity/{act}"} for act in ACTS]
    assert json.loads(stored["task.start.output.next_activities"]) == {"parallelizable": "yes", "definitions": definitions}
    (sub,) = json.loads(stored["task.act_5.output.next_activities"])["definitions"]
    assert sub == {"name": "act_5_sub_1", "url": f"{sample.url}/activity/act_5_sub_1"}
    assert {stored[f"task.{task}.output.next_activities"] for task in [*ACTS[:4], "act_5_sub_1"]} == {"undefined"}


def test_json_is_stored_compact(finished: Job) -> None:
    stored = finished.hash()
    text = stored["task.act_1.output.data"]
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_get_shows_the_whole_job(finished: Job) -> None:
    view = finished.view()
    assert list(view)[:6] == ["process", "uuid", "key", "requestor", "status", "tasks"]
    shown: list[tuple[str, str, Any]] = [(task["name"], task["status"]["current"], task["data"]) for task in view["tasks"]]
    assert shown == [
        ("start", "done", START_DATA),
        *[(act, "done", ACT_DATA) for act in ACTS],
        ("act_5_sub_1", "done", SUB_DATA),
    ]


def test_the_sample_service_prints_each_request(finished: Job, sample: FooWorkflow) -> None:
    assert finished.status == "done"
    printed = sample.requests()
    assert printed[0] == "start"
    assert sorted(printed[:7]) == sorted(TASKS)


def test_the_scripts_of_the_walk_through_print_what_the_document_shows(foo_node: Node, finished: Job) -> None:
    refused = script("request_for_404.sh", foo_node)
    assert refused[0] == "HTTP/1.1 404 Not Found"
    assert json.loads(json.loads(refused[-1])["payload"]) == DOCUMENT
    accepted = script("request_for_foo.sh", foo_node)
    assert accepted[0] == "HTTP/1.1 201 Created"
    assert json.loads(json.loads(accepted[-1])["payload"]) == DOCUMENT
    (location,) = (line.partition(": ")[2] for line in accepted if line.startswith("Location: "))
    job = foo_node.at(location).done()
    assert job.uuid != finished.uuid
    assert job.hash()["job.tasks"] == ",".join(TASKS)


def script(name: str, node: Node) -> list[str]:
    """The lines that one of the document's curl scripts prints against this node."""
    command = [str(PROJECT / "test" / "script" / name)]
    printed = subprocess.run(command, env=os.environ | {"CAMERON_URL": node.url}, capture_output=True, text=True, timeout=30, check=True)
    return [line for line in printed.stdout.splitlines() if line]


def test_a_process_that_cannot_be_reached_ends_in_its_error(foo_node: Node, finished: Job) -> None:
    job = foo_node.job("bar", DOCUMENT).done(120)
    assert job.field("task.start.status.current") == "error"
    assert "bar.invalid" in str(job.field("task.start.output.data"))
    assert finished.uuid != job.uuid
