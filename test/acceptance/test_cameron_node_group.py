"""Several nodes on one port: `web.nodes` programs under one parent, which keeps them running and ends them all."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis as redis_py
import requests

from .support.answer import reply
from .support.gone import await_gone
from .support.node import CAMERON, Node
from .support.port import free_port, taken_port
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

SETTINGS = {"CAMERON_WEB_NODES": "2", "CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_SHUTDOWN_S": "0.5", "CAMERON_REDIS_TIMEOUT_S": "2"}

# `cameron serve`, with less patience than it has.
IMPATIENT = """
import os, sys
from cameron import config, log, node_group, tree
loaded = config.load("test", os.environ)
log.configure(loaded.log, loaded.environment)
sys.exit(node_group.serve(loaded, tree.BOTH, sys.argv[1:], tree.Patience(1, 600.0)))
"""


class NodeGroup(Node):
    """Its parent is the child of the test; on the outside it is one node."""

    def __init__(self, folder: Path, redis_url: str, service: Service, settings: dict[str, str], port: int = 0) -> None:
        super().__init__(folder, redis_url, {"scripted": service.url("start")}, SETTINGS | settings, port)

    def runs(self, *command: str) -> "NodeGroup":
        """Let that be its program."""
        self._command = list(command)
        return self

    def nodes(self) -> list[int]:
        """The numbers of the nodes' programs that hold a lease."""
        return sorted(
            int(key.rsplit("-", 2)[1]) for key in self.store.scan_iter("cameron:node:*", count=1000) if not key.endswith(":inbox")
        )

    def complete(self, but: int = 0) -> list[int]:
        """Wait until two nodes take jobs, and none of them is `but`; their programs' numbers."""

        def are_there() -> bool:
            assert self.running, f"it ended with status {self.exited}:\n{self.output()[-4000:]}"
            return len(self.nodes()) == 2 and but not in self.nodes()

        eventually(are_there, "two nodes to take jobs", 90, every_s=0.1)
        return self.nodes()

    def who_answers(self) -> int:
        """The number of the program that takes a new connection."""
        return int(requests.get(f"{self.url}/health", timeout=30).json()["node"].rsplit("-", 2)[1])


Make = Callable[..., NodeGroup]


@pytest.fixture
def group(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Make]:
    """Makes groups of two nodes on an empty Redis, which end with the test, whatever has become of their parents."""
    with redis.client() as client:
        client.flushall()
    groups: list[NodeGroup] = []

    def make(url: str = redis.url, port: int = 0, **settings: str) -> NodeGroup:
        groups.append(NodeGroup(tmp_path_factory.mktemp("group"), url, service, settings, port))
        return groups[-1]

    yield make
    for made in groups:
        if made.running:
            made.terminate()
        made.stop()


def test_nodes_share_a_port_and_the_jobs_and_end_together(group: Make, service: Service) -> None:
    service.on("start", reply("either"))
    running = group().start()
    pids = running.complete()
    assert all(parent_of(pid) == running.child.pid for pid in pids)
    seen: set[int] = set()
    eventually(lambda: seen.add(running.who_answers()) or len(seen) == 2, "both nodes to answer")
    assert sorted(seen) == pids
    for number in range(10):
        running.job("scripted", {"key": f"job {number}"}).done()
    assert running.terminate() == 0
    await_gone(pids)
    assert list(running.store.scan_iter("cameron:node:*")) == []
    assert "Traceback" not in running.output()
    assert f"2 nodes are to share port {running.port} on 127.0.0.1" in running.output()
    assert running.output().count(f"listening on http://127.0.0.1:{running.port}") == 2


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def cores_of(pid: int) -> set[int]:
    """Those that the program's threads may run on."""
    found: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            found |= os.sched_getaffinity(int(thread.name))
    return found


def test_with_a_node_for_each_core_each_is_kept_to_its_own(group: Make) -> None:
    ours = sorted(os.sched_getaffinity(0))
    two = f"{ours[0]},{ours[-1]}"
    running = group(CAMERON_NODE_CORES=two).start()
    found = [cores_of(pid) for pid in running.complete()]
    wanted = [{ours[0]}, {ours[-1]}] if len(ours) > 1 else [{ours[0]}, {ours[0]}]
    assert sorted(found, key=min) == wanted
    assert cores_of(running.child.pid) == set(ours)


def test_a_killed_node_is_replaced_and_its_jobs_are_finished(group: Make, service: Service) -> None:
    gate = service.gate()
    service.on("start", reply("late").held(gate))
    running = group().start()
    running.complete()
    jobs = [running.job("scripted", {"key": f"held {number}"}) for number in range(8)]
    for job in jobs:
        service.arrived(job.key, 1)
    killed = running.nodes()[0]
    os.kill(killed, signal.SIGKILL)
    gate.open()
    running.complete(but=killed)
    for job in jobs:
        job.done(60)
    [name] = re.findall(rf"(node_[12]) is process {killed}\b", running.output())
    assert re.search(rf"child '{name}' .* ended by signal 9", running.output())
    assert running.terminate() == 0


def test_with_no_redis_url_the_nodes_share_one_of_their_own_and_jobs_outlive_a_stop(group: Make, service: Service, tmp_path: Path) -> None:
    gate, port = service.gate(), free_port()
    service.on("start", reply("handed back").held(gate))
    url = f"redis://127.0.0.1:{port}/0"
    settings = {"CAMERON_REDIS_URL": "", "CAMERON_REDIS_PORT": str(port), "CAMERON_REDIS_DIR": str(tmp_path / "data")}
    running = group(url, **settings).start()
    pids = running.complete()
    jobs = [running.job("scripted", {"key": f"held {number}"}) for number in range(4)]
    for job in jobs:
        service.arrived(job.key, 1)
    running.child.send_signal(signal.SIGINT)
    assert running.wait() == 0
    await_gone(pids)
    with pytest.raises(redis_py.ConnectionError):
        running.store.ping()
    assert len(re.findall(r"redis at port \d+, data in", running.output())) == 1
    gate.open()
    running.start()
    for job in jobs:
        job.done(60)
    assert running.terminate() == 0


def test_no_node_outlives_a_killed_parent_and_each_ends_in_order(group: Make) -> None:
    running = group().start()
    pids = running.complete()
    running.kill()
    await_gone(pids)
    assert list(running.store.scan_iter("cameron:node:*")) == []
    assert running.output().count("has ended or handed back all its jobs") == 2
    assert running.output().count("the program that started this node has ended: it stops too") == 2


def refused(made: NodeGroup) -> tuple[int, str]:
    """The status of a group that ends by itself, and what it said."""
    made.launch()
    status = made.wait(90)
    assert "Traceback" not in made.output(), made.output()
    return status, made.output()


def test_a_taken_port_stops_the_start_and_is_told_once(group: Make) -> None:
    with taken_port() as port:
        status, said = refused(group(port=port))
        alone = refused(group(port=port, CAMERON_WEB_NODES="1"))
    assert status == alone[0] == 1
    told = f"cannot start: port {port} on 127.0.0.1 is already taken"
    assert said.count(told) == alone[1].count(told) == 1


def test_two_groups_do_not_share_a_port_unasked(group: Make) -> None:
    first = group().start()
    status, said = refused(group(port=first.port))
    assert status == 1
    assert f"port {first.port} on 127.0.0.1 is already taken" in said
    assert first.healthy()


def test_a_definitions_file_that_cannot_be_read_is_told_once(group: Make) -> None:
    made = group()
    made.file.write_text("{processes, [")
    status, said = refused(made)
    assert status == 2
    assert said.count(made.file.name) == 1


def test_what_keeps_every_node_from_starting_is_told_once(group: Make) -> None:
    status, said = refused(group(CAMERON_REDIS_DURABILITY="strict"))
    assert status == 1
    assert said.count('redis.durability is "strict", but') == 1, said
    assert "the first node did not start (exit status 1)" in said


def test_a_node_that_dies_at_each_start_ends_the_program_and_the_others_in_order(group: Make) -> None:
    made = group().runs(sys.executable, "-c", IMPATIENT, *CAMERON, "serve", "--env", "test").start()
    pids = made.complete()
    made.file.write_text("{processes, [")
    os.kill(pids[0], signal.SIGKILL)
    assert made.wait(90) == 1
    await_gone(pids)
    assert "giving up: too many restarts" in made.output()
    assert list(made.store.scan_iter(f"cameron:node:*-{pids[1]}-*")) == []


def test_workers_are_as_many_and_have_no_port(group: Make, service: Service) -> None:
    service.on("start", reply("by a worker"))
    workers = group().runs(*CAMERON, "worker", "--env", "test")
    workers.launch()
    pids = workers.complete()
    assert "listening" not in workers.output()
    assert "2 nodes are to run jobs" in workers.output()
    assert workers.terminate() == 0
    await_gone(pids)
