"""What a strict 201 waits for: on a Redis that says by WAITAOF what is fsynced, on replicas, and not at all where it need not."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.errors import StoreUnavailable
from cameron.store import keys
from cameron.store.durability import RELIABLE_WAITAOF, Rules
from cameron.store.facts import Facts
from cameron.store.health import Health
from cameron.store.redis import Pipeline
from cameron.store.strict import Strict

from ...acceptance.support.port import refusing_port
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually

PATIENCE_S = 30.0
STRICT = Rules(strict=True)
TWO_COPIES = Rules(strict=True, replicas=1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts servers that fsync each write before they answer it, unless told otherwise."""
    servers: list[RedisServer] = []

    def started(*options: str, binary: str = "") -> RedisServer:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(RedisServer(folder, durable=True, options=options, binary=binary))
        servers[-1].start()
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


def strict(url: str, rules: Rules) -> Strict:
    """As a node has it once it is connected."""
    health, pipeline = Health(url, PATIENCE_S, rules), Pipeline(url, PATIENCE_S)
    health.connect(pipeline)
    pipeline.close()
    assert health.refusal == ""
    return Strict(health, url, PATIENCE_S, PATIENCE_S)


def write(server: RedisServer) -> None:
    """A job is accepted, on somebody else's connection."""
    with server.client() as client:
        client.set("job", "accepted")


def settle(strict: Strict, within_s: float = PATIENCE_S) -> str:
    """Wait for it; why not, or empty."""
    try:
        strict.settle(["job", "another proof"], time.monotonic() + within_s)
    except StoreUnavailable as error:
        return str(error)
    return ""


# nothing to wait for


def test_in_default_mode_redis_is_not_even_asked() -> None:
    with refusing_port() as port:
        url = f"redis://127.0.0.1:{port}/0"
        assert settle(Strict(Health(url, 1.0, Rules()), url, 1.0, 1.0)) == ""


def test_where_each_answer_comes_after_its_fsync_redis_is_not_asked(start: Callable[..., RedisServer]) -> None:
    server = start()
    settled = strict(server.url, STRICT)
    server.kill()
    assert settle(settled) == ""


def test_before_redis_was_looked_at_nobody_says_that_a_job_is_safe(redis: RedisServer) -> None:
    assert "has not been looked at" in settle(Strict(Health(redis.url, 1.0, STRICT), redis.url, 1.0, 1.0))


# replicas


@pytest.fixture
def pair(start: Callable[..., RedisServer]) -> tuple[RedisServer, RedisServer]:
    """A primary and its replica, in step."""
    primary, replica = start(), start()
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
    with primary.client() as client:
        eventually(lambda: "online" in str(client.info("replication").get("slave0")), "the replica to be in step")
    return primary, replica


def test_a_job_is_safe_once_the_replica_has_it(pair: tuple[RedisServer, RedisServer]) -> None:
    primary, replica = pair
    settled = strict(primary.url, TWO_COPIES)
    write(primary)
    assert settle(settled) == ""
    with replica.client() as client:
        assert client.get("job") == "accepted"


def test_a_job_that_the_replica_does_not_take_in_time_is_not_called_safe(pair: tuple[RedisServer, RedisServer]) -> None:
    primary, replica = pair
    settled = strict(primary.url, TWO_COPIES)
    replica.child.send_signal(signal.SIGSTOP)
    try:
        write(primary)
        why = settle(settled, 0.3)
    finally:
        replica.child.send_signal(signal.SIGCONT)
    assert "0 of 1 replicas have received the job in time" in why
    assert "it may run all the same" in why
    assert settle(settled) == ""


def test_a_job_that_was_lost_between_its_acceptance_and_the_wait_is_told_as_lost(pair: tuple[RedisServer, RedisServer]) -> None:
    assert "has lost the job: start it again" in settle(strict(pair[0].url, TWO_COPIES))


def test_one_proof_of_several_is_enough(pair: tuple[RedisServer, RedisServer]) -> None:
    settled = strict(pair[0].url, TWO_COPIES)
    with pair[0].client() as client:
        client.set("another proof", "1")
    assert settle(settled) == ""


def test_of_many_jobs_each_that_was_lost_is_told_by_itself_after_one_wait(pair: tuple[RedisServer, RedisServer]) -> None:
    settled = strict(pair[0].url, TWO_COPIES)
    with pair[0].client() as client:
        client.set("first", "1")
        client.set("third's other proof", "1")
        client.config_resetstat()
        jobs = [["first"], ["second", "second's other proof"], ["third", "third's other proof"]]
        first, second, third = settled.settle_all(jobs, time.monotonic() + PATIENCE_S)
        assert client.info("commandstats")["cmdstat_wait"]["calls"] == 1
    assert (first, third) == (None, None)
    assert "has lost the job: start it again" in str(second)


def test_of_no_jobs_there_is_nothing_to_wait_for() -> None:
    with refusing_port() as port:
        url = f"redis://127.0.0.1:{port}/0"
        assert Strict(Health(url, 1.0, STRICT), url, 1.0, 1.0).settle_all([], time.monotonic()) == []


def test_a_redis_that_goes_away_meanwhile_makes_no_promise(pair: tuple[RedisServer, RedisServer]) -> None:
    settled = strict(pair[0].url, TWO_COPIES)
    write(pair[0])
    pair[0].kill()
    assert "has not said whether the job is safe" in settle(settled)


# WAITAOF


@pytest.fixture(scope="module")
def modern() -> str:
    """A redis-server whose WAITAOF can be relied upon."""
    tried = [os.environ.get("REDIS_8_SERVER"), shutil.which("redis-server")]
    for binary in filter(None, tried):
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
        if said.startswith("Redis") and Facts(version=said.split("v=")[1]).release >= RELIABLE_WAITAOF:
            return binary
    pytest.skip("there is no Redis 8 to be had: name its redis-server as REDIS_8_SERVER, or put it on the PATH")


def test_a_job_is_safe_once_it_is_fsynced(start: Callable[..., RedisServer], modern: str) -> None:
    server = start("--appendfsync", "everysec", binary=modern)
    settled = strict(server.url, STRICT)
    write(server)
    assert settle(settled) == ""
    with server.client() as client:
        assert client.execute_command("WAITAOF", 1, 0, 1) == [1, 0]
        assert client.info("commandstats")["cmdstat_waitaof"]["calls"] >= 2


def test_a_job_that_is_not_fsynced_in_time_is_not_called_safe(start: Callable[..., RedisServer], modern: str) -> None:
    server = start("--appendfsync", "everysec", binary=modern)
    settled = strict(server.url, STRICT)
    with server.client() as client:
        client.config_set("appendfsync", "no")
    write(server)
    why = settle(settled, 0.3)
    assert "has not fsynced the job in time" in why
    assert "Idempotency-Key" in why


def test_a_file_that_is_switched_off_meanwhile_makes_no_promise(start: Callable[..., RedisServer], modern: str) -> None:
    server = start("--appendfsync", "everysec", binary=modern)
    settled = strict(server.url, STRICT)
    with server.client() as client:
        client.config_set("appendonly", "no")
    write(server)
    assert "has not said whether the job is safe" in settle(settled)


def test_only_the_probe_is_written(pair: tuple[RedisServer, RedisServer]) -> None:
    write(pair[0])
    assert settle(strict(pair[0].url, TWO_COPIES)) == ""
    with pair[0].client() as client:
        found: Any = client.keys("*")
        assert sorted(found) == [keys.PROBE, "job"]
