"""The examples that come with Cameron, run by the commands of their pages: development's definitions, against the sample services.

Nothing is changed but addresses, as the services have free ports here. Those of machinery are run where it is tested.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from .support import libero
from .support.answer import document
from .support.libero import PENDING, PERMANENT_FAILURE, SUCCEEDED
from .support.node import CAMERON, Node
from .support.program import PROJECT, Program
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

LOCALLY = "http://localhost:8080"
TICKETS, MENDER, LIBERO = ((PROJECT / "docs" / page).read_text(encoding="utf-8") for page in ("tickets.md", "mender.md", "libero.md"))
PAGES = "\n".join((TICKETS, MENDER))  # of which all starts end well
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, block in BLOCK.findall(LIBERO) if language == "sh" for line in block.splitlines()]
STATES = (  # of the workflows that the page of libero starts, and of their activities
    ["Finished", SUCCEEDED, SUCCEEDED, SUCCEEDED, PERMANENT_FAILURE],
    ["Failed", PERMANENT_FAILURE, SUCCEEDED, PENDING, PENDING],
    ["Finished", SUCCEEDED, SUCCEEDED],
)
MOCK_SERVER, MOCK = "http://www.mocky.io", "v2/5de377e13000006800e9c9c2?mocky-delay=2000ms"


def starts(page: str) -> list[str]:
    """The starts that a page has for curl."""
    return [line for line in page.splitlines() if line.startswith((f"curl -i {LOCALLY}", f"curl -i '{LOCALLY}"))]


def typed(page: str) -> list[str]:
    """The starts that a page has for the command line."""
    return [line for line in page.splitlines() if line.startswith(".venv/bin/cameron start ")]


class Sample(Program):
    """A sample service of `test`, on a free port."""

    def __init__(self, name: str, folder: Path, port_setting: str) -> None:
        super().__init__(name, folder, [str(PROJECT / "test" / name / "bin" / "run")], {port_setting: "0"})

    def start(self) -> str:
        """Start it; its address, without a path, once it listens."""
        self.launch()
        return eventually(self._address, f"{self.name} to listen", every_s=0.05)

    def _address(self) -> str:
        assert self.running, f"{self.name} ended with {self.exited}:\n{self.output()}"
        said = re.search(r"listens? on (http://localhost:[0-9]+)/", self.output())
        return said[1] if said else ""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The documented addresses of the services that the examples call, and where they are here."""
    folder, mock_server = tmp_path_factory.mktemp("samples"), Service()  # not the session's, whose calls other tests count
    mock_server.start()
    for mocked in (MOCK, "foo"):
        mock_server.on(mocked, document({}))
    foo, text = Sample("foo_workflow", folder, "FOO_WORKFLOW_PORT"), Sample("text_services", folder, "TEXT_SERVICES_PORT")
    try:
        yield {
            "http://localhost:9292": foo.start(),
            "http://localhost:9393": text.start(),
            MOCK_SERVER: mock_server.url("").removesuffix("/"),
        }
    finally:
        foo.kill()
        text.kill()
        mock_server.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, samples: dict[str, str]) -> Iterator[Node]:
    """A node with development's definitions and activities; it may run the program that the page allows it, and foobar.com answers 200."""
    with redis.client() as client:
        client.flushall()
    shipped, folder = PROJECT / "priv", tmp_path_factory.mktemp("examples")
    shutil.copytree(shipped / "definitions", folder / "definitions")
    for file in (folder / "definitions").glob("*/*.*"):
        file.write_text(here(file.read_text(encoding="utf-8"), samples), encoding="utf-8")
    processes = here((shipped / "processes" / "development.config").read_text(encoding="utf-8"), samples)
    name, _, allowed = next(line for line in PAGES.splitlines() if line.startswith("CAMERON_")).removesuffix(" make run_dev").partition("=")
    settings = {
        "CAMERON_DEFINITIONS_DIR": str(folder / "definitions"),
        name: allowed,
        **libero.foobar(int(samples[MOCK_SERVER].rpartition(":")[2])),
    }
    running = Node(folder, redis.url, processes, settings)
    try:
        yield running.start()
    finally:
        running.stop()


def here(text: str, samples: dict[str, str]) -> str:
    for documented, address in samples.items():
        text = text.replace(documented, address)
    return text


def run(command: str, node: Node) -> str:
    """What a command of a page prints against this node; it has to end well."""
    line = command.replace(LOCALLY, node.url).replace("curl ", "curl -sS ", 1).replace(".venv/bin/cameron", " ".join(CAMERON), 1)
    environ = {**os.environ, "CAMERON_URL": node.url}
    did = subprocess.run(["sh", "-c", line], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert did.returncode == 0, f"{line}\n{did.stdout}{did.stderr}"
    return did.stdout


def ended(node: Node, location: str) -> Any:
    """A job's document, once it has ended."""

    def look() -> Any:
        status = (said := node.http.get(urljoin(node.url, location), timeout=30).json())["status"]
        word = status["current"] if isinstance(status, dict) else status
        return (word, said) if word in ("done", "failed", "error") else None

    return eventually(look, f"{location} to end")


@pytest.mark.parametrize("command", starts(PAGES), ids=lambda command: re.sub(r"\W+", "-", command))
def test_a_start_that_a_page_shows_ends_well(node: Node, command: str) -> None:
    printed = run(command, node)
    assert printed.startswith("HTTP/1.1 201 Created"), printed
    [location] = re.findall(r"^Location: (\S+)", printed, re.MULTILINE)
    word, said = ended(node, location)
    assert word == "done", said
    assert all(task["status"]["current"] == "done" for task in said.get("tasks", ())), said


def test_the_ticket_goes_through_all_steps_of_its_sample(node: Node) -> None:
    answer = node.post("/api/workflow/bar/start", '{"key": "a b/c", "data": [1]}')
    _, said = ended(node, answer.headers["Location"])
    assert {task["name"]: task["data"] for task in said["tasks"]} == {
        "start": "bar has seen a b/c",
        "kar": "kar has seen a b/c",
        "xar": "xar has seen a b/c",
    }


def test_the_text_is_shouted_and_turned_round_only_for_who_asks(node: Node) -> None:
    bodies = []
    for more in ("", ', "backwards": true'):
        answer = node.post("/api/workflow/shout", '{"text": "\\"a\\" b"' + more + "}")
        _, said = ended(node, answer.headers["Location"])
        bodies.append([result["response"] and result["response"]["body"] for result in said["results"]])
    upper, count = '{"message": "\\"A\\" B"}', '{"space_count": 1}'
    assert bodies == [[upper, count, None], [upper, count, '{"message": ")secaps 1( B \\"A\\""}']]


@pytest.mark.parametrize("command", typed(PAGES))
def test_a_start_that_a_page_has_typed_ends_well(node: Node, command: str) -> None:
    assert '"status": "done"' in run(command, node)


@pytest.mark.parametrize(("command", "wanted"), list(zip(starts(LIBERO), STATES, strict=True)))
def test_a_workflow_of_the_page_ends_as_the_page_says(node: Node, command: str, wanted: list[str]) -> None:
    printed = run(command, node)
    assert printed.startswith("HTTP/1.1 201 Created"), printed
    [location] = re.findall(r"^Location: (\S+)", printed, re.MULTILINE)
    assert f'"state":"{wanted[0]}"' in printed.replace(" ", "")  # the client has waited for the end
    assert libero.states(node.at(urljoin(node.url, location))) == wanted


def test_the_order_of_the_page_is_reserved_charged_and_told_and_so_is_its_history(node: Node) -> None:
    [order] = typed(LIBERO)
    printed = run(order, node)
    location, job_began = printed.partition("\n")[0], printed.index("\n{")
    assert re.search(r"^\S+ +charge +done$", printed[:job_began], re.MULTILINE)
    job, said = node.at(location), json.loads(printed[job_began:])
    assert (said["status"]["current"], said["workflow"]["state"]) == ("done", "Finished")
    assert [one["result"] for one in said["workflow"]["activities"]] == [
        SUCCEEDED,
        True,
        {"paid": 80.0, "reservation": f"north-{job.uuid[:8]}"},
        "sent to ann@example.org",
    ]
    [follow] = [line for line in COMMANDS if "LOCATION" in line]
    told = run(follow.replace("LOCATION", location), node).splitlines()
    assert [line.split()[1] for line in told] == [event["event"] for event in libero.events(job)]


def test_the_pages_client_in_python_starts_a_workflow(node: Node) -> None:
    [client] = [block for language, block in BLOCK.findall(LIBERO) if language == "python" and "requests.post(" in block]
    ran = subprocess.run([sys.executable, "-c", client.replace(LOCALLY, node.url)], capture_output=True, text=True, timeout=60, check=True)
    assert libero.states(node.at(urljoin(node.url, ran.stdout.strip())).done())[0] == "Finished"


def test_the_pages_definitions_are_as_cameron_check_wants_them(node: Node, tmp_path: Path) -> None:
    said = [block for language, block in BLOCK.findall(LIBERO) if language == "json" and '"activities"' in block and '"state"' not in block]
    assert len(said) == 2
    place = tmp_path / "libero"
    place.mkdir()
    for number, block in enumerate(said):
        (place / f"{number}.json").write_text(block, encoding="utf-8")
    without_package = f"CAMERON_DEFINITIONS_DIR={tmp_path} CAMERON_PYTHON_ACTIVITIES_PACKAGE="  # whose classes are the page's alone
    checked = run(f"{without_package} .venv/bin/cameron check", node)
    assert "DummyWorkflow" in checked
    assert "NotifyWorkflow" in checked
    shipped = run(".venv/bin/cameron check", node)
    assert "OrderWorkflow" in shipped
    assert node.get("/api/schema/libero").json()["required"] == ["name", "activities"]


def test_every_command_of_the_libero_page_is_run_here_or_is_how_a_node_is_started() -> None:
    run_here = {*starts(LIBERO), *typed(LIBERO), *(line for line in COMMANDS if "LOCATION" in line)}
    others = [line for line in COMMANDS if line not in run_here]
    assert [line.rpartition(" ")[2] for line in others] == ["run_dev", "run_dev"]


def test_every_example_is_started_by_a_command_of_a_page(node: Node) -> None:
    commands = [command for page in (PAGES, LIBERO) for command in starts(page)]
    started = {name for command in commands for name in re.findall(r"/api/(?:workflow|process)/(\w+)", command)}
    shipped = {name.removeprefix("workflow:") for name in node.get("/status").json()["processes"]}
    assert shipped - started == {"foo"}  # whose walk-through has tests of its own
    assert node.get("/health").json()["definitions"]["problems"] == []
    assert "cannot be imported" not in node.output()
