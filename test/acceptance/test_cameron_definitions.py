"""Definitions in files, in all dialects: some of them are broken, and everything else runs."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .support.answer import document, reply
from .support.node import CAMERON, Node
from .support.peers import drained
from .support.program import PROJECT
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

CONFIG = '{processes, [{configured, {start_activity_url, "URL"}}]}.\n'
BROKEN = {
    "cameron/broken_text.json": ('{\n  "name": "broken_text",\n  "start_activity_url" "http://a/"\n}', ":3:24: "),
    "tickets/broken_value.yaml": ("name: broken_value\nstart_point_url: foo.com\n", ": $.start_point_url: 'foo.com' will not do: "),
    "mender/broken_name.json": (
        '{"name": "broken_name", "tasks": [{"name": "a", "type": "http", "taskdef": {"uri": "http://a/", "methd": "PUT"}}]}',
        ": $.tasks[0].taskdef.methd: 'methd' is unknown; did you mean 'method'?",
    ),
}
CAMERONS, TICKETS, MENDERS = (
    [f"{word}_{number}" for number in range(count)] for word, count in (("process", 20), ("ticket", 13), ("mender", 13))
)


class Defined(NamedTuple):
    """A node and its folder of definitions."""

    node: Node
    folder: Path
    settings: dict[str, str]

    def check(self) -> subprocess.CompletedProcess[str]:
        """`cameron check` of the same configuration."""
        environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "CAMERON_PROCESSES_FILE": str(self.node.file), **self.settings}
        command = [*CAMERON, "check", "--env", "test"]
        return subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def write(folder: Path, service: Service) -> None:
    """Forty-nine files, of which three are broken in different ways; the fiftieth definition is that of the `.config` file."""
    for dialect in ("cameron", "tickets", "mender"):
        (folder / dialect).mkdir(parents=True)
    for name in CAMERONS:
        said = {"name": name, "start_activity_url": service.url(f"defined/{name}"), "options": {"max_jobs": 5}}
        (folder / "cameron" / f"{name}.json").write_text(json.dumps(said))
    for name in TICKETS:
        (folder / "tickets" / f"{name}.yaml").write_text(f"name: {name}\nstart_point_url: {service.url(f'defined/{name}')}/{{key}}\n")
    for name in MENDERS:
        task = {
            "name": "call",
            "type": "http",
            "taskdef": {"uri": service.url(f"defined/{name}"), "method": "POST", "payload": '{"key": "${workflow.input.key}"}'},
        }
        (folder / "mender" / f"{name}.json").write_text(
            json.dumps({"name": name, "version": 2, "tasks": [task], "inputParameters": ["key"]})
        )
    for name, (text, _) in BROKEN.items():
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def defined(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Defined]:
    folder = tmp_path_factory.mktemp("definitions")
    write(folder, service)
    settings = {"CAMERON_DEFINITIONS_DIR": str(folder)}
    configured = CONFIG.replace("URL", service.url("defined/configured"))
    with redis.client() as client:
        client.flushall()
    node = Node(tmp_path_factory.mktemp("node"), redis.url, configured, settings)
    try:
        yield Defined(node.start(), folder, settings)
    finally:
        node.stop()


def ends_done(node: Node, location: str) -> None:
    """Wait until what is found there is done."""

    def status() -> Any:
        said = node.get(location).json()["status"]
        return said["current"] if isinstance(said, dict) else said

    eventually(lambda: status() == "done", f"{location} to be done", every_s=0.05)


def test_all_but_the_broken_can_be_started(defined: Defined, service: Service) -> None:
    node, key = defined.node, "all-but-the-broken"
    for name in (*CAMERONS, *MENDERS, "configured"):
        service.on(f"defined/{name}", reply(1), key=key)
    for name in TICKETS:
        service.on(f"defined/{name}/{key}", document({"name": "bar", "data": 1}), key=key)
    jobs = [node.job(name, {"key": key}) for name in (*CAMERONS, "configured")]
    tickets = [node.post(f"/api/workflow/{name}/start", json.dumps({"key": key})) for name in TICKETS]
    mender = [node.post(f"/api/workflow/{name}", json.dumps({"key": key})) for name in MENDERS]
    assert [answer.status_code for answer in (*tickets, *mender)] == [201] * 26
    for job in jobs:
        job.done()
    for answer in tickets:
        ends_done(node, answer.headers["Location"])
    for name, answer in zip(MENDERS, mender, strict=True):
        ends_done(node, f"/api/workflow/{name}/{answer.json()['id']}")
    called = {call.activity for call in service.calls(key)}
    assert called == {f"defined/{name}" for name in (*CAMERONS, *MENDERS, "configured")} | {f"defined/{name}/{key}" for name in TICKETS}
    assert len(called) == 47


def test_each_broken_one_is_named_with_its_place_in_the_log(defined: Defined) -> None:
    said = defined.node.output()
    assert [name for name, (_, told) in BROKEN.items() if f"{defined.folder}/{name}{told}" not in said] == []


def test_a_broken_one_is_not_found(defined: Defined) -> None:
    node, body = defined.node, '{"key": "k"}'
    answers = [
        node.post("/api/process/broken_text/start", body),
        node.post("/api/workflow/broken_value/start", body),
        node.post("/api/workflow/broken_name", body),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].json() == {"payload": body}
    assert answers[2].json() == {"error": "Workflow not found: broken_name"}


def test_check_lists_all_the_others_and_points_at_the_broken(defined: Defined) -> None:
    checked = defined.check()
    assert checked.returncode == 1
    listed = checked.stdout.splitlines()
    assert listed[-1] == "47 processes, 6 Python activities, 3 problems"
    rows = {line.split()[0]: line for line in listed if line.strip()}
    assert {"configured", *CAMERONS, *MENDERS, *(f"workflow:{name}" for name in TICKETS)} <= rows.keys()
    assert f"{defined.folder}/tickets/ticket_3.yaml" in rows["workflow:ticket_3"]
    assert str(defined.node.file) in rows["configured"]
    problems = checked.stderr.splitlines()
    assert len(problems) == 3
    for name, (_, told) in BROKEN.items():
        assert [problem for problem in problems if problem.startswith(f"{defined.folder}/{name}{told}")], problems


def test_the_schemas_are_published_as_they_are_used(defined: Defined) -> None:
    listed = defined.node.get("/api/schema")
    assert listed.status_code == 200
    assert {"cameron", "tickets", "mender", "machinery"} <= set(re.findall(r"[a-z]+", listed.text))
    answer = defined.node.get("/api/schema/cameron")
    assert answer.status_code == 200
    assert answer.json() == json.loads((PROJECT / "cameron/definitions/schemas/cameron.json").read_text())
    assert defined.node.get("/api/schema/cobol").status_code == 404


def test_a_job_goes_on_with_the_definition_it_started_with_when_the_file_has_changed(
    defined: Defined, tmp_path: Path, redis: RedisServer, service: Service
) -> None:
    """The node is killed with the first task called; the file has another URL when it comes back. No other node runs jobs meanwhile."""
    drained(defined.node)
    key, gate = "file-has-changed", service.gate()
    folder = tmp_path / "definitions" / "cameron"
    folder.mkdir(parents=True)
    file = folder / "changing.json"

    def define(activity: str) -> None:
        file.write_text(json.dumps({"name": "changing", "start_activity_url": service.url(activity)}))

    service.on("defined/old", reply(1).held(gate), reply(2), key=key)
    service.on("defined/new", reply(3), key=key)
    define("defined/old")
    settings = {"CAMERON_DEFINITIONS_DIR": str(folder.parent), "CAMERON_NODE_LEASE_S": "1", "CAMERON_NODE_NAME": "changing"}
    node = Node(tmp_path, redis.url, {}, settings)
    try:
        job = node.start().job("changing", {"key": key})
        service.arrived(key, 1)
        node.kill()
        define("defined/new")
        node.start()
        assert job.done().tasks()["start"]["data"] == 2
        assert node.job("changing", {"key": key}).done().tasks()["start"]["data"] == 3
    finally:
        gate.open()
        node.stop()
    assert [call.activity for call in service.calls(key)] == ["defined/old", "defined/old", "defined/new"]
