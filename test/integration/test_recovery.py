"""What dead nodes held, what a crash or a lost answer has left, and queues that are none."""

import pytest

from cameron import job_scheduler
from cameron.job_orders import Drop
from cameron.job_scheduler import PERFORMERS
from cameron.otp import Normal, Reason, Shutdown
from cameron.queue_reader import ReaderReady, Taken
from cameron.store import keys
from cameron.store.queue import PAGE

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .scheduling import DEAD, QUEUE, Around, Broken, entry, uuid


def test_what_a_dead_node_held_is_taken_over_up_to_the_limit_and_the_rest_as_there_is_room(around: Around, redis: RedisServer) -> None:
    around.queue(10, DEAD)
    around.start(redis.url, max_jobs=3)
    runners = [around.run(claim) for claim in around.started(3)]
    assert around.pending() == {DEAD: 7, around.node.name: 3}, "what there is no room for is left to other nodes"
    for _ in range(7):
        ended = runners.pop(0)
        ended.exit(Normal)
        runners.append(around.run(around.next_start()))


def test_a_process_limit_holds_for_what_is_taken_over_too(around: Around, redis: RedisServer) -> None:
    around.queue(10, DEAD)
    around.start(redis.url, max_of_each=4)
    around.started(4)
    assert around.pending() == {DEAD: 6, around.node.name: 4}


def test_what_there_was_no_time_for_is_taken_over_without_waiting_for_the_next_tick(
    around: Around, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_scheduler, "TAKE_OVER_S", 0.001)  # time for one page
    pages = 10
    around.queue(pages * PAGE, DEAD)
    around.start(redis.url, max_jobs=100_000, max_of_each=100_000, lease_s=60.0)
    eventually(lambda: around.pending() == {around.node.name: pages * PAGE}, "the dead node to have nothing left")
    ticks = around.asked.qsize() / len(PERFORMERS)
    assert ticks < pages / 2


def test_claims_say_when_the_job_was_accepted_and_who_died_with_it(around: Around, redis: RedisServer) -> None:
    around.queue(1, DEAD)
    around.start(redis.url)
    [claim] = around.started(1)
    assert (claim.uuid, claim.accepted_ms, claim.crash, claim.request) == (uuid(0), 1000, f"node {DEAD} died", None)


def test_what_the_node_holds_from_before_has_no_crash_to_it(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url)
    [claim] = around.started(1)
    assert (claim.accepted_ms, claim.crash) == (1000, "")


def test_a_dead_node_that_holds_nothing_more_is_listed_no_more(around: Around, redis: RedisServer) -> None:
    around.queue(1, DEAD)
    around.client.sadd(keys.NODES, DEAD, "another")
    around.start(redis.url)
    around.started(1)
    eventually(lambda: around.client.smembers(keys.NODES) == {around.node.name}, "the dead to be listed no more")


@pytest.mark.parametrize("reason", [Shutdown("fenced"), Shutdown("lease lost"), Broken()])
def test_a_job_that_lost_its_runner_while_the_node_holds_it_gets_another_soon(around: Around, redis: RedisServer, reason: Reason) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url)
    first = around.next_start()
    around.run(first).exit(reason)
    assert around.next_start().uuid == first.uuid


def test_a_job_that_another_node_took_gets_no_runner_again(around: Around, redis: RedisServer) -> None:
    [id] = around.queue(1, around.node.name)
    around.start(redis.url)
    runner = around.run(around.next_start())
    around.client.set(keys.node("other"), "lives")
    around.client.xclaim(QUEUE, keys.GROUP, "other", 0, [id])
    runner.exit(Shutdown("fenced"))
    around.settle()
    assert around.starts.empty()


def test_a_runner_whose_entry_is_gone_is_dropped_by_the_comparison(around: Around, redis: RedisServer) -> None:
    [first, _] = around.queue(2, around.node.name)
    around.start(redis.url, lease_s=60.0)
    for claim in around.started(2):
        around.run(claim)
    around.client.set(keys.node("other"), "lives")
    around.client.xclaim(QUEUE, keys.GROUP, "other", 0, [first])
    around.scheduler.tell(ReaderReady())  # has it compare soon
    assert isinstance(around.next_told(), Drop)
    around.settle()
    assert around.told.empty()


def test_an_entry_that_the_reader_took_and_lost_is_found_by_the_comparison(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.want()
    around.queue(1, around.node.name)
    around.scheduler.tell(ReaderReady())
    assert around.next_start().uuid == uuid(0)


def test_processes_that_came_after_the_node_are_known_to_it_soon(around: Around, redis: RedisServer) -> None:
    around.start(redis.url)
    around.queue(5, DEAD)
    assert {around.next_start().process for _ in range(5)} == {"foo"}


def test_a_key_that_is_no_queue_holds_up_nobody_else(around: Around, redis: RedisServer) -> None:
    around.client.sadd(keys.QUEUES, "odd")
    around.client.set(keys.queue("odd"), "x")
    around.queue(1, DEAD)
    around.start(redis.url)
    around.started(1)
    assert set(around.want().rooms) == {"foo"}


def test_a_queue_that_is_none_any_more_is_left_out_until_the_next_comparison(around: Around, redis: RedisServer) -> None:
    around.client.sadd(keys.QUEUES, "odd")
    around.open_queue()
    around.start(redis.url)
    want = around.want()
    assert set(want.rooms) == {"foo", "odd"}
    around.scheduler.tell(Taken(want.term, [entry(0)], [], ["odd"]))
    assert around.next_start().uuid == uuid(0)
    assert set(around.want().rooms) == {"foo"}
    around.scheduler.tell(ReaderReady())  # it has the queues compared soon, and each of them seen to

    def is_read_again() -> bool:
        want = around.want()
        around.scheduler.tell(Taken(want.term, [], [], []))
        return "odd" in want.rooms

    eventually(is_read_again, "the queue to be read again")
