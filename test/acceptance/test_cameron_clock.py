"""The clock of one node's machine jumps by an hour, forth and back: no lease, timer or deadline is lost or early.

Times that outlive a node are Redis's, and a node measures what it waits for by a clock that nobody sets.
"""

import json
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from .support.answer import Answer, Gate, follow, http, reply
from .support.job import Job
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.steps import Steps, owners
from .support.waiting import eventually

HOUR_S = 3600.0
JUMPS = pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["forth", "back"])
RETRY_AFTER_S = 2
SETTINGS = {
    "CAMERON_NODE_LEASE_S": "0.6",
    "CAMERON_NODE_SHUTDOWN_S": "0.3",
    "CAMERON_RETRY_DELAY_S": "0",  # no jitter: `Retry-After` is all there is
    "CAMERON_LOG_FORMAT": "json",
}
SHIFTED = Path(__file__).parent / "support" / "shifted_node.py"


class ShiftedNode(Node):
    """A node whose wall clock the test sets."""

    def __init__(self, folder: Path, redis_url: str, processes: Mapping[str, str], settings: Mapping[str, str], off_s: float) -> None:
        super().__init__(folder, redis_url, processes, settings)
        self._clock = folder / "clock"
        self._clock.write_bytes(struct.pack("d", off_s))
        self._command = [sys.executable, str(SHIFTED), str(self._clock), "serve", "--env", "test"]

    def jump(self, off_s: float) -> None:
        """Set its wall clock so many seconds off, and see that it is."""
        with self._clock.open("r+b") as file:
            file.write(struct.pack("d", off_s))
        self.get("/status")
        eventually(lambda: abs(self.clock_s() - time.time() - off_s) < 60, "the clock to have jumped")

    def clock_s(self) -> float:
        """What it takes for the time, as its last line of log tells."""
        lines = eventually(lambda: [line for line in self.output().splitlines()[-5:] if line.endswith("}")], "a line of log")
        return datetime.fromisoformat(json.loads(lines[-1])["timestamp"]).timestamp()


MakeNode = Callable[..., ShiftedNode]


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[MakeNode]:
    """Start nodes on the session's Redis, which is empty at first; they end with the test."""
    with redis.client() as client:
        client.flushall()
    service.forget()
    with ExitStack() as stack:

        def started(off_s: float = 0.0, **settings: str) -> ShiftedNode:
            processes = {"steps": service.url("first")}
            made = ShiftedNode(tmp_path_factory.mktemp("node"), redis.url, processes, {**SETTINGS, **settings}, off_s)
            stack.callback(made.stop)
            made.start()
            return made

        yield started


def leases(store: Any) -> set[str]:
    """The keys of all leases."""
    return {key for key in store.scan_iter("cameron:node:*") if key.count(":") == 2}


def renewed(store: Any, times: int) -> None:
    """Wait until each lease has been renewed so many times."""
    for lease in leases(store):
        for _ in range(times):
            before: list[int] = [store.pttl(lease)]
            eventually(lambda lease=lease, before=before: before.append(store.pttl(lease)) or before[-1] > before[-2], f"{lease} renewed")  # type: ignore[misc]


def begin(service: Service, node: ShiftedNode, refused: Answer) -> tuple[Job, Gate]:
    """A job of whose two tasks after the first one, `timed`, is answered so, and the other's reply waits for the gate: an event to come."""
    gate = service.gate()
    service.on("first", reply(1, next_activities=follow([(name, service.url(name)) for name in ("timed", "event")])))
    service.on("timed", refused, reply("at last"))
    service.on("event", reply(2).held(gate))
    job = node.job("steps", {"key": "timed"})
    service.arrived("timed", 3)
    return job, gate


def happens(gate: Gate, job: Job) -> None:
    """Let the event happen, upon which the job's runner looks at the clock."""
    gate.open()
    eventually(lambda: job.field("task.event.status.current") == "done", "the event to be recorded")


def waits_for_its_second_attempt(service: Service, node: ShiftedNode) -> tuple[Job, Gate]:
    """A job with a task that was refused just now, and is to be called again in two seconds."""
    job, gate = begin(service, node, http(503, b"busy", {"Retry-After": str(RETRY_AFTER_S)}))
    record = f"cameron:record:steps:{job.uuid}"
    eventually(lambda: node.store.hget(record, "task.timed.until"), "the time of its second attempt to be recorded")
    return job, gate


def assert_in_time(service: Service) -> None:
    first, second = (call for call in service.calls("timed") if call.activity == "timed")
    assert first.replied is not None
    assert RETRY_AFTER_S - 0.1 <= second.arrived - first.replied <= RETRY_AFTER_S + 10


def test_no_lease_is_lost_and_no_job_taken_over_as_a_clock_jumps(make: MakeNode, service: Service) -> None:
    one, jumping, steps = make(), make(), Steps(service)
    steps.start(one, 10).start(jumping, 10).called("held", 20).recorded("start")
    names, before = leases(one.store), owners(one.store)
    assert len(names) == 2
    for off_s in (HOUR_S, -HOUR_S, 0.0):
        jumping.jump(off_s)
        renewed(one.store, 4)
    assert leases(one.store) == names
    assert owners(one.store) == before
    steps.start(jumping, 10)
    steps.gate.open()
    steps.all_done(one.store)
    for activity in ("first", "held", "last"):
        steps.assert_called(activity, range(1, 2))


@JUMPS
def test_a_retry_is_neither_early_nor_lost_as_the_clock_jumps(make: MakeNode, service: Service, jump_s: float) -> None:
    node = make()
    job, event = waits_for_its_second_attempt(service, node)
    node.jump(jump_s)
    happens(event, job)
    job.done()
    assert_in_time(service)


@JUMPS
def test_a_retry_is_in_time_though_a_node_with_another_clock_takes_the_job_over(make: MakeNode, service: Service, jump_s: float) -> None:
    node = make(jump_s)
    job, event = waits_for_its_second_attempt(service, node)
    other = make(-jump_s)
    node.kill()
    happens(event, job)
    job.done()
    assert other.running
    assert_in_time(service)


@JUMPS
def test_a_job_s_deadline_is_neither_early_nor_lost_as_the_clock_jumps(make: MakeNode, service: Service, jump_s: float) -> None:
    node = make(CAMERON_JOB_TIMEOUT_S="3")
    began = time.monotonic()
    job, event = begin(service, node, reply("too late").held(service.gate()))
    node.jump(jump_s)
    happens(event, job)
    renewed(node.store, 2)
    assert job.status == "running"
    job.ended()
    assert 2.9 <= time.monotonic() - began <= 15
    assert job.status == "error"


@JUMPS
def test_all_times_of_a_job_are_redis_s_though_the_clock_is_wrong_from_the_start(make: MakeNode, service: Service, jump_s: float) -> None:
    service.on("first", reply("done"))
    node = make(jump_s)
    assert abs(node.clock_s() - time.time() - jump_s) < 60
    job = node.job("steps", {"key": "timed"}).done()
    now_s = float(node.store.time()[0])
    shown = job.view()
    told = [shown["status"]["time"], *(task["status"]["time"] for task in shown["tasks"])]
    told += [value for field, value in job.hash().items() if field.endswith(".time")]
    assert len(told) == 2 + 5
    for text in told:
        assert abs(datetime.strptime(text, "%m-%d-%Y %H:%M:%S").timestamp() - now_s) < 60
    deadline_s = float(node.store.hget(f"cameron:record:steps:{job.uuid}", "deadline")) / 1000
    assert abs(deadline_s - now_s - 7 * 24 * HOUR_S) < 60
