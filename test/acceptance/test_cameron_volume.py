"""Many at once: a hundred clients, slow activities beside quick ones. CAMERON_SOAK=1 runs the full numbers."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from .support.answer import reply
from .support.crowd import start_all
from .support.foo import TASKS, script_foo
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
CLIENTS = 100
JOBS = 2_000 if SOAK else 200
PATIENCE_S = 300.0 if SOAK else 90.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with foo and the scripted process, on an empty Redis."""
    with redis.client() as client:
        client.flushall()
    processes = script_foo(service) | {"scripted": service.url("start")}
    running = Node(tmp_path_factory.mktemp("node"), redis.url, processes, {"CAMERON_LOG_LEVEL": "warning"})
    try:
        yield running.start()
    finally:
        running.stop()


def statuses(node: Node, pattern: str) -> Counter[Any]:
    """How many jobs are in which status."""
    pipeline = node.store.pipeline(transaction=False)
    for key in node.store.scan_iter(pattern, count=1000):
        pipeline.hget(key, "job.status.current")
    return Counter(pipeline.execute())


def test_a_hundred_clients_start_foo_jobs_and_every_task_is_called_exactly_once(
    node: Node, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.forget()
    payloads = [{"key": f"crowd-{n}", "data": f"data {n}", "requestor": "crowd"} for n in range(JOBS)]
    began = time.monotonic()
    started = start_all(node.port, "foo", payloads, CLIENTS)
    accepted_s = time.monotonic() - began
    assert Counter(answer.status for answer in started) == {201: JOBS}
    assert len({answer.location for answer in started}) == JOBS
    eventually(lambda: statuses(node, "cameron:process:foo:*")["done"] == JOBS, f"{JOBS} jobs done", PATIENCE_S, every_s=0.2)
    took_s = time.monotonic() - began
    calls = service.all_calls()
    assert len(calls) == JOBS * 7
    assert Counter(call.headers["idempotency-key"].count("/") for call in calls) == {1: JOBS * 7}
    assert set(Counter(call.headers["idempotency-key"] for call in calls).values()) == {1}
    assert Counter(call.activity for call in calls) == {f"foo/{task}": JOBS for task in TASKS}
    keys = list(node.store.scan_iter("cameron:process:*", count=1000))
    assert len(keys) == JOBS
    assert {node.store.hlen(key) for key in keys} == {43}
    waits = sorted(answer.took_s for answer in started)
    with capsys.disabled():
        print(
            f"\n{JOBS} foo jobs from {CLIENTS} clients:"
            f" accepted in {accepted_s:.2f} s, done in {took_s:.2f} s ({JOBS / took_s:.0f} jobs/s),"
            f" POST p50 {waits[len(waits) // 2] * 1000:.0f} ms, p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms"
        )


def test_a_finished_job_leaves_nothing_in_the_queue(node: Node) -> None:
    eventually(lambda: node.store.xlen("cameron:queue:foo") == 0, "the queue of foo to be empty")
    assert node.store.xpending("cameron:queue:foo", "cameron")["pending"] == 0


@pytest.mark.parametrize("slow", [1, 100])
def test_slow_activities_delay_no_other_job(scenario: Scenario, service: Service, slow: int) -> None:
    gate = scenario.gate()
    scenario.on("start", reply("slow").held(gate))
    waiting = [scenario.start() for _ in range(slow)]
    scenario.arrived(slow, timeout_s=60)
    service.on("start", reply("quick"))
    quick = [scenario.node.job("scripted", {"key": f"{scenario.key}-quick-{n}"}) for n in range(20)]
    for job in quick:
        job.done()
    assert {job.status for job in waiting} == {"running"}
    gate.open()
    for job in waiting:
        job.done()
    assert len(scenario.calls()) == slow


@pytest.mark.skipif(not SOAK, reason="takes 40 real seconds: CAMERON_SOAK=1")
def test_an_activity_of_forty_seconds_delays_no_other_job(scenario: Scenario, service: Service) -> None:
    scenario.on("start", reply("slow").after(40.0))
    slow = scenario.start()
    service.on("start", reply("quick"))
    for n in range(20):
        scenario.node.job("scripted", {"key": f"{scenario.key}-quick-{n}"}).done()
    assert slow.status == "running"
    slow.done(90)
