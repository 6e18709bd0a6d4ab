"""The scheduler of a node on which runs wait for a place, while others are idle: what goes to whom, and what it is given itself."""

import json
from typing import Any

import pytest

from cameron.activities.call import Occupancy, Package, PythonReport, Relieve
from cameron.job_orders import MADE_ROOM
from cameron.queue_reader import Taken
from cameron.store import keys
from cameron.store.queue import Entry

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .scheduling import DEAD, QUEUE, Around, uuid

PACKAGE = Package("activities", 2)
FULL = Occupancy("commands", 2, 8, 2, is_held_up=True)
BUSY, IDLE = [2, 3, 2], [0, 0, 2]


def beside(around: Around, name: str, **about: Any) -> None:
    """Another node lives, which says this of itself."""
    around.client.sadd(keys.NODES, name)
    around.client.set(keys.node(name), json.dumps({"state": "running", "lease_ms": 60_000, **about}), px=60_000)


def given(around: Around) -> Relieve:
    """What somebody who performs activities is asked next to give back."""
    while not isinstance(message := around.asked.get(timeout=20), Relieve):
        pass
    return message


def ticks(around: Around, count: int) -> list[Any]:
    """What those who perform activities are asked until so many ticks have passed, but for reports."""
    found, passed = list[Any](), 0
    while passed < count:
        message = around.asked.get(timeout=20)
        passed += getattr(message, "of", "") == "http"
        found += [message] if isinstance(message, Relieve) else []
    return found


# to others


def test_what_waits_goes_to_those_that_are_idle_each_its_share(around: Around, redis: RedisServer) -> None:
    for name in ("a", "b"):
        beside(around, name, runs={"commands": IDLE})
    around.start(redis.url)
    around.scheduler.tell(FULL)
    assert sorted((given(around), given(around))) == [Relieve(3, "a"), Relieve(3, "b")]


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"busy": {"runs": {"commands": BUSY}}},
        {"draining": {"state": "draining", "runs": {"commands": IDLE}}},
        {"older": {}},
        {"other": {"runs": {"python_threads": IDLE}}},
    ],
)
def test_nothing_is_given_where_nobody_is_idle(around: Around, redis: RedisServer, others: dict[str, Any]) -> None:
    for name, about in others.items():
        beside(around, name, **about)
    around.start(redis.url)
    around.scheduler.tell(FULL)
    assert ticks(around, 3) == []


def test_nothing_is_given_where_nothing_has_waited_for_a_while(around: Around, redis: RedisServer) -> None:
    beside(around, "idle", runs={"commands": IDLE})
    around.start(redis.url)
    around.scheduler.tell(FULL._replace(is_held_up=False))
    assert ticks(around, 3) == []


def test_a_node_that_drains_gives_nothing(around: Around, redis: RedisServer) -> None:
    beside(around, "idle", runs={"commands": IDLE})
    around.node.is_draining = True
    around.start(redis.url)
    around.scheduler.tell(FULL)
    assert ticks(around, 3) == []


def test_of_each_kind_as_much_is_given_as_others_have_places_for(around: Around, redis: RedisServer) -> None:
    python = {"package": "activities", "activities": 2}
    beside(around, "a", runs={"commands": BUSY, "python_threads": IDLE, "python_processes": [1, 0, 2]}, python=python)
    beside(around, "b", runs={"commands": IDLE, "python_threads": IDLE, "python_processes": IDLE}, python=python | {"activities": 1})
    around.start(redis.url)
    around.scheduler.tell(PythonReport(PACKAGE, Occupancy("python_threads", 4, 8, 4, is_held_up=True), 0, ""))
    around.scheduler.tell(Occupancy("python_processes", 2, 1, 2, is_held_up=True))
    assert sorted((given(around), given(around))) == [Relieve(1, "a"), Relieve(4, "a")]


def test_after_a_round_it_waits_until_the_leases_tell_what_has_come_of_it(around: Around, redis: RedisServer) -> None:
    beside(around, "idle", runs={"commands": IDLE})
    around.start(redis.url)
    around.scheduler.tell(FULL)
    assert given(around) == Relieve(5, "idle")
    assert ticks(around, 2) == []
    assert given(around) == Relieve(5, "idle")


def test_where_a_job_that_it_has_given_comes_back_it_gives_nothing_for_a_while(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    beside(around, "idle", runs={"commands": IDLE})
    around.start(redis.url)
    want, ref = around.want(), around.run(around.next_start())
    around.scheduler.tell(FULL)
    given(around)
    ref.exit(MADE_ROOM)
    eventually(lambda: not ref.is_alive(), "the runner to end")
    around.settle()
    [(id, fields)] = around.client.xrange(QUEUE)
    around.scheduler.tell(Taken(want.term, [Entry("foo", f"{id}1", fields)], [], []))
    assert around.next_start().uuid == uuid(0)
    assert ticks(around, 6) == []


# from others


def given_to_it(around: Around, entry: str, number: int) -> None:
    """Another node gives it the job of that number."""
    around.client.xclaim(QUEUE, keys.GROUP, around.node.name, 0, [entry])
    around.send(signal="given", uuid=uuid(number))


def test_a_job_that_it_is_given_is_run_at_once(around: Around, redis: RedisServer) -> None:
    first, second = around.queue(2, DEAD)
    beside(around, DEAD)
    around.start(redis.url, lease_s=60.0)
    for number, entry in enumerate((first, second)):
        given_to_it(around, entry, number)
        assert (around.next_start().uuid, around.pending()) == (uuid(number), {DEAD: 1 - number, around.node.name: number + 1})
    assert eventually(around.heeded, "the signals to be taken out")


def test_a_job_that_it_is_given_and_has_no_room_for_goes_back_into_its_queue(around: Around, redis: RedisServer) -> None:
    first, second = around.queue(2, DEAD)
    beside(around, DEAD)
    around.start(redis.url, lease_s=60.0, max_of_each=1)
    given_to_it(around, first, 0)
    assert around.next_start().uuid == uuid(0)
    given_to_it(around, second, 1)
    around.settle()
    assert around.starts.empty()
    assert around.pending() == {DEAD: 0, around.node.name: 1}
    [_, (new, fields)] = around.client.xrange(QUEUE)
    assert (new > second, fields["uuid"]) == (True, uuid(1))


def test_a_job_that_it_was_given_before_it_heard_of_it_is_found_by_the_comparison(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.client.xadd(keys.inbox(around.node.name), {"signal": "given", "uuid": uuid(0)})
    around.start(redis.url, lease_s=60.0)
    assert around.next_start().uuid == uuid(0)
    assert eventually(around.heeded, "the signal to be taken out")
