"""Another Redis takes the place of a dead one, as Sentinel has it: a replica that was told to be the primary."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .support.load import Load
from .support.lossy_relay import LossyRelay
from .support.redis_server import RedisServer
from .support.service import Service
from .support.start_node import SHORT_LEASE, StartNode
from .support.waiting import eventually

SOAK = os.environ.get("CAMERON_SOAK") == "1"
JOBS = 2_000 if SOAK else 200
STRICT = {**SHORT_LEASE, "CAMERON_REDIS_DURABILITY": "strict", "CAMERON_REDIS_STRICT_REPLICAS": "1", "CAMERON_WEB_ACCEPT_TIMEOUT_S": "2"}


class Group:
    """A primary and two replicas; clients reach the primary of the day through the relay."""

    def __init__(self, folder: Path) -> None:
        folders = [folder / name for name in ("one", "two", "three")]
        for each in folders:
            each.mkdir()
        self.primary, *self.replicas = (RedisServer(each, durable=True) for each in folders)
        for server in (self.primary, *self.replicas):
            server.start()
        self.follow_primary()
        self.relay = LossyRelay(self.primary.port)

    def follow_primary(self) -> None:
        """Have the replicas follow the primary, and wait until they are in step."""
        for replica in self.replicas:
            with replica.client() as client:
                client.config_set("repl-diskless-sync-delay", 0)
                client.replicaof("127.0.0.1", self.primary.port)
                eventually(lambda: client.info("replication")["master_link_status"] == "up", "the replica to be in step")

    def fail_over(self) -> None:
        """Kill the primary; the replica that has received the most takes its place, and the other follows it."""
        self.primary.kill()
        self.replicas.sort(key=_offset)
        self.primary = self.replicas.pop()
        with self.primary.client() as client:
            client.replicaof("NO", "ONE")
        self.relay.lead_to(self.primary.port)
        self.follow_primary()

    def stop(self) -> None:
        """End all of them."""
        self.relay.close()
        for server in (self.primary, *self.replicas):
            server.kill()


def _offset(server: RedisServer) -> int:
    """How much of the primary's stream a replica has received."""
    with server.client() as client:
        return int(client.info("replication")["slave_repl_offset"])


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    """Three empty servers."""
    with ExitStack() as stack:
        made = Group(tmp_path)
        stack.callback(made.stop)
        yield made


def test_jobs_under_way_during_a_failover_end_on_the_new_primary(start_node: StartNode, group: Group, service: Service) -> None:
    one, two, steps = start_node(group.relay), start_node(group.relay), Load(service)
    steps.start(one, 20).start(two, 20).called("held", 40).recorded("start")
    assert one.store.wait(2, 10_000) == 2
    group.fail_over()
    steps.open().press(one, 20).result(60)
    steps.settle(one.store)
    steps.assert_called_at_most(1, "first")
    steps.assert_called_at_most(2)
    assert one.healthy()
    assert two.healthy()


def test_strict_201s_that_a_replica_has_received_are_honoured_after_a_failover_under_load(
    start_node: StartNode, group: Group, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    node, steps, began = start_node(group.relay, STRICT), Load(service).open(), time.monotonic()
    load = steps.press(node, JOBS)
    eventually(lambda: steps.calls("last").total() >= JOBS // 4, "progress")
    assert not load.done()
    group.fail_over()
    load.result(120)
    assert len(steps.jobs) == JOBS
    for job in steps.jobs:
        job.done(60)
    eventually(lambda: node.store.xlen("cameron:queue:steps") == 0, "the queue to be empty")
    with capsys.disabled():
        print(f"\n  {JOBS} jobs strictly durable with a replica, a failover among them: all done in {time.monotonic() - began:.1f} s")
