"""What a job's activities share, on a real Redis: for as long as the job's record lives, and no longer."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cameron.core.session_text import KEYS_MAX, VALUE_MAX_BYTES
from cameron.errors import JobNotFound, StoreUnavailable
from cameron.store import keys
from cameron.store.redis import Pipeline
from cameron.store.session import Sessions

from ...acceptance.support.port import free_port
from ...acceptance.support.redis_server import RedisServer
from .scripted import OTHER, RECORD, UUID, Job

TIMEOUT_S = 20.0
SESSION = keys.session("foo", UUID)


@pytest.fixture
def sessions(redis: RedisServer, client: Any) -> Iterator[Sessions]:
    """On a Redis that has one job's record."""
    client.hset(RECORD, "request", "{}")
    made = Sessions(redis.url, TIMEOUT_S)
    yield made
    made.close()


def test_what_one_activity_sets_another_one_of_the_job_gets(sessions: Sessions, redis: RedisServer, client: Any) -> None:
    one, other = sessions.of("foo", UUID), Sessions(redis.url, TIMEOUT_S).of("foo", UUID)
    one.set("a", "1")
    one.set("ü\n", "ü\0\n" * 10)
    assert (other.get("a"), other.get("ü\n"), other.get("b")) == ("1", "ü\0\n" * 10, None)
    other.set("a", "")
    assert (one.get("a"), client.hgetall(SESSION)) == ("", {"a": "", "ü\n": "ü\0\n" * 10})


def test_another_job_has_another_session(sessions: Sessions, client: Any) -> None:
    client.hset(keys.record("foo", OTHER), "request", "{}")
    sessions.of("foo", UUID).set("a", "1")
    sessions.of("foo", OTHER).set("a", "2")
    assert [sessions.of("foo", uuid).get("a") for uuid in (UUID, OTHER)] == ["1", "2"]


def test_while_the_job_runs_its_session_stays(sessions: Sessions, client: Any) -> None:
    sessions.of("foo", UUID).set("a", "1")
    assert client.pttl(SESSION) == -1


def test_what_comes_late_expires_with_the_job(sessions: Sessions, client: Any) -> None:
    client.pexpire(RECORD, 50_000)
    sessions.of("foo", UUID).set("a", "1")
    jobs_ms = client.pttl(RECORD)  # first: time goes on
    assert 0 < client.pttl(SESSION) <= jobs_ms
    client.pexpire(RECORD, 1_000_000)
    sessions.of("foo", UUID).set("b", "2")
    assert 50_000 < client.pttl(SESSION) <= 1_000_000


def test_for_a_job_that_is_gone_nothing_is_kept(sessions: Sessions, client: Any) -> None:
    client.delete(RECORD)
    with pytest.raises(JobNotFound, match=f"process 'foo' has no job '{UUID}'"):
        sessions.of("foo", UUID).set("a", "1")
    assert (client.keys("*"), sessions.of("foo", UUID).get("a")) == ([], None)


def test_it_expires_with_its_job_and_lasts_again_where_that_goes_on(client: Any, pipeline: Pipeline, redis: RedisServer) -> None:
    job = Job(client, pipeline)
    assert job.accept() == "accepted"
    session = Sessions(redis.url, TIMEOUT_S).of("foo", UUID)
    session.set("a", "1")
    assert job.end("", "node 1", 1, keep_ms=60_000) == "applied"
    session.set("b", "2")
    assert 0 < client.pttl(SESSION) <= 60_000
    assert job.revive("node 1 1", "node 1", 2) == "applied"
    session.set("c", "3")
    assert (client.pttl(SESSION), client.hgetall(SESSION)) == (-1, {"a": "1", "b": "2", "c": "3"})


@pytest.mark.parametrize(("key", "value"), [("a", 1), ("a", None), ("a", b"1"), (1, "a"), (None, "a")])
def test_it_keeps_strings_alone(sessions: Sessions, client: Any, key: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="is a string, not"):
        sessions.of("foo", UUID).set(key, value)
    with pytest.raises(TypeError, match="a session's key is a string"):
        sessions.of("foo", UUID).get(5)  # type: ignore[arg-type]
    assert client.exists(SESSION) == 0


def test_a_value_may_be_as_large_as_is_said_and_no_larger(sessions: Sessions) -> None:
    session = sessions.of("foo", UUID)
    session.set("a", "x" * VALUE_MAX_BYTES)
    with pytest.raises(ValueError, match="may have 1,048,576 bytes"):
        session.set("a", "y" * (VALUE_MAX_BYTES + 1))
    assert session.get("a") == "x" * VALUE_MAX_BYTES


def test_it_has_a_bound_of_keys_and_those_it_has_may_still_be_set(sessions: Sessions, client: Any) -> None:
    client.hset(SESSION, mapping={str(number): "" for number in range(KEYS_MAX)})
    session = sessions.of("foo", UUID)
    session.set("0", "changed")
    with pytest.raises(ValueError, match="the session has 10,000 keys, and takes no more"):
        session.set("another", "")
    assert (client.hlen(SESSION), session.get("0")) == (KEYS_MAX, "changed")


def test_a_redis_that_has_forgotten_its_scripts_is_told_them_again(sessions: Sessions, client: Any) -> None:
    session = sessions.of("foo", UUID)
    session.set("a", "1")
    client.script_flush()
    session.set("a", "2")
    assert session.get("a") == "2"


def test_a_redis_that_has_closed_the_connection_meanwhile_is_asked_on_a_new_one(sessions: Sessions, client: Any) -> None:
    session = sessions.of("foo", UUID)
    session.set("a", "1")
    client.client_kill_filter(_type="normal", skipme=True)
    assert session.get("a") == "1"


def test_a_redis_that_is_away_is_told_as_such() -> None:
    session = Sessions(f"redis://127.0.0.1:{free_port()}/0", TIMEOUT_S).of("foo", UUID)
    with pytest.raises(StoreUnavailable, match="redis does not answer"):
        session.get("a")
    with pytest.raises(StoreUnavailable, match="redis does not answer"):
        session.set("a", "1")


def test_what_an_operator_has_put_there_is_told_and_left_alone(sessions: Sessions, client: Any) -> None:
    client.set(SESSION, "mine")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        sessions.of("foo", UUID).set("a", "1")
    assert client.get(SESSION) == "mine"


def test_many_threads_use_one_client_at_once(sessions: Sessions, client: Any) -> None:
    barrier = threading.Barrier(20)

    def use(number: int) -> None:
        barrier.wait(TIMEOUT_S)
        session = sessions.of("foo", UUID)
        session.set(str(number), str(number))
        session.set(f"{number} got", str(session.get(str(number))))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert client.hgetall(SESSION) == {key: str(number) for number in range(20) for key in (str(number), f"{number} got")}
