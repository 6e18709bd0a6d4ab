"""What a node performs itself, seen from outside: how many run and wait and do not come back, what of its package is broken, its broker."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from .support import libero
from .support.libero import IN_PROGRESS, SCHEDULED, activity, begin, reached, says, workflow, write
from .support.node import CAMERON, Node
from .support.port import free_port, refusing_port
from .support.redis_server import RedisServer
from .support.scenario import Scenario
from .support.service import Service
from .support.waiting import eventually

THREADS = 2
WORKFLOWS = (
    workflow("Waits", *(activity(name, independent=True) for name in ("First", "Second", "Third"))),
    workflow("Sleeps", activity("Sleeps", timeout_s=0.3)),
)


class Half(Node):
    """`cameron server` or `cameron worker`."""

    def __init__(self, role: str, *about: Any) -> None:
        super().__init__(*about)
        self._command = [*CAMERON, role, "--env", "test"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    """A node with these workflows."""
    with libero.node(tmp_path_factory.mktemp("node"), redis, service, *WORKFLOWS, CAMERON_PYTHON_MAX_THREADS=str(THREADS)) as running:
        yield running


def python_of(node: Node, by: Node | None = None) -> dict[str, Any]:
    """What the node's lease says of its Python activities, as another one shows it."""
    nodes = (by or node).get("/api/system/nodes").json()["nodes"]
    return next((found["python"] for found in nodes if found["pid"] == node.child.pid), None) or {}


def comes_to(node: Node, by: Node | None = None, **wanted: Any) -> dict[str, Any]:
    """Wait until the node's lease says that."""

    def look() -> dict[str, Any] | None:
        found = python_of(node, by)
        return found if wanted.items() <= found.items() else None

    return eventually(look, f"the lease to say {wanted}", 60) or {}


def test_those_that_run_and_wait_are_counted_and_explained(scenario: Scenario, node: Node) -> None:
    gate = scenario.gate()
    for name in ("First", "Second", "Third"):
        scenario.on(name, says().held(gate))
    job = begin(scenario, "Waits")
    reached(job, IN_PROGRESS, *[IN_PROGRESS] * THREADS, SCHEDULED)
    found = comes_to(node, running=2, waiting=1)
    assert (found["threads"], found["processes"]["places"]) == ({"running": 2, "waiting": 1, "places": THREADS}, 8)
    explained = job.explained()
    [third] = [task for task in explained["calling"] if "free_place" in task]
    assert third["free_place"] == {"limits": ["python.max_threads"], "running": 2, "waiting": 1, "places": 2}
    assert "or has just got it: 2 of 2 running, 1 waiting (limit: python.max_threads)." in explained["sentence"]
    health = node.get("/health").json()["python"]
    assert {name: health[name] for name in ("running", "waiting")} == {"running": 2, "waiting": 1}
    gate.open()
    job.done()
    comes_to(node, running=0, waiting=0)


def test_what_is_broken_in_the_package_is_told_and_so_is_how_much_is_not(node: Node) -> None:
    health = eventually(lambda: node.get("/health").json().get("python"), "the node to have heard of its package") or {}
    assert health["package"] == "sample"
    assert health["activities"] > 10
    assert any("broken.py" in problem for problem in health["problems"])
    assert any("broken.py" in problem for problem in comes_to(node, package="sample")["problems"])
    assert f"{health['activities']} Python activities in 'sample' ({libero.PYTHON})" in node.output()


def test_threads_that_do_not_come_back_are_counted(scenario: Scenario, node: Node) -> None:
    gate = scenario.gate()
    scenario.on("Sleeps", says().held(gate))
    begin(scenario, "Sleeps").ended()
    found = eventually(lambda: said if (said := python_of(node)).get("zombies") else None, "the one to be counted") or {}
    assert (found["zombies"], found["threads"]["running"]) == (1, 0)
    gate.open()


def test_a_server_tells_of_its_workers_activities_and_of_a_broker_that_is_away(
    tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service
) -> None:
    folder = tmp_path_factory.mktemp("halves")
    settings = libero.settings(service, write(folder / "definitions", *WORKFLOWS))
    with ExitStack() as stack, refusing_port() as port:
        broker = {"CAMERON_RABBITMQ_URL": f"amqp://user:secret@127.0.0.1:{port}/%2F"}
        worker = Half("worker", tmp_path_factory.mktemp("worker"), redis.url, {}, settings, free_port())
        server = Half("server", tmp_path_factory.mktemp("server"), redis.url, {}, settings | broker)
        stack.callback(server.stop)
        stack.callback(worker.stop)
        server.start()
        assert "python" not in server.get("/health").json()
        worker.launch()
        assert any("broken.py" in problem for problem in comes_to(worker, server, package="sample", zombies=0)["problems"])
        health = eventually(lambda: said if (said := server.get("/health").json())["rabbitmq"]["error"] else None, "the refusal", 60) or {}
        shown = health["rabbitmq"]
        assert (shown["url"], shown["state"], health["status"]) == (f"amqp://127.0.0.1:{port}/%2F", "retrying", "degraded")
        assert "Connection refused" in shown["error"]
        warned = [problem["text"] for problem in health["problems"] if problem["severity"] == "warn"]
        assert any(text.startswith("no jobs are started by message: amqp://127.0.0.1:") for text in warned)
        assert server.get("/health").status_code == 200
        assert "secret" not in server.get("/health").text
