"""Python activities on several nodes, and nodes that end amid them: killed, told to stop, or ended by an activity itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .support import libero
from .support.answer import document
from .support.job import Job
from .support.libero import IN_PROGRESS, PENDING, PERMANENT_FAILURE, SUCCEEDED, activity, alive, entered, says, states, workflow
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually
from .test_cameron_roles import Half

LEASE = {"CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_SHUTDOWN_S": "0.5"}
MAX_CRASHES = 3
SUSPICION = 2  # crashes, from which on a job runs beside no other such job
WORKFLOWS = (
    workflow("InThreads", "First", "Second"),
    workflow("InProcesses", activity("First", isolation="process"), "Second"),
    workflow("Deadly", "EndsProcess", "First"),
    workflow("Leaves", "LeavesThread", "LeavesFarewell"),
)

Start = Callable[..., Half]


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Start]:
    """Starts nodes on an empty Redis by the command they are started with; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    started: list[Half] = []

    def one(command: str, **settings: str) -> Half:
        folder = tmp_path_factory.mktemp(command)
        definitions = libero.write(folder / "definitions", *WORKFLOWS)
        made = Half(command, folder, redis.url, {}, libero.settings(service, definitions, **LEASE | settings))
        started.append(made)
        return made.wait_until_working() if command == "worker" else started_node(made)

    yield one
    for made in started:
        made.stop()


def started_node(node: Half) -> Half:
    """The node, which answers."""
    node.start()
    return node


@pytest.fixture
def node(start: Start) -> Half:
    """The node that a `scenario` is on: the API alone, so that jobs wait for a worker."""
    return start("server")


def begin(node: Node, name: str, key: str) -> Job:
    """Start a workflow whose activities ask the service under that key."""
    return node.job(name, {"key": key, "input_data": {"key": key}})


def asked(service: Service, name: str) -> list[Any]:
    """What activities of that name have asked the service, of all jobs, in order."""
    return [call.json for call in service.all_calls() if call.activity == name]


def pids(service: Service, name: str) -> Counter[int]:
    """How often an activity of that name has asked from each process."""
    return Counter(said["pid"] for said in asked(service, name))


def test_a_workflow_is_pending_until_there_is_a_worker(start: Start, scenario: Scenario) -> None:
    scenario.on("First", says())
    scenario.on("Second", says())
    job = libero.begin(scenario, "InThreads")
    assert states(job) == [PENDING, PENDING, PENDING]
    assert entered(job) == [PENDING]
    assert scenario.calls() == []
    start("worker")
    job.done()
    assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]


def test_workers_share_the_jobs_and_one_that_is_killed_amid_activities_is_replaced(start: Start, node: Half, service: Service) -> None:
    gate = service.gate()
    service.on("First", says(set={"was": "there"}).held(gate))
    service.on("Second", says())
    names = ["InThreads", "InProcesses"] * 4
    workers = [start("worker", CAMERON_NODE_MAX_JOBS=str(len(names) // 2)) for _ in range(2)]
    jobs = [begin(node, name, f"job {number}") for number, name in enumerate(names)]
    eventually(lambda: len(asked(service, "First")) == len(names), "all first activities to run", every_s=0.1)
    by_worker = {worker: {job.uuid for job in jobs if owner(worker, job)} for worker in workers}
    assert [len(owned) for owned in by_worker.values()] == [len(names) // 2] * 2
    killed, survivor = workers
    isolated = {said["pid"] for said in asked(service, "First")} - {worker.child.pid for worker in workers}
    assert len(isolated) == len(names) // 2
    killed.kill()
    gate.open()
    for job in jobs:
        job.done(60)
        assert states(job) == ["Finished", SUCCEEDED, SUCCEEDED]
    again = Counter(said["job"] for said in asked(service, "First"))
    assert {uuid: times for uuid, times in again.items() if times > 1} == dict.fromkeys(by_worker[killed], 2)
    assert set(pids(service, "Second")) == {survivor.child.pid}
    eventually(lambda: not any(map(alive, isolated)), "the processes of both to be gone")
    for job in jobs:
        words = [event["event"] for event in libero.events(job)]
        assert ("task.interrupted" in words, "job.resumed" in words) == (job.uuid in by_worker[killed],) * 2


def owner(worker: Node, job: Job) -> bool:
    """Whether that worker has the job."""
    return f"-{worker.child.pid}-" in str(worker.store.hget(f"cameron:record:{job.process}:{job.uuid}", "owner"))


def test_an_activity_that_ends_its_node_again_and_again_is_given_up_and_others_survive(start: Start, service: Service) -> None:
    gate = service.gate()
    service.on("EndsProcess", document({}))
    service.on("First", says().held(gate))
    service.on("Second", says())
    node = start("serve", CAMERON_JOB_MAX_CRASHES=str(MAX_CRASHES))
    innocent = begin(node, "InThreads", "innocent")
    service.arrived("innocent", 1)
    deadly, deaths = begin(node, "Deadly", "deadly"), 0

    def over() -> bool:
        nonlocal deaths
        if not node.running:
            assert node.exited == 0  # what the activity has said; nothing tells it from a node that has ended in order
            deaths += 1
            if deaths == SUSPICION:
                gate.open()
            node.launch()
        return deadly.status == "error"

    eventually(over, "the deadly one to be given up", 90)
    eventually(node.healthy, "the node to answer again")
    assert deaths == MAX_CRASHES
    assert states(deadly) == ["Failed", PERMANENT_FAILURE, PENDING]
    assert f"died {MAX_CRASHES} times" in libero.error(deadly, "EndsProcess")
    assert [fields["uuid"] for _, fields in node.store.xrange("cameron:queue:Deadly:dead")] == [deadly.uuid]
    assert len(service.calls("deadly")) == MAX_CRASHES
    innocent.done()
    assert states(innocent) == ["Finished", SUCCEEDED, SUCCEEDED]
    assert node.store.exists("cameron:queue:InThreads:dead") == 0


def test_an_activity_that_ends_soon_after_sigterm_is_recorded_and_not_run_again(start: Start, service: Service) -> None:
    service.on("First", says().after(0.5))
    service.on("Second", says())
    node = start("serve", CAMERON_NODE_SHUTDOWN_S="10")
    job = begin(node, "InThreads", "soon")
    service.arrived("soon", 1)
    assert node.terminate() == 0
    assert job.field("task.First.status.current") == "done"
    node.start()
    job.done()
    assert [call.activity for call in service.calls("soon")] == ["First", "Second"]


@pytest.mark.parametrize("name", ["InThreads", "InProcesses"])
def test_an_activity_that_goes_on_after_sigterm_keeps_no_node_from_ending_and_is_run_again(
    start: Start, service: Service, name: str
) -> None:
    gate = service.gate()
    service.on("First", says().held(gate))
    service.on("Second", says())
    node = start("serve")
    job = begin(node, name, "goes on")
    [call] = service.arrived("goes on", 1)
    eventually(lambda: states(job)[1] == IN_PROGRESS, "the activity to be told of")
    assert node.terminate() == 0
    assert "Traceback" not in node.output()
    assert not alive(call.json["pid"])
    assert job.status == "running"
    gate.open()
    node.start()
    job.done()
    assert [call.activity for call in service.calls("goes on")] == ["First", "First", "Second"]
    words = [event["event"] for event in libero.events(job)]
    assert "job.handed_back" in words
    assert "task.interrupted" not in words


def test_what_activities_have_left_behind_keeps_no_node_from_ending(start: Start) -> None:
    node = start("serve")
    assert states(begin(node, "Leaves", "leaves").done()) == ["Finished", SUCCEEDED, SUCCEEDED]
    assert node.terminate() == 0


def test_a_package_that_cannot_be_found_stops_no_node_and_the_log_says_where_it_was_looked_for(start: Start, tmp_path: Path) -> None:
    node = start("serve", CAMERON_PYTHON_ACTIVITIES_PACKAGE="not.there", CAMERON_PYTHON_PATH=str(tmp_path))
    job = begin(node, "InThreads", "k").ended()
    assert states(job) == ["Failed", PERMANENT_FAILURE, PENDING]
    assert f"the package not.there is not there: looked for in {tmp_path}" in libero.error(job, "First")
    assert f"the package not.there is not there: looked for in {tmp_path}" in node.output()
