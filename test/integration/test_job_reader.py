"""A job read whole from Redis, for those who explain, cancel or retry it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.core.status import Status
from cameron.definitions import load
from cameron.engine import Accepted
from cameron.errors import JobNotFound, JobUnreadable, StoreUnavailable
from cameron.job_data import Define
from cameron.job_orders import HandBack
from cameron.job_reader import JobReader, StoredJob
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.job_index import JobIndex, JobQuery
from cameron.store.redis import StoreAway

from ..acceptance.support.port import free_port
from ..acceptance.support.redis_server import RedisServer
from .door import PATIENCE_S, Door, growing


@pytest.fixture
def door(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine and what is behind it."""
    made = Door(redis.url, client)
    yield made
    made.stop()


@pytest.fixture
def reader(door: Door, redis: RedisServer) -> JobReader:
    """A reader that knows what the node knows."""
    return JobReader(door.catalog, redis.url, PATIENCE_S)


def read(reader: JobReader, job: Accepted) -> StoredJob:
    """The job as it is."""
    return reader.read(job.process, job.key, job.uuid)


def test_a_job_that_waits_is_read_with_all_that_redis_holds_of_it(door: Door, reader: JobReader) -> None:
    job = door.start("k/ä", data={"n": 1})
    stored = read(reader, job)
    assert (stored.process, stored.fields, stored.record) == (door.process, door.fields(job), door.record(job))
    assert (stored.job.status, stored.job.uuid, stored.job.key, list(stored.job.tasks)) == (Status.SCHEDULED, job.uuid, "k/ä", ["start"])
    assert b'"n":1' in stored.job.tasks["start"].payload
    assert stored.job.deadline_ms == int(stored.record["deadline"])
    assert stored.accepted_ms == int(stored.record["accepted"])
    assert abs(stored.accepted_ms - door.clock.now_ms()) < 60_000


def test_a_job_is_read_as_far_as_it_has_come(door: Door, reader: JobReader) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing("a", "b", parallel=False))
    call = door.call()
    stored = read(reader, job)
    assert stored.job.status is Status.RUNNING
    assert {name: task.status.value for name, task in stored.job.tasks.items()} == {"start": "done", "a": "running", "b": "scheduled"}
    door.reply(call, 500)
    door.reply_all()
    door.gone(runner)
    stored = read(reader, job)
    assert stored.job.status is Status.DONE
    assert {name: task.status.value for name, task in stored.job.tasks.items()} == {"start": "done", "a": "error", "b": "done"}


def test_how_a_job_stands_is_told_for_one_round_trip(door: Door, reader: JobReader) -> None:
    job = door.start()
    assert reader.standing("foo", "k", job.uuid) == (job.accepted_ms, Status.SCHEDULED)
    door.engine.cancel("foo", "k", job.uuid)
    assert reader.standing("foo", "k", job.uuid) == (job.accepted_ms, Status.CANCELLED)
    assert reader.standing("foo", "k", "0" * 32) == (0, None)


def test_a_job_is_shown_as_its_clients_see_it(door: Door, reader: JobReader) -> None:
    job = door.start()
    assert reader.shown("foo", "k", job.uuid) == door.engine.get("foo", "k", job.uuid)
    assert b'"tasks":[]' in reader.shown("foo", "k", job.uuid)


@pytest.mark.parametrize("wrong", [{"uuid": "f" * 32}, {"key": "other"}, {"process": "bar"}])
def test_a_job_that_there_is_none_of_is_not_found(door: Door, reader: JobReader, wrong: dict[str, str]) -> None:
    job = door.start()._replace(**wrong)  # type: ignore[arg-type]  # texts all of them
    for ask in (reader.read, reader.shown):
        with pytest.raises(JobNotFound):
            ask(job.process, job.key, job.uuid)


@pytest.mark.parametrize("gone", [keys.job("foo", "k", "{}"), keys.record("foo", "{}")])
def test_a_job_of_which_only_a_part_is_left_is_not_found(door: Door, reader: JobReader, gone: str) -> None:
    job = door.start()
    door.client.delete(gone.format(job.uuid))
    with pytest.raises(JobNotFound):
        read(reader, job)


# who holds it


def test_a_job_is_held_by_the_node_that_was_given_it_until_it_ends_or_is_handed_back(door: Door, reader: JobReader) -> None:
    job = door.start()
    holders = [reader.holder(read(reader, job))]
    runner = door.run(job, "one")
    holders.append(reader.holder(read(reader, job)))
    door.call()
    runner.tell(HandBack())
    door.gone(runner)
    holders.append(reader.holder(read(reader, job)))
    door.run(job, "two")
    holders.append(reader.holder(read(reader, job)))
    door.calls.get(timeout=PATIENCE_S)  # the first call is cancelled
    door.reply_all()
    holders.append(reader.holder(read(reader, job)))
    assert holders == ["", "one", "", "two", ""]


def test_who_is_asked_for_the_holder_of_a_job_that_has_moved_on_since_it_was_read_answers_nobody(door: Door, reader: JobReader) -> None:
    job = door.start()
    runner = door.run(job)
    stored = read(reader, job)
    door.call()
    runner.tell(HandBack())
    door.gone(runner)
    door.run(job, "other")
    assert reader.holder(stored) == ""
    assert reader.holder(read(reader, job)) == "other"


# definitions


def test_a_job_is_read_with_the_definition_that_it_started_with_though_the_node_has_never_met_it(door: Door, redis: RedisServer) -> None:
    job, elsewhere = door.start(), Catalog(door.settings)
    stored = JobReader(elsewhere, redis.url, PATIENCE_S).read("foo", "k", job.uuid)
    assert stored.process.start_target == "http://127.0.0.1:1/start"
    assert elsewhere.names() == []
    door.client.delete(keys.definition("foo", stored.process.digest))
    assert JobReader(elsewhere, redis.url, PATIENCE_S).read("foo", "k", job.uuid).process == stored.process  # it is known now


def test_a_job_whose_definition_is_nowhere_any_more_cannot_be_read_for_now(door: Door, redis: RedisServer) -> None:
    job = door.start()
    door.client.delete(keys.definition("foo", door.process.digest))
    with pytest.raises(StoreUnavailable, match=door.process.digest):
        JobReader(Catalog(door.settings), redis.url, PATIENCE_S).read("foo", "k", job.uuid)


@pytest.mark.parametrize("document", ["no JSON", "[]", '{"dialect":"later"}', '{"dialect":"cameron"}'])
def test_a_job_of_a_definition_that_this_release_cannot_read_is_shown_all_the_same(door: Door, redis: RedisServer, document: str) -> None:
    job = door.start()
    door.client.set(keys.definition("foo", door.process.digest), document)
    elsewhere = JobReader(Catalog(door.settings), redis.url, PATIENCE_S)
    assert elsewhere.shown("foo", "k", job.uuid) == door.engine.get("foo", "k", job.uuid)
    with pytest.raises(JobUnreadable, match=door.process.digest):
        elsewhere.read("foo", "k", job.uuid)


def test_a_process_is_known_where_it_can_be_started_or_has_had_a_queue(door: Door, reader: JobReader) -> None:
    door.client.sadd(keys.QUEUES, "former")
    assert [reader.knows(name) for name in ("foo", "former", "never")] == [True, True, False]


# a dialect that names its hashes otherwise


@pytest.fixture
def ticket(door: Door, tmp_path: Path) -> Accepted:
    """A job of a process outside the main name space."""
    file = tmp_path / "processes.config"
    file.write_text('{workflows, [{workflow, {name, bar}, {start_point_url, "http://127.0.0.1:1/start"}}]}.')
    [process] = load(file, door.settings).processes
    door.catalog.publish([door.process, process])
    door.refs[0].tell(Define(process.name, process.digest, process.document))
    return door.engine.start(process.name, b'{"key": "k/1", "data": 7}')


def test_a_job_whose_path_says_no_key_is_found_and_has_its_own(door: Door, reader: JobReader, ticket: Accepted) -> None:
    assert door.client.exists(f"cameron:workflow:bar:ticket:{ticket.uuid}")
    assert reader.shown(ticket.process, "", ticket.uuid) == reader.shown(ticket.process, "k/1", ticket.uuid)
    assert reader.ended(ticket.process, "", ticket.uuid) is None
    assert reader.read(ticket.process, "", ticket.uuid).job.key == "k/1"
    for ask in (reader.shown, reader.ended, reader.read):
        with pytest.raises(JobNotFound):
            ask(ticket.process, "", "0" * 32)


def test_a_job_is_not_found_under_another_key_though_that_is_no_part_of_its_hashs_name(reader: JobReader, ticket: Accepted) -> None:
    for ask in (reader.shown, reader.read):
        with pytest.raises(JobNotFound):
            ask(ticket.process, "k", ticket.uuid)


def test_a_job_is_found_and_listed_where_its_process_is_defined_no_more(door: Door, redis: RedisServer, ticket: Accepted) -> None:
    elsewhere = Catalog(door.settings)
    reader = JobReader(elsewhere, redis.url, PATIENCE_S)
    assert reader.shown(ticket.process, "", ticket.uuid) == door.engine.get(ticket.process, "", ticket.uuid)
    assert reader.read(ticket.process, "k/1", ticket.uuid).dialect.name == "tickets"
    for catalog in (door.catalog, Catalog(door.settings)):
        [row] = JobIndex(redis.url, PATIENCE_S, catalog.job_proof).page(ticket.process, JobQuery())["jobs"]
        assert row["uuid"] == ticket.uuid


def test_a_record_that_is_none_hides_no_job(door: Door, reader: JobReader) -> None:
    job = door.start()
    shown = reader.shown("foo", "k", job.uuid)
    door.client.delete(keys.record("foo", job.uuid))
    door.client.set(keys.record("foo", job.uuid), "x")
    assert reader.shown("foo", "k", job.uuid) == shown


# a Redis that is away


@pytest.mark.parametrize(
    "ask",
    [
        lambda reader, stored: reader.read("foo", "k", stored.job.uuid),
        lambda reader, stored: reader.shown("foo", "k", stored.job.uuid),
        lambda reader, stored: reader.holder(stored),
        lambda reader, stored: reader.standing("foo", "k", stored.job.uuid),
    ],
)
def test_where_redis_is_away_the_store_is_unavailable(door: Door, reader: JobReader, ask: Callable[[JobReader, StoredJob], Any]) -> None:
    stored = read(reader, door.start())
    away = JobReader(door.catalog, f"redis://127.0.0.1:{free_port()}/0", 1.0)
    with pytest.raises(StoreUnavailable):
        ask(away, stored)
    with pytest.raises(StoreAway):
        away.knows("never")


@pytest.mark.parametrize(("field", "damage"), [("request", "no JSON"), ("deadline", "soon"), ("task.start.attempts", "many")])
def test_a_damaged_record_is_told_as_such(door: Door, reader: JobReader, client: Any, field: str, damage: str) -> None:
    job = door.start()
    door.run(job)
    door.call()
    client.hset(keys.record(job.process, job.uuid), field, damage)
    with pytest.raises(JobUnreadable) as caught:
        read(reader, job)
    assert f"cameron:record:{job.process}:{job.uuid}" in str(caught.value)
