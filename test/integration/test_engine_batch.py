"""Many starts at once: one round trip to Redis, in which each start is by itself."""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cameron.engine import Accepted, Engine, EngineSettings
from cameron.errors import Backlogged, CameronError, IdempotencyKeyReused, InvalidRequest, ProcessNotFound, StoreUnavailable
from cameron.job_data import Ping
from cameron.store import keys
from cameron.store.durability import Rules
from cameron.store.health import Health
from cameron.store.redis import Pipeline
from cameron.store.strict import Strict

from ..acceptance.support.redis_server import RedisServer
from ..acceptance.support.waiting import eventually
from .door import PATIENCE_S, Door
from .relay import Relay


@pytest.fixture
def door(relay: Relay, client: Any) -> Iterator[Door]:
    """An engine that reaches Redis by way of the relay."""
    made = Door(relay.url, client, max_backlog=5, idempotency_ms=40_000)
    yield made
    made.stop()


@pytest.fixture
def roomy(redis: RedisServer, client: Any) -> Iterator[Door]:
    """An engine that takes as many jobs as a batch may have."""
    made = Door(redis.url, client, max_backlog=100_000)
    yield made
    made.stop()


def batch(*bodies: Any) -> bytes:
    """Starts, by their bodies or by their keys alone."""
    return json.dumps([{"key": body} if isinstance(body, str) else body for body in bodies]).encode()


def start_all(door: Door, *bodies: Any, token: str = "") -> list[Any]:
    """What becomes of them."""
    return list(door.engine.start_all("foo", batch(*bodies), token))


def told(outcomes: Sequence[Accepted | CameronError]) -> list[str]:
    """Whether there is a job of each, a new one or one that was there; else the name of the error."""
    return [("there" if one.existing else "new") if isinstance(one, Accepted) else type(one).__name__ for one in outcomes]


def test_a_whole_batch_goes_to_redis_and_back_in_one_go(roomy: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, run = list[int](), Pipeline.run

    def counted(pipeline: Pipeline, commands: Sequence[Any]) -> list[Any]:
        counts.append(len(commands))
        return run(pipeline, commands)

    monkeypatch.setattr(Pipeline, "run", counted)
    jobs = start_all(roomy, *map(str, range(1000)))
    assert counts == [1000]
    assert [job.key for job in jobs] == list(map(str, range(1000)))
    assert roomy.queued() == [job.uuid for job in jobs]


def test_each_job_is_stored_as_one_that_came_alone_with_its_own_text(roomy: Door) -> None:
    text = '{"key" : "k",\t"data":{"n":1.50}, "requestor":"me"}'
    alone = roomy.engine.start("foo", text.encode())
    [job] = roomy.engine.start_all("foo", f" [ {text} ]".encode())
    assert isinstance(job, Accepted)
    assert job == alone._replace(uuid=job.uuid, accepted_ms=job.accepted_ms)
    assert roomy.fields(job).keys() == roomy.fields(alone).keys()
    assert roomy.record(job).keys() == roomy.record(alone).keys()
    assert roomy.record(job)["request"] == text
    [(_, first), (_, second)] = roomy.client.xrange(keys.queue("foo"))
    assert second == first | {"uuid": job.uuid, "accepted": second["accepted"], "deadline": second["deadline"]}
    assert roomy.listed(job) == ["scheduled"]


def test_what_cannot_be_started_costs_no_other_and_is_told_as_if_it_came_alone(door: Door) -> None:
    bad = [{"data": 1}, 7, [], None, {"key": 7}, {"key": ""}, {"key": "k", "requestor": 1}]
    outcomes = start_all(door, "a", *bad, "b")
    assert told(outcomes) == ["new", *["InvalidRequest"] * len(bad), "new"]
    for body, error in zip(bad, outcomes[1:-1], strict=True):
        with pytest.raises(InvalidRequest) as alone:
            door.engine.start("foo", json.dumps(body).encode())
        assert (error.code, error.message, error.field) == (alone.value.code, alone.value.message, alone.value.field)
    assert door.queued() == [outcomes[0].uuid, outcomes[-1].uuid]


@pytest.mark.parametrize("data", ["NaN", '"\\ud800"', "9" * 10_000, "[" * 300 + "]" * 300])
def test_hostile_json_in_one_start_costs_no_other(door: Door, data: str) -> None:
    hostile = f'{{"key": "k", "data": {data}}}'
    outcomes = door.engine.start_all("foo", f'[{hostile}, {{"key": "fine"}}]'.encode())
    assert told(outcomes) == ["InvalidRequest", "new"]


def test_where_no_start_can_be_taken_redis_is_not_asked(door: Door, relay: Relay) -> None:
    relay.close()
    assert told(start_all(door, {}, 7)) == ["InvalidRequest", "InvalidRequest"]


def test_an_unknown_process_is_told_before_the_batch_is_looked_at(door: Door) -> None:
    door.catalog.publish_registered([])
    with pytest.raises(ProcessNotFound):
        door.engine.start_all("nope", b"[")
    with pytest.raises(ProcessNotFound):
        door.engine.start_all("foo", batch("k"), dialect="another")
    with pytest.raises(InvalidRequest):
        door.engine.start_all("foo", b"[")


# one job for many starts


def test_a_batch_that_comes_again_with_its_idempotency_key_starts_no_job_twice(door: Door) -> None:
    first, again = (start_all(door, "a", {"key": "a"}, "b", token="t") for _ in range(2))
    assert (told(first), told(again)) == (["new"] * 3, ["there"] * 3)
    assert [job.uuid for job in again] == [job.uuid for job in first] == door.queued()


def test_what_differs_in_a_batch_that_comes_again_is_told_and_what_is_added_is_started(door: Door) -> None:
    [first, _] = start_all(door, "a", "b", token="t")
    outcomes = start_all(door, "a", {"key": "b", "data": 2}, "c", token="t")
    assert told(outcomes) == ["there", "IdempotencyKeyReused", "new"]
    assert isinstance(outcomes[1], IdempotencyKeyReused)
    assert (outcomes[0].uuid, outcomes[1].key) == (first.uuid, "t/1")


def test_a_start_of_a_batch_can_be_repeated_by_itself_by_its_place(door: Door) -> None:
    jobs = start_all(door, "a", "b", token="t")
    assert door.engine.start("foo", b'{"key": "b"}', "t/1").uuid == jobs[1].uuid


def test_without_an_idempotency_key_each_start_is_a_job(door: Door) -> None:
    outcomes = [*start_all(door, "a", "a"), *start_all(door, "a")]
    assert told(outcomes) == ["new"] * 3
    assert len({job.uuid for job in outcomes}) == 3


def test_of_two_starts_of_a_unique_key_in_one_batch_the_second_is_told_of_the_firsts_job(door: Door) -> None:
    door.define(unique=True)
    outcomes = start_all(door, "a", "b", {"key": "a", "data": 2})
    assert told(outcomes) == ["new", "new", "there"]
    assert outcomes[2].uuid == outcomes[0].uuid
    assert told(start_all(door, "b", "c")) == ["there", "new"]


# where Redis is full, or silent


def test_where_the_backlog_ends_within_a_batch_the_rest_is_told_so(door: Door) -> None:
    outcomes = start_all(door, *map(str, range(7)))
    assert told(outcomes) == ["new"] * 5 + ["Backlogged"] * 2
    assert isinstance(outcomes[5], Backlogged)
    assert (outcomes[5].limit, len(door.queued())) == (5, 5)


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_stored_twice(door: Door, relay: Relay) -> None:
    assert door.refs[0].ask(Ping(time.monotonic() + PATIENCE_S), timeout=PATIENCE_S) == "PONG"
    relay.lose_next_answer()
    outcomes = start_all(door, "a", {}, "b", token="t")
    relay.await_loss()
    assert told(outcomes) == ["new", "InvalidRequest", "new"]
    assert door.queued() == [outcomes[0].uuid, outcomes[2].uuid]


def test_where_redis_is_away_the_whole_batch_is_told_to_come_again(door: Door, relay: Relay) -> None:
    relay.close()
    with pytest.raises(StoreUnavailable) as refused:
        start_all(door, "a", {})
    assert refused.value.retry_after_s > 0
    relay.open()
    assert door.queued() == []


def test_where_redis_does_not_answer_in_time_it_is_told_that_the_jobs_may_be_there(redis: RedisServer, client: Any) -> None:
    hasty = Door(redis.url, client, accept_timeout_s=0.3)
    redis.child.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="may have been stored all the same"):
            start_all(hasty, "a")
    finally:
        redis.child.send_signal(signal.SIGCONT)
        hasty.stop()


def test_what_redis_refuses_to_write_is_told_of_each(door: Door) -> None:
    door.client.config_set("maxmemory", 1)
    outcomes = start_all(door, "a", {}, "b")
    door.client.config_set("maxmemory", 0)
    assert told(outcomes) == ["StoreUnavailable", "InvalidRequest", "StoreUnavailable"]
    assert told(start_all(door, "a")) == ["new"]


# where a 201 waits for a replica


class Pair(NamedTuple):
    """An engine whose jobs are accepted once a replica has them, what is behind it, and the replica."""

    engine: Engine
    door: Door
    replica: RedisServer


def started(folder: Path) -> RedisServer:
    """A server that fsyncs each write before it answers it."""
    folder.mkdir()
    server = RedisServer(folder, durable=True)
    server.start()
    return server


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A replica in step with a primary that has nothing in it."""
    primary, replica = started(tmp_path / "primary"), started(tmp_path / "replica")
    with primary.client() as client, replica.client() as its:
        its.replicaof("127.0.0.1", primary.port)
        eventually(lambda: "online" in str(client.info("replication").get("slave0")), "the replica to be in step")
        door = Door(primary.url, client)
        health, pipeline = Health(primary.url, PATIENCE_S, Rules(strict=True, replicas=1)), Pipeline(primary.url, PATIENCE_S)
        health.connect(pipeline)
        pipeline.close()
        yield Pair(Engine(door.catalog, door.clock, EngineSettings(primary.url, PATIENCE_S, 3.0), health=health), door, replica)
        door.stop()
    replica.child.send_signal(signal.SIGCONT)
    for server in (replica, primary):
        server.kill()


def test_a_batch_waits_once_for_the_replica(pair: Pair) -> None:
    pair.door.client.config_resetstat()
    outcomes = pair.engine.start_all("foo", batch(*map(str, range(100)), {}))
    assert told(outcomes) == ["new"] * 100 + ["InvalidRequest"]
    assert pair.door.client.info("commandstats")["cmdstat_wait"]["calls"] == 1


def test_where_the_replica_is_silent_nothing_is_promised_of_any(pair: Pair) -> None:
    pair.replica.child.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match="0 of 1 replicas have received the job in time"):
        pair.engine.start_all("foo", batch("a", "b"))


def test_a_job_of_a_batch_that_is_lost_before_it_is_safe_is_told_so_and_costs_no_other(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_all = Strict.settle_all

    def losing(strict: Strict, jobs: Sequence[Sequence[str]], give_up_at_s: float) -> Any:
        pair.door.client.delete(*jobs[1])
        return settle_all(strict, jobs, give_up_at_s)

    monkeypatch.setattr(Strict, "settle_all", losing)
    outcomes = pair.engine.start_all("foo", batch({}, "a", "b", "c"))
    assert told(outcomes) == ["InvalidRequest", "new", "StoreUnavailable", "new"]
    assert "has lost the job: start it again" in str(outcomes[2])
