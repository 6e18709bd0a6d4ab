"""Runners that crash, that are suspected, that are to be cancelled, and that live from before their scheduler's start."""

from typing import Any

import pytest

from cameron.job_orders import Announce, CancelJob, Cleared, Proceed, Suspected, WasRead
from cameron.otp import AlreadyStarted, ChildFailed, ChildStarted, Crash, Normal, Reason, Shutdown
from cameron.otp.reasons import crash_of
from cameron.queue_reader import ReaderReady
from cameron.scheduling import admission
from cameron.store import keys

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .scheduling import Around, Broken, uuid


def crash(text: str) -> Crash:
    """As of an actor that raised a KeyError."""
    try:
        raise KeyError(text)
    except KeyError as error:
        return crash_of(error)


def running(around: Around, redis: RedisServer, count: int) -> list[Any]:
    """Runners of the node's jobs 0, 1, ..."""
    around.queue(count, around.node.name)
    around.start(redis.url, lease_s=60.0)
    return [around.run(claim) for claim in around.started(count)]


def restarted(around: Around, redis: RedisServer, refs: list[Any]) -> None:
    """Have the scheduler crash, and its successor adopt those runners."""
    around.crash()
    around.start(redis.url, lease_s=60.0)
    for _ in refs:
        claim = around.next_start()
        around.scheduler.tell(ChildFailed(claim, AlreadyStarted(refs[int(claim.uuid, 16)])))
    assert [type(around.next_told()) for _ in refs] == [Announce] * len(refs)


def test_a_runner_that_lives_from_before_has_read_its_job_and_leaves_others_their_turn(
    around: Around, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_READING", 1)
    around.queue(3, around.node.name)
    around.start(redis.url, lease_s=60.0)
    [first] = around.started(1)
    around.scheduler.tell(ChildFailed(first, AlreadyStarted(around.unknown_runner())))
    assert isinstance(around.next_told(), Announce)
    [second] = around.started(1)
    around.run(second)
    assert around.starts.empty()
    around.scheduler.tell(WasRead(second.uuid))
    assert around.next_start().uuid not in (first.uuid, second.uuid)


def told_nothing(around: Around) -> bool:
    around.settle()
    return around.told.empty()


# crashes


def test_a_job_whose_runner_crashed_gets_another_that_is_told_how(around: Around, redis: RedisServer) -> None:
    [ref] = running(around, redis, 1)
    ref.exit(crash("x"))
    again = around.next_start()
    assert (again.uuid, again.crashes, again.crash, again.request) == (uuid(0), 1, "its runner crashed: KeyError: 'x'", None)
    around.run(again).exit(Broken())
    assert around.next_start().crashes == 2


def test_what_is_told_of_a_crash_is_short(around: Around, redis: RedisServer) -> None:
    [ref] = running(around, redis, 1)
    ref.exit(crash("x" * 1000))
    assert len(around.next_start().crash) == 300


def ended_early(around: Around, redis: RedisServer, reason: Reason) -> None:
    """The scheduler is told of the runner of job 0 when that has ended with `reason`."""
    around.queue(1, around.node.name)
    around.start(redis.url, lease_s=60.0)
    ref = around.unknown_runner()
    ref.exit(reason)
    eventually(lambda: not ref.is_alive(), "the runner to end")
    around.scheduler.tell(ChildStarted(around.next_start(), ref))


def test_one_that_had_crashed_before_it_was_known_has_crashed_all_the_same(around: Around, redis: RedisServer) -> None:
    ended_early(around, redis, crash("early"))
    again = around.next_start()
    assert (again.uuid, again.crashes, again.crash) == (uuid(0), 1, "its runner crashed: KeyError: 'early'")


def test_one_that_had_lost_its_job_before_it_was_known_has_not_crashed_and_the_queue_says_whether_it_is_needed(
    around: Around, redis: RedisServer
) -> None:
    ended_early(around, redis, Shutdown("fenced"))
    again = around.next_start()
    assert (again.uuid, again.crashes, again.crash) == (uuid(0), 0, "")


def test_one_that_had_ended_its_job_before_it_was_known_is_not_replaced(around: Around, redis: RedisServer) -> None:
    ended_early(around, redis, Normal)
    around.settle()
    assert around.starts.empty()


def test_one_that_cannot_be_started_has_crashed_too(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url, lease_s=60.0)
    around.scheduler.tell(ChildFailed(around.next_start(), crash("y")))
    assert around.next_start().crash == "its runner crashed: KeyError: 'y'"


# suspected jobs


def test_one_suspected_job_runs_at_a_time_in_order(around: Around, redis: RedisServer) -> None:
    first, second, third = running(around, redis, 3)
    for number, ref in enumerate((first, second, third)):
        around.scheduler.tell(Suspected(ref, uuid(number)))
    assert isinstance(around.next_told(), Proceed)
    assert told_nothing(around)
    around.scheduler.tell(Cleared(first, uuid(0)))
    assert isinstance(around.next_told(), Proceed)
    assert told_nothing(around)
    around.scheduler.tell(Cleared(second, uuid(1)))
    assert isinstance(around.next_told(), Proceed)


@pytest.mark.parametrize("reason", [Normal, Broken()])
def test_the_end_of_a_suspected_jobs_runner_gives_the_place_to_the_next(around: Around, redis: RedisServer, reason: Reason) -> None:
    first, second = running(around, redis, 2)
    around.scheduler.tell(Suspected(first, uuid(0)))
    around.scheduler.tell(Suspected(second, uuid(1)))
    assert isinstance(around.next_told(), Proceed)
    first.exit(reason)
    assert isinstance(around.next_told(), Proceed)


def test_a_runner_that_is_suspected_before_it_is_known_and_ends_frees_its_place(around: Around, redis: RedisServer) -> None:
    around.queue(2, around.node.name)
    around.start(redis.url, lease_s=60.0)
    first, second = around.started(2)
    early = around.unknown_runner()
    around.scheduler.tell(Suspected(early, first.uuid))
    assert isinstance(around.next_told(), Proceed)
    early.exit(Broken())
    around.scheduler.tell(Suspected(around.run(second), second.uuid))
    assert isinstance(around.next_told(), Proceed)


def test_a_restarted_scheduler_gives_the_place_to_nobody_while_somebody_has_it(around: Around, redis: RedisServer) -> None:
    first, second = refs = running(around, redis, 2)
    around.scheduler.tell(Suspected(first, uuid(0)))
    around.scheduler.tell(Suspected(second, uuid(1)))
    assert isinstance(around.next_told(), Proceed)
    restarted(around, redis, refs)
    around.scheduler.tell(Suspected(second, uuid(1)))  # as it was told to announce itself; the first one has no word yet
    assert told_nothing(around)
    around.scheduler.tell(Suspected(first, uuid(0)))
    assert isinstance(around.next_told(), Proceed), "it has the place, and may not have heard of it"
    around.scheduler.tell(Cleared(first, uuid(0)))
    assert isinstance(around.next_told(), Proceed)


def test_a_place_that_was_freed_while_there_was_no_scheduler_is_free(around: Around, redis: RedisServer) -> None:
    first, second = running(around, redis, 2)
    around.scheduler.tell(Suspected(first, uuid(0)))
    around.scheduler.tell(Suspected(second, uuid(1)))
    assert isinstance(around.next_told(), Proceed)
    around.crash()
    first.exit(Broken())
    eventually(lambda: not first.is_alive(), "the runner to end")
    around.start(redis.url, lease_s=60.0)
    assert isinstance(around.next_told(), Proceed)


def test_one_that_is_cleared_while_there_was_no_scheduler_says_so_when_it_is_adopted(around: Around, redis: RedisServer) -> None:
    first, second = refs = running(around, redis, 2)
    around.scheduler.tell(Suspected(first, uuid(0)))
    around.scheduler.tell(Suspected(second, uuid(1)))
    assert isinstance(around.next_told(), Proceed)
    restarted(around, redis, refs)
    around.scheduler.tell(Cleared(first, uuid(0)))
    assert isinstance(around.next_told(), Proceed)


# cancellations


def cancel(around: Around, number: int = 0) -> None:
    around.send(signal="cancel", process="foo", uuid=uuid(number))


def test_the_runner_of_a_job_is_told_that_it_is_to_be_cancelled(around: Around, redis: RedisServer) -> None:
    running(around, redis, 1)
    cancel(around)
    assert isinstance(around.next_told(), CancelJob)
    assert eventually(around.heeded, "the signal to be taken out")


def test_a_job_that_has_no_runner_yet_is_cancelled_as_soon_as_it_has(around: Around, redis: RedisServer) -> None:
    around.queue(2, around.node.name)
    around.start(redis.url, max_jobs=1, lease_s=60.0)
    [starting] = around.started(1)
    cancel(around, 0)
    cancel(around, 1)
    around.settle()
    assert not around.heeded()
    ref = around.run(starting)
    assert isinstance(around.next_told(), CancelJob)
    ref.exit(Normal)
    around.run(around.next_start())
    assert isinstance(around.next_told(), CancelJob)
    assert eventually(around.heeded, "the signals to be taken out")


def test_the_cancellation_of_a_job_that_is_elsewhere_by_now_is_dropped(around: Around, redis: RedisServer) -> None:
    running(around, redis, 1)
    cancel(around, 9)
    assert eventually(around.heeded, "the signal to be taken out")
    assert told_nothing(around)


def test_a_signal_that_the_reader_took_and_lost_is_found_by_the_comparison(around: Around, redis: RedisServer) -> None:
    running(around, redis, 1)
    around.put(signal="cancel", process="foo", uuid=uuid(0))
    around.client.xreadgroup(keys.GROUP, around.node.name, {keys.inbox(around.node.name): ">"})
    around.scheduler.tell(ReaderReady())
    around.want()
    around.crash()
    around.start(redis.url, lease_s=60.0)
    around.run(around.next_start())
    assert isinstance(around.next_told(), CancelJob)
    assert eventually(around.heeded, "the signal to be taken out")


def test_a_signal_that_was_not_heeded_before_the_scheduler_crashed_is_heeded_by_the_next(around: Around, redis: RedisServer) -> None:
    around.queue(1, around.node.name)
    around.start(redis.url, lease_s=60.0)
    around.started(1)
    cancel(around)
    around.settle()
    around.crash()
    around.start(redis.url, lease_s=60.0)
    around.run(around.next_start())
    assert isinstance(around.next_told(), CancelJob)
    assert eventually(around.heeded, "the signal to be taken out")


@pytest.mark.parametrize("fields", [{"x": "y"}, {"signal": "cancel"}, {"signal": "dance"}, {"signal": "cancel", "uuid": ""}])
def test_a_signal_that_means_nothing_is_taken_out_and_that_is_all(around: Around, redis: RedisServer, fields: dict[str, str]) -> None:
    running(around, redis, 1)
    around.send(**fields)
    assert eventually(around.heeded, "the signal to be taken out")
    assert told_nothing(around)
    assert around.scheduler.is_alive()
