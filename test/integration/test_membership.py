"""The node's lease: what it says, what becomes of its jobs when it is lost, and when the node leaves others alone."""

import time

import pytest

from cameron.activities.call import Congestion, Occupancy, Package, PythonReport, Report
from cameron.job_ledger import Claim
from cameron.job_orders import Drop
from cameron.otp import ChildFailed, Crash
from cameron.queue_reader import Taken
from cameron.store import keys
from cameron.store.nodes import Nodes

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .relay import Relay
from .scheduling import DEAD, QUEUE, Around, entry, uuid


class Patience:
    """A time that has to pass."""

    def __init__(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds

    def over(self) -> bool:
        """Whether it has."""
        return time.monotonic() >= self._until_s


def lose_lease(around: Around, *, to_other: bool = False) -> None:
    """Have the lease run out, and another node take all over, if need be; then wait until the node has it again."""
    if to_other:
        around.client.set(keys.node("other"), "lives")
        ids = [pending["message_id"] for pending in around.client.xpending_range(QUEUE, keys.GROUP, "-", "+", 100)]
        around.client.xclaim(QUEUE, keys.GROUP, "other", 0, ids)
    around.client.delete(keys.node(around.node.name))
    eventually(lambda: around.client.exists(keys.node(around.node.name)), "another lease")


def held_by_the_node(around: Around, redis: RedisServer, count: int = 1) -> list[Claim]:
    """Claims whose runners are being started."""
    around.queue(count, around.node.name)
    around.start(redis.url)
    return around.started(count)


# what it says


def test_a_node_says_what_it_is_and_keeps_it_current(around: Around, redis: RedisServer) -> None:
    held_by_the_node(around, redis, 2)
    eventually(lambda: around.about()["jobs"] == 2, "the next renewal")
    [node] = Nodes(redis.url, 5.0).all()
    shown = {name: node[name] for name in ("node", "state", "lease_s", "jobs", "processes", "calls", "commands", "python")}
    assert shown == {
        "node": around.node.name,
        "state": "running",
        "lease_s": 1.0,
        "jobs": 2,
        "processes": {"foo": 2},
        "calls": {},
        "commands": None,
        "python": None,
    }
    assert around.about()["since_ms"] == around.node.since_ms > 1_000_000_000_000


def test_it_says_which_hosts_have_calls_waiting_the_fullest_first(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.scheduler.tell(Congestion({f"host{number}:80": (256, number) for number in range(1, 31)}))
    calls = eventually(lambda: around.about()["calls"], "the next renewal")
    assert calls == {f"host{number}:80": [256, number] for number in range(30, 10, -1)}


def test_it_asks_all_who_perform_activities_and_says_how_many_run_and_wait(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    asked = {around.asked.get(timeout=20) for _ in range(4)}
    assert asked == {Report(around.scheduler, performer) for performer in ("http", "commands", "python_processes", "python")}
    for of, running in (("commands", 3), ("python_processes", 1)):
        around.scheduler.tell(Occupancy(of, running, 0, 4))
    package = Package("activities", 2, ("broken.py:1: broken",), ("charge",))
    around.scheduler.tell(PythonReport(package, Occupancy("python_threads", 4, 6, 4), 2, ""))
    eventually(lambda: "python" in around.about(), "the next renewal")
    [node] = Nodes(redis.url, 5.0).all()
    assert node["commands"] == {"running": 3, "waiting": 0, "places": 4}
    python = {name: node["python"][name] for name in ("activities", "problems", "running", "waiting", "zombies")}
    assert python == {"activities": 2, "problems": ["broken.py:1: broken"], "running": 5, "waiting": 6, "zombies": 2}
    assert around.about()["python"]["isolated"] == ["charge"]


def test_the_time_of_its_start_outlives_its_scheduler(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.want()
    since_ms = around.node.since_ms
    around.crash()
    around.start(redis.url)
    around.want()
    assert (around.node.since_ms, around.about()["since_ms"]) == (since_ms, since_ms)


# lost and regained


def test_a_lease_that_is_lost_and_regained_costs_nothing_where_nobody_took_anything(around: Around, redis: RedisServer) -> None:
    name = around.node.name
    for claim in held_by_the_node(around, redis, 3):
        around.run(claim)
    lose_lease(around)
    patience = Patience(2.5)
    eventually(patience.over, "what may come to come")
    around.settle()
    assert (around.node.name, around.told.empty(), around.starts.empty()) == (name, True, True)


def test_runners_whose_jobs_were_taken_meanwhile_are_dropped(around: Around, redis: RedisServer) -> None:
    for claim in held_by_the_node(around, redis, 2):
        around.run(claim)
    lose_lease(around, to_other=True)
    assert [type(around.next_told()) for _ in range(2)] == [Drop, Drop]


def test_a_runner_that_comes_when_its_job_was_taken_meanwhile_is_dropped(around: Around, redis: RedisServer) -> None:
    [claim] = held_by_the_node(around, redis)
    lose_lease(around, to_other=True)
    around.run(claim)
    assert isinstance(around.next_told(), Drop)


def test_a_job_that_waits_after_a_crash_and_was_taken_meanwhile_gets_no_runner(around: Around, redis: RedisServer) -> None:
    [claim] = held_by_the_node(around, redis)
    for _ in range(4):  # it waits longer the more often it has crashed
        around.scheduler.tell(ChildFailed(claim, Crash(ValueError(), "")))
        claim = around.next_start()
    around.scheduler.tell(ChildFailed(claim, Crash(ValueError(), "")))
    lose_lease(around, to_other=True)
    patience = Patience(2.5)
    eventually(patience.over, "the old claim to come back")
    around.settle()
    assert around.starts.empty()


def test_what_was_read_before_the_lease_was_lost_is_started_only_if_it_is_still_held(around: Around, redis: RedisServer) -> None:
    around.open_queue()
    around.start(redis.url)
    want = around.want()
    lose_lease(around)
    [held] = around.queue(1, around.node.name)
    lost, kept = entry(7), entry(0)._replace(id=held)
    around.scheduler.tell(Taken(want.term, [lost, kept], [], []))
    assert around.next_start().uuid == uuid(0)
    around.settle()
    assert around.starts.empty()
    assert around.want().term > want.term


def test_nothing_is_started_under_a_lease_that_may_have_run_out(around: Around, redis: RedisServer) -> None:
    relay = Relay(redis.port)
    [id] = around.queue(1)
    around.start(relay.url)
    want, name = around.want(), around.node.name
    relay.close()
    eventually(lambda: not around.client.exists(keys.node(name)), "the lease to run out")
    around.scheduler.tell(Taken(want.term, [entry(0)._replace(id=id)], [], []))
    around.settle()
    assert around.starts.empty()
    relay.open()
    eventually(lambda: around.client.exists(keys.node(name)), "the lease to be there again")
    around.settle()
    assert around.starts.empty(), "it was given to nobody"
    relay.close()


def test_a_lease_whose_return_goes_unnoticed_at_first_is_in_doubt_all_the_same(around: Around, redis: RedisServer) -> None:
    relay = Relay(redis.port)
    around.queue(1, around.node.name)
    around.start(relay.url)
    [claim] = around.started(1)
    around.run(claim)
    around.client.xclaim(QUEUE, keys.GROUP, "other", 0, [claim.entry])
    around.client.set(keys.node("other"), "lives")
    around.client.delete(keys.node(around.node.name))
    relay.lose_next_answer()  # of some step of the renewal, or of another command
    relay.await_loss()
    assert isinstance(around.next_told(), Drop)
    relay.close()


# others


def test_after_an_outage_of_redis_others_get_the_time_to_come_back(around: Around, redis: RedisServer) -> None:
    relay = Relay(redis.port)
    around.start(relay.url, lease_s=2.0)
    around.want()
    relay.close()
    patience = Patience(1.6)
    eventually(patience.over, "more than half a lease to pass")
    around.queue(1, DEAD)
    relay.open()
    back_s = time.monotonic()
    grace_ms = eventually(lambda: around.about()["grace_ms"], "the node to be back")
    assert 0 < grace_ms <= 2000
    assert around.next_start().uuid == uuid(0)
    assert time.monotonic() - back_s >= 1.5
    relay.close()


def test_a_lease_that_went_before_its_time_was_not_the_only_one(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, lease_s=2.0)
    around.want()
    lose_lease(around)
    back_s = time.monotonic()
    around.queue(1, DEAD)
    assert around.next_start().uuid == uuid(0)
    assert time.monotonic() - back_s >= 1.5


@pytest.mark.parametrize("damage", ["delete", "rename"])
def test_a_node_whose_inbox_is_gone_gets_another(damage: str, around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.want()
    inbox = keys.inbox(around.node.name)
    if damage == "delete":
        around.client.delete(inbox)
    else:
        around.client.rename(inbox, "elsewhere")
    assert eventually(lambda: around.client.exists(inbox) and around.client.xinfo_groups(inbox), "the inbox to be back")
