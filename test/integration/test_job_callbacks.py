"""What comes by a task's callback URL, wherever its job is: kept once, and found by whoever runs the job."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.callbacks import Callbacks
from cameron.engine import Accepted
from cameron.errors import CallbackLate, CallbackNotFound, CallbackUsed, CameronError, InvalidRequest, StoreUnavailable
from cameron.job_callbacks import JobCallbacks, RunScript
from cameron.job_orders import CallbackCame, HandBack
from cameron.job_reader import JobReader
from cameron.store import keys
from cameron.store.secret import Secret

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer
from .door import PATIENCE_S, QUEUE, Door, growing

MAX_BYTES = 1000
BODY = b'{"data": {"n": 1},  "name": "the service"}'


class Desk:
    """Takes callbacks in, on a node of its own."""

    def __init__(self, door: Door, url: str, run: RunScript | None = None, store: str = "") -> None:
        self.callbacks = Callbacks(Secret(store or url, PATIENCE_S), lambda: "http://here")
        self.taking = JobCallbacks(JobReader(door.catalog, store or url, PATIENCE_S), self.callbacks, run or door.engine._run, MAX_BYTES)

    def token(self, job: Accepted, task: str = "start", retries: str = "") -> str:
        """What a service was given, after so many retries of the job."""
        self.callbacks.learn()
        return self.callbacks.token(job.process, job.uuid, task, retries)

    def deliver(self, job: Accepted, task: str = "start", body: bytes = BODY, retries: str = "") -> None:
        """The service's callback comes."""
        self.taking.deliver(job.process, job.key, job.uuid, task, self.token(job, task, retries), body)

    def refused(self, job: Accepted, task: str = "start", body: bytes = BODY) -> CameronError:
        """Why the service's callback is not taken."""
        with pytest.raises(CameronError) as caught:
            self.deliver(job, task, body)
        return caught.value


@pytest.fixture
def door(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine and what is behind it."""
    made = Door(redis.url, client)
    yield made
    made.stop()


@pytest.fixture
def desk(door: Door, redis: RedisServer) -> Desk:
    """A node that has never run anything."""
    return Desk(door, redis.url)


def called(door: Door) -> tuple[Accepted, Any]:
    """A job whose task `start` was called by the node `here`, which has had no reply; and its runner."""
    job = door.start()
    runner = door.run(job)
    door.call()
    return job, runner


def kept(door: Door, job: Accepted, task: str = "start") -> str | None:
    """The callback that the record has."""
    return door.record(job).get(f"task.{task}.callback")


def signals(door: Door, node: str = "here") -> list[dict[str, str]]:
    """What is in the node's inbox."""
    return [fields for _, fields in door.client.xrange(keys.inbox(node))]


# where the job is


def test_a_callback_is_on_record_as_it_came_and_the_node_that_runs_the_job_is_told(door: Door, desk: Desk) -> None:
    job, runner = called(door)
    desk.deliver(job)
    assert kept(door, job) == BODY.decode()
    assert signals(door) == [{"signal": "callback", "process": "foo", "uuid": job.uuid, "task": "start"}]
    runner.tell(CallbackCame("start"))
    door.gone(runner)
    assert (door.statuses(job), door.fields(job)["task.start.output.data"]) == ({"job": "done", "start": "done"}, '{"n":1}')


def test_for_a_job_that_was_handed_back_it_waits_until_a_node_runs_it(door: Door, desk: Desk) -> None:
    job, runner = called(door)
    runner.tell(HandBack())
    door.gone(runner)
    desk.deliver(job)
    assert (kept(door, job), signals(door)) == (BODY.decode(), [])
    door.gone(door.run(job, "there"))
    assert door.statuses(job) == {"job": "done", "start": "done"}


def test_for_a_node_that_has_died_it_waits_for_the_one_that_takes_the_job_over(door: Door, desk: Desk) -> None:
    job, runner = called(door)
    runner.exit()
    door.gone(runner)
    door.client.delete(keys.node("here"))
    desk.deliver(job)
    assert (kept(door, job), door.client.exists(keys.inbox("here"))) == (BODY.decode(), 0)
    door.client.xclaim(QUEUE, keys.GROUP, "there", 0, [door.record(job)["entry"]])
    door.gone(door.take_up(job, "there", crash="node here died"))
    assert door.statuses(job) == {"job": "done", "start": "done"}


def test_the_callback_of_each_task_is_its_own(door: Door, desk: Desk) -> None:
    job, _ = called(door)
    door.refs[-1].tell(CallbackCame("start"))  # there is none yet, which harms nobody
    door.client.hset(keys.record("foo", job.uuid), "task.other.callback", "{}")
    desk.deliver(job)
    assert (kept(door, job), kept(door, job, "other")) == (BODY.decode(), "{}")


@pytest.mark.parametrize("task", ["ü", "a b", "act/1", "50%", "x" * 128])
def test_a_task_may_be_called_anything(door: Door, desk: Desk, task: str) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing(task))
    door.call()
    desk.deliver(job, task)
    runner.tell(CallbackCame(task))
    door.gone(runner)
    assert door.statuses(job) == {"job": "done", "start": "done", task: "done"}


# once


def test_a_second_callback_is_refused_whether_the_first_was_heeded_or_not(door: Door, desk: Desk) -> None:
    job, runner = called(door)
    desk.deliver(job)
    for _ in range(2):
        error = desk.refused(job, body=b"{}")
        assert isinstance(error, CallbackUsed)
        assert (error.uuid, error.task) == (job.uuid, "start")
        runner.tell(CallbackCame("start"))
        door.gone(runner)
    assert (kept(door, job), len(signals(door))) == (BODY.decode(), 1)


def test_of_many_that_come_at_once_one_is_taken(door: Door, redis: RedisServer) -> None:
    job, _ = called(door)
    barrier, results = threading.Barrier(20), list[str]()

    def one(desk: Desk, body: bytes) -> None:
        barrier.wait(PATIENCE_S)
        try:
            desk.deliver(job, body=body)
            results.append(body.decode())
        except CameronError as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=one, args=(Desk(door, redis.url), b"%d" % number)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    taken = kept(door, job)
    assert Counter(results) == {"CallbackUsed": 19, taken: 1}
    assert len(signals(door)) == 1


def test_a_task_that_is_retried_waits_for_another_one(door: Door, desk: Desk) -> None:
    job, runner = called(door)
    desk.deliver(job, body=b'"not an object"')
    runner.tell(CallbackCame("start"))
    door.gone(runner)
    assert door.statuses(job) == {"job": "done", "start": "error"}
    assert isinstance(desk.refused(job), CallbackUsed)
    door.engine.retry("foo", job.key, job.uuid)
    again = door.run(job)
    door.call()
    assert isinstance(desk.refused(job), CallbackNotFound), "a late one of before the retry"
    desk.deliver(job, retries="1")
    again.tell(CallbackCame("start"))
    door.gone(again)
    assert door.statuses(job) == {"job": "done", "start": "done"}


# too late


def test_one_for_a_task_that_has_ended_or_not_begun_is_not_taken(door: Door, desk: Desk) -> None:
    job = door.start()
    door.run(job)
    door.reply(door.call(), **growing("a", "b", parallel=False))
    assert door.call().task == "a"
    for task, status in (("start", "done"), ("b", "scheduled")):
        error = desk.refused(job, task)
        assert isinstance(error, CallbackLate)
        assert (error.uuid, error.task, error.status) == (job.uuid, task, status)


def test_one_for_a_job_that_has_ended_is_too_late(door: Door, desk: Desk) -> None:
    job = door.start()
    door.run(job)
    assert door.reply_all("start") == ["start"]
    error = desk.refused(job)
    assert isinstance(error, CallbackLate)
    assert (error.status, kept(door, job)) == ("error", None)


# wrong


def test_who_does_not_have_the_right_url_is_told_the_same_whatever_is_wrong_and_nothing_changes(door: Door, desk: Desk) -> None:
    job, _ = called(door)
    desk.token(job)  # so that the secret is there
    token, nowhere, elsewhere = desk.token, job._replace(uuid="0" * 32), job._replace(process="bar")
    before = {name: door.client.dump(name) for name in sorted(door.client.scan_iter("*"))}
    wrong = [
        (job, "start", ""),
        (job, "start", "0" * 64),
        (job, "start", "ü"),
        (job, "start", token(job, "a")),
        (job, "start", token(nowhere)),
        (job, "a", token(job)),
        (job, "a", token(job, "a")),
        (nowhere, "start", token(nowhere)),
        (elsewhere, "start", token(elsewhere)),
        (job._replace(key="another"), "start", token(job)),
    ]
    texts = set()
    for of, task, offered in wrong:
        with pytest.raises(CallbackNotFound) as caught:
            desk.taking.deliver(of.process, of.key, of.uuid, task, offered, BODY)
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert {name: door.client.dump(name) for name in sorted(door.client.scan_iter("*"))} == before


def test_a_wrong_token_is_refused_before_anything_else_is_looked_at(door: Door, desk: Desk) -> None:
    job, _ = called(door)
    for body in (b"not JSON", b"", bytes(MAX_BYTES + 1)):
        with pytest.raises(CallbackNotFound):
            desk.taking.deliver("foo", job.key, job.uuid, "start", "0" * 64, body)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", "body_empty", "is empty: send the task's reply as JSON, {} for instance"),
        (b"{", "body_not_json", "it is no JSON (line 1, column 2)"),
        (b'"\xff"', "body_not_json", "not UTF-8 at byte 1"),
        (b"[NaN]", "body_not_json", "NaN is not JSON"),
        (b"[" * 300 + b"]" * 300, "body_not_json", "nested too deeply"),
        (b'"' + b"x" * (MAX_BYTES - 1) + b'"', "body_too_large", "larger than 1000 bytes"),
    ],
)
def test_what_cannot_be_a_tasks_reply_is_refused_and_the_right_one_may_follow(
    door: Door, desk: Desk, body: bytes, code: str, text: str
) -> None:
    job, _ = called(door)
    error = desk.refused(job, body=body)
    assert isinstance(error, InvalidRequest)
    assert (error.code, text in error.message, kept(door, job)) == (code, True, None)
    desk.deliver(job, body=b'"' + b"x" * (MAX_BYTES - 2) + b'"')
    assert len(kept(door, job) or "") == MAX_BYTES


# among others


def interrupted(door: Door, redis: RedisServer, meanwhile: Callable[[], Any]) -> Desk:
    """A desk before whose first write something else happens."""
    steps = [meanwhile]

    def run(*script: Any) -> Any:
        if steps:
            steps.pop()()
        return door.engine._run(*script)

    return Desk(door, redis.url, run)


def test_a_job_that_is_handed_back_meanwhile_is_looked_at_again(door: Door, redis: RedisServer) -> None:
    job, runner = called(door)

    def hand_back() -> None:
        runner.tell(HandBack())
        door.gone(runner)

    interrupted(door, redis, hand_back).deliver(job)
    assert (kept(door, job), signals(door)) == (BODY.decode(), [])


def test_a_job_that_a_node_is_given_meanwhile_is_looked_at_again_and_that_node_is_told(door: Door, redis: RedisServer) -> None:
    job, runner = called(door)
    runner.tell(HandBack())
    door.gone(runner)
    interrupted(door, redis, lambda: door.give("there")).deliver(job)
    assert (kept(door, job), len(signals(door, "there")), signals(door)) == (BODY.decode(), 1, [])


def test_a_task_that_ends_meanwhile_makes_it_too_late(door: Door, redis: RedisServer) -> None:
    job, _ = called(door)
    field = "task.start.status.current"
    desk = interrupted(door, redis, lambda: door.client.hset(keys.job("foo", "k", job.uuid), field, "error"))
    assert isinstance(desk.refused(job), CallbackLate)
    assert kept(door, job) is None


def test_a_job_that_is_deleted_meanwhile_is_not_there(door: Door, redis: RedisServer) -> None:
    job, _ = called(door)
    desk = interrupted(door, redis, lambda: door.client.delete(keys.job("foo", "k", job.uuid), keys.record("foo", job.uuid)))
    assert isinstance(desk.refused(job), CallbackNotFound)
    assert not door.client.exists(keys.record("foo", job.uuid))


def test_where_the_job_changes_hands_all_the_time_the_service_is_told_to_come_again(door: Door, redis: RedisServer) -> None:
    job, _ = called(door)
    error = Desk(door, redis.url, lambda *_: "moved").refused(job)
    assert isinstance(error, StoreUnavailable)
    assert error.retry_after_s > 0


# the secret


def test_a_node_that_knows_no_secret_yet_learns_it_from_redis(door: Door, desk: Desk, redis: RedisServer) -> None:
    job, _ = called(door)
    token = desk.token(job)
    Desk(door, redis.url).taking.deliver("foo", job.key, job.uuid, "start", token, BODY)
    assert kept(door, job) == BODY.decode()


def test_a_node_whose_secret_is_the_others_no_more_learns_theirs(door: Door, desk: Desk, redis: RedisServer) -> None:
    job, _ = called(door)
    old = desk.token(job)
    door.client.delete(keys.SECRET)
    new = Desk(door, redis.url).token(job)
    assert new != old
    desk.taking.deliver("foo", job.key, job.uuid, "start", new, BODY)
    assert kept(door, job) == BODY.decode()


def test_where_redis_is_away_the_service_is_told_to_come_again(door: Door, redis: RedisServer) -> None:
    job, _ = called(door)
    away = Desk(door, redis.url, store=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        away.taking.deliver("foo", job.key, job.uuid, "start", "0" * 64, BODY)
    assert kept(door, job) is None
