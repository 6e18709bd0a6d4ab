"""A job's history as clients are told it: of real jobs, whoever ran them, and of no more than they ask for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.core.history import NOTHING_DUE
from cameron.core.moment import rfc3339
from cameron.core.process import Activity, HttpCall, RetryPolicy
from cameron.definitions import load
from cameron.definitions.libero.dialect import LiberoDialect
from cameron.engine import Accepted
from cameron.errors import InvalidRequest, JobNotFound, StoreUnavailable
from cameron.job_data import Define
from cameron.job_history import JobHistory
from cameron.job_orders import CancelJob, HandBack
from cameron.job_reader import JobReader
from cameron.process_catalog import Catalog
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


def words(door: Door, job: Accepted) -> list[str]:
    """What has happened: each event as its word and what it is about."""
    return [line(event) for event in page(door, job)["events"]]


def line(event: dict[str, Any]) -> str:
    about = [str(event[name]) for name in ("task", "attempt", "kind", "node", "status") if name in event]
    return " ".join([event["event"], *about])


def page(door: Door, job: Accepted, after: str = "", limit: int = 1000) -> dict[str, Any]:
    return door.engine.events(job.process, job.key, job.uuid, after, limit)


def test_a_job_that_waits_has_been_accepted_and_no_more(door: Door) -> None:
    job = door.start("k/ä")
    accepted = {"id": "0-0", "time": rfc3339(job.accepted_ms), "event": "job.accepted"}
    about = {"process": "foo", "uuid": job.uuid, "key": "k/ä"}
    assert page(door, job) == {**about, "events": [accepted], "next": None, "dropped": False}
    assert page(door, job, after="0-0") == {**about, "events": [], "next": None, "dropped": False}


def test_all_that_happens_in_a_job_is_told_in_order(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing("a", "b"))
    door.reply_all("a")
    door.gone(runner)
    told = words(door, job)
    assert told[:6] == ["job.accepted", "job.started here", "task.called start 1", "task.done start", "task.called a 1", "task.called b 1"]
    assert sorted(told[6:-1]) == ["decided", "task.attempt_failed a http_500", "task.done b", "task.failed a"]
    assert told[-1] == "job.ended done"
    times = [event["time"] for event in page(door, job)["events"]]
    assert times[1:] == sorted(times[1:])


def test_what_was_decided_where_nothing_was_due_is_told_too(door: Door) -> None:
    job = door.start()
    door.run(job)
    door.reply(door.call(), **growing("a", "b"))
    first, _ = door.call(), door.call()
    door.reply(first)
    eventually(lambda: len(page(door, job)["events"]) == 8, "the second reply to be told")
    assert words(door, job)[6:] == ["task.done a", "decided"]
    assert page(door, job)["events"][-1]["text"] == NOTHING_DUE[1]


def test_a_retried_call_tells_why_it_failed_until_when_it_waits_and_which_attempt_it_is(door: Door) -> None:
    activity = Activity("start", HttpCall("http://127.0.0.1:1/start"), retry=RetryPolicy(attempts=2, delay_s=0.01))
    door.define(activities=(activity,))
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), 503)
    door.reply(door.call())
    door.gone(runner)
    assert words(door, job)[2:] == [
        "task.called start 1", "task.attempt_failed start http_503", "task.delayed start", "task.called start 2", "task.done start",
        "job.ended done",
    ]  # fmt: skip
    failed, delayed = page(door, job)["events"][3:5]
    assert (failed["id"], failed["time"]) == (delayed["id"], delayed["time"])
    assert "503" in failed["text"]
    assert delayed["until"] >= delayed["time"]


def test_a_job_cancelled_while_it_waits_has_ended_and_never_begun(door: Door) -> None:
    job = door.start()
    door.engine.cancel("foo", "k", job.uuid)
    assert words(door, job) == ["job.accepted", "job.ended cancelled"]
    assert page(door, job)["dropped"] is False


def test_a_job_cancelled_as_it_runs_tells_so(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.call()
    runner.tell(CancelJob())
    door.gone(runner)
    assert words(door, job)[1:] == ["job.started here", "task.called start 1", "task.failed start", "job.ended cancelled"]


def test_a_job_that_was_handed_back_is_resumed_by_whoever_takes_it_up(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.call()
    runner.tell(HandBack())
    door.gone(runner)
    runner = door.run(job, "there")
    door.reply(door.call())
    door.gone(runner)
    assert words(door, job)[1:] == [
        "job.started here", "task.called start 1", "job.handed_back here", "job.resumed there", "task.called start 2", "task.done start",
        "job.ended done",
    ]  # fmt: skip


def test_a_job_whose_node_has_died_tells_what_was_interrupted(door: Door) -> None:
    job = door.start()
    runner = door.run(job, "there")
    door.call()
    runner.exit()
    door.gone(runner)
    door.client.xclaim(keys.queue("foo"), keys.GROUP, "here", 0, [door.record(job)["entry"]])
    runner = door.take_up(job, "here", crash="node there died")
    door.reply(door.call())
    door.gone(runner)
    assert words(door, job)[3:] == [
        "job.resumed here", "task.interrupted start", "task.called start 2", "task.done start", "job.ended done",
    ]  # fmt: skip


def test_a_retried_job_goes_on_with_its_history(door: Door) -> None:
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), 500)
    door.gone(runner)
    before = words(door, job)
    assert door.engine.retry("foo", "k", job.uuid) == ["start"]
    runner = door.run(job)
    door.reply(door.call())
    door.gone(runner)
    again = ["job.retried", "job.started here", "task.called start 1", "task.done start", "job.ended done"]
    assert words(door, job) == [*before, *again]
    assert before[-1].startswith("job.ended ")


# pages


def finished(door: Door) -> Accepted:
    """A job of eight tasks, one after the other."""
    job = door.start()
    runner = door.run(job)
    door.reply(door.call(), **growing(*"abcdefg", parallel=False))
    door.reply_all()
    door.gone(runner)
    return job


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10])
def test_pages_tell_everything_once_and_in_order(door: Door, limit: int) -> None:
    job = finished(door)
    events, after, is_last = list[dict[str, Any]](), "", False
    while not is_last:
        found = page(door, job, after, limit)
        assert found["events"]
        assert len({event["id"] for event in found["events"]} - {"0-0"}) <= limit
        assert found["dropped"] is False
        events += found["events"]
        after, is_last = found["next"], found["next"] is None
    assert events == page(door, job)["events"]
    assert [event["event"] for event in events].count("job.accepted") == 1


def test_what_is_no_longer_kept_is_told_to_whoever_has_not_seen_it(door: Door) -> None:
    job = finished(door)
    whole = page(door, job)["events"]
    ids = list(dict.fromkeys(event["id"] for event in whole))
    door.client.xtrim(keys.events("foo", job.uuid), minid=ids[4], approximate=False)
    found = page(door, job)
    assert found["dropped"] is True
    assert found["events"] == [whole[0], *(event for event in whole if event["id"] in ids[4:])]
    assert [page(door, job, after)["dropped"] for after in ("0-0", ids[2], ids[4], ids[-1])] == [True, True, False, False]


@pytest.mark.parametrize("damage", ["deleted", "no stream"])
def test_of_a_job_that_has_begun_and_tells_nothing_all_was_dropped(door: Door, damage: str) -> None:
    waiting, job = door.start("waiting"), door.start("begun")
    for one in (waiting, job):
        door.client.delete(keys.events("foo", one.uuid))
    door.engine.cancel("foo", "begun", job.uuid)
    door.client.delete(keys.events("foo", job.uuid))
    if damage == "no stream":
        door.client.set(keys.events("foo", job.uuid), "x")
    found = page(door, job)
    assert ([event["event"] for event in found["events"]], found["next"], found["dropped"]) == (["job.accepted"], None, True)
    assert page(door, waiting)["dropped"] is False


def test_an_entry_that_an_operator_has_made_is_told_as_it_stands(door: Door) -> None:
    job = door.start()
    id = door.client.xadd(keys.events("foo", job.uuid), {"note": "x, y", "task.called": "a, attempt many"})
    found = page(door, job)["events"]
    time = rfc3339(int(id.split("-")[0]))
    assert found[1:] == [
        {"id": id, "time": time, "event": "note", "text": "x, y"},
        {"id": id, "time": time, "event": "task.called", "task": "a", "attempt": 1},
    ]


def test_no_more_is_read_than_is_answered_however_much_there_is(door: Door) -> None:
    job = door.start()
    pipeline = door.client.pipeline(transaction=False)
    for number in range(9000):
        pipeline.xadd(keys.events("foo", job.uuid), {"task.failed": f"task {number}, {'x' * 200}"})
    pipeline.hset(keys.job("foo", "k", job.uuid), "task.start.output.data", "x" * 1_000_000)
    pipeline.hset(keys.record("foo", job.uuid), "task.start.note", "x" * 1_000_000)
    pipeline.execute()
    after = page(door, job, limit=5)["next"]
    for asked_after in ("", after):
        before = door.client.info("stats")["total_net_output_bytes"]
        assert len(page(door, job, asked_after, 10)["events"]) in (10, 11)
        assert door.client.info("stats")["total_net_output_bytes"] - before < 100_000


# which job


@pytest.mark.parametrize("wrong", [{"uuid": "f" * 32}, {"key": "other"}, {"process": "bar"}])
def test_a_job_that_there_is_none_of_is_not_found(door: Door, wrong: dict[str, str]) -> None:
    job = door.start()._replace(**wrong)  # type: ignore[arg-type]  # texts all of them
    with pytest.raises(JobNotFound):
        page(door, job)


def test_what_is_no_id_is_refused(door: Door) -> None:
    with pytest.raises(InvalidRequest) as refused:
        page(door, door.start(), after="soon")
    assert refused.value.code == "after_invalid"


def test_where_redis_is_away_the_store_is_unavailable(door: Door, redis: RedisServer) -> None:
    job, nowhere = door.start(), f"redis://127.0.0.1:{free_port()}/0"
    near, away = (JobReader(door.catalog, url, 1.0) for url in (redis.url, nowhere))
    for reader, url in ((away, redis.url), (near, nowhere)):
        with pytest.raises(StoreUnavailable):
            JobHistory(reader, url, 1.0).page("foo", "k", job.uuid, "", 10)


def test_a_job_of_which_nobody_knows_when_it_was_accepted_does_not_tell_it(door: Door) -> None:
    job = door.start()
    door.client.hdel(keys.record("foo", job.uuid), "accepted")
    assert page(door, job)["events"] == []


# dialects


@pytest.fixture
def ticket(door: Door, tmp_path: Path) -> Accepted:
    """A job of a process outside the main name space, whose path says no key."""
    file = tmp_path / "processes.config"
    file.write_text('{workflows, [{workflow, {name, bar}, {start_point_url, "http://127.0.0.1:1/start"}}]}.')
    [process] = load(file, door.settings).processes
    door.catalog.publish([door.process, process])
    door.refs[0].tell(Define(process.name, process.digest, process.document))
    return door.engine.start(process.name, b'{"key": "k/1", "data": 7}')


def test_the_history_of_a_job_whose_path_says_no_key_has_its_own(door: Door, redis: RedisServer, ticket: Accepted) -> None:
    for catalog in (door.catalog, Catalog(door.settings)):  # also where its process is defined no more
        history = JobHistory(JobReader(catalog, redis.url, PATIENCE_S), redis.url, PATIENCE_S)
        assert history.page(ticket.process, "", ticket.uuid, "", 10)["key"] == "k/1"
        with pytest.raises(JobNotFound):
            history.page(ticket.process, "k", ticket.uuid, "", 10)


def test_a_dialect_that_has_words_of_its_own_for_what_happens_adds_them(door: Door) -> None:
    dialect = LiberoDialect(door.settings)
    activities = [{"name": "charge", "kind": "http", "url": "http://127.0.0.1:1/charge"}]
    flow = dialect.from_file({"name": "order", "activities": activities}, "a test")
    door.catalog.publish([door.process, flow])
    door.refs[0].tell(Define(flow.name, flow.digest, flow.document))
    job = door.engine.start("order", b'{"key": "k", "data": 7}')
    door.engine.cancel("order", "k", job.uuid)
    accepted, ended = page(door, job)["events"]
    assert accepted == {"id": "0-0", "time": rfc3339(job.accepted_ms), "event": "job.accepted", "state": "Pending"}
    assert (ended["event"], ended["status"], ended["state"]) == ("job.ended", "cancelled", "Cancelled")
