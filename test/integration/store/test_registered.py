"""What people have registered, as all nodes share it."""

import threading
from typing import Any

import pytest

from cameron.store.keys import REGISTERED, REGISTERED_VERSION
from cameron.store.redis import StoreAway
from cameron.store.registered import Misplaced, Registered, Slot, Snapshot

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer

ONE, TWO = Slot("d", "service", "one"), Slot("d", "flow", "two words")
PATIENCE_S = 30.0


@pytest.fixture
def registered(redis: RedisServer, client: Any) -> Registered:
    return Registered(redis.url, 10.0)


def test_where_nothing_has_been_registered_there_is_nothing(registered: Registered) -> None:
    assert registered.version() == 0
    assert registered.read_all() == Snapshot(0, {}, ())


def test_what_is_put_there_is_read_by_all(registered: Registered, redis: RedisServer) -> None:
    assert [registered.put(0, ONE, "{}"), registered.put(1, TWO, '{"a":"ä"}')] == [1, 2]
    other = Registered(redis.url, 10.0)
    assert other.version() == 2
    assert other.read_all() == Snapshot(2, {ONE: "{}", TWO: '{"a":"ä"}'}, ())


def test_a_document_is_replaced_and_taken_out_and_each_is_a_change(registered: Registered) -> None:
    registered.put(0, ONE, "1")
    assert registered.put(1, ONE, "2") == 2
    assert registered.read_all().documents == {ONE: "2"}
    assert registered.remove(2, ONE) == 3
    assert registered.read_all() == Snapshot(3, {}, ())


def test_who_has_not_seen_the_last_change_changes_nothing(registered: Registered) -> None:
    registered.put(0, ONE, "1")
    assert [registered.put(0, ONE, "2"), registered.put(2, TWO, "2"), registered.remove(0, ONE)] == [0, 0, 0]
    assert registered.read_all() == Snapshot(1, {ONE: "1"}, ())


def test_of_many_who_have_seen_the_same_one_gets_through(registered: Registered) -> None:
    barrier, answers = threading.Barrier(8), list[int]()

    def put(number: int) -> None:
        barrier.wait(PATIENCE_S)
        answers.append(registered.put(0, Slot("d", "flow", str(number)), "{}"))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(answers) == [0] * 7 + [1]
    assert len(registered.read_all().documents) == 1


def test_a_field_that_names_no_definition_is_told_apart(registered: Registered, client: Any) -> None:
    client.hset(REGISTERED, mapping={"d service one": "1", "stray": "2", "": "3", "two words": "4"})
    seen = registered.read_all()
    assert (seen.documents, sorted(seen.strays)) == ({ONE: "1"}, ["", "stray", "two words"])


@pytest.mark.parametrize(("key", "kind"), [(REGISTERED, "hash"), (REGISTERED_VERSION, "number")])
def test_what_is_none_of_ours_is_told_with_the_way_to_mend_it(registered: Registered, client: Any, key: str, kind: str) -> None:
    registered.put(0, ONE, "1")
    client.delete(key)
    client.rpush(key, "x")
    for ask in (registered.read_all, lambda: registered.put(1, TWO, "2")):
        with pytest.raises(Misplaced, match=rf"{key} is no {kind} of ours: type `redis-cli .*rename {key} "):
            ask()
    client.rename(key, f"{key}:misplaced")
    seen = registered.read_all()
    assert registered.put(seen.version, TWO, "2") == seen.version + 1
    assert registered.read_all().documents[TWO] == "2"


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5"])
def test_a_number_that_is_none_is_told_as_well(registered: Registered, client: Any, number: str) -> None:
    client.set(REGISTERED_VERSION, number)
    for ask in (registered.version, registered.read_all):
        with pytest.raises(Misplaced, match=REGISTERED_VERSION):
            ask()
    assert registered.put(0, ONE, "1") == 0


def test_where_redis_is_away_nothing_is_known() -> None:
    with refusing_port() as port:
        away = Registered(f"redis://127.0.0.1:{port}/0", 10.0)
        for ask in (away.version, away.read_all, lambda: away.put(0, ONE, "1")):
            with pytest.raises(StoreAway):
                ask()
