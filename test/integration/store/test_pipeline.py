"""The writer's connection: what goes out together, what comes back, and what a broken connection leaves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameron.store.redis import Pipeline, ScriptsForgotten, StoreAway, StoreError, passes, place, reader

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer

ARGS = ["10", "member", "0", "", "0", "", "2", "job.key", "k", "2", "request", "{}", "uuid", "u"]
ACCEPT = (["job", "record", "queue", "scheduled", "by key"], ARGS)
OTHER = (["job 2", "record 2", "queue", "scheduled", "by key"], ARGS)
TRANSITION = (["job", "record", "events"], ["", "a 1", "1", "", "0", "0", "2", "x", "1", "0", "0"])


def is_connected(pipeline: Pipeline) -> str:
    """As a word, since mypy takes a property for unchanging."""
    return "yes" if pipeline.connected else "no"


def test_answers_come_in_the_order_of_the_commands_and_errors_stand_among_them(pipeline: Pipeline) -> None:
    answers = pipeline.run(
        [("SET", "a", "ä"), ("LPUSH", "a", "1"), ("GET", "a"), ("NO-SUCH-COMMAND",), ("HGETALL", "none"), ("GET", "none")]
    )
    assert [answers[0], answers[2], answers[4], answers[5]] == ["OK", "ä", {}, None]
    assert [isinstance(answers[at], StoreError) for at in range(6)] == [False, True, False, True, False, False]
    assert pipeline.connected


def test_nothing_to_send_is_nothing_to_wait_for(pipeline: Pipeline) -> None:
    assert pipeline.run([]) == []


def test_bytes_and_numbers_go_out_as_they_are(pipeline: Pipeline) -> None:
    pipeline.run([("SET", b"raw", "ü".encode()), ("SET", "number", 17)])
    assert pipeline.run([("GET", "raw"), ("GET", "number")]) == ["ü", "17"]


def test_what_is_no_text_does_not_break_the_connection(pipeline: Pipeline) -> None:
    pipeline.run([("SET", "raw", b"\xff\xfe")])
    assert pipeline.run([("GET", "raw"), ("PING",)])[0] == "\ufffd\ufffd"


def test_many_megabytes_go_both_ways_in_one_run(pipeline: Pipeline) -> None:
    big = "x" * (1 << 20)
    answers = pipeline.run([command for number in range(20) for command in (("SET", f"big {number}", big), ("GET", f"big {number}"))])
    assert [len(answer) for answer in answers[1::2]] == [1 << 20] * 20


def test_scripts_that_redis_has_forgotten_are_an_error_that_passes_until_they_are_loaded_again(client: Any, pipeline: Pipeline) -> None:
    client.script_flush()
    [answer] = pipeline.run([pipeline.script("accept", *ACCEPT)])
    assert isinstance(answer, ScriptsForgotten)
    assert passes(answer)
    pipeline.load_scripts()
    assert pipeline.run([pipeline.script("accept", *ACCEPT)]) == ["accepted"]


def test_a_connection_that_is_cut_is_told_and_can_be_made_anew(client: Any, pipeline: Pipeline) -> None:
    client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(StoreAway):
        pipeline.run([("PING",)])
    assert is_connected(pipeline) == "no"
    pipeline.connect()
    assert is_connected(pipeline) == "yes"
    assert pipeline.run([pipeline.script("accept", *ACCEPT)]) == ["accepted"]


def test_a_connection_can_be_made_anew_as_often_as_need_be(pipeline: Pipeline) -> None:
    for _ in range(200):
        pipeline.connect()
    assert pipeline.run([("PING",)]) == ["PONG"]


def test_as_many_threads_as_there_are_may_read_at_once(redis: RedisServer) -> None:
    client: Any = reader(redis.url, 10.0)
    held = [client.connection_pool.get_connection() for _ in range(200)]
    for connection in held:
        client.connection_pool.release(connection)
    client.close()


def test_an_answer_that_does_not_come_in_time_closes_the_connection_so_that_no_late_one_is_taken_for_another(
    redis: RedisServer, client: Any
) -> None:
    hasty = Pipeline(redis.url, timeout_s=0.3)
    hasty.connect()
    with pytest.raises(StoreAway):
        hasty.run([("BLPOP", "nobody pushes here", 60)])
    assert not hasty.connected
    hasty.connect()
    assert hasty.run([("ECHO", "mine")]) == ["mine"]
    hasty.close()


def test_where_nobody_listens_connecting_fails_at_once() -> None:
    with refusing_port() as port:
        pipeline = Pipeline(f"redis://127.0.0.1:{port}/0", timeout_s=10.0)
        with pytest.raises(StoreAway):
            pipeline.connect()
        assert not pipeline.connected


def test_a_wrong_password_is_told(redis: RedisServer, client: Any) -> None:
    client.config_set("requirepass", "right")
    try:
        for url in (redis.url, redis.url.replace("redis://", "redis://:wrong@")):
            pipeline = Pipeline(url, timeout_s=10.0)
            with pytest.raises(StoreError):
                pipeline.connect()
            assert not pipeline.connected
        pipeline = Pipeline(redis.url.replace("redis://", "redis://:right@"), timeout_s=10.0)
        pipeline.connect()
        pipeline.close()
    finally:
        client.config_set("requirepass", "")


def test_the_password_is_kept_from_peoples_eyes() -> None:
    assert place("redis://someone:secret@redis.example:6380/3") == "redis://redis.example:6380/3"
    assert place("rediss://:secret@redis.example") == "rediss://redis.example"


# what passes by itself


def full(client: Any) -> Callable[[], Any]:
    """Redis has no memory left."""
    client.config_set("maxmemory", 1)
    return lambda: client.config_set("maxmemory", 0)


def replica(client: Any) -> Callable[[], Any]:
    """Redis has become a replica, as the old primary does in a failover."""
    client.replicaof("127.0.0.1", "1")
    return lambda: client.replicaof("NO", "ONE")


def stale(client: Any) -> Callable[[], Any]:
    """Redis is a replica without its primary and says nothing at all."""
    client.config_set("replica-serve-stale-data", "no")
    client.replicaof("127.0.0.1", "1")
    return lambda: (client.replicaof("NO", "ONE"), client.config_set("replica-serve-stale-data", "yes"))


def alone(client: Any) -> Callable[[], Any]:
    """Redis wants replicas that are not there."""
    client.config_set("min-replicas-to-write", 1)
    return lambda: client.config_set("min-replicas-to-write", 0)


@pytest.fixture(params=[full, replica, stale, alone])
def trouble(request: pytest.FixtureRequest, client: Any, pipeline: Pipeline) -> Iterator[str]:
    """A Redis that answers, but does not write."""
    assert pipeline.run([pipeline.script("accept", *ACCEPT)]) == ["accepted"]
    end = request.param(client)
    yield request.param.__name__
    end()


def test_a_redis_that_cannot_write_for_a_while_refuses_whole_scripts_in_a_way_that_is_known_to_pass(
    pipeline: Pipeline, client: Any, trouble: str
) -> None:
    answers = pipeline.run([pipeline.script("transition", *TRANSITION), pipeline.script("accept", *OTHER), ("SET", "x", "1")])
    assert [passes(answer) for answer in answers] == [True, True, True], answers
    assert pipeline.connected


def test_after_such_trouble_nothing_of_the_refused_scripts_is_there(client: Any, pipeline: Pipeline) -> None:
    pipeline.run([pipeline.script("accept", *ACCEPT)])
    end = full(client)
    pipeline.run([pipeline.script("transition", *TRANSITION), pipeline.script("accept", *OTHER)])
    end()
    assert (client.hget("record", "owner"), client.exists("job 2", "record 2"), client.xlen("queue")) == ("", 0, 1)
    assert pipeline.run([pipeline.script("transition", *TRANSITION)]) == ["applied"]


def test_a_mistake_does_not_pass(pipeline: Pipeline) -> None:
    pipeline.run([("SET", "string", "x")])
    answers = pipeline.run(
        [("LPUSH", "string", "x"), ("NO-SUCH-COMMAND",), pipeline.script("transition", ["string", "string", "string"], TRANSITION[1])]
    )
    assert [passes(answer) for answer in answers] == [False, False, False]
    assert not passes("applied")
    assert not passes(None)


# the other client


def test_the_reader_reads_text_and_gives_up_in_time(redis: RedisServer, client: Any) -> None:
    hasty: Any = reader(redis.url, 0.3)
    client.set("text", "ä")
    assert hasty.get("text") == "ä"
    with pytest.raises(StoreAway):
        hasty.blpop("nobody pushes here", timeout=60)
    assert hasty.get("text") == "ä"
    hasty.close()
