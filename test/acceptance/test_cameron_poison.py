"""A task whose call kills its node each time: it is given up after five crashes and can be put back; no other job is punished for it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from .support.answer import Answer, follow, http, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Call, Service
from .support.waiting import eventually

MAX_CRASHES = 5
SUSPICION = 2  # crashes, from which on a job runs beside no other such job
SHORT = {"CAMERON_NODE_LEASE_S": "0.5", "CAMERON_NODE_SHUTDOWN_S": "0.3", "CAMERON_LOG_LEVEL": "warning"}
DEADLY_S = 0.3  # from the first deadly call of a node's life to its death

MakeNode = Callable[..., Node]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on the session's Redis, which is empty at first; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(**settings: str) -> Node:
            processes = {"poison": service.url("begin"), "calm": service.url("calm")}
            made = Node(tmp_path_factory.mktemp("node"), redis.url, processes, {**SHORT, **settings})
            stack.callback(made.stop)
            return made.start()

        yield started


class Killer:
    """Serves the activity `deadly`, which follows `start` in jobs of `poison`: it kills the node that runs the job, and never replies."""

    def __init__(self, service: Service, nodes: list[Node]) -> None:
        self._service, self._nodes = service, nodes
        self.lives: dict[int, list[str]] = {}  # by process id, in order: the deadly calls that each life of a node made, by Idempotency-Key
        self._deaths = 0
        service.on("begin", reply("begun", next_activities=follow([("deadly", service.url("deadly"))])))
        service.on("deadly", self._call)
        self._never = service.gate()

    def relent(self) -> None:
        """Reply like any other from now on."""
        self._service.on("deadly", reply("no harm done"))

    def drive(self, jobs: list[Job]) -> int:
        """Start each node again that was killed, until all those jobs have ended; how many deaths it took."""
        before = self._deaths

        def over() -> bool:
            self._launch()
            return all(job.status in ("done", "error") for job in jobs)

        eventually(over, "all jobs to end", 90)
        eventually(lambda: self._launch() and all(node.healthy() for node in self._nodes), "the nodes to answer")
        return self._deaths - before

    def _launch(self) -> bool:
        """Not waiting until they answer, which one that is killed at once never does; whether all were there."""
        dead = [node for node in self._nodes if not node.running]
        for node in dead:
            node.launch()
        return not dead

    def _call(self, call: Call) -> Answer:
        node = self._owner(call.headers["x-cameron-job"])
        life = self.lives.setdefault(node.child.pid, [])
        life.append(call.headers["idempotency-key"])
        if len(life) == 1:
            asyncio.get_running_loop().call_later(DEADLY_S, self._kill, node, node.child.pid)
        return reply("never").held(self._never)

    def _owner(self, uuid: str) -> Node:
        owner = str(self._nodes[0].store.hget(f"cameron:record:poison:{uuid}", "owner"))
        return next(node for node in self._nodes if f"-{node.child.pid}-" in owner)

    def _kill(self, node: Node, pid: int) -> None:
        """Counts here, not where nodes are started again: a job may end on one node while another still lies dead."""
        if node.running and node.child.pid == pid:
            self._deaths += 1
            os.kill(pid, signal.SIGKILL)


def calls(service: Service, task: str) -> Counter[str]:
    keys = (call.headers["idempotency-key"] for call in service.all_calls())
    return Counter(key for key in keys if key.endswith(f"/{task}"))


def dead_letter(store: Any) -> list[dict[str, str]]:
    return [fields for _, fields in store.xrange("cameron:queue:poison:dead")]


def put_back(job: Job) -> requests.Response:
    return requests.post(f"{job.location}/retry", timeout=30)


def assert_in_the_dead_letter(job: Job, node: Node, task: str, crash: str) -> None:
    (entry,) = [fields for fields in dead_letter(node.store) if fields["uuid"] == job.uuid]
    assert entry["process"] == "poison"
    assert entry["key"] == job.key
    assert entry["task"] == task
    assert entry["crashes"] == str(MAX_CRASHES)
    assert f"{MAX_CRASHES} times" in entry["reason"]
    assert crash in entry["crash"]
    listed = node.get("/api/process/poison/dead").json()["jobs"]
    assert [(each["uuid"], each["task"], each["crashes"]) for each in listed if each["uuid"] == job.uuid] == [(job.uuid, task, MAX_CRASHES)]


def test_a_task_that_kills_its_node_is_given_up_after_five_crashes_and_can_be_put_back(make: MakeNode, service: Service) -> None:
    node = make()
    killer = Killer(service, [node])
    job = node.job("poison", {"key": "p1"})
    assert killer.drive([job]) == MAX_CRASHES
    assert job.status == "error"
    assert calls(service, "deadly") == {f"{job.uuid}/deadly": MAX_CRASHES}
    assert_in_the_dead_letter(job, node, "deadly", "died")
    assert f"died {MAX_CRASHES} times" in str(job.error("deadly"))
    assert node.store.xlen("cameron:queue:poison") == 0

    killer.relent()
    answer = put_back(job)
    assert answer.status_code == 202, answer.text
    assert answer.json()["tasks"] == ["deadly"]
    job.done()
    assert dead_letter(node.store) == []
    assert calls(service, "start") == {f"{job.uuid}/start": 1}
    assert calls(service, "deadly") == {f"{job.uuid}/deadly": MAX_CRASHES + 1}
    assert job.keys() == {job.hash_key}
    assert job.tasks()["deadly"]["data"] == "no harm done"


def test_a_poison_job_that_was_put_back_too_early_is_given_up_again(make: MakeNode, service: Service) -> None:
    node = make(CAMERON_JOB_MAX_CRASHES="2")
    killer = Killer(service, [node])
    job = node.job("poison", {"key": "p1"})
    assert killer.drive([job]) == 2
    assert put_back(job).status_code == 202
    assert killer.drive([job]) == 2
    assert job.status == "error"
    assert len(dead_letter(node.store)) == 1
    assert calls(service, "deadly") == {f"{job.uuid}/deadly": 4}


def test_a_long_job_beside_a_poison_one_is_not_punished(make: MakeNode, service: Service) -> None:
    node = make()
    killer = Killer(service, [node])
    service.on("calm", reply("calm", next_activities=follow([("long", service.url("long"))])))
    service.on("long", reply("at last").after(2.0))
    innocent = node.job("calm", {"key": "innocent"})
    service.arrived("innocent", 2)
    guilty = node.job("poison", {"key": "guilty"})
    deaths = killer.drive([guilty, innocent])
    assert deaths == MAX_CRASHES
    assert (guilty.status, innocent.status) == ("error", "done")
    assert [fields["uuid"] for fields in dead_letter(node.store)] == [guilty.uuid]
    assert node.store.exists("cameron:queue:calm:dead") == 0
    assert calls(service, "long")[f"{innocent.uuid}/long"] <= SUSPICION + 2  # once it is suspected, it runs without the guilty one
    assert not (set(calls(service, "start")) - {f"{innocent.uuid}/start", f"{guilty.uuid}/start"})
    assert set(calls(service, "start").values()) == {1}


def test_jobs_under_suspicion_run_one_at_a_time_and_the_others_beside_them(make: MakeNode, service: Service) -> None:
    node = make()
    killer = Killer(service, [node])
    service.on("calm", reply("calm"))
    guilty = [node.job("poison", {"key": f"guilty {number}"}) for number in range(2)]
    calm = [node.job("calm", {"key": f"calm {number}"}) for number in range(20)]
    killer.drive([*guilty, *calm])
    assert {job.status for job in guilty} == {"error"}
    assert {job.status for job in calm} == {"done"}
    lives = list(killer.lives.values())
    together, alone = lives[:SUSPICION], lives[SUSPICION:]
    assert [len(life) for life in together] == [2] * SUSPICION
    assert [len(life) for life in alone] == [1] * (2 * (MAX_CRASHES - SUSPICION))
    assert calls(service, "deadly") == {f"{job.uuid}/deadly": MAX_CRASHES for job in guilty}


def test_a_poison_job_wanders_between_two_nodes_no_longer_than_on_one(make: MakeNode, service: Service) -> None:
    nodes = [make(), make()]
    killer = Killer(service, nodes)
    service.on("calm", reply("calm").after(0.2))
    job = nodes[0].job("poison", {"key": "p1"})
    calm = [nodes[number % 2].job("calm", {"key": f"calm {number}"}) for number in range(20)]
    assert killer.drive([job, *calm]) == MAX_CRASHES
    assert job.status == "error"
    assert {each.status for each in calm} == {"done"}
    assert calls(service, "deadly") == {f"{job.uuid}/deadly": MAX_CRASHES}


def test_a_task_whose_runner_crashes_each_time_is_given_up_likewise(make: MakeNode, service: Service) -> None:
    node = make(CAMERON_FAULT="reply.received:1+=raise")
    service.on("begin", reply("never taken"))
    job = node.job("poison", {"key": "p1"}).ended(60)
    assert job.status == "error"
    assert calls(service, "start") == {f"{job.uuid}/start": MAX_CRASHES}
    assert_in_the_dead_letter(job, node, "start", "its runner crashed: ")
    assert "FaultInjected" in dead_letter(node.store)[0]["crash"]
    assert node.running

    assert node.terminate() == 0
    node.without("CAMERON_FAULT")
    node.start()
    assert put_back(job).status_code == 202
    job.done()
    assert dead_letter(node.store) == []


def test_crashes_are_counted_for_each_task_and_not_for_the_job(make: MakeNode, service: Service) -> None:
    tasks = [f"t{number}" for number in range(1, MAX_CRASHES + 2)]
    node = make(CAMERON_FAULT=",".join(f"reply.received:{2 * number + 1}=raise" for number in range(1 + len(tasks))))
    service.on("begin", reply("begun", next_activities=follow([(task, service.url(task)) for task in tasks], "no")))
    for task in tasks:
        service.on(task, reply(task))
    job = node.job("poison", {"key": "unlucky"}).ended(60)
    assert job.status == "done"
    assert Counter(call.activity for call in service.all_calls()) == dict.fromkeys(["begin", *tasks], 2)  # who took a first reply crashed
    assert dead_letter(node.store) == []


def test_a_task_that_waits_for_a_retry_has_no_part_in_a_crash(make: MakeNode, service: Service) -> None:
    node = make()
    service.on("begin", http(503, b"busy", {"Retry-After": "20"}), reply("at last"))
    job = node.job("poison", {"key": "patient"})
    record = f"cameron:record:poison:{job.uuid}"
    eventually(lambda: node.store.hget(record, "task.start.until"), "the time of its second attempt to be recorded")
    for _ in range(MAX_CRASHES):
        owner = node.store.hget(record, "owner")
        node.kill()
        node.start()
        eventually(lambda owner=owner: node.store.hget(record, "owner") != owner, "the next owner to claim the job")  # type: ignore[misc]
    job.done()
    assert calls(service, "start") == {f"{job.uuid}/start": 2}
    assert dead_letter(node.store) == []
