"""The scheduler on a real Redis, with stand-ins for the reader and for the supervisor of runners: who gets a runner, and when."""

import time
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import pytest
from redis.exceptions import ResponseError

from cameron.clock import Clock
from cameron.core.process import Limits, RetryPolicy, Timeouts
from cameron.definitions import Settings
from cameron.job_ledger import Claim, entry_fields
from cameron.job_runner import Drop, Surroundings
from cameron.job_scheduler import JobScheduler, NodeName, SchedulerSettings
from cameron.otp import ChildFailed, ChildStarted, Crash, Normal, Reason, Shutdown, StartChild
from cameron.process_catalog import Catalog
from cameron.queue_reader import QueueReader, ReaderReady, Taken, Want
from cameron.store import keys
from cameron.store.queue import Entry

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .relay import Relay
from .stand import Stand

PATIENCE_S = 20.0
QUEUE = keys.queue("foo")
DEAD = "a-dead-node"


class Broken(Reason):
    """What ends a runner as a crash does."""


class Around:
    """A scheduler and what it talks to."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.node = NodeName("here")
        self.starts: SimpleQueue[Any] = SimpleQueue()
        self.wants: SimpleQueue[Any] = SimpleQueue()
        self.told: SimpleQueue[Any] = SimpleQueue()  # what runners are told
        self.catalog = Catalog(Settings(RetryPolicy(), Timeouts(), Limits()))
        self.refs: list[Any] = [Stand.start(self.starts, name="job_runner_sup"), Stand.start(self.wants, name="queue_reader")]
        self.scheduler: Any = None

    def start(self, url: str, max_jobs: int = 100, lease_s: float = 1.0) -> "Around":
        """Start the scheduler."""
        settings = SchedulerSettings(url, timeout_s=2.0, lease_s=lease_s, max_jobs=max_jobs, shutdown_s=0.2)
        self.scheduler = JobScheduler.start(settings, self.node, Surroundings(self.catalog, Clock(), 1000, 0), name="job_scheduler")
        self.refs.append(self.scheduler)
        return self

    def stop(self) -> None:
        """End all actors."""
        for ref in reversed(self.refs):
            ref.exit()
        eventually(lambda: not any(ref.is_alive() for ref in self.refs), "the actors to end")

    def queue(self, count: int, node: str = "") -> list[str]:
        """Put entries into the queue, and give them to that node; their ids."""
        self.open_queue()
        ids = []
        for number in range(count):
            fields = entry_fields("foo", "k", f"{number:032x}")
            ids.append(self.client.xadd(QUEUE, dict(zip(fields[::2], fields[1::2], strict=True))))
        if node:
            self.client.xreadgroup(keys.GROUP, node, {QUEUE: ">"}, count=count)
        return ids

    def open_queue(self) -> None:
        """Make the process known, and its queue."""
        self.client.sadd(keys.QUEUES, "foo")
        with suppress(ResponseError):  # it is there already
            self.client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)

    def next_start(self) -> Claim:
        """The next claim for which a runner is to be started."""
        message = self.starts.get(timeout=PATIENCE_S)
        assert isinstance(message, StartChild)
        claim: Claim = message.args[0]
        return claim

    def run(self, claim: Claim) -> Any:
        """Start a runner for that claim, as the supervisor would."""
        ref = Stand.start(self.told)
        self.refs.append(ref)
        self.scheduler.tell(ChildStarted(claim, ref))
        return ref

    def settle(self) -> None:
        """Return when the scheduler has handled what it was told so far, and drained."""
        for _ in range(3):
            self.scheduler.ask(ReaderReady(), timeout=PATIENCE_S)

    def pending(self) -> dict[str, int]:
        """How many entries each node holds."""
        return {consumer["name"]: consumer["pending"] for consumer in self.client.xinfo_consumers(QUEUE, keys.GROUP)}


@pytest.fixture
def around(client: Any) -> Iterator[Around]:
    made = Around(client)
    yield made
    made.stop()


def test_what_a_dead_node_held_is_taken_over_up_to_the_limit_and_the_rest_as_there_is_room(around: Around, redis: RedisServer) -> None:
    around.queue(10, DEAD)
    around.start(redis.url, max_jobs=3)
    runners = [around.run(around.next_start()) for _ in range(3)]
    around.settle()
    assert around.starts.empty()
    assert around.pending() == {DEAD: 7, around.node.current: 3}, "what there is no room for is left to other nodes"
    for _ in range(7):
        ended = runners.pop(0)
        ended.exit(Normal)
        runners.append(around.run(around.next_start()))


def test_no_more_is_read_at_once_than_can_be_taken_in_well(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, max_jobs=10_000)
    around.scheduler.tell(ReaderReady())
    want = around.wants.get(timeout=PATIENCE_S)
    assert isinstance(want, Want)
    assert want.limit <= 1000


@pytest.mark.parametrize("reason", [Shutdown("fenced"), Shutdown("lease lost"), Broken()])
def test_a_job_that_lost_its_runner_while_the_node_holds_it_gets_another_soon(around: Around, redis: RedisServer, reason: Reason) -> None:
    around.queue(1, around.node.current)
    around.start(redis.url)
    first = around.next_start()
    around.run(first).exit(reason)
    assert around.next_start().uuid == first.uuid


def test_a_job_that_another_node_took_gets_no_runner_again(around: Around, redis: RedisServer) -> None:
    [entry] = around.queue(1, around.node.current)
    around.start(redis.url)
    runner = around.run(around.next_start())
    around.client.set(keys.node("other"), "lives")
    around.client.xclaim(QUEUE, keys.GROUP, "other", 0, [entry])
    runner.exit(Shutdown("fenced"))
    around.settle()
    assert around.starts.empty()


def test_nothing_is_started_under_a_lease_that_may_have_run_out(around: Around, redis: RedisServer) -> None:
    relay = Relay(redis.port)
    around.start(relay.url)
    entry = Entry("foo", around.queue(1)[0], {"process": "foo", "key": "k", "uuid": "0" * 32})
    around.settle()
    name = around.node.current
    relay.close()
    eventually(lambda: not around.client.exists(keys.node(name)), "the lease to run out")
    around.scheduler.tell(Taken(name, [entry]))
    around.settle()
    assert around.starts.empty()
    relay.open()
    eventually(lambda: around.node.current != name, "another name")
    relay.close()


def test_a_stop_puts_back_what_was_not_begun_and_leaves_the_rest_to_others_at_once(around: Around, redis: RedisServer) -> None:
    others: SimpleQueue[Any] = SimpleQueue()
    around.refs[:0] = [Stand.start(others, name=name) for name in ("job_data", "process_catalog", "http")]
    name = around.node.current
    around.queue(5, name)
    around.start(redis.url, max_jobs=2, lease_s=60.0)
    for _ in range(2):
        around.next_start()
    around.settle()
    around.scheduler.exit()
    eventually(lambda: not around.scheduler.is_alive(), "the scheduler to end")
    assert around.pending() == {name: 2}
    assert around.client.xlen(QUEUE) == 5
    assert not around.client.exists(keys.node(name))


def lose_lease(around: Around) -> str:
    """Have the lease run out; the node's new name."""
    name = around.node.current
    around.client.delete(keys.node(name))
    eventually(lambda: around.node.current != name, "another name")
    eventually(lambda: around.client.exists(keys.node(around.node.current)), "another lease")
    return around.node.current


def held_by_the_node(around: Around, redis: RedisServer) -> Claim:
    """A claim whose runner is being started."""
    around.queue(1, around.node.current)
    around.start(redis.url)
    return around.next_start()


def test_a_runner_started_for_a_lease_that_is_lost_by_then_is_dropped(around: Around, redis: RedisServer) -> None:
    old = held_by_the_node(around, redis)
    new_name = lose_lease(around)
    around.run(old)
    assert isinstance(around.told.get(timeout=PATIENCE_S), Drop)
    assert around.next_start().node == new_name, "the entry was taken over from the old name"


def test_a_job_waiting_for_another_runner_when_the_lease_is_lost_is_not_started_under_the_old_name(
    around: Around, redis: RedisServer
) -> None:
    old = held_by_the_node(around, redis)
    for crash in range(8):  # it waits longer the more often it has crashed
        old = old._replace(crashes=crash)
    around.scheduler.tell(ChildFailed(old, Crash(ValueError(), "")))
    new_name = lose_lease(around)
    eventually(lambda: around.starts.qsize(), "the entry to be taken over from the old name")
    patience = Patience(3.0)
    eventually(patience.over, "the old claim to come back")
    around.settle()
    started = [around.next_start().node for _ in range(around.starts.qsize())]
    assert started == [new_name]


class Patience:
    """A time that has to pass."""

    def __init__(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds

    def over(self) -> bool:
        """Whether it has."""
        return time.monotonic() >= self._until_s


def test_processes_that_came_after_the_node_are_known_to_it_soon(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.queue(5, DEAD)
    assert {around.next_start().process for _ in range(5)} == {"foo"}


def test_an_entry_that_cannot_be_read_costs_neither_the_scheduler_nor_the_others(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    good = {"process": "foo", "key": "k", "uuid": "a" * 32, "request": "{}", "definition": "d", "deadline": "12"}
    damaged = [{"x": "y"}, {"uuid": "b" * 32, "request": "{}"}, {**good, "uuid": "c" * 32, "deadline": "soon"}]
    around.scheduler.tell(Taken(around.node.current, [Entry("foo", f"{n}-1", fields) for n, fields in enumerate([*damaged, good])]))
    claims = [around.next_start() for _ in range(4)]
    assert [claim.request for claim in claims] == [None, None, None, "{}"]
    assert around.scheduler.is_alive()


def test_a_reader_that_had_trouble_has_the_scheduler_look_what_was_read_in_its_name(client: Any, redis: RedisServer) -> None:
    told: SimpleQueue[Any] = SimpleQueue()
    relay = Relay(redis.port)
    scheduler = Stand.start(told, name="job_scheduler")
    reader: Any = QueueReader.start(relay.url, 5.0, name="queue_reader")
    try:
        assert isinstance(told.get(timeout=PATIENCE_S), ReaderReady)
        client.xgroup_create(QUEUE, keys.GROUP, id="0", mkstream=True)
        client.xadd(QUEUE, {"uuid": "u"})
        reader.tell(Want(1, "here", ("foo",)))
        taken = told.get(timeout=PATIENCE_S)
        assert [entry.fields for entry in taken.entries] == [{"uuid": "u"}]
        client.xadd(QUEUE, {"uuid": "v"})
        relay.lose_next_answer()
        reader.tell(Want(1, "here", ("foo",)))
        relay.await_loss()
        assert isinstance(told.get(timeout=PATIENCE_S), ReaderReady)
    finally:
        relay.close()
        for ref in (reader, scheduler):
            ref.exit()
        eventually(lambda: not reader.is_alive() and not scheduler.is_alive(), "the actors to end")
