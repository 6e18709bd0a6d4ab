"""The nodes' common secret on a real Redis: made once, whoever is first, and put back when Redis has lost it."""

import threading
from typing import Any

import pytest

from cameron.errors import StoreUnavailable
from cameron.store import keys
from cameron.store.secret import Secret

from ...acceptance.support.port import free_port
from ...acceptance.support.redis_server import RedisServer

TIMEOUT_S = 20.0


@pytest.fixture
def secret(redis: RedisServer, client: Any) -> Secret:
    """A node's."""
    return Secret(redis.url, TIMEOUT_S)


def test_it_is_made_by_who_asks_first_and_the_same_for_all_others(secret: Secret, redis: RedisServer, client: Any) -> None:
    assert secret.known == ""
    value = secret.value()
    assert (len(value), int(value, 16) > 0, client.get(keys.SECRET), client.ttl(keys.SECRET)) == (64, True, value, -1)
    assert (Secret(redis.url, TIMEOUT_S).value(), secret.known) == (value, value)


def test_another_redis_has_another_one(secret: Secret, redis: RedisServer, client: Any) -> None:
    value = secret.value()
    client.flushall()
    assert Secret(redis.url, TIMEOUT_S).value() != value


def test_once_known_it_is_not_asked_for_again(secret: Secret, client: Any) -> None:
    value = secret.value()
    client.set(keys.SECRET, "another" * 10)
    before = client.info("commandstats")
    assert secret.value() == value
    assert client.info("commandstats").get("cmdstat_get") == before.get("cmdstat_get")


def test_of_many_who_ask_at_once_all_have_the_same(redis: RedisServer, client: Any) -> None:
    barrier, values = threading.Barrier(20), list[str]()

    def ask(secret: Secret) -> None:
        barrier.wait(TIMEOUT_S)
        values.append(secret.value())

    threads = [threading.Thread(target=ask, args=(Secret(redis.url, TIMEOUT_S),)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert values == [client.get(keys.SECRET)] * 20


def test_where_redis_has_lost_it_a_node_that_knows_it_puts_it_back(secret: Secret, redis: RedisServer, client: Any) -> None:
    value = secret.value()
    client.flushall()
    assert secret.keep() == value
    assert (client.get(keys.SECRET), Secret(redis.url, TIMEOUT_S).value()) == (value, value)


def test_where_another_one_was_made_meanwhile_that_one_counts(secret: Secret, redis: RedisServer, client: Any) -> None:
    secret.value()
    client.flushall()
    other = Secret(redis.url, TIMEOUT_S).value()
    assert (secret.keep(), secret.known, client.get(keys.SECRET)) == (other, other, other)


def test_a_full_redis_that_has_it_still_tells_it(secret: Secret, redis: RedisServer, client: Any) -> None:
    value = secret.value()
    client.config_set("maxmemory", 1)
    assert Secret(redis.url, TIMEOUT_S).value() == value


def test_a_full_redis_that_has_none_says_so(secret: Secret, client: Any) -> None:
    client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable):
        secret.value()
    assert secret.known == ""


def test_what_somebody_has_put_in_its_place_is_moved_aside(secret: Secret, client: Any) -> None:
    client.hset(keys.SECRET, "some", "thing")
    value = secret.value()
    assert (client.get(keys.SECRET), client.hgetall(keys.misplaced(keys.SECRET))) == (value, {"some": "thing"})


@pytest.mark.parametrize("text", ["", "changeme"])
def test_a_text_that_might_be_guessed_is_no_secret(secret: Secret, client: Any, text: str) -> None:
    for _ in range(2):
        client.set(keys.SECRET, text)
        value = secret.keep()
        assert (len(value), client.get(keys.SECRET), client.get(keys.misplaced(keys.SECRET))) == (64, value, text)


def test_where_redis_is_away_that_is_said() -> None:
    with pytest.raises(StoreUnavailable):
        Secret(f"redis://127.0.0.1:{free_port()}/0", 1.0).value()
