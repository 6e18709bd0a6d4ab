"""Redis is killed, stands still, cuts its connections, is full: every 201 is honoured, and the nodes go on by themselves."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .support.load import QUEUE, Load
from .support.node import Node
from .support.redis_server import RedisServer
from .support.refusal import assert_json_error
from .support.service import Service
from .support.start_node import SHORT_LEASE, StartNode
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
JOBS, KILLS = (2_000, 20) if SOAK else (200, 3)
STRICT = {**SHORT_LEASE, "CAMERON_REDIS_DURABILITY": "strict"}


@pytest.fixture
def full(redis: RedisServer) -> Iterator[Any]:
    """A client of the session's Redis, which is empty, and may be made full: `config_set("maxmemory", 1)`."""
    with redis.client() as client:
        client.flushall()
        yield client
        client.config_set("maxmemory", 0)


# killed


def test_redis_killed_again_and_again_under_load_honours_every_201(start_node: StartNode, durable: RedisServer, service: Service) -> None:
    node, steps = start_node(durable), Load(service).open()
    load = steps.press(node, JOBS)
    for kill in range(1, KILLS + 1):
        eventually(lambda enough=kill * JOBS // (KILLS + 2): len(steps.jobs) >= enough or steps.calls("last").total() >= enough, "progress")
        durable.kill()
        durable.start()
    load.result(120)
    assert len(steps.jobs) == JOBS
    steps.settle(node.store)
    steps.assert_called_at_most(1 + KILLS)


def pending(store: Any, pid: int) -> int:
    """How many entries the node with that process id holds."""
    return sum(each["pending"] for each in store.xinfo_consumers(QUEUE, "cameron") if f"-{pid}-" in each["name"])


def claimed(store: Any, pid: int) -> int:
    """Of how many jobs the record says that the node with that process id has written last."""
    return sum(f"-{pid}-" in (store.hget(key, "owner") or "") for key in store.scan_iter("cameron:record:*"))


@pytest.mark.parametrize("moment", [pending, claimed], ids=["entries claimed", "first writes"])
def test_redis_killed_while_a_node_takes_over_loses_none(
    start_node: StartNode, durable: RedisServer, service: Service, moment: Any
) -> None:
    one, two = start_node(durable, {**SHORT_LEASE, "CAMERON_NODE_MAX_JOBS": "30"}), start_node(durable, SHORT_LEASE)
    steps = Load(service).start(one, 50).called("held", 50).recorded("start")
    before = moment(two.store, two.child.pid)
    assert before < 50
    one.kill()
    eventually(lambda: moment(two.store, two.child.pid) > before, "the take-over", every_s=0.001)
    durable.kill()
    durable.start()
    steps.open().settle(two.store)
    steps.assert_called_at_most(1, "first", "last")
    steps.assert_called_at_most(3, "held")


def kill_at_moments_of_chance(server: RedisServer, steps: Load, jobs: int) -> int:
    """Kill Redis and have it back again and again until that many jobs are through; how often that was.

    Each kill comes when as many jobs as chance says have come to their last task since the one before.
    """
    chance, kills, through = random.Random(4), 0, 0
    while through < jobs:
        enough = min(jobs, through + chance.randrange(1, jobs // 10))
        eventually(lambda enough=enough: steps.calls("last").total() >= enough, "progress", every_s=0.002)
        server.kill()
        server.start()
        kills, through = kills + 1, len(steps.calls("last"))
    return kills


def test_strict_201s_are_honoured_though_redis_is_killed_at_moments_of_chance(
    start_node: StartNode, durable: RedisServer, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    node, steps, began = start_node(durable, STRICT), Load(service).open(), time.monotonic()
    load = steps.press(node, JOBS)
    kills = kill_at_moments_of_chance(durable, steps, JOBS)
    load.result(60)
    steps.settle(node.store).assert_called_at_most(1 + kills)
    assert len(steps.jobs) == JOBS
    with capsys.disabled():
        print(f"\n  {JOBS} jobs strictly durable, redis killed {kills} times: all done in {time.monotonic() - began:.1f} s")


def test_strict_201s_are_honoured_by_the_embedded_redis_too(start_node: StartNode, service: Service, tmp_path: Path) -> None:
    place = RedisServer(tmp_path)  # where the node's own is to be; this one is never started
    settings = {**STRICT, "CAMERON_REDIS_URL": "", "CAMERON_REDIS_PORT": str(place.port), "CAMERON_REDIS_DIR": str(tmp_path)}
    node, steps = start_node(place, settings), Load(service).open()
    load = steps.press(node, JOBS)
    for kill in (1, 2):
        eventually(lambda enough=kill * JOBS // 4: steps.calls("last").total() >= enough, "progress")
        os.kill(json.loads((tmp_path / "server.json").read_text())["pid"], signal.SIGKILL)
        eventually(node.healthy, "the node to be well again")
    load.result(120)
    steps.settle(node.store).assert_called_at_most(3)
    assert len(steps.jobs) == JOBS
    assert node.terminate() == 0


# standing still


@pytest.mark.parametrize("everything", [False, True], ids=["WRITE", "ALL"])
def test_a_pause_of_redis_shorter_than_the_lease_costs_nothing(
    start_node: StartNode, redis: RedisServer, full: Any, service: Service, everything: bool
) -> None:
    node, steps = start_node(redis), Load(service)
    steps.start(node, 20).called("held", 20).recorded("start")
    full.client_pause(400, all=everything)
    steps.open().press(node, 10).result(60)
    steps.settle(node.store)
    steps.assert_called_at_most(1)


@pytest.mark.parametrize("everything", [False, True], ids=["WRITE", "ALL"])
def test_a_pause_of_redis_longer_than_the_lease_loses_nothing(
    start_node: StartNode, redis: RedisServer, full: Any, service: Service, everything: bool
) -> None:
    one, two, steps = start_node(redis), start_node(redis), Load(service)
    steps.start(one, 20).start(two, 20).called("held", 40).recorded("start")
    full.client_pause(2500, all=everything)
    load = steps.open().press(two, 10)
    load.result(60)
    steps.settle(one.store)
    steps.assert_called_at_most(1, "first")
    steps.assert_called_at_most(2)
    assert one.healthy()
    assert two.healthy()
    steps.start(one, 5).start(two, 5).settle(one.store)


# cut off


def test_all_connections_cut_ten_times_a_second_cost_no_job(start_node: StartNode, redis: RedisServer, full: Any, service: Service) -> None:
    node, steps = start_node(redis), Load(service).open()
    load = steps.press(node, JOBS)

    def cut() -> bool:
        full.client_kill_filter(_type="normal", skipme=True)
        return load.done()

    eventually(cut, "the load to end", 120, every_s=0.1)
    load.result()
    steps.settle(node.store)
    steps.assert_called_at_most(2)


# full


def contents(redis: RedisServer) -> dict[str, Any]:
    """All that Redis holds, besides what nodes write of themselves."""
    return {key: value for key, value in redis.dump().items() if not key.startswith("cameron:node:")}


def refused(node: Node, key: str) -> requests.Response:
    """The answer to a start that is not accepted, and is told to come again; it has an Idempotency-Key, which is to leave no trace."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    answer = node.post("/api/process/steps/start", f'{{"key": "{key}", "data": "{"x" * 3000}"}}', headers=headers)
    assert_json_error(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1
    return answer


def test_a_full_redis_takes_no_job_by_halves(start_node: StartNode, redis: RedisServer, full: Any, service: Service) -> None:
    node, steps = start_node(redis), Load(service)
    steps.start(node, 10).called("held", 10).recorded("start")
    full.config_set("maxmemory", 1)
    before = contents(redis)
    for number in range(5):
        refused(node, f"refused {number}")
    assert contents(redis) == before
    assert steps.jobs[0].view()["status"]["current"] == "running"
    assert node.get("/api").status_code == 200
    full.config_set("maxmemory", 0)
    steps.open().press(node, 5).result(60)
    steps.settle(node.store)
    steps.assert_called_at_most(1)


def test_jobs_wait_while_redis_is_full_and_go_on_afterwards(start_node: StartNode, redis: RedisServer, full: Any, service: Service) -> None:
    one, two, steps = start_node(redis), start_node(redis), Load(service)
    steps.start(one, 10).start(two, 10).called("held", 20).recorded("start")
    full.config_set("maxmemory", 1)
    steps.open()
    full_since, _ = full.time()
    eventually(lambda: full.time()[0] > full_since + 3, "leases to run out that are not renewed", every_s=0.2)
    assert {job.status for job in steps.jobs} == {"running"}
    refused(one, "while it is full")
    full.config_set("maxmemory", 0)
    steps.settle(one.store)
    steps.assert_called_at_most(1, "first")
    steps.assert_called_at_most(2)
    for node in (one, two):
        assert "Traceback" not in node.output()
        assert node.output().count("refuses") <= 10, "a line each time it is tried again"
    steps.start(one, 5).start(two, 5).settle(one.store)


def test_jobs_wait_while_redis_cannot_write_its_disk_and_go_on_afterwards(
    start_node: StartNode, service: Service, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = RedisServer(tmp_path)
    request.addfinalizer(server.kill)
    server.start()
    one, two, steps = start_node(server), start_node(server), Load(service)
    steps.start(one, 10).start(two, 10).called("held", 20).recorded("start")
    with server.client() as client:
        gone = tmp_path / "gone"
        gone.mkdir()
        client.config_set("dir", str(gone))
        gone.rmdir()
        client.config_set("save", "1 1")
        client.bgsave()
        eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a snapshot to fail")
        steps.open()
        since, _ = client.time()
        eventually(lambda: client.time()[0] > since + 3, "leases to run out", every_s=0.2)
        refused(one, "while it cannot write")
        assert {job.status for job in steps.jobs} == {"running"}
        client.config_set("dir", str(tmp_path))
        client.bgsave()
    steps.settle(one.store)
    steps.assert_called_at_most(1, "first")
    steps.assert_called_at_most(2)
    for node in (one, two):
        assert "Traceback" not in node.output()
        assert node.output().count("refuses") <= 10
    steps.press(one, 5).result(60)
    steps.settle(one.store)
