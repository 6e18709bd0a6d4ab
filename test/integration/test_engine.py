"""The engine's door: what a caller is told, with and without the rest of the house behind it."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.clock import Clock
from cameron.core.status import Status
from cameron.definitions import Given, Settings, load
from cameron.engine import Accepted, Engine, EngineSettings
from cameron.errors import (
    Backlogged,
    CallbackNotFound,
    CallbackUsed,
    IdempotencyKeyReused,
    InvalidRequest,
    JobNotFound,
    ProcessNotFound,
    StoreUnavailable,
)
from cameron.job_acceptance import RIDES_ALONG
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.job_index import JobQuery

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .catalogs import service
from .door import PATIENCE_S, Door


def engine(folder: Path, url: str) -> Engine:
    file = folder / "processes.config"
    file.write_text('{processes, [{foo, {start_activity_url, "http://localhost:9/start"}}]}.')
    catalog = Catalog(Settings())
    catalog.publish(load(file).processes)
    catalog.publish_registered([])
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


def test_a_process_that_may_be_registered_is_not_called_unknown_before_that_was_read(redis: RedisServer) -> None:
    nothing_read = Engine(Catalog(Settings()), Clock(), EngineSettings(redis.url, redis_timeout_s=1.0, accept_timeout_s=1.0))
    with pytest.raises(StoreUnavailable):
        nothing_read.start("foo", b"{}")


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
        lambda engine: engine.ended("foo", "k", "0" * 32),
        lambda engine: engine.explain("foo", "k", "0" * 32),
        lambda engine: engine.callback("foo", "k", "0" * 32, "start", "0" * 64, b"{}"),
        lambda engine: engine.register("machinery", "service", service()),
        lambda engine: engine.registered("machinery", "service"),
        lambda engine: engine.registered_one("machinery", "service", "0" * 32),
        lambda engine: engine.unregister("machinery", "service", "0" * 32),
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


def test_what_is_given_becomes_the_body_that_the_dialect_of_the_process_reads(door: Door) -> None:
    given = Given({"data": 5, "requestor": "me"}, "a spare key")
    job = door.engine.start("foo", given, "t")
    assert (job.key, json.loads(job.payload)) == ("a spare key", {"key": "a spare key", "data": 5, "requestor": "me"})
    assert door.engine.start("foo", given, "t") == job._replace(existing=True)
    assert door.engine.names() == ["foo"]


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
    assert started(door, "t") == first._replace(existing=True, status=Status.CANCELLED)


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


# whether it has ended


def test_a_job_is_given_once_it_has_ended_and_not_before(door: Door) -> None:
    job = started(door)
    seen = [door.engine.ended("foo", "k", job.uuid)]
    runner = door.run(job)
    call = door.call()
    seen.append(door.engine.ended("foo", "k", job.uuid))
    door.reply(call)
    door.gone(runner)
    assert seen == [None, None]
    assert door.engine.ended("foo", "k", job.uuid) == door.engine.get("foo", "k", job.uuid)
    with pytest.raises(JobNotFound):
        door.engine.ended("foo", "k", "0" * 32)


def test_a_path_without_a_key_finds_no_job_whose_hash_is_named_by_its_key(door: Door) -> None:
    job = started(door)
    for ask in (door.engine.get, door.engine.ended, door.engine.cancel, door.engine.retry, door.engine.explain):
        with pytest.raises(JobNotFound):
            ask("foo", "", job.uuid)


# callbacks


def test_the_callback_url_that_nobody_is_told_is_explained_and_takes_what_comes(door: Door) -> None:
    job = started(door)
    runner = door.run(job)
    waits = [{"name": "approve", "kind": "wait", "timeout_s": 1000}]
    door.reply(door.call(), next_activities={"parallelizable": "yes", "definitions": waits})
    eventually(lambda: door.fields(job).get("task.approve.status.current") == "running", "it to wait")
    url = door.engine.explain("foo", "k", job.uuid)["callbacks"]["approve"]
    place, token = url.rsplit("/", 1)
    assert place == f"/api/process/foo/key/k/job/{job.uuid}/task/approve/callback"
    with pytest.raises(CallbackNotFound):
        door.engine.callback("foo", "k", job.uuid, "approve", "0" * 64, b"{}")
    door.engine.callback("foo", "k", job.uuid, "approve", token, b'{"data": "yes"}')
    with pytest.raises(CallbackUsed):
        door.engine.callback("foo", "k", job.uuid, "approve", token, b'{"data": "no"}')
    runner.exit()


def test_where_nobody_waits_for_a_callback_none_is_explained(door: Door) -> None:
    assert "callbacks" not in door.engine.explain("foo", "k", started(door).uuid)


# the node


def test_definitions_that_cannot_be_used_are_told_and_make_no_node_unfit(door: Door) -> None:
    door.catalog.publish([door.process], ["a file is broken"])
    is_fit, report = door.engine.health()
    assert (is_fit, report["definitions"]) == (True, {"problems": ["a file is broken"]})


def test_how_clients_speak_each_dialect_is_known_the_main_one_first(door: Door) -> None:
    assert next(manner.start for manner in door.engine.manners()) == "/api/process/{name}/start"
