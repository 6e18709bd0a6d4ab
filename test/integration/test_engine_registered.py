"""The engine's door to what is registered: events by the workflow's id, and jobs that go on with what they started with."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from redis.exceptions import ResponseError

from cameron.clock import Clock
from cameron.core.status import Status
from cameron.engine import Accepted, Engine, EngineSettings
from cameron.errors import FieldErrors, JobFinished, JobNotFinished, JobNotFound, ProcessNotFound
from cameron.job_ledger import Claim
from cameron.job_orders import runner_name
from cameron.job_runner import JobRunner, Surroundings
from cameron.process_catalog import Catalog
from cameron.store import keys
from cameron.store.job_index import JobQuery

from ..acceptance.support.redis_server import RedisServer
from .catalogs import CatalogNode, service, workflow
from .door import PATIENCE_S, Door
from .known_secret import known_callbacks
from .stand import Stand

EVENT = b'{"data":{"message":"The Sun"}}'
OLD, NEW = "http://127.0.0.1:1/", "http://127.0.0.1:2/"


@pytest.fixture
def door(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine and what is behind it."""
    made = Door(redis.url, client)
    yield made
    made.stop()


@pytest.fixture
def node(door: Door, redis: RedisServer, tmp_path: Path) -> Iterator[CatalogNode]:
    """The catalog's actor of that engine."""
    made = CatalogNode(tmp_path, redis.url, catalog=door.catalog)
    yield made
    made.stop()


@pytest.fixture
def shout(door: Door, node: CatalogNode) -> str:
    """The id of a workflow of one service."""
    door.engine.register("machinery", "service", service(address=OLD))
    return door.engine.register("machinery", "workflow", workflow("shout"))


def shown(engine: Engine, process: str, job: Accepted) -> dict[str, Any]:
    """The job as clients find it who know no key."""
    document: dict[str, Any] = json.loads(engine.get(process, "", job.uuid))
    return document


def test_an_event_is_a_job_whose_key_is_its_uuid(door: Door, shout: str) -> None:
    job = door.engine.start(shout, EVENT)
    assert (job.process, job.alias, job.key) == ("shout", shout, job.uuid)
    assert door.client.hget(keys.job("shout", job.uuid, job.uuid), "job.key") == job.uuid
    assert json.loads(door.client.hget(keys.record("shout", job.uuid), "outputs")) == ["message"]
    assert shown(door.engine, shout, job) == shown(door.engine, "shout", job)
    assert shown(door.engine, shout, job)["event_id"] == job.uuid
    with pytest.raises(FieldErrors):
        door.engine.start(shout, b'{"data":{}}')


def test_a_request_that_comes_a_second_time_is_told_of_the_first_ones_job(door: Door, shout: str) -> None:
    first, second = door.engine.start(shout, EVENT, "t"), door.engine.start("shout", EVENT, "t")
    assert second == first._replace(existing=True)


def test_a_request_that_comes_again_is_told_what_has_become_of_its_job(door: Door, shout: str) -> None:
    job = door.engine.start(shout, EVENT, "t")
    assert (job.existing, job.status) == (False, Status.SCHEDULED)
    assert called(door, job, {"message": "THE SUN"}) == OLD
    again = door.engine.start(shout, EVENT, "t")
    assert again == job._replace(existing=True, status=Status.DONE)


@pytest.mark.parametrize("of", ["shout", "id"])
def test_a_process_of_another_dialect_than_the_one_that_is_wanted_is_not_found_and_nothing_is_started(
    door: Door, shout: str, of: str
) -> None:
    process = shout if of == "id" else of
    for dialect in ("cameron", "mender", "tickets"):
        with pytest.raises(ProcessNotFound):
            door.engine.start(process, EVENT, dialect=dialect)
        with pytest.raises(ProcessNotFound):  # before the body is looked at, as where there is no such process
            door.engine.start(process, b"", dialect=dialect)
    with pytest.raises(ProcessNotFound):
        door.engine.start("foo", b'{"key": "k"}', dialect="machinery")
    assert door.engine.jobs("shout", JobQuery())["jobs"] == door.engine.jobs("foo", JobQuery())["jobs"] == []
    assert door.engine.start(process, EVENT, dialect="machinery").process == "shout"
    assert door.engine.start(process, EVENT).process == "shout"


def test_a_job_that_cannot_be_cancelled_or_retried_is_told_with_the_name_of_its_process(door: Door, shout: str) -> None:
    job = door.engine.start(shout, EVENT)
    with pytest.raises(JobNotFinished) as unfinished:
        door.engine.retry(shout, "", job.uuid)
    called(door, job, {"message": "THE SUN"})
    with pytest.raises(JobFinished) as finished:
        door.engine.cancel(shout, "", job.uuid)
    assert [unfinished.value.process, finished.value.process, door.engine.name_of(shout)] == ["shout"] * 3


def test_what_may_be_done_to_a_job_may_be_done_by_alias_and_without_a_key(door: Door, shout: str) -> None:
    job = door.engine.start(shout, EVENT)
    explained = door.engine.explain(shout, "", job.uuid)
    assert (explained["process"], explained["key"], explained["uuid"]) == ("shout", job.uuid, job.uuid)
    assert [listed["uuid"] for listed in door.engine.jobs(shout, JobQuery())["jobs"]] == [job.uuid]
    assert door.engine.dead(shout, 10, "")["jobs"] == []
    assert door.engine.ended(shout, "", job.uuid) is None
    assert door.engine.cancel(shout, "", job.uuid).status == "cancelled"
    ended = door.engine.ended(shout, "", job.uuid)
    assert ended is not None
    assert json.loads(ended)["status"] == "cancelled"
    assert door.engine.retry(shout, "", job.uuid) == []
    with pytest.raises(JobNotFound):
        door.engine.get(shout, "another", job.uuid)


def test_a_workflow_that_another_node_has_had_registered_is_started_at_once(
    door: Door, node: CatalogNode, redis: RedisServer, tmp_path: Path
) -> None:
    other = CatalogNode(tmp_path, redis.url, "another node's")
    try:
        other.register(service())
        for number in range(10):
            with pytest.raises(ProcessNotFound):
                door.engine.start(f"w{number}", EVENT)
            [id] = other.register(workflow(f"w{number}"))
            assert door.engine.start(id, EVENT).process == f"w{number}"
    finally:
        other.stop()


def test_a_job_goes_on_with_the_definition_that_it_started_with_and_the_next_one_has_the_new(door: Door, shout: str) -> None:
    before = door.engine.start(shout, EVENT)
    assert door.engine.register("machinery", "service", service(address=NEW))
    after = door.engine.start(shout, EVENT)
    assert [called(door, job) for job in (before, after)] == [OLD, NEW]


def test_a_job_of_a_workflow_that_was_deleted_ends_and_is_found_where_it_was(door: Door, shout: str, redis: RedisServer) -> None:
    job = door.engine.start(shout, EVENT)
    door.engine.unregister("machinery", "workflow", shout)
    with pytest.raises(ProcessNotFound):
        door.engine.start(shout, EVENT)
    assert called(door, job, {"message": "THE SUN"}) == OLD
    elsewhere = Engine(Catalog(door.settings), Clock(), EngineSettings(redis.url, PATIENCE_S, PATIENCE_S))  # has never met it
    for engine in (door.engine, elsewhere):
        for process in (shout, "shout"):
            assert shown(engine, process, job)["outputs"] == {"message": "THE SUN"}
            assert engine.ended(process, "", job.uuid) == engine.get(process, job.uuid, job.uuid)
            assert engine.explain(process, "", job.uuid)["process"] == "shout"
        with pytest.raises(JobNotFound):
            engine.get("f" * 32, "", job.uuid)
        assert [row["uuid"] for row in engine.jobs("shout", JobQuery(statuses=("done",)))["jobs"]] == [job.uuid]


def test_a_process_of_another_dialect_that_takes_the_name_leaves_earlier_jobs_what_they_were(door: Door, shout: str) -> None:
    job = door.engine.start(shout, EVENT)
    door.engine.unregister("machinery", "workflow", shout)
    door.catalog.publish([door.process, door.process._replace(name="shout", digest="of another")])
    assert shown(door.engine, "shout", job)["event_id"] == job.uuid
    assert door.engine.cancel("shout", "", job.uuid).status == "cancelled"
    assert shown(door.engine, "shout", job)["status"] == "cancelled"


def called(door: Door, job: Accepted, reply: dict[str, Any] | None = None) -> str:
    """Have a node run the job, whose one service replies: what was called."""
    queue, record = keys.queue(job.process), door.client.hgetall(keys.record(job.process, job.uuid))
    with suppress(ResponseError):  # it is there
        door.client.xgroup_create(queue, keys.GROUP, id="0", mkstream=True)
    assert door.client.xreadgroup(keys.GROUP, "here", {queue: ">"}, count=1)
    claim = Claim(job.process, job.key, job.uuid, record["entry"], "here", accepted_ms=int(record["accepted"]))
    runner = JobRunner.start(claim, Surroundings(door.catalog, door.clock, known_callbacks(), 1000, 50_000), name=runner_name(job.uuid))
    door.refs.append(runner)
    call = door.call()
    door.reply(call, **(reply or {"message": "x"}))
    door.gone(runner)
    return str(call.url)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_job_is_found_where_it_was_though_a_file_has_taken_its_workflows_name(
    door: Door, shout: str, redis: RedisServer, is_deleted: bool
) -> None:
    job = door.engine.start(shout, EVENT)
    if is_deleted:
        door.engine.unregister("machinery", "workflow", shout)
    taken = door.process._replace(name="shout", digest="of another")
    door.catalog.publish([door.process, taken])
    elsewhere = Catalog(door.settings)  # after a restart: what is registered has not been read yet
    elsewhere.publish([door.process, taken])
    restarted = Engine(elsewhere, Clock(), EngineSettings(redis.url, PATIENCE_S, PATIENCE_S))
    for engine in (door.engine, restarted):
        assert shown(engine, shout, job)["event_id"] == job.uuid
        assert engine.explain(shout, "", job.uuid)["process"] == "shout"
        assert engine.ended(shout, "", job.uuid) is None
    assert door.engine.cancel(shout, "", job.uuid).status == "cancelled"
    with pytest.raises(ProcessNotFound):
        door.engine.start(shout, EVENT)


class Silent(Stand):
    """Is asked, and has no answer yet."""

    def on_receive(self, message: Any) -> None:
        """Owe it."""
        self._told.put(self.reply_later())


def test_where_redis_does_not_answer_a_flood_of_unknown_names_is_not_what_the_threads_wait_for(door: Door) -> None:
    door.catalog.publish_registered([])
    door.refs.append(Silent.start(SimpleQueue(), name="process_catalog"))

    def start(number: int) -> None:
        with pytest.raises(ProcessNotFound):
            door.engine.start(f"w{number}", EVENT)

    began_s = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(80)))
    assert time.monotonic() - began_s < 15, "one after the other waits for Redis"
