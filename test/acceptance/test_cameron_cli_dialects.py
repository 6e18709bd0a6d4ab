"""The `cameron` command with jobs of every dialect: started by name, followed, and found by the locations that each answers with."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from cameron.client import Client

from .support import mender
from .support.answer import document, http
from .support.mender import command, flow, task
from .support.node import Node, definitions
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually
from .test_cameron_cli import cameron

ECHO = "/bin/echo"
TEXT = [{"name": "message", "type": "string"}]


class Way(NamedTuple):
    """How jobs of one dialect are started."""

    process: str
    options: tuple[str, ...]  # of `cameron start`
    start: str  # where the dialect's own clients POST
    body: str
    task: str  # the last one
    call: str  # of the service


KEYED = ("--key", "k", "--data", '{"message": "m"}')
BODY = '{"key": "k", "data": {"message": "m"}}'
DIALECTS = {
    "cameron": Way("scripted", KEYED, "/api/process/scripted/start", BODY, "start", "cli/cameron"),
    "tickets": Way("workflow:bar", KEYED, "/api/workflow/bar/start", BODY, "start", "cli/tickets"),
    "mender": Way("tell", ("--body", '{"message": "m"}'), "/api/workflow/tell", '{"message": "m"}', "tell", "cli/mender"),
    "machinery": Way("shout", KEYED, "/e/shout", BODY, "upper", "cli/machinery"),
}
ANSWERS = {
    "cameron": document({"requestor": "start", "data": 1}),
    "tickets": document({"name": "start", "data": 1}),
    "mender": http(200, b"{}"),
    "machinery": document({"message": "M"}),
}
FAILS = http(400, b"the awesome error message")
ways = pytest.mark.parametrize("dialect", DIALECTS)


def workflows(service: Service) -> dict[str, Any]:
    url = service.url("cli/mender")
    return flow("tell", command("say", ECHO, "${workflow.input.message}"), task("tell", url), inputs=("message",))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    with redis.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("definitions")
    mender.write(folder, workflows(service))
    tickets = f'{{workflows, [{{workflow, {{name, bar}}, {{start_point_url, "{service.url("cli/tickets")}"}}}}]}}.\n'
    settings = {"CAMERON_DEFINITIONS_DIR": str(folder), "CAMERON_COMMANDS_ALLOWED_BINARIES": ECHO}
    file = definitions({"scripted": service.url("cli/cameron")}) + tickets
    running = Node(tmp_path_factory.mktemp("node"), redis.url, file, settings)
    try:
        yield register(running.start(), service)
    finally:
        running.stop()


def register(node: Node, service: Service) -> Node:
    """The node, with machinery's workflow."""
    upper = {"name": "upper", "address": service.url("cli/machinery"), "inputs": TEXT, "outputs": TEXT}
    shout = {"name": "shout", "services": ["upper"], "inputs": TEXT, "outputs": TEXT, "operations": []}
    for path, said in (("/s", upper), ("/w", shout)):
        answer = node.post(path, json.dumps(said))
        assert answer.status_code == 201, answer.text
    return node


def native(node: Node, dialect: str) -> str:
    """The location of a new job, as the dialect's own clients are told it."""
    answer = node.post(DIALECTS[dialect].start, DIALECTS[dialect].body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


@ways
def test_a_job_is_started_and_followed_to_its_end(node: Node, service: Service, dialect: str) -> None:
    way = DIALECTS[dialect]
    service.on(way.call, ANSWERS[dialect])
    ended = cameron(node, "start", way.process, *way.options, "--follow")
    assert (ended.returncode, ended.stderr) == (0, "")
    location, *lines = ended.stdout.splitlines()
    assert f"{way.task}  done" in [line.partition("  ")[2] for line in lines]
    shown = cameron(node, "job", location)
    assert json.loads(shown.stdout) == json.loads("\n".join(lines[lines.index("{") :]))


@ways
def test_following_a_job_that_fails_is_a_1(node: Node, service: Service, dialect: str) -> None:
    way = DIALECTS[dialect]
    service.on(way.call, FAILS)
    ended = cameron(node, "start", way.process, *way.options, "--follow")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert f"{way.task}  error" in ended.stdout
    assert "the awesome error message" in ended.stdout


@ways
def test_the_location_of_a_dialect_is_explained_cancelled_retried_and_shown(node: Node, service: Service, dialect: str) -> None:
    way, gate = DIALECTS[dialect], service.gate()
    service.on(way.call, ANSWERS[dialect].held(gate))
    location = native(node, dialect)
    assert f"is calling task {way.task!r}" in explained_once_calling(node, location)
    assert cameron(node, "cancel", location).stdout in ("cancelling\n", "cancelled\n")
    ended = followed(node, location)
    assert json.loads(cameron(node, "job", location).stdout) == ended
    gate.open()
    service.on(way.call, ANSWERS[dialect])
    assert cameron(node, "retry", location).stdout == f"scheduled, to run again: {way.task}\n"
    ended = followed(node, location)
    assert json.loads(cameron(node, "job", location).stdout) == ended
    assert "It was done" in cameron(node, "explain", location).stdout


def followed(node: Node, location: str) -> dict[str, Any]:
    """The job at its end."""
    with Client(node.url) as client:
        *_, ended = client.follow(location)
    return ended


def explained_once_calling(node: Node, location: str) -> str:
    """What `cameron explain` prints when the service is being called."""
    with Client(node.url) as client:
        eventually(lambda: client.explain(location).get("calling"), "the service to be called")
    return cameron(node, "explain", location).stdout


@pytest.mark.parametrize("dialect", ["tickets", "mender", "machinery"])
def test_what_does_not_exist_is_told_in_the_words_of_the_dialect(node: Node, dialect: str) -> None:
    location = native(node, dialect)
    for words in (("job",), ("explain",), ("cancel",), ("retry",)):
        told = cameron(node, *words, location[:-32] + "0" * 32)
        assert (told.returncode, told.stdout) == (1, "")
        assert "0" * 32 in told.stderr
        assert "check the URL" not in told.stderr


def test_inputs_that_are_missing_are_a_2(node: Node) -> None:
    told = cameron(node, "start", "tell", "--body", "{}")
    assert (told.returncode, told.stdout) == (2, "")
    assert "message" in told.stderr
