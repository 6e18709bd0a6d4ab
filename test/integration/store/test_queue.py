"""Queues and leases: who holds what, who lives, and what becomes of the dead."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from cameron.store import keys
from cameron.store.queue import PAGE, Entry, Queues
from cameron.store.redis import StoreAway, StoreError

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

LEASE_MS = 60_000


@pytest.fixture
def queues(redis: RedisServer, client: Any) -> Queues:
    """The queues of `foo` and `bar`."""
    made = Queues(redis.url, 10.0)
    made.create(["foo", "bar"])
    return made


@pytest.fixture
def add(client: Any) -> Callable[..., list[str]]:
    """`add("foo", 3)`: that many new entries; their ids."""

    def add_entries(process: str, count: int = 1) -> list[str]:
        return [client.xadd(keys.queue(process), {"uuid": str(number)}) for number in range(count)]

    return add_entries


def consumers(client: Any, process: str) -> list[str]:
    """The queue's consumers."""
    return [consumer["name"] for consumer in client.xinfo_consumers(keys.queue(process), keys.GROUP)]


# entries


def test_queues_may_be_created_again(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo")
    queues.create(["foo", "new", "foo"])
    assert len(queues.take(["foo", "new"], "a", 10, 10)) == 1


def test_entries_that_came_before_the_group_are_not_forgotten(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("early", 2)
    queues.create(["early"])
    assert [entry.id for entry in queues.take(["early"], "a", 10, 10)] == ids


def test_names_are_those_of_the_processes_that_ever_had_a_queue(queues: Queues, client: Any) -> None:
    assert queues.names() == []
    client.sadd(keys.QUEUES, "foo", "bar")
    assert queues.names() == ["bar", "foo"]


def test_each_entry_is_given_to_one_node(queues: Queues, add: Callable[..., list[str]]) -> None:
    [of_foo], [of_bar] = add("foo"), add("bar")
    taken = queues.take(["foo", "bar"], "a", 10, 10)
    assert sorted(taken) == sorted([Entry("foo", of_foo, {"uuid": "0"}), Entry("bar", of_bar, {"uuid": "0"})])
    assert queues.take(["foo", "bar"], "b", 10, 10) == []
    assert (queues.held("foo", "a"), queues.held("foo", "b"), queues.held("bar", "a")) == ([of_foo], [], [of_bar])


def test_no_more_is_taken_than_is_wanted_of_each_queue(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo", 5)
    add("bar", 5)
    assert len(queues.take(["foo", "bar"], "a", 6, 10)) == 6
    assert len(queues.take(["foo", "bar"], "a", 1, 10)) == 2  # one of each: about as many


def test_a_take_that_waits_ends_with_the_first_entry(
    redis: RedisServer, queues: Queues, client: Any, add: Callable[..., list[str]]
) -> None:
    taken: list[Entry] = []
    thread = threading.Thread(target=lambda: taken.extend(queues.take(["foo"], "a", 10, 30_000)))
    thread.start()
    eventually(lambda: client.info("clients")["blocked_clients"], "the read to block")
    ids = add("foo")
    thread.join(30)
    assert [entry.id for entry in taken] == ids


def test_a_queue_whose_group_is_gone_gets_it_again(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    client.flushall()
    assert queues.take(["foo", "bar"], "a", 10, 10) == []
    ids = add("foo")
    assert [entry.id for entry in queues.take(["foo", "bar"], "a", 10, 10)] == ids


def test_a_key_that_is_no_queue_is_an_error(queues: Queues, client: Any) -> None:
    client.set(keys.queue("odd"), "x")
    with pytest.raises(StoreError):
        queues.create(["odd"])
    with pytest.raises(StoreError):
        queues.take(["odd"], "a", 10, 10)


def test_all_that_a_node_holds_is_listed_however_much_it_is(queues: Queues, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 2 * PAGE)
    assert len(queues.take(["foo"], "a", 3 * PAGE, 10)) == 2 * PAGE
    assert queues.held("foo", "a") == ids


def test_entries_are_read_once_more_but_for_those_that_are_finished(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", PAGE + 2)
    queues.take(["foo"], "a", 2 * PAGE, 10)
    client.xack(keys.queue("foo"), keys.GROUP, ids[0])
    client.xdel(keys.queue("foo"), ids[0], ids[1])  # the second one has lost its content only
    again = queues.claim_again("foo", "a", ids)
    assert [entry.id for entry in again] == ids[2:]
    assert again[0] == Entry("foo", ids[2], {"uuid": "2"})


def test_a_released_entry_is_there_for_another_node(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    [id] = add("foo")
    queues.take(["foo"], "a", 10, 10)
    queues.release("foo", "b", id, "uuid", ["uuid", "other"])
    assert queues.take(["foo"], "b", 10, 10) == []
    queues.release("foo", "a", id, "uuid", ["uuid", "same"])
    [entry] = queues.take(["foo"], "b", 10, 10)
    assert (entry.fields, queues.held("foo", "a")) == ({"uuid": "same"}, [])


# leases


def test_a_name_is_held_by_one_node_as_long_as_its_lease(queues: Queues, client: Any) -> None:
    assert queues.register("a", {"host": "h", "pid": 1}, LEASE_MS)
    assert not queues.register("a", {}, LEASE_MS)
    assert queues.renew("a", 2 * LEASE_MS)
    assert LEASE_MS < client.pttl(keys.node("a")) <= 2 * LEASE_MS


def test_a_lease_that_has_run_out_cannot_be_renewed(queues: Queues) -> None:
    assert not queues.renew("a", LEASE_MS)
    queues.register("a", {}, 1)
    assert eventually(lambda: not queues.renew("a", 1), "the lease to run out")


def test_the_dead_are_the_consumers_without_a_lease(queues: Queues, add: Callable[..., list[str]]) -> None:
    for node in ("a", "b", "c"):
        add("foo")
        queues.take(["foo"], node, 1, 10)
    add("bar")
    queues.take(["bar"], "b", 1, 10)
    assert queues.dead_nodes([]) == {}
    queues.register("a", {}, LEASE_MS)
    assert queues.dead_nodes(["foo", "bar"]) == {"b": ["foo", "bar"], "c": ["foo"]}


def test_what_the_dead_held_is_taken_over_in_pages(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 7)
    queues.take(["foo"], "dead", 10, 10)
    pages = [[entry.id for entry in queues.take_over("foo", "dead", "a", 3)] for _ in range(4)]
    assert pages == [ids[:3], ids[3:6], ids[6:], []]
    assert (queues.held("foo", "a"), consumers(client, "foo")) == (ids, ["a"])
    assert queues.dead_nodes(["foo"]) == {"a": ["foo"]}


def test_entries_whose_content_is_gone_do_not_hold_up_the_others(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 3)
    queues.take(["foo"], "dead", 10, 10)
    client.xdel(keys.queue("foo"), ids[0])
    assert [entry.id for entry in queues.take_over("foo", "dead", "a", 10)] == ids[1:]


def test_a_node_that_gives_up_leaves_nothing_behind_but_what_it_still_holds(
    queues: Queues, client: Any, add: Callable[..., list[str]]
) -> None:
    queues.register("a", {}, LEASE_MS)
    [id] = add("foo")
    queues.take(["foo", "bar"], "a", 10, 10)
    queues.give_up("a", ["foo", "bar"])
    assert not client.exists(keys.node("a"))
    assert (queues.held("foo", "a"), consumers(client, "foo"), consumers(client, "bar")) == ([id], ["a"], [])


def test_redis_tells_the_time(queues: Queues, client: Any) -> None:
    seconds, micros = client.time()
    assert 0 <= queues.now_ms() - (seconds * 1000 + micros / 1000) < 60_000


def test_every_command_fails_at_once_where_nobody_listens() -> None:
    with refusing_port() as port:
        queues = Queues(f"redis://127.0.0.1:{port}/0", 10.0)
        with pytest.raises(StoreAway):
            queues.now_ms()
        with pytest.raises(StoreAway):
            queues.take(["foo"], "a", 1, 10)
