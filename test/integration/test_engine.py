"""The engine's door: what a caller is told, with and without the rest of the house behind it."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.clock import Clock
from cameron.definitions import Settings, load
from cameron.engine import RIDES_ALONG, Accepted, Engine, EngineSettings
from cameron.errors import Backlogged, IdempotencyKeyReused, InvalidRequest, JobNotFound, ProcessNotFound, StoreUnavailable
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.job_index import JobQuery

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer
from .door import PATIENCE_S, Door


def engine(folder: Path, url: str) -> Engine:
    file = folder / "processes.config"
    file.write_text('{processes, [{foo, {start_activity_url, "http://localhost:9/start"}}]}.')
    catalog = Catalog(Settings())
    catalog.publish(load(file))
    return Engine(catalog, Clock(), EngineSettings(url, redis_timeout_s=1.0, accept_timeout_s=1.0))


def test_an_unknown_process_is_told_before_the_body_is_looked_at(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(ProcessNotFound):
        engine(tmp_path, redis.url).start("nope", b"not json")


def test_a_bad_request_names_its_field(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(InvalidRequest) as caught:
        engine(tmp_path, redis.url).start("foo", b'{"key": 7}')
    assert caught.value.field == "key"


def test_without_a_writer_a_start_is_refused_at_once_with_a_time_to_come_again(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        engine(tmp_path, redis.url).start("foo", b'{"key": "k"}')
    assert caught.value.retry_after_s > 0


def test_an_unknown_job_is_not_found(tmp_path: Path, redis: RedisServer) -> None:
    with pytest.raises(JobNotFound):
        engine(tmp_path, redis.url).get("foo", "nobody has this key", "0" * 32)


def test_a_redis_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    away = engine(tmp_path, f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        away.get("foo", "nobody has this key", "0" * 32)


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.start("foo", b'{"key": "k"}'),
        lambda engine: engine.cancel("foo", "k", "0" * 32),
        lambda engine: engine.retry("foo", "k", "0" * 32),
        lambda engine: engine.jobs("foo", JobQuery()),
        lambda engine: engine.jobs("never", JobQuery()),
        lambda engine: engine.dead("foo", 100, ""),
        lambda engine: engine.status(),
        lambda engine: engine.tree(),
    ],
)
def test_without_redis_and_writer_everything_is_unavailable_and_nothing_hangs(tmp_path: Path, ask: Callable[[Engine], Any]) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        ask(engine(tmp_path, f"redis://127.0.0.1:{free_port()}/0"))
    assert caught.value.retry_after_s > 0


# with a writer


@pytest.fixture
def door(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine and what is behind it."""
    made = Door(redis.url, client, max_backlog=5, idempotency_ms=40_000)
    yield made
    made.stop()


def started(door: Door, token: str = "", key: str = "k", **body: Any) -> Accepted:
    """A start with an Idempotency-Key."""
    return door.engine.start("foo", json.dumps({"key": key, **body}).encode(), token)


def test_an_accepted_job_is_in_redis_with_all_that_is_to_be_known_of_it(door: Door) -> None:
    job = started(door, data="x", requestor="me")
    assert (job.process, job.key, job.existing, json.loads(job.payload)["data"]) == ("foo", "k", False, "x")
    fields, record = door.fields(job), door.record(job)
    assert (fields["job.key"], fields["job.data"], fields["job.requestor"], fields["job.status.current"]) == ("k", "x", "me", "scheduled")
    assert (record["request"], record["definition"], record["owner"]) == (job.payload, door.process.digest, "")
    assert int(record["deadline"]) - int(record["accepted"]) == int(door.process.limits.timeout_s * 1000)
    [(entry, riding)] = door.client.xrange(keys.queue("foo"))
    about = {"process": "foo", "key": "k", "uuid": job.uuid, "accepted": record["accepted"]}
    assert riding == about | {name: record[name] for name in ("request", "definition", "deadline")}
    assert (record["entry"], door.listed(job)) == (entry, ["scheduled"])


def test_a_large_request_stays_out_of_the_queue(door: Door) -> None:
    job = started(door, data="x" * RIDES_ALONG)
    [(_, fields)] = door.client.xrange(keys.queue("foo"))
    assert sorted(fields) == ["accepted", "key", "process", "uuid"]
    assert door.record(job)["request"] == job.payload


def test_a_request_that_comes_a_second_time_is_told_of_the_job_of_the_first(door: Door) -> None:
    first, second = started(door, "t"), started(door, "t")
    assert second == first._replace(existing=True)
    assert door.queued() == [first.uuid]
    assert 0 < door.client.pttl(keys.idempotency("foo", "t")) <= 40_000


@pytest.mark.parametrize("tokens", [("t", "u"), ("", ""), ("", "t"), ("t", "")])
def test_requests_of_different_idempotency_keys_or_none_are_different_jobs(door: Door, tokens: tuple[str, str]) -> None:
    first, second = (started(door, token) for token in tokens)
    assert first.uuid != second.uuid
    assert not second.existing


@pytest.mark.parametrize("other", [{"key": "k2"}, {"data": 2}])
def test_an_idempotency_key_that_was_used_for_another_request_is_refused(door: Door, other: dict[str, Any]) -> None:
    first = started(door, "t", data=1)
    with pytest.raises(IdempotencyKeyReused):
        started(door, "t", **{"data": 1} | other)
    assert door.queued() == [first.uuid]


def test_an_idempotency_key_counts_for_its_process_alone(door: Door) -> None:
    first, foo = started(door, "t"), door.process
    door.catalog.publish([foo, foo._replace(name="bar", digest="of bar")])
    other = door.engine.start("bar", b'{"key": "k"}', "t")
    assert (other.existing, other.uuid == first.uuid) == (False, False)


def test_a_request_whose_job_has_ended_is_told_of_that_job_all_the_same(door: Door) -> None:
    first = started(door, "t")
    door.engine.cancel("foo", "k", first.uuid)
    assert started(door, "t") == first._replace(existing=True)


def test_while_a_job_of_a_unique_key_is_unfinished_everybody_is_told_of_it(door: Door) -> None:
    door.define(unique=True)
    first, other = started(door, data=1), started(door, key="k2")
    assert [(job.uuid, job.existing) for job in (started(door, data=2), started(door, "t"))] == [(first.uuid, True)] * 2
    assert (other.existing, other.uuid == first.uuid) == (False, False)
    runner = door.run(first)
    door.reply(door.call())
    door.gone(runner)
    assert [started(door, token).uuid == first.uuid for token in ("", "t")] == [False, True], "the same request has the same answer"


def test_where_as_many_jobs_wait_and_run_as_may_no_more_are_accepted(door: Door) -> None:
    jobs = [started(door, "t" if number == 0 else "") for number in range(5)]
    with pytest.raises(Backlogged) as caught:
        started(door)
    assert (caught.value.process, caught.value.limit, len(door.queued())) == ("foo", 5, 5)
    assert started(door, "t").uuid == jobs[0].uuid  # there already
    door.engine.cancel("foo", "k", jobs[0].uuid)
    assert not started(door).existing


@pytest.mark.parametrize("unique", [False, True])
def test_of_many_who_start_the_same_job_at_once_all_are_told_of_one(door: Door, unique: bool) -> None:
    if unique:
        door.define(unique=True)
    barrier, jobs = threading.Barrier(20), list[Accepted]()

    def start() -> None:
        barrier.wait(PATIENCE_S)
        jobs.append(started(door, "" if unique else "t"))

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(jobs), len({job.uuid for job in jobs}), sum(not job.existing for job in jobs)) == (20, 1, 1)
    assert door.queued() == [jobs[0].uuid]


def test_of_a_process_that_there_never_was_nothing_can_be_listed_and_of_a_former_one_it_can(door: Door) -> None:
    with pytest.raises(ProcessNotFound):
        door.engine.jobs("never", JobQuery())
    with pytest.raises(ProcessNotFound):
        door.engine.dead("never", 100, "")
    door.client.sadd(keys.QUEUES, "former")
    assert (door.engine.jobs("former", JobQuery())["jobs"], door.engine.dead("former", 100, "")["jobs"]) == ([], [])


def test_a_listed_job_is_the_one_that_was_accepted(door: Door) -> None:
    job = started(door)
    [listed] = door.engine.jobs("foo", JobQuery(statuses=("scheduled",)))["jobs"]
    assert (listed["uuid"], listed["key"], listed["status"]) == (job.uuid, "k", "scheduled")
    assert door.engine.jobs("foo", JobQuery(statuses=("done",)))["jobs"] == []
