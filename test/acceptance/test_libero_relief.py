"""Workers that join while another one holds more jobs than it has places for their activities: it hands over what has not begun."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .support import libero
from .support.job import Job
from .support.libero import SUCCEEDED, activity, says, states, workflow
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually
from .test_cameron_roles import Half

PLACES, JOBS = 2, 30
ASKS = """
import http.client, json, os, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=120)
connection.request("POST", "/Program", json.dumps({"key": os.environ["CAMERON_JOB"], "job": os.environ["CAMERON_JOB"]}))
connection.getresponse().read()
"""
SETTINGS = {
    "CAMERON_NODE_LEASE_S": "2",
    "CAMERON_NODE_SHUTDOWN_S": "0.5",
    "CAMERON_PYTHON_MAX_THREADS": str(PLACES),
    "CAMERON_PYTHON_MAX_PROCESSES": str(PLACES),
    "CAMERON_COMMANDS_MAX_COMMANDS": str(PLACES),
    "CAMERON_COMMANDS_ALLOWED_BINARIES": sys.executable,
}
OF_ACTIVITY = {"Threads": "First", "Processes": "First", "Programs": "Program"}

Start = Callable[..., Half]


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Start]:
    """Starts nodes on an empty Redis, with a workflow of one activity for each way to run it; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    program = activity("Program", kind="command", command=[sys.executable, "-c", ASKS, str(service.port)])
    workflows = [
        workflow("Threads", "First"),
        workflow("Processes", activity("First", isolation="process")),
        workflow("Programs", program),
    ]
    started: list[Half] = []

    def one(command: str) -> Half:
        folder = tmp_path_factory.mktemp(command)
        made = Half(command, folder, redis.url, {}, libero.settings(service, libero.write(folder / "definitions", *workflows), **SETTINGS))
        started.append(made)
        if command == "worker":
            return made.wait_until_working()
        made.start()
        return made

    yield one
    for made in started:
        made.stop()


def asked(service: Service, name: str) -> Counter[str]:
    """How often the activity has begun in each job."""
    return Counter(call.json["job"] for call in service.all_calls() if call.activity == name)


def held(worker: Node, jobs: list[Job]) -> list[Job]:
    """Those that the worker runs."""
    return [job for job in jobs if f"-{worker.child.pid}-" in str(worker.store.hget(f"cameron:record:{job.process}:{job.uuid}", "owner"))]


def words(job: Job) -> list[Any]:
    """What has happened in it."""
    return [event["event"] for event in libero.events(job)]


@pytest.mark.parametrize(("name", "joining"), [("Threads", 1), ("Threads", 2), ("Processes", 1), ("Programs", 1)])
def test_workers_that_join_late_get_their_share_and_each_activity_begins_once(
    start: Start, service: Service, name: str, joining: int
) -> None:
    gate, of, share = service.gate(), OF_ACTIVITY[name], JOBS // (1 + joining)
    service.on(of, says().held(gate))
    server, first = start("server"), start("worker")
    jobs = [server.job(name, {"key": f"job {number}", "input_data": {"key": f"job {number}"}}) for number in range(JOBS)]
    eventually(lambda: len(held(first, jobs)) == JOBS, "the first worker to have them all", every_s=0.1)
    eventually(lambda: len(asked(service, of)) == PLACES, "it to be busy", every_s=0.1)
    others = [start("worker") for _ in range(joining)]
    eventually(lambda: len(asked(service, of)) == (1 + joining) * PLACES, "all to be busy", 60, every_s=0.1)
    eventually(lambda: all(len(held(worker, jobs)) >= share - PLACES for worker in others), "each to have its share", 60, every_s=0.1)
    gate.open()
    for job in jobs:
        job.done(60)
    assert asked(service, of) == Counter({job.uuid: 1 for job in jobs})
    told = [Counter(words(job)) for job in jobs]
    assert share - PLACES <= sum(bool(of_job["job.handed_back"]) for of_job in told) < JOBS
    assert sum(of_job["job.handed_back"] for of_job in told) <= joining * JOBS
    assert sum(of_job["task.interrupted"] for of_job in told) == 0
    assert states(jobs[-1]) == ["Finished", SUCCEEDED]
