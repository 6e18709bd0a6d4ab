"""All nodes, as people see them."""

import json
from typing import Any

import pytest

from cameron.store import keys
from cameron.store.leases import Leases
from cameron.store.nodes import Nodes
from cameron.store.queue import Queues
from cameron.store.redis import StoreAway

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

LEASE_MS = 60_000
ABOUT = {"host": "h", "pid": 7, "since_ms": 1_700_000_000_123, "lease_ms": LEASE_MS, "state": "running", "jobs": 0, "calls": {}}


@pytest.fixture
def leases(redis: RedisServer, client: Any) -> Leases:
    return Leases(redis.url, 10.0)


@pytest.fixture
def nodes(redis: RedisServer, client: Any) -> Nodes:
    return Nodes(redis.url, 10.0)


def give(client: Any, redis: RedisServer, node: str, process: str, count: int) -> None:
    """Have that node hold so many more jobs of the process."""
    client.sadd(keys.QUEUES, process)
    Queues(redis.url, 10.0).create([process])
    for _ in range(count):
        client.xadd(keys.queue(process), {"uuid": "u"})
        client.xreadgroup(keys.GROUP, node, {keys.queue(process): ">"})


def test_without_nodes_there_are_none(nodes: Nodes) -> None:
    assert nodes.all() == []


def test_a_living_node_says_what_it_is_and_the_queues_say_what_it_holds(
    nodes: Nodes, leases: Leases, client: Any, redis: RedisServer
) -> None:
    leases.register("a", {**ABOUT, "state": "draining", "calls": {"svc:80": [256, 40]}}, LEASE_MS)
    give(client, redis, "a", "foo", 2)
    give(client, redis, "a", "bar", 1)
    [node] = nodes.all()
    assert 0 <= node.pop("lease_age_s") < LEASE_MS / 1000
    assert node == {
        "node": "a",
        "state": "draining",
        "host": "h",
        "pid": 7,
        "since": "2023-11-14T22:13:20.123Z",
        "lease_s": 60.0,
        "jobs": 3,
        "processes": {"bar": 1, "foo": 2},
        "calls": {"svc:80": {"in_flight": 256, "waiting": 40}},
        "commands": None,
        "python": None,
    }


def test_a_living_node_says_what_it_performs_itself(nodes: Nodes, leases: Leases) -> None:
    python = {"package": "activities", "activities": 2, "problems": [], "zombies": 1, "isolated": []}
    runs = {"commands": [2, 0, 64], "python_threads": [4, 3, 4], "python_processes": [0, 0, 8]}
    leases.register("a", {**ABOUT, "runs": runs, "python": python}, LEASE_MS)
    [node] = nodes.all()
    assert node["commands"] == {"running": 2, "waiting": 0, "places": 64}
    assert node["python"] == {
        "package": "activities",
        "activities": 2,
        "problems": [],
        "running": 4,
        "waiting": 3,
        "zombies": 1,
        "threads": {"running": 4, "waiting": 3, "places": 4},
        "processes": {"running": 0, "waiting": 0, "places": 8},
    }


def test_the_age_of_a_lease_is_the_time_since_its_renewal(nodes: Nodes, leases: Leases) -> None:
    leases.register("a", ABOUT, LEASE_MS)
    assert eventually(lambda: nodes.all()[0]["lease_age_s"] > 0.05, "the lease to age")
    age_s = nodes.all()[0]["lease_age_s"]
    leases.renew("a", ABOUT, LEASE_MS)
    assert nodes.all()[0]["lease_age_s"] < age_s


def test_a_dead_node_is_shown_for_as_long_as_it_holds_jobs(nodes: Nodes, leases: Leases, client: Any, redis: RedisServer) -> None:
    leases.register("b", ABOUT, LEASE_MS)
    client.sadd(keys.NODES, "long gone")
    give(client, redis, "dead", "foo", 2)
    dead = nodes.all()[1]
    nothing = dict.fromkeys(("host", "pid", "since", "lease_s", "lease_age_s"))
    held = {"jobs": 2, "processes": {"foo": 2}, "calls": {}, "commands": None, "python": None}
    assert dead == {"node": "dead", "state": "dead", **nothing, **held, "taken_over_within_s": 2.0}
    assert Queues(redis.url, 10.0).take_over("foo", "dead", "b", 10)
    assert [node["node"] for node in nodes.all()] == ["b"]


def test_when_a_dead_node_is_taken_over_is_said_by_those_who_may(nodes: Nodes, leases: Leases, client: Any, redis: RedisServer) -> None:
    give(client, redis, "dead", "foo", 1)

    def within_s() -> Any:
        return next(node["taken_over_within_s"] for node in nodes.all() if node["state"] == "dead")

    assert within_s() is None, "nobody lives"
    leases.register("drained", {**ABOUT, "state": "drained"}, LEASE_MS)
    assert within_s() is None, "who lives takes no jobs"
    leases.register("waits", {**ABOUT, "grace_ms": 8000}, LEASE_MS)
    assert within_s() == 10.0
    leases.register("at once", {**ABOUT, "grace_ms": 0}, LEASE_MS)
    assert within_s() == 2.0


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "7", "{}", '{"lease_ms": "x"}', json.dumps({"lease_ms": 1000, "new": 1})])
def test_a_lease_that_says_something_else_is_a_living_nodes_all_the_same(text: str, nodes: Nodes, client: Any) -> None:
    client.sadd(keys.NODES, "odd")
    client.set(keys.node("odd"), text, px=LEASE_MS)
    assert [(node["node"], node["state"], node["jobs"]) for node in nodes.all()] == [("odd", "running", 0)]


def test_a_key_that_is_no_queue_hides_no_node(nodes: Nodes, leases: Leases, client: Any) -> None:
    leases.register("a", ABOUT, LEASE_MS)
    client.sadd(keys.QUEUES, "odd")
    client.set(keys.queue("odd"), "x")
    assert [node["node"] for node in nodes.all()] == ["a"]


def test_a_living_node_can_be_told_something_and_no_other(nodes: Nodes, leases: Leases, client: Any, redis: RedisServer) -> None:
    leases.register("a", ABOUT, LEASE_MS)
    give(client, redis, "dead", "foo", 1)
    assert nodes.tell("a", "drain")
    assert not nodes.tell("dead", "drain")
    assert not nodes.tell("unknown", "drain")
    assert [fields for _, fields in client.xrange(keys.inbox("a"))] == [{"signal": "drain"}]
    assert not client.exists(keys.inbox("dead"), keys.inbox("unknown"))


def test_a_redis_that_is_away_is_an_error() -> None:
    with refusing_port() as port:
        nodes = Nodes(f"redis://127.0.0.1:{port}/0", 10.0)
        with pytest.raises(StoreAway):
            nodes.all()
        with pytest.raises(StoreAway):
            nodes.tell("a", "drain")
