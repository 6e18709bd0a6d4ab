"""Why is this job not moving? Asked over HTTP, of real nodes, in each of the places where a job can be."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .support.answer import follow, http, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

SETTINGS = {"CAMERON_NODE_LEASE_S": "1.5", "CAMERON_NODE_SHUTDOWN_S": "0.5"}

MakeNode = Callable[..., Node]


@pytest.fixture
def make(redis: RedisServer, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeNode]:
    """Start nodes, of such names and settings, on an empty Redis; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(name: str, **settings: str) -> Node:
            all_settings = {**SETTINGS, "CAMERON_NODE_NAME": name, **{f"CAMERON_{setting}": value for setting, value in settings.items()}}
            node = Node(tmp_path_factory.mktemp(name), redis.url, {"scripted": service.url("start")}, all_settings)
            stack.callback(node.stop)
            return node.start()

        yield started


def start(node: Node, key: str) -> Job:
    return node.job("scripted", {"key": key})


def explained(job: Job, by: Node) -> dict[str, Any]:
    """What a node says of the job."""
    answer = by.get(job.location.removeprefix(f"http://{job.location.split('/')[2]}") + "/explain")
    assert answer.status_code == 200, answer.text
    document = dict(answer.json())
    assert (document["process"], document["uuid"], document["key"]) == ("scripted", job.uuid, job.key)
    assert " ".join(reason["sentence"] for reason in document["reasons"]) == document["sentence"]
    return document


def comes_to(state: str, job: Job, by: Node) -> dict[str, Any]:
    """Wait until a node says that of the job; all that it says of it then."""
    said: dict[str, Any] = {}

    def is_so() -> bool:
        nonlocal said
        said = explained(job, by)
        return bool(said["state"] == state)

    try:
        eventually(is_so, f"job {job.key} to be {state}", every_s=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}; what it says: {said}") from None
    return said


def test_a_queued_job_says_how_many_are_before_it(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()))
    node = make("n", NODE_MAX_JOBS="1")
    running = start(node, "runs")
    service.arrived("runs", 1)
    next_one, last = start(node, "next"), start(node, "last")
    first, second = comes_to("queued", next_one, node), comes_to("queued", last, node)
    where = "It waits in the queue of process 'scripted'"
    assert first["sentence"] == f"{where}: it is the next, and 1 node takes jobs as they have room."
    assert second["sentence"] == f"{where}: 1 job is before it, and 1 node takes jobs as they have room."
    assert (first["queue"]["before"], second["queue"]["before"]) == (0, 1)
    gate.open()
    for job in (running, next_one, last):
        job.done()


def test_a_running_job_says_what_it_calls_and_what_waits_for_that(make: MakeNode, service: Service) -> None:
    follow_ups = [(name, service.url(name)) for name in ("a", "b", "c")]
    service.on("start", reply(1, next_activities=follow(follow_ups, "no")))
    service.on("a", reply(2).held(service.gate()))
    node = make("n")
    job = start(node, "runs")
    service.arrived("runs", 2)
    found = eventually(lambda: (said := explained(job, node)).get("waiting") and said, "the tasks to be recorded") or {}
    name = found["node"]["node"]
    assert found["state"] == "calling"
    assert found["sentence"].startswith(f"Node {name} is calling task 'a' at {service.url('a')}, for ")
    assert found["sentence"].endswith("(it may take 5 min). 2 tasks wait for earlier ones: 'b' for 'a'; 'c' for 'b'.")
    assert found["waiting"] == [{"task": "b", "after": ["a"]}, {"task": "c", "after": ["b"]}]
    assert found["tasks"] == {"scheduled": 2, "running": 1, "done": 1, "skipped": 0, "error": 0}


def test_a_job_that_waits_for_another_attempt_says_when(make: MakeNode, service: Service) -> None:
    service.on("start", http(503, b"", {"Retry-After": "60"}))
    node = make("n")
    job = start(node, "again")
    found = comes_to("retrying", job, node)
    [task] = found["retrying"]
    assert (task["task"], task["attempt"], task["attempts"]) == ("start", 2, 3)
    assert found["accepted"] < task["at"] < found["deadline"]
    assert found["sentence"].startswith("Task 'start' has failed and is called again in ")
    assert found["sentence"].endswith(" UTC (attempt 2 of 3).")


def test_a_job_that_waits_for_a_host_says_so(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()))
    node = make("n", HTTP_MAX_CALLS_PER_HOST="1")
    first = start(node, "first")
    service.arrived("first", 1)
    second = start(node, "second")
    found = comes_to("host_limit", second, node)
    assert found["calling"][0]["host"] == {"host": f"127.0.0.1:{service.port}", "in_flight": 1, "waiting": 1}
    assert f"calls to 127.0.0.1:{service.port}: 1 in flight, 1 waiting (" in found["sentence"]
    gate.open()
    for job in (first, second):
        job.done()


def test_a_command_that_waits_for_a_free_place_says_so(make: MakeNode, service: Service, tmp_path: Path) -> None:
    pipes = {name: tmp_path / name for name in ("one", "two")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    commands = [{"name": name, "kind": "command", "command": ["/bin/cat", str(pipe)]} for name, pipe in pipes.items()]
    service.on("start", reply(1, next_activities={"parallelizable": "yes", "definitions": commands}))
    node = make("n", COMMANDS_MAX_COMMANDS="1", COMMANDS_ALLOWED_BINARIES="/bin/cat")
    job = start(node, "two")

    free_place = {"limits": ["commands.max_commands"], "running": 1, "waiting": 1, "places": 1}

    def one_runs() -> dict[str, Any] | None:
        said = explained(job, node)
        is_counted = any(task.get("free_place") == free_place for task in said["calling"])  # the node says how many they are now and then
        return said if is_counted and [reason["state"] for reason in said["reasons"]] == ["free_place", "calling"] else None

    found = eventually(one_runs, "one of the commands to run") or {}
    [running] = [task for task in found["calling"] if "free_place" not in task]
    [waiting] = [task for task in found["calling"] if task is not running]
    assert waiting["url"] == "/bin/cat"
    told = f"Task {waiting['task']!r} waits for a free place on node {found['node']['node']}, or has just got it"
    assert found["sentence"].startswith(f"{told}: 1 of 1 running, 1 waiting (limit: commands.max_commands). Node ")
    assert f"is calling task {running['task']!r} at /bin/cat, for " in found["sentence"]
    for task in (running, waiting):
        pipes[task["task"]].open("w").close()
    job.done()


def test_a_killed_nodes_job_says_that_its_node_is_dead_until_another_one_has_room(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(gate := service.gate()))
    full = make("full", NODE_MAX_JOBS="1")
    busy = start(full, "busy")
    service.arrived("busy", 1)
    other = make("other")
    job = start(other, "orphan")
    service.arrived("orphan", 1)
    name = comes_to("calling", job, full)["node"]["node"]
    other.kill()
    found = comes_to("owner_dead", job, full)
    assert name.startswith("other")
    assert (found["node"]["node"], found["node"]["state"]) == (name, "dead")
    assert found["sentence"] == (
        f"Its node {name} is dead; another node takes it over within 2 s, or as soon as one has room. "
        "Task 'start' was being called, and is called again then."
    )
    gate.open()
    for ending in (busy, job):
        ending.done()


def test_a_finished_job_says_how_it_ended(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1, next_activities=follow([("bad", service.url("bad"))])))
    service.on("bad", http(500, b"no"))
    node = make("n", JOB_RETENTION_S="3600")
    job = start(node, "ended").done()
    found = explained(job, node)
    assert found["state"] == found["status"] == "done"
    assert found["sentence"].startswith("It was done at 20")
    assert " after it was accepted: 2 tasks, of which 1 failed ('bad'; with the text: http://" in found["sentence"]
    assert " A retry runs it again. It is kept until 20" in found["sentence"]
    assert found["failed"] == ["bad"]
    assert found["accepted"] <= found["since"] < found["expires"]


def test_a_job_that_was_given_up_says_so_with_its_last_crash(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1).held(service.gate()))
    node = make("n", JOB_MAX_CRASHES="1")
    job = start(node, "poison")
    service.arrived("poison", 1)
    name = comes_to("calling", job, node)["node"]["node"]
    node.kill()
    node.start()
    job.ended()
    found = explained(job, node)
    assert found["state"] == "dead_letter"
    assert found["sentence"].startswith("It was given up at 20")
    assert f"The last crash: node {name} died." in found["sentence"]
    assert (found["dead_letter"]["task"], found["dead_letter"]["crashes"]) == ("start", 1)
    listed = node.get("/api/process/scripted/dead").json()["jobs"]
    assert [row["uuid"] for row in listed] == [job.uuid]
    assert listed[0]["crash"] == found["crash"] == f"node {name} died"


def test_a_suspected_job_says_that_it_waits_for_its_nodes_one_place(make: MakeNode, service: Service) -> None:
    service.on("start", reply(1), reply(1), reply(1).held(gate := service.gate()), key="first")
    service.on("start", reply(1), key="second")
    node = make("n", FAULT=",".join(f"reply.received:{passage}=raise" for passage in range(1, 5)))
    first = start(node, "first")
    service.arrived("first", 3)
    second = start(node, "second")
    found = comes_to("suspected", second, node)
    name = found["node"]["node"]
    assert found["sentence"].startswith(f"It waits for node {name}'s one place for jobs with which nodes have died. ")
    assert "Whoever ran it has died 2 times while task 'start' was called (the last crash: its runner crashed: " in found["sentence"]
    assert found["sentence"].endswith("; at 5 it is given up.")
    assert found["crashed"] == [{"task": "start", "crashes": 2}]
    assert explained(first, node)["state"] == "calling"
    gate.open()
    for job in (first, second):
        job.done()


def test_a_queued_job_of_which_the_only_node_drains_says_what_to_do(make: MakeNode, service: Service) -> None:
    node = make("n")
    [name] = [found["node"] for found in node.get("/api/system/nodes").json()["nodes"]]
    assert node.post(f"/api/system/nodes/{name}/drain", b"").status_code == 202
    eventually(lambda: node.get("/status").status_code == 503, "the node to drain")
    job = start(node, "waits")
    found = comes_to("no_node", job, node)
    where = "It waits in the queue of process 'scripted'"
    assert found["sentence"] == f"{where}, and the only node that lives is draining: start another one, or resume it."


def test_nobody_explains_a_job_that_is_not_there(make: MakeNode) -> None:
    answer = make("n").get(f"/api/process/scripted/key/k/job/{'0' * 32}/explain")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found")
