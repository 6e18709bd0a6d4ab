"""Whether a real Redis is fit, however it is set: run-time settings, users who may not look, replicas, clusters, and none at all."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.store.durability import RELIABLE_WAITAOF, Rules, waits
from cameron.store.facts import Facts
from cameron.store.health import Health, Unfit
from cameron.store.redis import Pipeline

from ...acceptance.support.port import refusing_port, taken_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

PRODUCTION, STRICT = Rules(production=True), Rules(strict=True)
PATIENCE_S = 30.0
HIGHEST_PORT = 55_535  # a cluster's other port lies 10,000 above


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that fsyncs each write; a test puts back what it sets."""
    server = RedisServer(tmp_path_factory.mktemp("durable"), durable=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(durable: RedisServer) -> Iterator[Callable[..., None]]:
    """Sets it at run time, as an operator does."""
    with durable.client() as client:
        before: dict[str, str] = {}

        def change(**values: str) -> None:
            for name, value in values.items():
                setting = name.replace("_", "-")
                before.setdefault(setting, client.config_get(setting)[setting])
                client.config_set(setting, value)

        yield change
        for setting, value in before.items():
            client.config_set(setting, value)
        eventually(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the append-only file to be whole")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts more servers, each with options of its own."""
    servers: list[RedisServer] = []

    def started(*options: str) -> RedisServer:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        candidates = iter(lambda: RedisServer(folder, options=options), None)
        servers.append(next(server for server in candidates if server.port < HIGHEST_PORT))
        servers[-1].launch()
        eventually(lambda: "eady to accept connections" in servers[-1].output(), "redis-server to be ready")
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


def looked(url: str, rules: Rules = PRODUCTION) -> Health:
    """What a node finds on connecting. Raises Unfit."""
    health, pipeline = Health(url, PATIENCE_S, rules), Pipeline(url, PATIENCE_S)
    try:
        health.connect(pipeline)
    finally:
        pipeline.close()
    return health


def report(url: str, rules: Rules = PRODUCTION) -> tuple[bool, dict[str, Any]]:
    """What a node says of it."""
    return Health(url, PATIENCE_S, rules).report()


def test_a_sound_redis_is_fit_and_its_settings_are_shown(durable: RedisServer) -> None:
    health = looked(durable.url)
    assert health.refusal == ""
    assert isinstance(health.facts, Facts)
    assert report(durable.url) == (
        True,
        {
            "status": "ok",
            "redis": {
                "url": durable.url,
                "server": health.facts.server,
                "version": health.facts.version,
                "role": "primary",
                "appendonly": "yes",
                "appendfsync": "always",
                "save": "",
                "maxmemory": 0,
                "maxmemory_policy": "noeviction",
                "replicas": 0,
                "min_replicas_to_write": 0,
            },
            "durability": {"mode": "default", "a_crash_can_lose": "nothing that was acknowledged"},
            "problems": [],
        },
    )


POLICIES = ["volatile-lru", "allkeys-lru", "volatile-lfu", "allkeys-lfu", "volatile-random", "allkeys-random", "volatile-ttl"]


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_that_drops_jobs_is_refused_in_production_alone(
    durable: RedisServer, settings: Callable[..., None], policy: str
) -> None:
    settings(maxmemory_policy=policy)
    assert policy in looked(durable.url, PRODUCTION).refusal
    assert looked(durable.url, Rules()).refusal == ""
    is_fit, told = report(durable.url, PRODUCTION)
    assert (is_fit, told["status"], told["redis"]["maxmemory_policy"]) == (False, "degraded", policy)
    is_fit, told = report(durable.url, Rules())
    assert (is_fit, told["status"], [problem["severity"] for problem in told["problems"]]) == (True, "degraded", ["warn"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"appendfsync": "no"}, "as the operating system likes"),
        ({"appendfsync": "everysec"}, "the last second or two"),
        ({"appendonly": "no"}, "everything: it writes nothing"),
        ({"appendonly": "no", "save": "900 1"}, "everything since the last snapshot"),
        ({"no_appendfsync_on_rewrite": "yes"}, "while the append-only file is rewritten"),
    ],
)
def test_what_is_set_decides_what_a_crash_can_lose(
    durable: RedisServer, settings: Callable[..., None], changes: dict[str, str], words: str
) -> None:
    settings(**changes)
    assert words in report(durable.url)[1]["durability"]["a_crash_can_lose"]


def test_strict_is_refused_while_each_201_could_be_lost_and_fit_again_afterwards(
    durable: RedisServer, settings: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    health, pipeline = Health(durable.url, PATIENCE_S, STRICT), Pipeline(durable.url, PATIENCE_S)
    health.connect(pipeline)
    assert (health.stops_the_start(), health.refusal) == ("", "")
    settings(appendonly="no")
    for _ in range(3):
        health.look(pipeline)
    assert " config set appendonly yes" in health.refusal
    settings(appendonly="yes")

    def is_fit() -> bool:
        health.look(pipeline)
        return not health.refusal

    eventually(is_fit, "the append-only file to be whole")
    pipeline.close()
    told = [(record.levelno, "takes no jobs" in record.message, "is fit again" in record.message) for record in caplog.records]
    assert told.count((logging.ERROR, True, False)) <= 2  # no file; and then, if it took a while, a file that was not whole yet
    assert told[-1] == (logging.WARNING, False, True)


def test_a_file_that_is_just_being_begun_is_not_relied_upon(start: Callable[..., RedisServer]) -> None:
    server = start("--appendfsync", "always", "--rdb-key-save-delay", "10000000")
    with server.client() as client:
        client.set("slow", "to be written to the file")
        client.config_set("appendonly", "yes")
        health = looked(server.url, STRICT)
        assert health.facts is not None
        assert "does not hold everything yet" in health.refusal or waits(health.facts, STRICT, 1) == [("WAITAOF", 1, 0, 1)]
        assert "everything, until" in report(server.url)[1]["durability"]["a_crash_can_lose"]
        client.config_set("rdb-key-save-delay", "0")


def test_a_problem_that_stops_the_first_start_stops_no_later_one(durable: RedisServer, settings: Callable[..., None]) -> None:
    settings(maxmemory_policy="allkeys-lru")
    health = looked(durable.url)
    why = health.stops_the_start()
    assert why.startswith(f"redis at {durable.url} cannot be used: its maxmemory-policy is allkeys-lru")
    assert "\n" not in why
    assert health.stops_the_start() == ""


def test_warnings_are_logged_once(durable: RedisServer, settings: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    settings(maxmemory_policy="allkeys-lru")
    health, pipeline = Health(durable.url, PATIENCE_S, Rules()), Pipeline(durable.url, PATIENCE_S)
    for _ in range(3):
        health.connect(pipeline)
    pipeline.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert " config set maxmemory-policy noeviction" in caplog.text


# those who may not look


@pytest.fixture
def user(durable: RedisServer) -> Iterator[Callable[..., str]]:
    """The URL of a user with these rights."""
    with durable.client() as client:

        def made(*rights: str) -> str:
            client.execute_command("ACL", "SETUSER", "someone", "reset", "on", ">secret", "~*", "&*", "+@all", *rights)
            return durable.url.replace("redis://", "redis://someone:secret@")

        yield made
        client.execute_command("ACL", "DELUSER", "someone")


def test_without_config_what_cannot_be_read_is_unknown_and_said_so(user: Callable[..., str]) -> None:
    url = user("-config")
    assert looked(url).refusal == ""
    is_fit, told = report(url)
    assert is_fit
    unknown = {name for name, value in told["redis"].items() if value == "unknown"}
    assert unknown == {"appendfsync", "save", "min_replicas_to_write"}
    assert "unknown" in told["durability"]["a_crash_can_lose"]
    assert ["acl setuser" in problem["text"] for problem in told["problems"]] == [True]
    assert "secret" not in str(told)


def test_without_config_a_policy_that_drops_jobs_is_seen_all_the_same(user: Callable[..., str], settings: Callable[..., None]) -> None:
    settings(maxmemory_policy="volatile-ttl")
    assert "set maxmemory-policy to noeviction where this Redis is configured" in looked(user("-config")).refusal


def test_without_config_and_info_a_node_runs_and_says_what_it_does_not_know(user: Callable[..., str]) -> None:
    url = user("-config", "-info")
    health = looked(url)
    assert health.refusal == ""
    assert health.facts is not None
    assert health.facts.version is not None
    is_fit, told = report(url)
    assert (is_fit, told["redis"]["maxmemory_policy"], told["durability"]["a_crash_can_lose"]) == (
        True, "unknown", "nobody knows what: INFO is forbidden to this user",
    )  # fmt: skip


def test_what_is_granted_by_the_line_that_is_recommended_is_enough(user: Callable[..., str]) -> None:
    assert report(user("-config", "-info", "+info", "+config|get"))[1]["problems"] == []


def test_without_config_strict_is_refused_unless_redis_says_itself_what_is_fsynced(user: Callable[..., str]) -> None:
    health = looked(user("-config"), STRICT)
    assert health.facts is not None
    says_so = health.facts.server == "redis" and health.facts.release >= RELIABLE_WAITAOF
    assert ("CONFIG GET is forbidden" in health.refusal) == (not says_so)


# other kinds of Redis


def test_replicas_are_counted_and_none_of_them_is_written_to(start: Callable[..., RedisServer]) -> None:
    primary = start()
    replica = start()
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
    eventually(lambda: report(primary.url)[1]["redis"]["replicas"] == 1, "the replica to be in step")
    assert "a failover" not in report(primary.url)[1]["durability"]["a_crash_can_lose"]  # it writes nothing to disk at all
    with pytest.raises(Unfit, match="it is a replica"):
        looked(replica.url, Rules())
    is_fit, told = report(replica.url, Rules())
    assert (is_fit, told["redis"]["role"], len(told["problems"])) == (False, "replica", 1)


def test_replicas_that_are_missing_are_missed_by_strict(durable: RedisServer) -> None:
    assert "redis.strict_replicas is 1, but 0 are connected" in looked(durable.url, Rules(strict=True, replicas=1)).refusal


def test_a_cluster_is_unfit(start: Callable[..., RedisServer]) -> None:
    with pytest.raises(Unfit, match="cluster mode"):
        looked(start("--cluster-enabled", "yes").url, Rules())


def test_a_redis_without_hello_is_older_than_any_that_we_can_use(start: Callable[..., RedisServer]) -> None:
    old = start("--rename-command", "HELLO", "")
    health = Health(old.url, PATIENCE_S, Rules())
    with pytest.raises(Unfit, match=r"before 6\.0, and Cameron needs 6\.2"):
        health.connect(Pipeline(old.url, PATIENCE_S))
    assert "before 6.0, and Cameron needs 6.2" in health.stops_the_start()
    is_fit, told = health.report()
    assert (is_fit, told["redis"]["version"]) == (False, "before 6.0")


# none, or none that writes


def test_a_redis_that_is_away_is_reported_at_once() -> None:
    with refusing_port() as port:
        is_fit, told = report(f"redis://:secret@127.0.0.1:{port}/0")
    assert (is_fit, told["status"], told["durability"]["a_crash_can_lose"]) == (False, "degraded", "unknown: redis does not answer")
    assert told["redis"] == {"url": f"redis://127.0.0.1:{port}/0"}
    assert f"127.0.0.1:{port}" in told["problems"][0]["text"]
    assert "secret" not in str(told)


def test_a_redis_that_is_silent_is_reported_in_time() -> None:
    with taken_port() as port:
        is_fit, told = Health(f"redis://127.0.0.1:{port}/0", 0.2, Rules()).report()
    assert (is_fit, "redis does not answer" in told["problems"][0]["text"]) == (False, True)


def test_a_redis_that_is_full_takes_no_jobs_and_says_why(durable: RedisServer, settings: Callable[..., None]) -> None:
    settings(maxmemory="1")
    is_fit, told = report(durable.url)
    assert (is_fit, told["redis"]["maxmemory"]) == (False, 1)
    assert "maxmemory" in told["problems"][0]["text"]
