"""Leases: who lives, what a node says of itself, and what it is told."""

import json
import time
from typing import Any

import pytest

from cameron.store import keys
from cameron.store.inbox import Signal
from cameron.store.leases import INBOX_LEASES, Leases
from cameron.store.nodes import Nodes

from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

LEASE_MS = 60_000


@pytest.fixture
def leases(redis: RedisServer, client: Any) -> Leases:
    return Leases(redis.url, 10.0)


def about(client: Any, node: str) -> Any:
    """What the node says of itself."""
    return json.loads(client.get(keys.node(node)))


def test_a_name_is_held_by_one_node_as_long_as_its_lease(leases: Leases, client: Any) -> None:
    assert leases.register("a", {"pid": 1}, LEASE_MS)
    assert not leases.register("a", {"pid": 2}, LEASE_MS)
    assert about(client, "a") == {"pid": 1}
    assert client.smembers(keys.NODES) == {"a"}


def test_a_renewal_prolongs_the_lease_and_says_how_the_node_is_now(leases: Leases, client: Any) -> None:
    leases.register("a", {"jobs": 1}, LEASE_MS)
    renewal = leases.renew("a", {"jobs": 2}, 2 * LEASE_MS)
    assert renewal.is_kept
    assert about(client, "a") == {"jobs": 2}
    assert LEASE_MS < client.pttl(keys.node("a")) <= 2 * LEASE_MS
    assert INBOX_LEASES * LEASE_MS < client.pttl(keys.inbox("a")) <= INBOX_LEASES * 2 * LEASE_MS


def test_a_renewal_tells_the_time_by_redis_clock(leases: Leases, client: Any) -> None:
    seconds, micros = client.time()
    assert 0 <= leases.renew("a", {}, LEASE_MS).now_ms - (seconds * 1000 + micros / 1000) < 60_000


def test_a_lease_that_has_run_out_cannot_be_renewed(leases: Leases, client: Any) -> None:
    assert not leases.renew("a", {}, LEASE_MS).is_kept
    leases.register("a", {}, 1)
    assert eventually(lambda: not leases.renew("a", {}, 1).is_kept, "the lease to run out")
    assert not client.exists(keys.node("a"))


def test_a_full_redis_still_prolongs(leases: Leases, client: Any) -> None:
    leases.register("a", {"jobs": 1}, LEASE_MS)
    client.config_set("maxmemory", 1)
    assert leases.renew("a", {"jobs": 2}, 2 * LEASE_MS).is_kept
    client.config_set("maxmemory", 0)
    assert client.pttl(keys.node("a")) > LEASE_MS


def test_an_inbox_that_is_gone_comes_back_with_the_next_renewal(leases: Leases, client: Any) -> None:
    leases.register("a", {}, LEASE_MS)
    client.delete(keys.inbox("a"))
    leases.renew("a", {}, LEASE_MS)
    assert [group["name"] for group in client.xinfo_groups(keys.inbox("a"))] == [keys.GROUP]


def test_the_dead_are_those_without_a_lease_known_from_the_queues_or_the_list(leases: Leases, client: Any) -> None:
    assert leases.dead([]) == set()
    leases.register("alive", {}, LEASE_MS)
    client.sadd(keys.NODES, "listed")
    assert leases.dead(["alive", "consumer"]) == {"listed", "consumer"}
    leases.bury({"listed"})
    assert leases.dead([]) == set()


def test_a_buried_node_that_lives_after_all_is_listed_by_its_next_renewal(leases: Leases, client: Any) -> None:
    leases.register("a", {}, LEASE_MS)
    leases.bury({"a"})
    leases.renew("a", {}, LEASE_MS)
    assert client.smembers(keys.NODES) == {"a"}


def test_a_node_that_gives_up_leaves_nothing_behind(leases: Leases, client: Any) -> None:
    leases.register("a", {}, LEASE_MS)
    leases.give_up("a")
    assert list(client.scan_iter()) == []


def test_a_signal_is_there_until_it_has_been_heeded(leases: Leases, redis: RedisServer, client: Any) -> None:
    leases.register("a", {}, LEASE_MS)
    assert Nodes(redis.url, 10.0).tell("a", "drain")
    [signal] = leases.unheeded("a")
    assert signal == Signal(signal.id, {"signal": "drain"})
    client.xreadgroup(keys.GROUP, "a", {keys.inbox("a"): ">"})
    assert leases.unheeded("a") == [signal], "given to the node, which has not heeded it"
    leases.heeded("a", [signal.id])
    assert leases.unheeded("a") == []
    assert client.xpending(keys.inbox("a"), keys.GROUP)["pending"] == 0


def test_signals_outlive_a_slow_node_and_not_a_dead_one(leases: Leases, redis: RedisServer, client: Any) -> None:
    leases.register("a", {}, 300)
    assert Nodes(redis.url, 10.0).tell("a", "drain")
    eventually(lambda: not client.exists(keys.node("a")), "the lease to run out")
    assert leases.register("a", {}, 300)
    assert [signal.fields["signal"] for signal in leases.unheeded("a")] == ["drain"]
    began_s = time.monotonic()
    eventually(lambda: not client.exists(keys.inbox("a")), "the inbox to go")
    assert time.monotonic() - began_s > 0.3


def test_those_that_live_tell_what_they_are_busy_with(leases: Leases, client: Any) -> None:
    assert leases.living() == {}
    for name in "abcde":
        leases.register(name, {"is": name}, LEASE_MS)
    client.delete(keys.node("b"), keys.node("e"))
    client.set(keys.node("c"), "of another version")
    client.set(keys.node("d"), "[1]")
    client.hset(keys.node("e"), "somebody's", "slip")
    assert leases.living() == {"a": {"is": "a"}}
