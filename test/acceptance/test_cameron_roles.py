"""`cameron server` has the API alone and `cameron worker` runs the jobs: halves of a node that share one Redis."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_py

from .support.answer import reply
from .support.job import Job
from .support.node import CAMERON, Node
from .support.port import free_port
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually


class Half(Node):
    """`cameron server`, reached as a node is."""

    def __init__(self, role: str, folder: Path, redis_url: str, processes: dict[str, str], settings: dict[str, str]) -> None:
        super().__init__(folder, redis_url, processes, settings)
        self._command = [*CAMERON, role, "--env", "test"]

    def wait_until_working(self) -> "Half":
        """Start a worker, and wait until it has told the others that it takes jobs."""
        self.launch()
        eventually(self._is_working, "the worker to join the others", 60)
        return self

    def _is_working(self) -> bool:
        assert self.running, f"it ended with status {self.exited}:\n{self.output()[-4000:]}"
        return any(str(self.child.pid) in key for key in self.store.scan_iter("cameron:node:*"))


Start = Callable[..., Half]


@pytest.fixture
def half(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Start]:
    """Makes halves of nodes, which end with the test."""
    halves: list[Half] = []

    def make(role: str, redis_url: str, **settings: str) -> Half:
        made = Half(role, tmp_path_factory.mktemp(role), redis_url, {"scripted": service.url("start")}, settings)
        halves.append(made)
        return made

    yield make
    for made in halves:
        if made.running:
            made.terminate()
        made.stop()


@pytest.fixture
def store(redis: RedisServer) -> str:
    """The address of an empty Redis."""
    with redis.client() as client:
        client.flushall()
    return redis.url


def test_a_server_takes_a_job_that_waits_until_a_worker_comes(half: Start, store: str, service: Service) -> None:
    service.on("start", reply("by a worker"))
    server = half("server", store).start()
    job = server.job("scripted", {"key": "waits", "data": 1})
    assert job.view()["status"]["current"] == "scheduled"
    assert list(server.store.scan_iter("cameron:node:*")) == []
    assert service.calls("waits") == []
    half("worker", store).wait_until_working()
    assert job.done().tasks()["start"]["data"] == "by a worker"
    assert len(service.calls("waits")) == 1


def test_a_server_and_a_worker_do_what_a_node_does_and_each_ends_in_order(half: Start, store: str, service: Service) -> None:
    service.on("start", reply("done"))
    worker = half("worker", store).wait_until_working()
    server = half("server", store).start()
    for number in range(5):
        server.job("scripted", {"key": f"job {number}"}).done()
    assert server.terminate() == 0
    assert worker.terminate() == 0
    assert "Traceback" not in server.output() + worker.output()
    assert list(server.store.scan_iter("cameron:node:*")) == []


def test_what_was_accepted_is_run_though_the_server_has_ended(half: Start, store: str, service: Service) -> None:
    gate = service.gate()
    service.on("start", reply("late").held(gate))
    worker, server = half("worker", store).wait_until_working(), half("server", store).start()
    job = server.job("scripted", {"key": "outlives"})
    service.arrived("outlives", 1)
    assert server.terminate() == 0
    gate.open()
    eventually(lambda: job.status == "done", "the job to be done")
    assert worker.running


def test_a_job_is_cancelled_through_a_server_on_the_worker_that_has_it(half: Start, store: str, service: Service) -> None:
    service.on("start", reply("never").held(service.gate()))
    half("worker", store).wait_until_working()
    server = half("server", store).start()
    job: Job = server.job("scripted", {"key": "cancelled"})
    service.arrived("cancelled", 1)
    assert job.verb("cancel").status_code in (200, 202)
    assert job.ended().status == "cancelled"


def listening(pid: int) -> list[str]:
    """The TCP sockets that a program listens on."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    sockets = [line.split() for family in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]]
    return [fields[1] for fields in sockets if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes]


def test_a_worker_listens_on_no_port(half: Start, store: str) -> None:
    server, worker = half("server", store).start(), half("worker", store).wait_until_working()
    assert len(listening(server.child.pid)) == 1
    assert listening(worker.child.pid) == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", worker.port), timeout=10)


def test_a_server_has_no_actor_that_runs_jobs(half: Start, store: str) -> None:
    tree = half("server", store).start().get("/api/system/tree").json()["tree"]
    engine = next(child for child in tree["children"] if child["name"] == "engine")
    assert {child["name"] for child in tree["children"]} - {"quiet_core"} == {"engine", "web_server"}
    assert {child["name"] for child in engine["children"]} == {"job_data", "redis_clock", "process_catalog", "housekeeper"}


@pytest.mark.parametrize("role", ["server", "worker"])
def test_what_is_misconfigured_stops_either(half: Start, store: str, role: str) -> None:
    made = half(role, store, CAMERON_COMMANDS_MAX_COMMANDS="many")
    made.launch()
    assert made.wait(60) == 2
    assert "CAMERON_COMMANDS_MAX_COMMANDS" in made.output()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings with which several programs share a Redis of their own."""
    port = free_port()
    yield {"CAMERON_REDIS_URL": "", "CAMERON_REDIS_PORT": str(port), "CAMERON_REDIS_DIR": str(tmp_path / "data")}
    with contextlib.suppress(redis_py.RedisError), redis_py.Redis(port=port) as left:
        left.shutdown(nosave=True)  # where a failed test has left it behind


@pytest.mark.parametrize("first", ["server", "worker"])
def test_without_a_redis_url_both_share_one_which_the_last_of_them_stops(
    half: Start, service: Service, own_redis: dict[str, str], first: str
) -> None:
    service.on("start", reply("shared"))
    url = f"redis://127.0.0.1:{own_redis['CAMERON_REDIS_PORT']}/0"
    halves = {role: half(role, url, **own_redis) for role in ("server", "worker")}
    second = "worker" if first == "server" else "server"
    halves["server"].launch()  # both at once: neither has to be there before the other
    halves["worker"].launch()
    eventually(halves["server"].healthy, "the server to answer", 60)
    halves["server"].job("scripted", {"key": "shared"}).done(60)
    assert sum("using the redis that another program has started" in made.output() for made in halves.values()) == 1
    assert halves[first].terminate() == 0
    assert "goes on, as another program uses it" in halves[first].output()
    assert halves[second].store.ping()
    assert halves[second].running
    assert halves[second].terminate() == 0
    with pytest.raises(redis_py.ConnectionError):
        halves[second].store.ping()
