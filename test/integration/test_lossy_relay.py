"""The relay that loses answers: exactly the one it is told to, after Redis has done what it was asked."""

from collections.abc import Iterator

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from cameron.store.redis import script_text

from ..acceptance.support.lossy_relay import LossyRelay, frame_end
from ..acceptance.support.redis_server import RedisServer


@pytest.fixture
def relay(redis: RedisServer) -> Iterator[LossyRelay]:
    """To the session's Redis, empty."""
    with redis.client() as client:
        client.flushall()
    made = LossyRelay(redis.port)
    yield made
    made.close()


@pytest.fixture
def client(relay: LossyRelay) -> Iterator["redis_py.Redis"]:
    """Through the relay; it does not send again what was not answered."""
    with redis_py.Redis.from_url(relay.url, protocol=3, decode_responses=True, retry=Retry(NoBackoff(), 0)) as made:
        yield made


WHOLE = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":12\r\n",
    b"_\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$4\r\n\r\n\r\n\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
    b"%1\r\n+a\r\n*2\r\n_\r\n#t\r\n",
    b"~1\r\n,1.5\r\n",
]


@pytest.mark.parametrize("value", WHOLE)
def test_a_value_ends_where_it_ends_and_nowhere_before(value: bytes) -> None:
    assert frame_end(b"+before\r\n" + value + b"+after\r\n", 9) == 9 + len(value)
    assert {frame_end(value[:length], 0) for length in range(len(value))} == {-1}


def test_what_is_not_to_be_lost_is_passed_on(client: "redis_py.Redis", relay: LossyRelay) -> None:
    loss = relay.lose("SET", b"another")
    big = "x" * 200_000
    assert client.set("one", big) is True
    assert client.get("one") == big
    assert client.hset("two", mapping={"a": "1"}) == 1
    assert client.hgetall("two") == {"a": "1"}
    assert relay.seen["SET"] == 1
    assert not loss.happened


def test_the_named_answer_is_lost_once_and_its_command_was_carried_out(client: "redis_py.Redis", relay: LossyRelay) -> None:
    loss = relay.lose("INCRBY", b"counter", nth=2)
    assert client.incr("counter") == 1
    with pytest.raises(redis_py.ConnectionError):
        client.incr("counter")
    loss.wait()
    assert client.incr("counter") == 3


@pytest.mark.parametrize("half", [False, True])
def test_in_a_pipeline_the_answers_before_it_arrive(redis: RedisServer, relay: LossyRelay, half: bool) -> None:
    relay.lose("INCR", b"c", nth=2, half=half)
    connection = redis_py.Redis.from_url(relay.url).connection_pool.make_connection()
    connection.connect()
    connection.send_packed_command([b"".join(b"*2\r\n$4\r\nINCR\r\n$1\r\nc\r\n" for _ in range(3))])
    assert connection.read_response() == 1
    with pytest.raises(redis_py.ConnectionError):
        connection.read_response()
    with redis.client() as direct:
        assert direct.get("c") == "3"


def test_an_answer_is_told_by_what_it_holds(client: "redis_py.Redis", relay: LossyRelay) -> None:
    relay.lose("GET", answered=b"secret")
    client.mset({"a": "open", "b": "secret"})
    assert client.get("a") == "open"
    with pytest.raises(redis_py.ConnectionError):
        client.get("b")
    assert client.get("b") == "secret"


def test_the_engines_scripts_go_by_their_names(client: "redis_py.Redis", relay: LossyRelay) -> None:
    client.script_flush()
    script = client.register_script(script_text("take_over"))
    client.xgroup_create("queue", "group", id="0", mkstream=True)
    assert script(keys=["lease", "queue"], args=["group", "dead", "alive", 1]) == []
    assert relay.seen["take_over"] == 1 + 1  # the first time, Redis did not know it
