"""An orderly stop loses no job: SIGTERM hands them back, and the next start finishes them."""

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from .support.answer import follow, reply
from .support.crowd import start_all
from .support.node import Node
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
JOBS = 200 if SOAK else 50


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node that waits a second for its calls when it is stopped."""
    with redis.client() as client:
        client.flushall()
    settings = {"CAMERON_NODE_SHUTDOWN_S": "1.0"}
    running = Node(tmp_path_factory.mktemp("node"), redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


def test_an_idle_node_ends_with_status_0_and_frees_its_key(node: Node) -> None:
    assert node.terminate() == 0
    assert list(node.store.scan_iter("cameron:node:*")) == []
    assert "Traceback" not in node.output()


def test_jobs_running_at_sigterm_are_finished_by_the_next_start(
    scenario: Scenario, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    gate, node = scenario.gate(), scenario.node
    service.on("start", reply({"step": 1}, name="whois", next_activities=follow([(n, scenario.url(n)) for n in ("quick", "held")])))
    service.on("quick", reply({"step": 2}))
    service.on("held", reply({"step": 3}, next_activities=follow([("last", scenario.url("last"))])).held(gate))
    service.on("last", reply({"step": 4}))
    service.forget()
    started = start_all(node.port, "scripted", [{"key": f"stop-{n}", "data": n} for n in range(JOBS)], 10)
    assert Counter(answer.status for answer in started) == {201: JOBS}
    jobs = [node.at(answer.location) for answer in started]
    eventually(lambda: len(service.all_calls()) == 3 * JOBS, "three calls a job", 60, every_s=0.1)
    eventually(lambda: all(job.field("task.quick.status.current") == "done" for job in jobs), "quick to be recorded", 60, every_s=0.2)
    began = time.monotonic()
    assert node.terminate() == 0
    stopped_s = time.monotonic() - began
    assert {job.status for job in jobs} == {"running"}
    gate.open()
    began = time.monotonic()
    node.start()
    for job in jobs:
        job.done(60)
    with capsys.disabled():
        print(f"\n{JOBS} running jobs: stopped in {stopped_s:.2f} s, all done {time.monotonic() - began:.2f} s after the next start")
    by_activity = Counter(call.activity for call in service.all_calls())
    assert by_activity == {"start": JOBS, "quick": JOBS, "held": 2 * JOBS, "last": JOBS}
    held = Counter(call.headers["idempotency-key"] for call in service.all_calls() if call.activity == "held")
    assert held == {f"{job.uuid}/held": 2 for job in jobs}
    assert all(len(job.hash()) == 8 + 4 * 5 for job in jobs)


def test_calls_that_end_within_the_shutdown_time_are_recorded_and_not_made_again(scenario: Scenario) -> None:
    scenario.on("start", reply("in time").after(0.5))
    job = scenario.start()
    scenario.arrived(1)
    assert scenario.node.terminate() == 0
    scenario.node.start()
    job.done()
    assert len(scenario.calls()) == 1
    assert job.tasks()["start"]["data"] == "in time"


def test_what_is_being_started_at_sigterm_is_accepted_and_run_or_refused(scenario: Scenario, service: Service) -> None:
    service.on("start", reply(1))
    accepted, node = [], scenario.node
    for n in range(40):
        if n == 20:
            node.child.terminate()
        try:
            answer = node.post("/api/process/scripted/start", f'{{"key": "late-{n}"}}')
        except OSError:
            continue
        assert answer.status_code in (201, 503)
        if answer.status_code == 201:
            accepted.append(node.at(answer.headers["Location"]))
    assert len(accepted) >= 20
    assert node.wait() == 0
    node.start()
    for job in accepted:
        job.done(60)
    assert len(list(node.store.scan_iter("cameron:process:*"))) == len(accepted)


def test_a_second_sigterm_does_no_harm(scenario: Scenario) -> None:
    gate = scenario.gate()
    scenario.on("start", reply(1).held(gate))
    job = scenario.start()
    scenario.arrived(1)
    scenario.node.child.terminate()
    assert scenario.node.terminate() == 0
    gate.open()
    scenario.node.start()
    job.done()


def test_sigint_is_an_orderly_stop_too(node: Node) -> None:
    node.child.send_signal(2)
    assert node.wait() == 0
    assert "Traceback" not in node.output()
