"""A node is killed at every boundary of a job's life: the job ends well, once, and nothing that was finished is done again.

The points are named in cameron/fault.py. Each job passes them all but those of a stop, of a take-over and of a cancel, which have tests
of their own at the end. CAMERON_SOAK=1 kills at more passages of each.
"""

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from cameron.fault import POINTS

from .support.answer import Gate, follow, http, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
SHORT = {"CAMERON_NODE_LEASE_S": "0.5", "CAMERON_NODE_SHUTDOWN_S": "0.3", "CAMERON_REDIS_TIMEOUT_S": "2", "CAMERON_RETRY_DELAY_S": "0.02"}
TASKS = ("start", "left", "right", "one", "two")
ON_EVERY_WAY = [point for point in POINTS if point.split(".")[0] not in ("hand_back", "take_over", "job", "callback", "command")]
PASSAGES = (1, 2, 3, 5, 8, 13, 21) if SOAK else (3,)
MOST_JOBS = 200  # started at most, until a node has met its fault

NUMBERS = itertools.count(1)

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on the session's Redis; they end with the test."""
    with ExitStack() as stack:

        def started(**settings: str) -> Node:
            made = Node(tmp_path_factory.mktemp("node"), redis.url, {"branching": service.url("start")}, {**SHORT, **settings})
            stack.callback(made.stop)
            return made.start()

        yield started


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node that no fault befalls, for the tests with two; it comes to life with the first of them."""
    node = Node(tmp_path_factory.mktemp("other"), redis.url, {"branching": service.url("start")}, SHORT)
    try:
        yield node.start()
    finally:
        node.stop()


class Branching:
    """Jobs that begin with `start`; `left` and `right` follow at once; `left` is refused the first time; then `one`, and after it `two`."""

    def __init__(self, service: Service, redis: RedisServer, gate: Gate | None = None) -> None:
        self._service, self._store = service, redis.client()
        self._name = f"boundary-{next(NUMBERS)}"  # in all keys, so that what an earlier test left behind is not met
        self._started = 0
        self.accepted: list[str] = []  # uuids for which there was a 201
        service.forget()
        service.on("start", reply("s", next_activities=follow([(name, service.url(name)) for name in ("left", "right")])))
        in_sequence = follow([(name, service.url(name)) for name in ("one", "two")], parallelizable="no")
        service.on("left", http(503, b"busy"), reply("l", next_activities=in_sequence))
        service.on("right", reply("r"))
        service.on("one", reply("1") if gate is None else reply("1").held(gate))
        service.on("two", reply("2"))

    def start(self, node: Node) -> None:
        """Start a job, or meet a node that dies over it, or whose actor crashes."""
        self._started += 1
        try:
            answer = node.post("/api/process/branching/start", json.dumps({"key": f"{self._name}-{self._started}"}))
        except requests.RequestException:
            return
        if answer.status_code != 503:
            assert answer.status_code == 201
            self.accepted.append(node.at(answer.headers["Location"]).uuid)

    def start_until(self, node: Node, over: Callable[[], Any]) -> "Branching":
        """Start jobs, one after the other, until that is so, or enough of them are on their way."""
        for _ in range(MOST_JOBS):
            if over():
                return self
            self.start(node)
        eventually(over, f"the fault to strike:\n{node.output()[-2000:]}")
        return self

    def jobs(self, node: Node) -> list[Job]:
        """All jobs that Redis holds, acknowledged or not."""
        found = set(self._store.scan_iter(f"cameron:process:branching:key:{self._name}-*", count=1000))
        parts = [key.split(":") for key in found if not key.endswith(":error")]
        return [node.at(f"/api/process/branching/key/{key}/job/{uuid}") for *_, key, _, uuid in parts]

    def calls(self) -> Counter[str]:
        """How often each task was called, by Idempotency-Key."""
        calls = [call for call in self._service.all_calls() if call.json["key"].startswith(f"{self._name}-")]
        return Counter(call.headers["idempotency-key"] for call in calls)

    def finished(self, node: Node) -> Counter[str]:
        """The calls of all tasks that are recorded as done by now."""
        done = [f"{job.uuid}/{task}" for job in self.jobs(node) for task in TASKS if job.field(f"task.{task}.status.current") == "done"]
        calls = self.calls()
        return Counter({key: calls[key] for key in done})

    def all_end_well(self, node: Node, before: Counter[str], deaths: int = 1) -> list[Job]:
        """Each job ends done and whole; what was finished `before` was not called again, all else at most once more a death."""
        jobs = self.jobs(node)
        for job in jobs:
            job.done()
            assert len(job.hash()) == 8 + 5 * len(TASKS)
            assert job.keys() == {job.hash_key}
        assert {job.uuid for job in jobs} >= set(self.accepted)
        calls = self.calls()
        assert set(calls) == {f"{job.uuid}/{task}" for job in jobs for task in TASKS}
        assert {key: calls[key] for key in before} == before
        assert {key: times for key, times in calls.items() if times > (2 if key.endswith("/left") else 1) + deaths} == {}
        assert self._store.xlen("cameron:queue:branching") == 0
        assert self._store.xpending("cameron:queue:branching", "cameron")["pending"] == 0
        return jobs


def held_by(node: Node) -> int:
    """How many entries of the queue that node holds."""
    consumers = node.store.xinfo_consumers("cameron:queue:branching", "cameron")
    return sum(int(consumer["pending"]) for consumer in consumers if f"-{node.child.pid}-" in consumer["name"])


def start_again(node: Node) -> None:
    """Start it once more, without its fault."""
    node.without("CAMERON_FAULT")
    node.start()


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("point", ON_EVERY_WAY)
def test_a_node_killed_there_goes_on_with_its_next_start(
    make: MakeNode, redis: RedisServer, service: Service, point: str, passage: int
) -> None:
    node, jobs = make(CAMERON_FAULT=f"{point}:{passage}"), Branching(service, redis)
    jobs.start_until(node, lambda: not node.running)
    finished = jobs.finished(node)
    start_again(node)
    jobs.all_end_well(node, finished)


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("point", ON_EVERY_WAY)
def test_what_crashes_there_is_an_actor_and_not_the_node(
    make: MakeNode, redis: RedisServer, service: Service, point: str, passage: int
) -> None:
    node, jobs = make(CAMERON_FAULT=f"{point}:{passage}=raise"), Branching(service, redis)
    jobs.start_until(node, lambda: f"CAMERON_FAULT: {point}, passage {passage}: raise" in node.output())
    jobs.all_end_well(node, Counter())
    assert node.running


# the boundaries off the usual way


def gated(service: Service, redis: RedisServer, node: Node, count: int = 4) -> tuple[Branching, Gate]:
    """Jobs of that node's that all wait for the replies of `one`."""
    gate = service.gate()
    jobs = Branching(service, redis, gate).start_until(node, lambda: held_by(node) >= count)
    eventually(lambda: len([key for key in jobs.calls() if key.endswith("/one")]) == len(jobs.accepted), "all calls of `one`")
    return jobs, gate


@pytest.mark.parametrize("action", ["kill", "raise"])
@pytest.mark.parametrize("point", ["hand_back.sent", "hand_back.written"])
def test_jobs_of_a_node_that_dies_while_it_hands_them_back_go_on(
    make: MakeNode, redis: RedisServer, service: Service, point: str, action: str
) -> None:
    node = make(CAMERON_FAULT=f"{point}:2={action}")
    jobs, gate = gated(service, redis, node)
    finished = jobs.finished(node)
    node.terminate()
    assert f"CAMERON_FAULT: {point}, passage 2: {action}" in node.output()
    gate.open()
    start_again(node)
    jobs.all_end_well(node, finished)


@pytest.mark.parametrize("action", ["kill", "raise"])
def test_a_node_that_dies_while_it_takes_over_leaves_all_to_the_next(
    make: MakeNode, redis: RedisServer, service: Service, action: str
) -> None:
    first, second = make(), make(CAMERON_FAULT=f"take_over.claimed={action}")
    jobs, gate = gated(service, redis, first)
    finished = jobs.finished(first)
    first.kill()
    eventually(lambda: f"take_over.claimed, passage 1: {action}" in second.output(), "the take-over")
    gate.open()
    if action == "kill":
        second.wait()
        first.start()
    jobs.all_end_well(first if action == "kill" else second, finished, deaths=2)


def assert_cancelled(job: Job, jobs: Branching) -> None:
    job.ended()
    assert job.status == "cancelled"
    assert job.error("one") == "cancelled"
    assert job.field("task.two.status.current") is None
    assert set(jobs.calls().values()) <= {1, 2}
    assert jobs.calls()[f"{job.uuid}/one"] == 1


@pytest.mark.parametrize("action", ["kill", "raise"])
def test_a_cancel_over_which_its_node_dies_is_heeded_all_the_same(
    make: MakeNode, redis: RedisServer, service: Service, action: str
) -> None:
    node = make(CAMERON_FAULT=f"job.signalled={action}")
    jobs, _ = gated(service, redis, node, 1)
    (job,) = jobs.jobs(node)
    with suppress(requests.RequestException):  # the answer may die with its node
        assert node.post(f"{job.location}/cancel", b"").status_code == 202
    eventually(lambda: f"job.signalled, passage 1: {action}" in node.output(), "the signal")
    if action == "kill":
        node.wait()
        start_again(node)
    assert_cancelled(job, jobs)


def test_a_cancel_over_which_its_node_dies_is_heeded_by_the_one_that_takes_over(
    make: MakeNode, redis: RedisServer, service: Service
) -> None:
    node = make(CAMERON_FAULT="job.signalled")
    jobs, _ = gated(service, redis, node, 1)
    other = make()
    (job,) = jobs.jobs(other)
    assert other.post(f"{job.location}/cancel", b"").status_code == 202
    node.wait()
    assert_cancelled(job, jobs)


def test_a_point_that_does_not_exist_stops_the_start_with_a_word_on_it(tmp_path: Path, redis: RedisServer) -> None:
    node = Node(tmp_path, redis.url, {}, {"CAMERON_FAULT": "transition.writen:3"})
    node.launch()
    assert node.wait() == 2
    assert "there is no point 'transition.writen' (did you mean transition.written); correct or unset it" in node.output()


# with a node that no fault befalls: it lives to the end of this file, so these tests come last


@pytest.mark.parametrize("passage", PASSAGES)
@pytest.mark.parametrize("point", ON_EVERY_WAY)
def test_the_other_node_goes_on_with_what_a_node_killed_there_held(
    make: MakeNode, other: Node, redis: RedisServer, service: Service, point: str, passage: int
) -> None:
    node, jobs = make(CAMERON_FAULT=f"{point}:{passage}"), Branching(service, redis)
    jobs.start_until(node, lambda: not node.running)
    jobs.all_end_well(other, jobs.finished(other))


def test_jobs_of_a_node_that_dies_while_it_hands_them_back_go_on_elsewhere(
    make: MakeNode, other: Node, redis: RedisServer, service: Service
) -> None:
    node = make(CAMERON_FAULT="hand_back.written:2")
    jobs, gate = gated(service, redis, node)
    finished = jobs.finished(node)
    assert node.terminate() == -9
    gate.open()
    jobs.all_end_well(other, finished)
