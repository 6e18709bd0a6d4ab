"""What only shows on the wire: odd Host headers, odd paths, clients that break off."""

import json
import re
import socket

import pytest

from .support.answer import reply
from .support.node import Node
from .support.scenario import Scenario
from .support.service import Service

BODY = b'{"key":"(id,007)"}'


@pytest.fixture(autouse=True)
def start_activity(service: Service) -> None:
    """Every job here has one task, which answers at once."""
    service.on("start", reply(1))


def exchange(node: Node, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes on a connection of their own; status, headers and body of the answer."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split(" ")[1]), headers, body


def post(target: bytes, *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    lines = [b"POST " + target + b" " + version, *headers, b"Connection: close", b"Content-Length: %d" % len(BODY)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + BODY


START = b"/api/process/scripted/start"


def test_without_a_host_header_the_location_names_where_the_node_listens(node: Node) -> None:
    status, headers, _ = exchange(node, post(START, version=b"HTTP/1.0"))
    assert status == 201
    assert headers["location"].startswith(f"http://127.0.0.1:{node.port}/api/process/scripted/key/(id,007)/job/")


@pytest.mark.parametrize("host", [b"", b"a b", b"evil\x01", b"a/../b", b"<script>", b'"', b"user@host", b"a,b", b"\xff\xfe", b"x" * 5000])
def test_a_hostile_host_header_never_reaches_the_location(node: Node, host: bytes) -> None:
    status, headers, _ = exchange(node, post(START, b"Host: " + host))
    assert status in (201, 400)
    if status == 201:
        assert re.match(r"http://[A-Za-z0-9.:_\[\]-]+/api/process/scripted/key/\(id,007\)/job/[0-9a-f]{32}$", headers["location"])


@pytest.mark.parametrize("host", [b"[::1]:8008", b"EXAMPLE.org", b"under_score.example:1"])
def test_an_unusual_but_good_host_header_is_kept(node: Node, host: bytes) -> None:
    _, headers, _ = exchange(node, post(START, b"Host: " + host))
    assert headers["location"].lower().startswith(f"http://{host.decode().lower()}/api/")


def test_an_absolute_request_target_is_understood(node: Node) -> None:
    status, _, body = exchange(node, post(f"http://127.0.0.1:{node.port}".encode() + START, b"Host: elsewhere"))
    assert status == 201
    assert json.loads(body) == {"payload": BODY.decode()}


BAD_PATHS = [
    b"/api/process/%zz/start",
    b"/api/process/%/start",
    b"/api/process/%ff/start",
    b"/api/process/%00/start",
    b"/api/process//start",
    b"/api/process/scripted%2Fstart",
    b"/api/process/" + b"a" * 5000 + b"/start",
    b"/api/process/scripted/key/%ff/job/" + b"0" * 32,
    b"/api/process/scripted/key/%zz/job/" + b"0" * 32,
    b"/\xff\xfe",
    b"*",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_means_nothing_is_4xx_with_a_json_body(node: Node, path: bytes) -> None:
    for request in (post(path, b"Host: a"), b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
        status, headers, body = exchange(node, request)
        assert status in (400, 404, 405), body
        assert headers["content-type"].startswith("application/json")
        assert set(json.loads(body)) <= {"error", "payload"}


def test_head_answers_as_get_without_a_body(scenario: Scenario) -> None:
    job = scenario.run().done()
    answer = scenario.node.http.head(job.location, timeout=30)
    assert answer.status_code in (200, 405)
    assert answer.content == b""


def test_a_client_that_breaks_off_leaves_nothing_behind(node: Node) -> None:
    before = set(node.store.scan_iter("cameron:process:*"))
    head = b"POST " + START + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
            connection.sendall(head + b'{"key": "cut')
    assert node.get("/status").status_code == 200
    assert set(node.store.scan_iter("cameron:process:*")) == before


def test_clients_that_send_nothing_keep_nobody_from_starting_jobs(scenario: Scenario) -> None:
    idle = [socket.create_connection(("127.0.0.1", scenario.node.port), timeout=30) for _ in range(150)]
    try:
        for connection in idle[:50]:
            connection.sendall(b"POST " + START + b" HTTP/1.1\r\nHost: a\r\nContent-Le")
        scenario.run().done()
    finally:
        for connection in idle:
            connection.close()
