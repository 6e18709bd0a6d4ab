"""The scheduler on a real Redis, with stand-ins around it: how much it takes, in what order, and how it stops taking."""

from collections import Counter
from queue import SimpleQueue
from typing import Any

import pytest

from cameron import job_scheduler
from cameron.core.process import Activity, HttpCall, Process
from cameron.job_orders import NOT_BEGUN, Drain, HandBack, Stay
from cameron.otp import Normal
from cameron.process_catalog import NewProcesses
from cameron.queue_reader import QueueReader, Taken
from cameron.store import keys
from cameron.store.queue import Entry

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .scheduling import QUEUE, Around, entry, uuid
from .stand import Stand


def define(around: Around, name: str, max_jobs: int) -> None:
    """Have a process of that name, with that limit of its own."""
    around.catalog.publish([Process(name, "cameron", (Activity("start", HttpCall("http://x")),), "{}", "digest", max_jobs=max_jobs)])


def wakes(around: Around) -> int:
    """How often the scheduler has told the reader to end its wait."""
    found = around.client.xrange(keys.inbox(around.node.name))
    return sum(fields == {"signal": "wake"} for _, fields in found)


# how much is taken


def test_no_more_is_read_at_once_than_can_be_taken_in_well(around: Around, redis: RedisServer) -> None:
    around.open_queue()
    around.start(redis.url, max_jobs=10_000)
    assert around.want().limit <= 1000


def test_of_each_process_as_much_is_wanted_as_it_has_room_for(around: Around, redis: RedisServer) -> None:
    around.queue(3, around.node.name)
    around.client.sadd(keys.QUEUES, "bar", "own")
    define(around, "own", 2)
    around.start(redis.url, max_jobs=20, max_of_each=5)
    around.started(3)
    want = around.want()
    assert (want.node, want.rooms) == (around.node.name, {"foo": 2, "bar": 5, "own": 2})


def test_a_process_cannot_have_more_than_the_nodes_limit_for_each(around: Around, redis: RedisServer) -> None:
    define(around, "own", 1000)
    around.start(redis.url, max_of_each=5)
    assert around.want().rooms == {"own": 5}


def test_a_process_that_floods_leaves_room_for_the_others(around: Around, redis: RedisServer) -> None:
    around.open_queue()
    around.client.sadd(keys.QUEUES, "bar")
    around.start(redis.url, max_jobs=6, max_of_each=4)
    around.give([entry(number) for number in range(4)])
    around.started(4)
    want = around.want()
    assert want.rooms == {"bar": 2}
    around.scheduler.tell(Taken(want.term, [entry(9, "bar")], [], []))
    assert around.next_start().process == "bar"


def test_of_what_was_taken_above_a_limit_the_rest_waits(around: Around, redis: RedisServer) -> None:
    around.open_queue()
    around.client.sadd(keys.QUEUES, "bar")
    around.start(redis.url, max_jobs=3, max_of_each=2)
    around.give([*(entry(number) for number in range(4)), *(entry(number, "bar") for number in range(4, 8))])
    claims = around.started(3)
    assert Counter(claim.process for claim in claims) == {"foo": 2, "bar": 1}
    around.run(claims[0]).exit(Normal)
    around.started(1)


def test_a_full_node_listens_to_its_inbox_and_ends_the_wait_when_it_has_room(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url, max_jobs=1, lease_s=60.0)
    ref = around.run(around.next_start())
    assert around.want().rooms == {}
    around.settle()
    assert wakes(around) == 0
    ref.exit(Normal)
    assert eventually(lambda: wakes(around), "the reader to be woken") == 1
    around.settle()
    assert wakes(around) == 1, "once is enough"


def test_a_full_process_is_read_again_as_soon_as_it_has_room(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.client.sadd(keys.QUEUES, "bar")
    around.start(redis.url, max_of_each=1, lease_s=60.0)
    ref = around.run(around.next_start())
    assert around.want().rooms == {"bar": 1}
    ref.exit(Normal)
    assert eventually(lambda: wakes(around), "the reader to be woken") == 1


def test_the_reader_is_woken_for_a_queue_that_is_new(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, lease_s=60.0)
    want = around.want()
    assert "new" not in want.rooms
    define(around, "new", 0)
    around.scheduler.tell(NewProcesses())
    assert eventually(lambda: wakes(around), "the reader to be woken") == 1
    around.scheduler.tell(Taken(want.term, [], [], []))
    assert "new" in around.want().rooms


def test_one_job_after_another_does_not_wait_for_the_reader(around: Around, redis: RedisServer) -> None:
    """With the real reader: 30 jobs one by one, each of which would wait for half a second if the reader were not woken."""
    stand_in = around.refs.pop()
    stand_in.exit(Normal)
    eventually(lambda: not stand_in.is_alive() and not around.client.exists(QUEUE), "the stand-in to be gone")
    around.queue(30)
    around.start(redis.url, max_of_each=1, lease_s=60.0)
    around.refs.append(QueueReader.start(redis.url, 5.0, name="queue_reader"))
    for number in range(30):
        claim = around.next_start()
        assert claim.uuid == uuid(number)
        around.client.xack(QUEUE, keys.GROUP, claim.entry)
        around.run(claim).exit(Normal)
    assert eventually(around.heeded, "the inbox to be empty")


def test_an_entry_that_cannot_be_read_costs_neither_the_scheduler_nor_the_others(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    good = entry(0, request="{}", definition="d", deadline="12").fields
    damaged = [{"x": "y"}, {"uuid": "b" * 32, "request": "{}"}, {**good, "uuid": "c" * 32, "deadline": "soon"}]
    around.give([Entry("foo", f"{n}-1", fields) for n, fields in enumerate([*damaged, good])])
    claims = [around.next_start() for _ in range(4)]
    assert [(claim.request, claim.accepted_ms) for claim in claims] == [(None, 0), (None, 0), (None, 7), ("{}", 7)]
    assert around.scheduler.is_alive()


# how it stops


def test_a_stop_puts_back_what_was_not_begun_and_leaves_the_rest_to_others_at_once(around: Around, redis: RedisServer) -> None:
    others: SimpleQueue[Any] = SimpleQueue()
    around.refs[:0] = [Stand.start(others, name=name) for name in ("job_data", "process_catalog")]
    name = around.node.name
    around.queue(5, name)
    around.start(redis.url, max_jobs=2, lease_s=60.0)
    around.started(2)
    around.scheduler.exit()
    eventually(lambda: not around.scheduler.is_alive(), "the scheduler to end")
    assert around.pending() == {name: 2}
    assert [fields["accepted"] for _, fields in around.client.xrange(QUEUE)] == ["1000", "1001", "1002", "1003", "1004"]
    assert not list(around.client.scan_iter("cameron:node*"))


# drain and resume


def drain(around: Around) -> None:
    around.send(signal="drain")


def test_a_draining_node_has_its_runners_leave_releases_the_rest_and_takes_nothing(around: Around, redis: RedisServer) -> None:
    around.queue(3, around.node.name)
    around.start(redis.url, max_jobs=2, lease_s=60.0)
    first, second = around.started(2)
    ref = around.run(first)
    drain(around)
    assert isinstance(around.next_told(), Drain)
    assert isinstance(around.next_told(), HandBack), "when the calls under way have had their time"
    late = around.run(second)
    assert isinstance(around.next_told(), HandBack)
    assert around.pending() == {around.node.name: 2}, "the third went back into its queue"
    assert (around.about()["state"], around.node.state) == ("draining", "draining")
    ref.exit(Normal)
    late.exit(NOT_BEGUN)
    eventually(lambda: around.about()["state"] == "drained", "the node to be drained")
    assert around.pending() == {around.node.name: 1}, "of the first its runner has seen to"
    assert around.want().rooms == {}
    assert around.starts.empty()
    assert eventually(around.heeded, "the signal to be taken out")


def test_a_node_without_jobs_is_drained_at_once(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, lease_s=60.0, shutdown_s=60.0)
    drain(around)
    eventually(lambda: around.about()["state"] == "drained", "the node to be drained")


def test_what_comes_to_a_drained_node_all_the_same_goes_back(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, lease_s=60.0)
    want = around.want()
    around.scheduler.tell(Taken(want.term, [], [around.put(signal="drain")], []))
    ids = around.queue(2, around.node.name)
    around.give([entry(number)._replace(id=id) for number, id in enumerate(ids)])
    eventually(lambda: around.pending() == {around.node.name: 0}, "them to be released")
    assert around.client.xlen(QUEUE) == 2


def test_a_drained_node_takes_nothing_over(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    drain(around)
    around.queue(1, "dead")
    eventually(lambda: around.about()["state"] == "drained", "the node to be drained")
    for _ in range(around.asked.qsize() + 2):  # each time that it sees to everything, it asks how many calls wait
        around.asked.get(timeout=20)
    around.settle()
    assert around.pending() == {"dead": 1}


def test_a_node_that_resumes_takes_jobs_again(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url, lease_s=60.0, shutdown_s=1.0)
    around.run(around.next_start())
    drain(around)
    assert isinstance(around.next_told(), Drain)
    around.send(signal="resume")
    eventually(lambda: around.about()["state"] == "running", "the node to run again")
    assert around.want().rooms == {"foo": 99}
    around.scheduler.tell(Taken(0, [entry(5)], [], []))
    around.run(around.next_start())
    around.settle()
    assert isinstance(around.next_told(), Stay)
    assert around.told.empty(), "neither is told to hand its job back"


def test_a_node_that_has_much_to_give_back_listens_meanwhile(around: Around, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_scheduler, "RELEASE_S", 0.0, raising=False)  # time for one
    jobs = 6000
    around.queue(jobs, around.node.name)
    around.start(redis.url, max_jobs=1, lease_s=60.0)
    around.started(1)
    drain(around)
    around.send(signal="resume")
    eventually(lambda: around.node.state == "running", "the node to run again")
    assert 1 < around.pending()[around.node.name] < jobs, "it has stopped to give them back"


def test_a_node_that_stops_gives_back_however_much_it_holds(around: Around, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_scheduler, "RELEASE_S", 0.0, raising=False)  # time for one
    others: SimpleQueue[Any] = SimpleQueue()
    around.refs[:0] = [Stand.start(others, name=name) for name in ("job_data", "process_catalog")]
    around.queue(50, around.node.name)
    around.start(redis.url, max_jobs=1, lease_s=60.0)
    around.started(1)
    around.scheduler.exit()
    eventually(lambda: not around.scheduler.is_alive(), "the scheduler to end")
    assert around.pending() == {around.node.name: 1}, "of that one nobody knows here whether it runs"


def test_the_word_to_resume_is_not_undone_by_an_older_one_that_comes_late(around: Around, redis: RedisServer) -> None:
    around.start(redis.url, lease_s=60.0)
    first = around.send(signal="drain")
    around.send(signal="resume")
    eventually(lambda: around.node.state == "running", "the node to run again")
    around.give([], [first])
    around.settle()
    assert around.node.state == "running"


def test_a_drain_outlives_its_scheduler(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url, lease_s=60.0, shutdown_s=60.0)
    around.run(around.next_start())
    drain(around)
    assert isinstance(around.next_told(), Drain)
    around.crash()
    around.start(redis.url, lease_s=60.0)
    eventually(lambda: around.pending() == {around.node.name: 0}, "what has no runner here to be released")
    eventually(lambda: around.about()["state"] == "drained", "the node to be drained")


def test_a_drained_node_stops_at_once(around: Around, redis: RedisServer) -> None:
    others: SimpleQueue[Any] = SimpleQueue()
    around.refs[:0] = [Stand.start(others, name=name) for name in ("job_data", "process_catalog")]
    around.start(redis.url, lease_s=60.0, shutdown_s=60.0)
    drain(around)
    eventually(lambda: around.node.state == "drained", "the node to be drained")
    around.scheduler.exit()
    eventually(lambda: not around.scheduler.is_alive(), "the scheduler to end", 10)
    assert not list(around.client.scan_iter("cameron:node*"))
