"""Mender's workflows when a node ends: a job goes on, with the definition that it started with; what waits for a turn is pending."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support import mender
from .support.answer import document, http
from .support.mender import flow, start, task
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service


def definitions(service: Service, version: int) -> dict[str, Any]:
    """Two tasks; where the second goes hangs on the version."""
    first, second = task("first", service.url("mender/first")), task("second", service.url(f"mender/second/v{version}/${{first.json.id}}"))
    return flow("steps", first, second, version=version)


@pytest.fixture
def folder(tmp_path: Path, service: Service) -> Path:
    """A folder of definitions, which the test may change."""
    mender.write(tmp_path, definitions(service, 1))
    return tmp_path


@pytest.fixture
def node(folder: Path, tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    with redis.client() as client:
        client.flushall()
    settings = {
        "CAMERON_DEFINITIONS_DIR": str(folder),
        "CAMERON_NODE_MAX_JOBS": "1",
        "CAMERON_NODE_LEASE_S": "1",
        "CAMERON_NODE_SHUTDOWN_S": "0.5",
    }
    running = Node(tmp_path_factory.mktemp("node"), redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_job_goes_on_after_a_restart_with_the_definition_it_started_with(node: Node, folder: Path, service: Service, end: str) -> None:
    gate = service.gate()
    service.on("mender/first", document({"id": 1}).held(gate))
    service.on("mender/second/v1/1", http(200, b"as it was"))
    service.on("mender/second/v2/1", http(200, b"as it is"))
    job = start(node, "steps").reached("processing")
    getattr(node, end)()
    mender.write(folder, definitions(service, 2))
    gate.open()
    node.start()
    assert [result["response"]["body"] for result in job.done()] == ['{"id": 1}', "as it was"]
    later = start(node, "steps")
    assert [result["response"]["body"] for result in later.done()] == ['{"id": 1}', "as it is"]
    assert (job.view()["version"], later.view()["version"]) == (1, 2)


def test_a_job_is_done_to_the_end_though_its_definition_has_gone(node: Node, folder: Path, service: Service) -> None:
    gate = service.gate()
    service.on("mender/first", document({"id": 1}).held(gate))
    service.on("mender/second/v1/1", http(200, b"as it was"))
    job = start(node, "steps").reached("processing")
    node.terminate()
    (folder / "mender" / "steps.json").unlink()
    gate.open()
    node.start()
    job.done()
    answer = node.post("/api/workflow/steps", "{}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Workflow not found: steps"})


def test_a_job_that_waits_for_its_turn_is_pending(node: Node, service: Service) -> None:
    gate = service.gate()
    service.on("mender/first", document({"id": 1}).held(gate))
    service.on("mender/second/v1/1", http(200, b""))
    first = start(node, "steps").reached("processing")
    second = start(node, "steps")
    assert second.view() == {
        "id": second.id,
        "workflowName": "steps",
        "version": 1,
        "inputParameters": [],
        "status": "pending",
        "results": [],
    }
    gate.open()
    first.done()
    second.done()
