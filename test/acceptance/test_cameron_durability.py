"""Honest durability: what a node refuses to run on, what it says a crash can lose, and a strict 201 that is kept."""

import contextlib
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from .support.answer import reply
from .support.node import Node
from .support.port import free_port
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Service
from .support.waiting import eventually

STRICT = {"CAMERON_REDIS_DURABILITY": "strict"}
START = "/api/process/scripted/start"
KILLS = 100


class Nodes:
    """Makes nodes on a Redis, in any environment."""

    def __init__(self, folder: Path, service: Service) -> None:
        self._folder, self._url = folder, service.url("start")
        self.made: list[Node] = []

    def on(self, redis_url: str, settings: dict[str, str] | None = None, environment: str = "test") -> Node:
        """One that is not started yet."""
        folder = self._folder / f"node-{len(self.made)}"
        folder.mkdir()
        settings = {"CAMERON_LOG_SYSLOG": "", "CAMERON_WEB_HOST": "127.0.0.1", **(settings or {})}
        node = Node(folder, redis_url, {"scripted": self._url}, settings)
        node._command[-1] = environment
        self.made.append(node)
        return node


@pytest.fixture
def nodes(tmp_path: Path, service: Service) -> Iterator[Nodes]:
    """Nodes that end with the test."""
    service.on("start", reply(1))
    made = Nodes(tmp_path, service)
    yield made
    for node in made.made:
        node.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Servers of the test's own, that fsync each write unless told otherwise."""
    servers: list[RedisServer] = []

    def started(*options: str) -> RedisServer:
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, durable=True, options=options))
        servers[-1].start()
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


def refused(node: Node) -> str:
    """The one line that says why, of a node, or several, that end at once, with status 1, and without a traceback."""
    node.launch()
    assert node.wait(60) == 1
    said = node.output()
    assert "Traceback" not in said
    assert "redis is away" not in said
    told = [line for line in said.splitlines() if "cannot be used" in line]
    assert len(told) == 1, said
    return told[0]


def post(node: Node) -> Any:
    """Start a job."""
    return node.post(START, f'{{"key": "{uuid.uuid4()}"}}')


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_production_does_not_start_on_a_redis_that_may_drop_jobs(nodes: Nodes, own_redis: Callable[..., RedisServer], policy: str) -> None:
    said = refused(nodes.on(own_redis("--maxmemory-policy", policy).url, environment="production"))
    assert policy in said
    assert " config set maxmemory-policy noeviction" in said


def test_production_starts_on_a_sound_redis_and_health_says_what_a_crash_can_lose(
    nodes: Nodes, own_redis: Callable[..., RedisServer]
) -> None:
    node = nodes.on(own_redis("--appendfsync", "everysec").url, environment="production").start()
    health = node.get("/health")
    told = health.json()
    assert (health.status_code, told["status"], told["problems"]) == (200, "ok", [])
    assert told["durability"]["mode"] == "default"
    assert told["durability"]["a_crash_can_lose"].startswith("the last second or two of writes: jobs that were answered 201")
    assert (told["redis"]["appendonly"], told["redis"]["appendfsync"], told["redis"]["maxmemory_policy"]) == (
        "yes",
        "everysec",
        "noeviction",
    )


def test_elsewhere_such_a_redis_is_warned_of_once_and_used(nodes: Nodes, own_redis: Callable[..., RedisServer]) -> None:
    node = nodes.on(own_redis("--maxmemory-policy", "allkeys-lru").url).start()
    assert post(node).status_code == 201
    health = node.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert len(re.findall("maxmemory-policy is allkeys-lru", node.output())) == 1


def test_a_replica_stops_the_start(nodes: Nodes, own_redis: Callable[..., RedisServer]) -> None:
    primary, replica = own_redis(), own_redis()
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
    assert "address of its primary" in refused(nodes.on(replica.url))


def test_strict_does_not_start_on_a_redis_that_writes_no_file(nodes: Nodes, redis: RedisServer) -> None:
    assert " config set appendonly yes" in refused(nodes.on(redis.url, STRICT))


def test_a_node_whose_redis_is_set_otherwise_meanwhile_runs_on_and_takes_no_jobs_until_that_is_mended(
    nodes: Nodes, own_redis: Callable[..., RedisServer]
) -> None:
    server = own_redis()
    node = nodes.on(server.url, environment="production").start()
    assert post(node).status_code == 201
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-random")
        eventually(lambda: post(node).status_code == 503, "starts to be refused")
        error = assert_json_error(post(node), 503)
        assert "maxmemory-policy is allkeys-random" in error["message"]
        health = node.get("/health")
        assert (health.status_code, [problem["severity"] for problem in health.json()["problems"]]) == (503, ["refuse"])
        client.config_set("maxmemory-policy", "noeviction")
        eventually(lambda: post(node).status_code == 201, "starts to be accepted again")
    assert node.get("/health").status_code == 200
    assert node.running


def test_health_is_503_while_redis_is_away_and_names_it(nodes: Nodes, own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    node = nodes.on(server.url, {"CAMERON_REDIS_TIMEOUT_S": "1.0"}).start()
    server.kill()
    health = node.get("/health")
    assert (health.status_code, health.json()["redis"]) == (503, {"url": server.url})
    assert health.json()["durability"]["a_crash_can_lose"] == "unknown: redis does not answer"
    server.start()
    eventually(lambda: node.get("/health").status_code == 200, "the node to be fit again")


def test_the_embedded_redis_of_a_strict_node_fsyncs_each_write(nodes: Nodes, tmp_path: Path) -> None:
    port = free_port()
    own = {"CAMERON_REDIS_URL": "", "CAMERON_REDIS_PORT": str(port), "CAMERON_REDIS_DIR": str(tmp_path / "data")}
    node = nodes.on(f"redis://127.0.0.1:{port}/0", {**own, **STRICT}).start()
    try:
        assert post(node).status_code == 201
        told = node.get("/health").json()
        assert (told["status"], told["redis"]["appendfsync"]) == ("ok", "always")
        assert told["durability"] == {"mode": "strict", "a_crash_can_lose": "nothing that was acknowledged"}
        assert node.terminate() == 0
    finally:
        with contextlib.suppress(redis_py.RedisError):
            node.store.shutdown(nosave=True)  # where the node has left it behind


def test_a_strict_201_is_kept_however_often_redis_is_killed_right_after_it(nodes: Nodes, own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    node = nodes.on(server.url, {**STRICT, "CAMERON_REDIS_TIMEOUT_S": "2.0"}).start()

    def accepted() -> str:
        answer = post(node)
        assert answer.status_code in (201, 503), answer.text
        return answer.headers.get("Location", "")

    jobs = []
    for _ in range(KILLS):
        location = eventually(accepted, "a start to be accepted")
        server.kill()
        server.start()
        jobs.append(node.at(location))
        assert jobs[-1].field("job.key") == jobs[-1].key
    for job in jobs:
        job.done()
