"""Where a job is, as Redis says: in the queue, with a node, in the dead letter, or nowhere."""

import json
import time
from typing import Any

import pytest

from cameron.clock import read_stamp
from cameron.core.explain.situation import DeadLetter, Node, Place, Situation
from cameron.store import keys
from cameron.store.situation import Situations, Subject

from ...acceptance.support.redis_server import RedisServer

UUID = "0" * 32
T = 1_700_000_000_000
LEASE_MS = 60_000


@pytest.fixture
def queue(client: Any) -> str:
    """The queue of `foo`, which every node reads."""
    client.sadd(keys.QUEUES, "foo")
    client.xgroup_create(keys.queue("foo"), keys.GROUP, id="0", mkstream=True)
    return keys.queue("foo")


@pytest.fixture
def situations(redis: RedisServer) -> Situations:
    return Situations(redis.url, 10.0)


def add(client: Any, **record: str) -> dict[str, str]:
    """A job in the queue, as the script `accept` leaves it; its record."""
    entry = client.xadd(keys.queue("foo"), {"process": "foo", "key": "k", "uuid": UUID})
    made = {"owner": "", "entry": entry, "accepted": str(T)} | record
    client.hset(keys.record("foo", UUID), mapping=made)
    client.hset(keys.job("foo", "k", UUID), "job.status.current", "scheduled")
    client.zadd(keys.jobs("foo", "scheduled"), {keys.job_member("k", T, UUID): T + 7})
    return made


def live(client: Any, node: str, **about: Any) -> None:
    """A node's lease, as the scheduler writes it."""
    client.sadd(keys.NODES, node)
    client.set(
        keys.node(node), json.dumps({"host": "h", "pid": 1, "since_ms": T, "lease_ms": LEASE_MS, "state": "running"} | about), px=LEASE_MS
    )


def take(client: Any, count: int = 10) -> None:
    """Node n1 is given the next entries."""
    client.xreadgroup(keys.GROUP, "n1", {keys.queue("foo"): ">"}, count)


def of(situations: Situations, record: dict[str, str], running: tuple[str, ...] = (), **fields: str) -> Situation:
    return situations.of(Subject("foo", "k", UUID, keys.job("foo", "k", UUID), record, fields, running))


def test_a_job_waits_behind_those_that_nobody_has_been_given(situations: Situations, queue: str, client: Any) -> None:
    for _ in range(5):
        client.xadd(keys.queue("foo"), {"uuid": "other"})
    take(client, 2)
    record = add(client)
    client.xadd(keys.queue("foo"), {"uuid": "later"})
    assert of(situations, record) == Situation(
        Place.WAITING, ahead=3, queue_read=True, status="scheduled", since_ms=T + 7, accepted_ms=T, called_ms={}
    )


def test_more_than_a_thousand_before_it_are_not_counted(situations: Situations, queue: str, client: Any) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(1_200):
            pipeline.xadd(keys.queue("foo"), {"uuid": "other", "request": "x" * 4_000})
        pipeline.execute()
    assert of(situations, add(client)).ahead == 1_001


def test_nodes_are_counted_by_whether_they_take_jobs(situations: Situations, queue: str, client: Any) -> None:
    record = add(client)
    live(client, "n1")
    live(client, "n2")
    live(client, "n3", state="draining")
    live(client, "n4", state="drained")
    client.sadd(keys.NODES, "dead")
    found = of(situations, record)
    assert (found.running_nodes, found.draining_nodes) == (2, 2)


def test_a_queue_without_a_group_is_waited_in_too(situations: Situations, client: Any) -> None:
    client.xadd(keys.queue("foo"), {"uuid": "other"})
    found = of(situations, add(client))
    assert (found.place, found.ahead, found.queue_read) == (Place.WAITING, 1, False)


def test_a_held_job_has_a_node_with_its_lease(situations: Situations, queue: str, client: Any) -> None:
    record = add(client, owner="n1 1 4", released="n1 1 3")
    take(client)
    live(client, "n1", calls={"service:80": [2, 7]})
    found = of(situations, record)
    assert found.node is not None
    assert found.node.left_ms is not None
    assert 0 < found.node.left_ms <= LEASE_MS
    assert found.node == Node("n1", found.node.left_ms, LEASE_MS, "running", {"service:80": (2, 7)})
    assert (found.place, found.owner, found.released) == (Place.HELD, "n1", False)


def test_a_held_jobs_node_says_how_many_run_and_wait_there(situations: Situations, queue: str, client: Any) -> None:
    record = add(client, owner="n1 1 4", released="n1 1 3")
    take(client)
    live(client, "n1", runs={"commands": [2, 7, 2]}, python={"isolated": ["charge"]})
    found = of(situations, record).node
    assert found is not None
    assert (found.runs, found.isolated) == ({"commands": (2, 7, 2)}, {"charge"})


def test_a_node_without_a_lease_is_dead(situations: Situations, queue: str, client: Any) -> None:
    record = add(client, owner="n1 1 4", released="n1 1 4")
    take(client)
    found = of(situations, record)
    assert (found.node, found.released) == (Node("n1"), True)


def test_the_record_tells_of_crashes_and_of_who_wants_its_end(situations: Situations, queue: str, client: Any) -> None:
    found = of(situations, add(client, cancel=str(T + 1), crash="node n0 died"))
    assert (found.cancel_ms, found.crash) == (T + 1, "node n0 died")


def test_running_tasks_have_the_time_of_their_first_call(situations: Situations, queue: str, client: Any) -> None:
    fields = {
        "task.start.status.running.time": "11-21-2026 00:46:59",
        "task.a.status.running.time": "11-21-2026 00:47:00",
    }
    expected_ms = int(time.mktime((2026, 11, 21, 0, 47, 0, 0, 0, -1)) * 1000)
    assert of(situations, add(client), ("a",), **fields).called_ms == {"a": expected_ms}
    assert read_stamp("no stamp") == 0


def test_a_job_that_is_given_up_has_its_entry_in_the_dead_letter(situations: Situations, queue: str, client: Any) -> None:
    letter = {"task": "start", "crashes": "5", "reason": "given up", "crash": "node n1 died"}
    record = add(client, dead=client.xadd(keys.dead("foo"), letter, id=f"{T}-0"))
    assert of(situations, record).dead_letter == DeadLetter(T, "start", 5, "given up", "node n1 died")


def test_an_ended_job_is_in_no_queue_and_says_when_it_expires(situations: Situations, queue: str, client: Any) -> None:
    record = add(client)
    client.xdel(keys.queue("foo"), record["entry"])
    client.zrem(keys.jobs("foo", "scheduled"), keys.job_member("k", T, UUID))
    client.zadd(keys.jobs("foo", "done"), {keys.job_member("k", T, UUID): T + 9})
    client.pexpire(keys.job("foo", "k", UUID), LEASE_MS)
    found = of(situations, record)
    assert (found.place, found.status, found.since_ms, found.ended) == (Place.MISSING, "done", T + 9, True)
    assert found.left_ms is not None
    assert 0 < found.left_ms <= LEASE_MS


def test_the_hash_that_expires_is_the_one_that_is_named(situations: Situations, client: Any) -> None:
    client.set("cameron:another:foo", "a hash of another layout", px=LEASE_MS)
    left_ms = situations.of(Subject("foo", "k", UUID, "cameron:another:foo", {})).left_ms
    assert left_ms is not None
    assert 0 < left_ms <= LEASE_MS


def test_a_job_that_was_handed_back_meanwhile_is_found_at_its_new_place(situations: Situations, queue: str, client: Any) -> None:
    before = add(client, owner="n1 1 1")
    client.xdel(keys.queue("foo"), before["entry"])
    add(client, owner="n1 1 2", released="n1 1 2")
    found = of(situations, before)
    assert (found.place, found.owner, found.released) == (Place.WAITING, "n1", True)


def test_a_job_whose_entry_is_deleted_is_missing(situations: Situations, queue: str, client: Any) -> None:
    record = add(client)
    client.delete(keys.queue("foo"))
    assert (of(situations, record).place, of(situations, {}).place) == (Place.MISSING, Place.MISSING)
