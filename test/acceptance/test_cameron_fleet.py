"""Several nodes on one Redis that die, sleep and are deployed under load. CAMERON_SOAK=1 runs the full numbers."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

from .support.answer import follow, reply
from .support.crowd import start_all
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.steps import Steps, owners
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
ROUNDS = 20 if SOAK else 5
SHARED_JOBS = 20_000 if SOAK else 5_000
LEASE_S = 1.0
RECOVERY_STARTS_S = LEASE_S + 2.0  # at most, after a death
SHORT = {"CAMERON_NODE_LEASE_S": str(LEASE_S), "CAMERON_NODE_SHUTDOWN_S": "0.3", "CAMERON_LOG_LEVEL": "warning"}

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on the session's Redis, which is empty at first; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(settings: Mapping[str, str] = SHORT) -> Node:
            made = Node(tmp_path_factory.mktemp("node"), redis.url, {"steps": service.url("first")}, settings)
            stack.callback(made.stop)
            return made.start()

        yield started


def names(store: Any) -> set[str]:
    """The names of all nodes that live."""
    return {key.removeprefix("cameron:node:") for key in store.scan_iter("cameron:node:*") if key.count(":") == 2}


class Death:
    """A node that was killed: when the others began to take over what it held, and when they had it all."""

    def __init__(self, node: Node) -> None:
        node.kill()
        self._at_s = time.monotonic()
        self._store, self._pid = node.store, node.child.pid
        self.held = self._left()
        self.began_s = self.over_s = 0.0  # after the death

    def __str__(self) -> str:
        return f"{self.held} jobs after {self.began_s:.2f} to {self.over_s:.2f} s"

    def is_over(self) -> bool:
        """Whether all is taken over."""
        left, now_s = self._left(), time.monotonic()
        if left < self.held and not self.began_s:
            self.began_s = now_s - self._at_s
        if not left and not self.over_s:
            self.over_s = now_s - self._at_s
        return not left

    def _left(self) -> int:
        """How many jobs the queue says that it holds."""
        consumers = self._store.xinfo_consumers("cameron:queue:steps", "cameron")
        return sum(int(consumer["pending"]) for consumer in consumers if f"-{self._pid}-" in consumer["name"])


class Round:
    """Two of the nodes are killed and started again, each at a time of its own."""

    def __init__(self, nodes: list[Node], chance: Random) -> None:
        self.deaths: list[Death] = []
        now_s = time.monotonic()
        self._due: list[tuple[float, Callable[[], None]]] = []
        for node in chance.sample(nodes, 2):
            dies_s = now_s + chance.uniform(0.0, 1.2)
            self._due.append((dies_s, lambda node=node: self.deaths.append(Death(node))))  # type: ignore[misc]
            self._due.append((dies_s + chance.uniform(0.0, 2.0), node.launch))
        self._due.sort(key=lambda due: due[0])

    def is_over(self) -> bool:
        """Whether all is done and all was taken over; called again and again."""
        while self._due and time.monotonic() >= self._due[0][0]:
            self._due.pop(0)[1]()
        over = [death.is_over() for death in self.deaths]
        return not self._due and all(over)


def three_steps(service: Service) -> None:
    """Jobs that take about two seconds."""
    service.on("first", reply(1, next_activities=follow([("held", service.url("held"))])).after(0.6))
    service.on("held", reply(2, next_activities=follow([("last", service.url("last"))])).after(0.7))
    service.on("last", reply(3).after(0.6))


def calls(service: Service) -> Counter[str]:
    return Counter(call.headers["idempotency-key"] for call in service.all_calls())


def assert_all_done(store: Any, jobs: list[Job], timeout_s: float = 120) -> None:
    def unfinished() -> int:
        pipeline = store.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(job.hash_key, "job.status.current")
        return len(jobs) - Counter(pipeline.execute())["done"]

    eventually(lambda: not unfinished(), "all jobs to be done", timeout_s, every_s=0.05)
    assert store.xlen("cameron:queue:steps") == 0
    assert store.xpending("cameron:queue:steps", "cameron")["pending"] == 0


def test_300_jobs_on_three_nodes_of_which_two_are_killed_at_random_times(
    make: MakeNode, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int.from_bytes(os.urandom(4))
    nodes, chance, lines = [make(), make(), make()], Random(seed), [f"seed {seed}"]
    three_steps(service)
    for number in range(1, ROUNDS + 1):
        service.forget()
        payloads = [{"key": f"fleet-{number}-{n}"} for n in range(300)]
        began = time.monotonic()
        jobs = [nodes[0].at(answer.location) for n, node in enumerate(nodes) for answer in start_all(node.port, "steps", payloads[n::3], 4)]
        killing = Round(nodes, chance)
        eventually(killing.is_over, "all to be taken over", every_s=0.01)
        assert_all_done(nodes[0].store, jobs)
        lines.append(f"round {number}: taken over {' and '.join(map(str, killing.deaths))}; 300 done in {time.monotonic() - began:.2f} s")
        assert len(jobs) == 300
        assert all(len(job.hash()) == 8 + 3 * 5 for job in jobs)
        assert max(death.began_s for death in killing.deaths) <= RECOVERY_STARTS_S
        assert set(calls(service)) == {f"{job.uuid}/{task}" for job in jobs for task in ("start", "held", "last")}
        assert {key: times for key, times in calls(service).items() if times > 3} == {}
        for node in nodes:
            eventually(node.healthy, "the node to be well again", every_s=0.05)
    with capsys.disabled():
        print("\n" + "\n".join(lines))


def test_two_nodes_claim_from_one_queue_and_each_job_is_run_by_one(
    make: MakeNode, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = make(), make()
    service.on("first", reply(1))
    began = time.monotonic()
    payloads = [{"key": f"shared-{n}"} for n in range(SHARED_JOBS)]
    answers = [answer for n, node in enumerate((one, two)) for answer in start_all(node.port, "steps", payloads[n::2], 10)]
    assert Counter(answer.status for answer in answers) == {201: SHARED_JOBS}
    jobs = [one.at(answer.location) for answer in answers]
    assert_all_done(one.store, jobs, 300)
    by_node = Counter(node for node, _ in owners(one.store).values())
    with capsys.disabled():
        print(f"\n{SHARED_JOBS} jobs from one queue: {sorted(by_node.values())} by node, {time.monotonic() - began:.1f} s")
    assert {claim for _, claim in owners(one.store).values()} == {1}
    assert len(by_node) == 2
    assert calls(service) == {f"{job.uuid}/start": 1 for job in jobs}


def test_a_lone_node_that_slept_longer_than_its_lease_goes_on_where_it_was(make: MakeNode, service: Service) -> None:
    node, steps = make(), Steps(service)
    steps.start(node, 20).called("held", 20).recorded("start")
    before, name = owners(node.store), names(node.store)
    os.kill(node.child.pid, signal.SIGSTOP)
    eventually(lambda: not names(node.store), "the lease to run out")
    steps.gate.open()  # the replies arrive while it sleeps
    os.kill(node.child.pid, signal.SIGCONT)
    steps.all_done(node.store)
    assert names(node.store) == name
    assert {uuid: owner for uuid, (owner, _) in before.items()} == {uuid: owner for uuid, (owner, _) in owners(node.store).items()}
    for activity in ("first", "held", "last"):
        steps.assert_called(activity, range(1, 2))


def test_what_a_sleeper_still_writes_once_others_have_its_jobs_is_refused(make: MakeNode, service: Service) -> None:
    sleeper, steps = make(), Steps(service)
    steps.start(sleeper, 20).called("held", 20).recorded("start")
    os.kill(sleeper.child.pid, signal.SIGSTOP)
    other = make()
    steps.called("held", 40)
    steps.gate.open()  # for both nodes' calls: the sleeper's late replies lie in its sockets when it wakes up
    steps.called("last", 20)
    os.kill(sleeper.child.pid, signal.SIGCONT)
    steps.all_done(other.store)
    eventually(sleeper.healthy, "the sleeper to be well again")
    assert all(f"-{other.child.pid}-" in owner for owner, _ in owners(other.store).values())
    steps.assert_called("held", range(2, 3))
    steps.assert_called("last", range(1, 2))
    steps.start(sleeper, 10)
    steps.all_done(other.store)


def test_five_deploys_during_a_long_task_are_no_crashes(make: MakeNode, service: Service) -> None:
    node, steps = make(), Steps(service)
    steps.start(node, 5).called("held", 5).recorded("start")
    for deploy in range(1, 6):
        assert node.terminate() == 0
        node.start()
        steps.called("held", 5 * (deploy + 1))
    for job in steps.jobs:
        record = node.store.hgetall(f"cameron:record:steps:{job.uuid}")
        assert {field: value for field, value in record.items() if field.endswith(".crashes") and value != "0"} == {}
    steps.gate.open()
    steps.all_done(node.store)
    assert node.store.exists("cameron:queue:steps:dead") == 0
    steps.assert_called("first", range(1, 2))
    steps.assert_called("held", range(6, 7))
    steps.assert_called("last", range(1, 2))
