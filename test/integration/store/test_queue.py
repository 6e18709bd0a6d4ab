"""Queues: who is given what, who holds it, and what becomes of it."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cameron.store import keys
from cameron.store.inbox import Signal, open_inbox
from cameron.store.queue import PAGE, Entry, Queues, Reading
from cameron.store.redis import StoreAway, StoreError

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

NOTHING = Reading([], [], [])


@pytest.fixture
def queues(redis: RedisServer, client: Any) -> Queues:
    """The queues of `foo` and `bar`."""
    made = Queues(redis.url, 10.0)
    made.create(["foo", "bar"])
    for node in ("a", "b", "dead"):
        open_inbox(client, node)
    return made


def take(queues: Queues, *processes: str, node: str = "a", limit: int = 10_000) -> list[Entry]:
    """What the node is given of those processes, with room for all there is."""
    return queues.take(node, dict.fromkeys(processes, 10_000), limit, 10).entries


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
    assert len(take(queues, "foo", "new")) == 1


def test_entries_that_came_before_the_group_are_not_forgotten(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("early", 2)
    queues.create(["early"])
    assert [entry.id for entry in take(queues, "early")] == ids


def test_names_are_those_of_the_processes_that_ever_had_a_queue(queues: Queues, client: Any) -> None:
    assert queues.names() == []
    client.sadd(keys.QUEUES, "foo", "bar")
    assert queues.names() == ["bar", "foo"]


def test_each_entry_is_given_to_one_node(queues: Queues, add: Callable[..., list[str]]) -> None:
    [of_foo], [of_bar] = add("foo"), add("bar")
    taken = take(queues, "foo", "bar")
    assert sorted(taken) == sorted([Entry("foo", of_foo, {"uuid": "0"}), Entry("bar", of_bar, {"uuid": "0"})])
    assert take(queues, "foo", "bar", node="b") == []
    assert (queues.held("foo", "a"), queues.held("foo", "b"), queues.held("bar", "a")) == ([of_foo], [], [of_bar])


def test_no_more_is_taken_than_is_wanted(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo", 5)
    add("bar", 5)
    assert len(take(queues, "foo", "bar", limit=6)) == 6
    assert [len(take(queues, "foo", "bar", limit=1)) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_where_there_is_room_for_few_the_processes_take_turns(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo", 50)
    add("bar", 3)
    taken = [take(queues, "foo", "bar", limit=1)[0].process for _ in range(6)]
    assert Counter(taken) == {"foo": 3, "bar": 3}


def test_of_each_process_no_more_is_taken_than_it_has_room_for(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo", 500)
    add("bar", 500)
    reading = queues.take("a", {"foo": 2, "bar": 700}, 1000, 10)
    assert Counter(entry.process for entry in reading.entries) == {"foo": 2, "bar": 500}


def test_a_process_that_has_no_room_is_not_read(queues: Queues, add: Callable[..., list[str]]) -> None:
    add("foo", 5)
    [of_bar] = add("bar")
    assert [entry.id for entry in queues.take("a", {"bar": 1}, 10, 10).entries] == [of_bar]


@pytest.mark.parametrize("rooms", [{"foo": 10}, {"foo": 1, "bar": 10}, {}])
def test_a_take_that_waits_ends_with_the_first_entry_or_signal(
    rooms: dict[str, int], redis: RedisServer, queues: Queues, client: Any
) -> None:
    taken: list[Reading] = []
    thread = threading.Thread(target=lambda: taken.append(queues.take("a", rooms, 10, 30_000)))
    thread.start()
    eventually(lambda: client.info("clients")["blocked_clients"], "the read to block")
    if rooms:
        id = client.xadd(keys.queue("foo"), {"uuid": "0"})
        expected = Reading([Entry("foo", id, {"uuid": "0"})], [], [])
    else:
        id = client.xadd(keys.inbox("a"), {"signal": "drain"})
        expected = Reading([], [Signal(id, {"signal": "drain"})], [])
    thread.join(30)
    assert taken == [expected]


def test_signals_come_with_the_entries_however_they_are_read(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    for rooms in ({"foo": 10, "bar": 10}, {"foo": 1, "bar": 10}):
        add("foo")
        id = client.xadd(keys.inbox("a"), {"signal": "resume"})
        reading = queues.take("a", rooms, 10, 10)
        assert (len(reading.entries), reading.signals) == (1, [Signal(id, {"signal": "resume"})])
        assert client.xpending(keys.inbox("a"), keys.GROUP)["min"] is not None, "it stays until it has been heeded"


def test_a_signal_that_only_ends_a_wait_leaves_nothing_behind(queues: Queues, client: Any) -> None:
    client.xadd(keys.inbox("a"), {"signal": "wake"})
    assert queues.take("a", {"foo": 10}, 10, 60_000) == NOTHING
    assert (client.xlen(keys.inbox("a")), client.xpending(keys.inbox("a"), keys.GROUP)["pending"]) == (0, 0)


def test_a_queue_or_inbox_whose_group_is_gone_gets_it_again(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    client.flushall()
    assert queues.take("a", {"foo": 10, "bar": 10}, 10, 10) == NOTHING
    ids = add("foo")
    client.xadd(keys.inbox("a"), {"signal": "drain"})
    reading = queues.take("a", {"foo": 10, "bar": 10}, 10, 10)
    assert ([entry.id for entry in reading.entries], len(reading.signals)) == (ids, 1)


def test_a_key_that_is_no_queue_stops_nobody_elses_reads(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    client.set(keys.queue("odd"), "x")
    assert queues.create(["odd", "even"]) == ["odd"]
    ids = add("even")
    reading = queues.take("a", {"odd": 10, "even": 10}, 20, 10)
    assert ([entry.id for entry in reading.entries], reading.unreadable) == (ids, ["odd"])
    assert queues.take("a", {"even": 10}, 10, 10) == NOTHING


def test_a_key_that_is_no_inbox_is_an_error_and_no_endless_reading(queues: Queues, client: Any) -> None:
    client.set(keys.inbox("odd"), "x")
    with pytest.raises(StoreError):
        queues.take("odd", {"foo": 10}, 10, 10)


def test_all_that_a_node_holds_is_listed_however_much_it_is(queues: Queues, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 2 * PAGE)
    assert len(take(queues, "foo")) == 2 * PAGE
    assert queues.held("foo", "a") == ids


def test_entries_are_read_once_more_but_for_those_that_are_finished(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", PAGE + 2)
    take(queues, "foo")
    client.xack(keys.queue("foo"), keys.GROUP, ids[0])
    client.xdel(keys.queue("foo"), ids[0], ids[1])  # the second one has lost its content only
    again = queues.claim_again("foo", "a", ids)
    assert [entry.id for entry in again] == ids[2:]
    assert again[0] == Entry("foo", ids[2], {"uuid": "2"})


def test_a_released_entry_is_there_for_another_node(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    [id] = add("foo")
    take(queues, "foo")
    queues.release("foo", "b", id, "uuid", ["uuid", "other"])
    assert take(queues, "foo", node="b") == []
    queues.release("foo", "a", id, "uuid", ["uuid", "same"])
    [entry] = take(queues, "foo", node="b")
    assert (entry.fields, queues.held("foo", "a")) == ({"uuid": "same"}, [])


def test_an_entry_of_a_queue_that_is_gone_or_none_is_released_without_ado(queues: Queues, client: Any) -> None:
    client.delete(keys.queue("foo"))
    client.set(keys.queue("odd"), "x")
    for process in ("foo", "odd"):
        queues.release(process, "a", "1-1", "uuid", ["uuid", "other"])


# what others hold


def test_consumers_are_all_that_were_given_something_and_have_not_left(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    add("foo", 3)
    add("bar", 2)
    take(queues, "foo", node="a")
    take(queues, "bar", node="b")
    client.set(keys.queue("odd"), "x")
    assert queues.consumers([]) == {}
    held = queues.consumers(["foo", "bar", "odd", "unknown"])
    assert {node: {process: count for process, count in of.items() if count} for node, of in held.items()} == {
        "a": {"foo": 3},
        "b": {"bar": 2},
    }


def test_what_the_dead_held_is_taken_over_in_pages(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 7)
    take(queues, "foo", node="dead")
    pages = [[entry.id for entry in queues.take_over("foo", "dead", "a", 3)] for _ in range(4)]
    assert pages == [ids[:3], ids[3:6], ids[6:], []]
    assert (queues.held("foo", "a"), consumers(client, "foo")) == (ids, ["a"])
    assert queues.consumers(["foo"]) == {"a": {"foo": 7}}


def test_entries_whose_content_is_gone_do_not_hold_up_the_others(queues: Queues, client: Any, add: Callable[..., list[str]]) -> None:
    ids = add("foo", 3)
    take(queues, "foo", node="dead")
    client.xdel(keys.queue("foo"), ids[0])
    assert [entry.id for entry in queues.take_over("foo", "dead", "a", 10)] == ids[1:]


def test_a_node_that_leaves_takes_its_consumers_along_but_for_what_it_still_holds(
    queues: Queues, client: Any, add: Callable[..., list[str]]
) -> None:
    [id] = add("foo")
    take(queues, "foo", "bar")
    queues.leave("a", ["foo", "bar"])
    assert (queues.held("foo", "a"), consumers(client, "foo"), consumers(client, "bar")) == ([id], ["a"], [])


def test_every_command_fails_at_once_where_nobody_listens() -> None:
    with refusing_port() as port:
        queues = Queues(f"redis://127.0.0.1:{port}/0", 10.0)
        with pytest.raises(StoreAway):
            queues.names()
        with pytest.raises(StoreAway):
            take(queues, "foo")
