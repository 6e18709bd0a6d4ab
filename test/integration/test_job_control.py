"""What people may do to a job that exists, wherever it is: cancel it, or let it go on from what has failed."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.core.event import JobChanged
from cameron.core.job import Job
from cameron.core.process import Limits
from cameron.core.status import Status
from cameron.engine import Accepted
from cameron.errors import CameronError, JobFinished, JobNotFinished, JobNotFound, KeyTaken, NothingToRetry, StoreUnavailable
from cameron.job_control import Cancelling, JobControl
from cameron.job_ledger import Claim, GivenUp, Ledger, Step
from cameron.job_orders import CancelJob, HandBack
from cameron.job_reader import JobReader
from cameron.store import keys

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .door import PATIENCE_S, Door, growing


@pytest.fixture
def door(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine and what is behind it."""
    made = Door(redis.url, client)
    yield made
    made.stop()


def cancel(door: Door, job: Accepted) -> str:
    """Somebody cancels the job."""
    return door.engine.cancel(job.process, job.key, job.uuid).status


def retry(door: Door, job: Accepted) -> list[str]:
    """Somebody retries the job."""
    return door.engine.retry(job.process, job.key, job.uuid)


def finished(door: Door, *failing: str) -> Accepted:
    """A job of `start`, `a` and `b` that has ended."""
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing("a", "b"))
    door.reply_all(*failing)
    door.gone(runner)
    return job


# cancel


def test_a_job_that_waits_is_cancelled_at_once(door: Door) -> None:
    job = door.start()
    assert cancel(door, job) == "cancelled"
    assert door.statuses(job) == {"job": "cancelled"}
    assert (door.queued(), door.listed(job)) == ([], ["cancelled"])
    assert 0 < door.client.pttl(keys.record("foo", job.uuid)) <= 50_000


def test_a_cancelled_job_is_kept_as_long_as_its_process_says(door: Door) -> None:
    door.define(retention_ms=0)
    job = door.start()
    cancel(door, job)
    assert door.client.pttl(keys.record("foo", job.uuid)) == -1


def test_a_cancelled_job_makes_room_for_another_one_of_its_unique_key(door: Door) -> None:
    door.define(unique=True)
    job = door.start()
    assert door.start().uuid == job.uuid
    cancel(door, job)
    assert door.start().uuid != job.uuid


def test_a_job_that_was_handed_back_is_cancelled_with_what_had_been_called(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing("a", "b", parallel=False))
    door.call()
    runner.tell(HandBack())
    door.gone(runner)
    assert cancel(door, job) == "cancelled"
    assert door.statuses(job) == {"job": "cancelled", "start": "done", "a": "error"}
    assert door.fields(job)["task.a.output.data"] == "cancelled"
    assert door.client.get(keys.task_error(keys.job("foo", "k", job.uuid), "a")) == "cancelled"
    assert door.queued() == []


def test_the_node_that_holds_a_job_is_told_to_cancel_it_and_what_comes_of_it_is_seen_later(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.call()
    assert cancel(door, job) == "cancelling"
    [(_, signal)] = door.client.xrange(keys.inbox("here"))
    assert signal == {"signal": "cancel", "process": "foo", "uuid": job.uuid}
    assert int(door.record(job)["cancel"]) <= door.clock.now_ms()
    assert door.statuses(job)["job"] == "running"
    runner.tell(CancelJob())
    door.gone(runner)
    assert (cancel(door, job), door.statuses(job), door.listed(job)) == ("cancelled", {"job": "cancelled", "start": "error"}, ["cancelled"])


def test_a_job_that_a_node_was_given_and_has_not_begun_is_that_nodes_to_cancel(door: Door) -> None:
    job = door.start()
    door.give()
    assert cancel(door, job) == "cancelling"
    runner = door.take_up(job, "here")
    door.gone(runner)
    assert door.statuses(job) == {"job": "cancelled"}
    assert door.calls.empty()


def test_a_job_whose_node_has_died_is_cancelled_by_the_node_that_takes_it_over(door: Door) -> None:
    job = door.start()
    runner = door.run(job, "there")
    door.call()
    runner.exit()
    door.gone(runner)
    door.client.delete(keys.node("there"))
    assert cancel(door, job) == "cancelling"
    assert not door.client.exists(keys.inbox("there"))
    door.client.xclaim(keys.queue("foo"), keys.GROUP, "here", 0, [door.record(job)["entry"]])
    door.gone(door.take_up(job, "here", crash="node there died"))
    assert door.statuses(job) == {"job": "cancelled", "start": "error"}


@pytest.mark.parametrize("failing", [(), ("a",)])
def test_a_finished_job_cannot_be_cancelled(door: Door, failing: tuple[str, ...]) -> None:
    job = finished(door, *failing)
    with pytest.raises(JobFinished) as caught:
        cancel(door, job)
    assert (caught.value.uuid, caught.value.status) == (job.uuid, "done")


@pytest.mark.parametrize("verb", [cancel, retry])
@pytest.mark.parametrize("wrong", [{"uuid": "f" * 32}, {"key": "other"}, {"process": "bar"}])
def test_a_job_that_there_is_none_of_is_not_found(door: Door, verb: Callable[[Door, Accepted], Any], wrong: dict[str, str]) -> None:
    job = door.start()
    with pytest.raises(JobNotFound):
        verb(door, job._replace(**wrong))  # type: ignore[arg-type]  # texts all of them
    assert (door.statuses(job), door.queued()) == ({"job": "scheduled"}, [job.uuid])


# retry


def test_a_finished_job_goes_on_from_its_failed_tasks_and_keeps_what_is_done(door: Door) -> None:
    job = finished(door, "a")
    assert door.statuses(job) == {"job": "done", "start": "done", "a": "error", "b": "done"}
    before, deadline_ms = door.fields(job), int(door.record(job)["deadline"])
    door.clock.set(door.clock.now_ms() + 60_000)
    assert retry(door, job) == ["a"]
    assert (door.statuses(job), door.queued(), door.listed(job)) == (
        {"job": "scheduled", "start": "done", "b": "done"}, [job.uuid], ["scheduled"],
    )  # fmt: skip
    assert [door.client.pttl(key) for key in (keys.job("foo", "k", job.uuid), keys.record("foo", job.uuid))] == [-1, -1]
    assert not door.client.exists(keys.task_error(keys.job("foo", "k", job.uuid), "a"))
    assert 60_000 <= int(door.record(job)["deadline"]) - deadline_ms < 120_000
    door.run(job)
    assert door.reply_all() == ["a"]
    assert (door.statuses(job), door.listed(job)) == ({"job": "done", "start": "done", "a": "done", "b": "done"}, ["done"])
    kept = {field: text for field, text in door.fields(job).items() if field.startswith(("task.start.", "task.b."))}
    assert kept == {field: text for field, text in before.items() if field.startswith(("task.start.", "task.b."))}


def test_a_job_may_be_retried_as_often_as_it_fails(door: Door) -> None:
    job = finished(door, "a", "b")
    for failing, left in ((("a", "b"), {"a", "b"}), (("b",), {"a", "b"}), ((), {"b"})):
        assert set(retry(door, job)) == left
        door.run(job)
        assert set(door.reply_all(*failing)) == left
    assert set(door.statuses(job).values()) == {"done"}


def test_what_a_retried_task_replies_may_grow_the_job_further(door: Door) -> None:
    job = finished(door, "a")
    retry(door, job)
    door.run(job)
    door.reply(door.call(), **growing("b", "c"))
    assert set(door.reply_all()) == {"b#2", "c"}
    assert door.fields(job)["job.tasks"] == "start,a,b,b#2,c"


def test_a_cancelled_job_that_is_retried_goes_on_with_what_was_cut_short_and_what_had_not_begun(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing("a", "b", parallel=False))
    door.call()
    cancel(door, job)
    runner.tell(CancelJob())
    door.gone(runner)
    door.calls.get(timeout=PATIENCE_S)  # the call is cancelled
    assert retry(door, job) == ["a"]
    assert "cancel" not in door.record(job)
    door.run(job)
    assert door.reply_all() == ["a", "b"]
    assert set(door.statuses(job).values()) == {"done"}


def test_a_job_cancelled_before_it_began_begins_when_it_is_retried(door: Door) -> None:
    job = door.start()
    cancel(door, job)
    assert retry(door, job) == []
    door.run(job)
    assert door.reply_all() == ["start"]
    assert door.statuses(job) == {"job": "done", "start": "done"}


def test_a_job_whose_tasks_are_all_done_has_nothing_to_retry(door: Door) -> None:
    job = finished(door)
    with pytest.raises(NothingToRetry):
        retry(door, job)
    assert (door.statuses(job)["job"], door.queued()) == ("done", [])


def test_a_job_that_has_not_finished_cannot_be_retried(door: Door) -> None:
    job = door.start()
    for status in ("scheduled", "running"):
        with pytest.raises(JobNotFinished) as caught:
            retry(door, job)
        assert caught.value.status == status
        if status == "scheduled":
            door.run(job)
            door.call()
    assert door.queued() == [job.uuid]


def test_a_job_that_was_given_up_leaves_the_dead_letter_when_it_is_retried_and_its_crashes_are_forgotten(door: Door) -> None:
    door.define(limits=Limits(max_crashes=1))
    job = door.start()
    runner = door.run(job, "there")
    door.call()
    runner.exit()
    door.gone(runner)
    door.client.xclaim(keys.queue("foo"), keys.GROUP, "here", 0, [door.record(job)["entry"]])
    door.gone(door.take_up(job, "here", crash="node there died"))
    [(entry, dead)] = door.client.xrange(keys.dead("foo"))
    assert (dead["uuid"], dead["task"], door.record(job)["dead"], door.listed(job)) == (job.uuid, "start", entry, ["error"])
    assert retry(door, job) == ["start"]
    assert door.client.xlen(keys.dead("foo")) == 0
    assert {"dead", "crash", "cancel", "task.start.crashes"} & door.record(job).keys() == set()
    door.run(job)
    assert door.reply_all() == ["start"]
    assert door.statuses(job) == {"job": "done", "start": "done"}


def test_a_job_that_was_ended_unread_may_be_retried_too(door: Door) -> None:
    job = door.start()
    door.give()
    record = door.record(job)
    claim = Claim("foo", "k", job.uuid, record["entry"], "here", accepted_ms=int(record["accepted"]))
    ledger = Ledger(claim, None, door.catalog.dialect_of("foo"), "", door.refs[2])
    ended = Job("foo", "k", job.uuid, 0, Limits(), Status.ERROR, {}, (), 0, 0)
    door.refs[0].tell(ledger.end_held(Step(ended, [JobChanged(Status.ERROR)], door.clock.now()), 50_000, GivenUp("", 6, "x", "y")))
    door.told.get(timeout=PATIENCE_S)
    assert (door.listed(job), door.client.xlen(keys.dead("foo"))) == (["error"], 1)
    assert retry(door, job) == []
    assert door.client.xlen(keys.dead("foo")) == 0
    door.run(job)
    assert door.reply_all() == ["start"]


def test_a_job_whose_unique_key_another_one_has_by_now_is_not_retried(door: Door) -> None:
    door.define(unique=True)
    job = finished(door, "a")
    other = door.start()
    with pytest.raises(KeyTaken) as caught:
        retry(door, job)
    assert caught.value.uuid == other.uuid
    assert (door.statuses(job)["job"], door.queued()) == ("done", [other.uuid])
    cancel(door, other)
    assert retry(door, job) == ["a"]
    assert door.start().uuid == job.uuid


# among others


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """What comes of all, called at the same time; errors are results."""
    barrier, results = threading.Barrier(len(verbs)), list[Any]()

    def one(verb: Callable[[], Any]) -> None:
        barrier.wait(PATIENCE_S)
        try:
            results.append(verb())
        except CameronError as error:
            results.append(error)

    threads = [threading.Thread(target=one, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == len(verbs)
    return results


def check_whole(door: Door, job: Accepted) -> None:
    """The job's status, its lists, its queue and its time to live tell the same."""
    status = door.statuses(job)["job"]
    assert door.listed(job) == [status]
    assert door.queued() == ([job.uuid] if status in ("scheduled", "running") else [])
    assert (door.client.pttl(keys.job("foo", job.key, job.uuid)) == -1) == (status in ("scheduled", "running"))


def test_of_many_who_cancel_a_waiting_job_at_once_all_are_told_that_it_is_cancelled(door: Door) -> None:
    job = door.start()
    results = at_once(*[lambda: cancel(door, job)] * 20)
    assert results == ["cancelled"] * 20
    check_whole(door, job)


def test_of_many_who_retry_a_job_at_once_one_puts_it_into_the_queue_and_no_one_twice(door: Door) -> None:
    job = finished(door, "a")
    results = at_once(*[lambda: retry(door, job)] * 20)
    assert ["a"] in results
    assert [result for result in results if result != ["a"] and not isinstance(result, JobNotFinished)] == []
    assert door.queued() == [job.uuid]
    check_whole(door, job)


@pytest.mark.parametrize("turn", range(5))
def test_whoever_cancels_and_retries_a_job_at_the_same_time_it_is_in_one_state_and_whole(door: Door, turn: int) -> None:
    job = door.start()
    if turn % 2:
        cancel(door, job)
    results = at_once(*[lambda: cancel(door, job), lambda: retry(door, job)] * 10)
    fine = {"'cancelled'", "[]", "JobNotFinished", "StoreUnavailable"}  # the last: it kept changing
    assert {type(result).__name__ if isinstance(result, Exception) else repr(result) for result in results} <= fine
    check_whole(door, job)
    if door.statuses(job)["job"] == "cancelled":
        retry(door, job)
    door.run(job)
    assert door.reply_all() == ["start"]
    check_whole(door, job)


def test_a_job_that_a_node_takes_while_it_is_cancelled_is_cancelled_one_way_or_the_other(door: Door) -> None:
    jobs = [door.start(f"k{number}") for number in range(10)]
    taking = threading.Barrier(2)

    def take() -> None:
        taking.wait(PATIENCE_S)
        for _ in jobs:
            door.client.set(keys.node("here"), "{}", px=600_000)
            door.client.xreadgroup(keys.GROUP, "here", {keys.queue("foo"): ">"}, count=1)

    thread = threading.Thread(target=take)
    thread.start()
    taking.wait(PATIENCE_S)
    answers = {job: cancel(door, job) for job in jobs}
    thread.join(30)
    for job, answer in answers.items():
        assert answer in ("cancelled", "cancelling")
        if answer == "cancelling":
            door.gone(door.take_up(job, "here"))
    assert Counter(door.statuses(job)["job"] for job in jobs) == {"cancelled": 10}
    assert door.queued() == []
    assert door.calls.empty()


def control(door: Door, answer: Any, redis: RedisServer) -> JobControl:
    """A control whose scripts always answer so."""
    return JobControl(JobReader(door.catalog, redis.url, PATIENCE_S), door.clock, lambda script, names, args: answer, 50_000)


@pytest.mark.parametrize("answer", ["taken", "fenced", "lost", "gone"])
def test_who_wants_to_change_a_job_that_changes_hands_all_the_time_is_told_to_come_again(
    door: Door, redis: RedisServer, answer: str
) -> None:
    job, ended = door.start("waiting"), finished_other(door)
    for verb, of in ((control(door, answer, redis).cancel, job), (control(door, answer, redis).retry, ended)):
        with pytest.raises(StoreUnavailable) as caught:
            verb("foo", of.key, of.uuid)
        assert caught.value.retry_after_s > 0


def test_a_job_that_has_changed_hands_meanwhile_is_looked_at_again(door: Door, redis: RedisServer) -> None:
    job, answers = door.start(), ["taken", "told"]

    def taken_first(*_: Any) -> str:
        if len(answers) == 2:
            door.give()
        return answers.pop(0)

    once_too_late = JobControl(JobReader(door.catalog, redis.url, PATIENCE_S), door.clock, taken_first, 0)
    assert once_too_late.cancel("foo", job.key, job.uuid) == Cancelling("cancelling")


def finished_other(door: Door) -> Accepted:
    """A job that was cancelled."""
    job = door.start("ended")
    cancel(door, job)
    return job


def test_a_cancelled_job_that_is_cancelled_again_is_not_written_again(door: Door, redis: RedisServer) -> None:
    job = finished_other(door)
    assert control(door, AssertionError("nothing is to be written"), redis).cancel("foo", job.key, job.uuid) == Cancelling("cancelled")


def test_where_redis_is_away_neither_can_be_done(door: Door) -> None:
    away = JobReader(door.catalog, f"redis://127.0.0.1:{free_port()}/0", 1.0)
    nobody = JobControl(away, door.clock, lambda script, names, args: None, 0)
    for verb in (nobody.cancel, nobody.retry):
        with pytest.raises(StoreUnavailable):
            verb("foo", "k", "0" * 32)


def test_a_job_that_ran_on_another_definition_is_retried_with_the_one_it_started_with(door: Door) -> None:
    job = finished(door, "a")
    door.define(unique=True, activities=(door.process.activities[0]._replace(name="another"),))
    assert retry(door, job) == ["a"]
    door.run(job)
    assert door.reply_all() == ["a"]
    assert eventually(lambda: door.statuses(job)["job"] == "done", "the job to end")
