"""The real server on a real socket."""

import http.client
import json
import logging
import os
import resource
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cameron.errors import ConfigError
from cameron.web.listener import Listener, listen

START = "/api/process/foo/start"
CALLBACK = "/api/process/foo/key/k/job/u/task/t/callback/token"


def send(port: int, raw: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to raw bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        with connection.makefile("rb") as stream:
            answer: bytes = stream.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def test_a_start_over_the_wire(port: int, engine: Any) -> None:
    raw = b"POST /api/process/foo/start HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    head, body = send(port, raw)
    assert head.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"\r\nLocation: http://localhost:8080/api/process/foo/key/(id,007)/job/" in head
    assert json.loads(body) == {"payload": "{}"}
    assert engine.started == [("foo", b"{}")]


def test_a_slash_in_a_key_over_the_wire(port: int, engine: Any) -> None:
    send(port, b"GET /api/process/foo/key/a%2Fb%20%C3%A9/job/u HTTP/1.0\r\n\r\n")
    send(port, b"GET http://any/api/process/foo/key/k/job/u HTTP/1.0\r\n\r\n")
    assert engine.asked == [("foo", "a/b é", "u"), ("foo", "k", "u")]


def test_a_missing_host_gives_a_location_that_works(port: int) -> None:
    head, _ = send(port, b"POST /api/process/foo/start HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
    assert b"\r\nLocation: http://127.0.0.1:8008/api/process/foo/" in head


def test_a_chunked_body_is_taken(port: int, engine: Any) -> None:
    raw = f"POST {START} HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    head, _ = send(port, raw.encode())
    assert head.startswith(b"HTTP/1.1 201 ")
    assert engine.started == [("foo", b"{}")]


def test_a_chunked_body_over_the_limit_is_a_413(port: int, engine: Any) -> None:
    raw = f"POST {START} HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{'x' * 1001}\r\n0\r\n\r\n"
    head, body = send(port, raw.encode())
    assert head.startswith(b"HTTP/1.1 413 ")
    assert "1000 bytes" in json.loads(body)["error"]["message"]
    assert engine.started == []


def test_a_huge_content_length_is_refused_before_the_body_comes(port: int) -> None:
    head, body = send(port, f"POST {START} HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n".encode())
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"application/json" in head
    assert "1000 bytes" in json.loads(body)["error"]["message"]


def test_a_callback_over_the_wire_may_be_larger_than_a_start(port: int, engine: Any) -> None:
    body = b"x" * (1 << 20)
    head, _ = send(port, f"POST {CALLBACK} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert [len(asked[-1]) for asked in engine.asked] == [1 << 20]


def test_a_callback_far_over_its_limit_is_told_of_that_limit(port: int) -> None:
    head, body = send(port, f"POST {CALLBACK} HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n".encode())
    assert head.startswith(b"HTTP/1.1 413 ")
    message = json.loads(body)["error"]["message"]
    assert f"{1 << 20} bytes" in message
    assert "max_reply_bytes under [http]" in message


@pytest.mark.parametrize("raw", [b"nonsense", b"GET /api HTTP/1.1\r\nbad header", b"GET /api HTTP/1.1\r\nContent-Length: x"])
def test_what_is_not_http_is_a_json_error(port: int, raw: bytes) -> None:
    head, body = send(port, raw + b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert json.loads(body)["error"]["code"] == "bad_request"


def test_a_hostile_host_over_the_wire_does_not_reach_the_location(port: int) -> None:
    head, _ = send(port, f"POST {START} HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    assert b"\r\nLocation: http://127.0.0.1:8008/" in head


def test_a_taken_port_is_an_error_that_names_port_and_setting(port: int) -> None:
    with pytest.raises(ConfigError, match=rf"port {port} on 127.0.0.1 is already taken.*CAMERON_WEB_PORT"):
        listen("127.0.0.1", port)


def test_an_unknown_host_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"'no such host'.*CAMERON_WEB_HOST"):
        listen("no such host", 0)


def test_a_stop_lets_a_request_in_progress_finish_and_frees_the_port(app: Any, engine: Any) -> None:
    engine.go_on = threading.Event()
    listener = Listener(app, listen("127.0.0.1", 0), 2, 1000, 10.0, lambda error: None)
    listener.start()
    port = listener.address[1]
    idle = socket.create_connection(("127.0.0.1", port), timeout=10)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(send, port, f"POST {START} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert engine.entered.wait(10)
        stopped = pool.submit(listener.stop)
        assert idle.recv(1) == b""  # the stop has begun: idle connections are closed at once
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)
        engine.go_on.set()
        head, _ = answer.result(10)
        stopped.result(10)
    idle.close()
    assert head.startswith(b"HTTP/1.1 201 ")
    assert b"\r\nConnection: close" in head
    listen("127.0.0.1", port).close()


def test_a_request_that_outlives_the_bound_does_not_hold_the_stop(app: Any, engine: Any, caplog: pytest.LogCaptureFixture) -> None:
    engine.go_on = threading.Event()
    listener = Listener(app, listen("127.0.0.1", 0), 1, 1000, 0.1, lambda error: None)
    listener.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, listener.address[1], f"POST {START} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert engine.entered.wait(10)
        listener.stop()
        head, _ = answer.result(10)
        engine.go_on.set()
    assert head == b""
    assert "1 request(s) were still unanswered" in caplog.text


def test_a_loop_that_dies_is_told_with_its_error_and_leaves_the_port_free(app: Any) -> None:
    deaths: list[BaseException] = []
    died = threading.Event()

    def on_death(error: BaseException) -> None:
        deaths.append(error)
        died.set()

    listener = Listener(app, listen("127.0.0.1", 0), 1, 1000, 1.0, on_death)
    port = listener.address[1]
    listener._connections[99999999] = object()  # what poll() cannot watch ends the loop
    listener.start()
    assert died.wait(10)
    assert [type(error) for error in deaths] == [AttributeError]
    listener.stop()
    listen("127.0.0.1", port).close()


def test_waitress_says_nothing_below_error(port: int) -> None:
    assert [logging.getLogger(name).level for name in ("waitress", "waitress.queue")] == [logging.ERROR, logging.ERROR]


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    """Takes the descriptors below 1100, as thousands of calls to activities do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    taken: list[int] = []
    while not taken or taken[-1] < 1100:
        taken.append(os.dup(0))
    yield
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
def test_descriptors_beyond_what_select_can_watch_are_served(app: Any) -> None:
    deaths: list[BaseException] = []
    listener = Listener(app, listen("127.0.0.1", 0), 1, 1000, 5.0, deaths.append)
    listener.start()
    head, _ = send(listener.address[1], b"GET /api HTTP/1.0\r\n\r\n")
    listener.stop()
    assert (head.split()[1], deaths) == (b"200", [])


def test_a_client_that_stalls_in_mid_request_is_dropped_soon_after_a_stop(app: Any) -> None:
    listener = Listener(app, listen("127.0.0.1", 0), 1, 1000, 60.0, lambda error: None)
    listener.start()
    with socket.create_connection(listener.address, timeout=10) as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(b"POST /api/process/foo/start HTTP/1.1\r\nContent-Le")
        pool.submit(listener.stop).result(20)
        assert connection.recv(1) == b""


def test_a_kept_alive_connection_serves_many_requests(port: int, engine: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    statuses = []
    for _ in range(3):
        connection.request("POST", START, body=b"{}")
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert (statuses, len(engine.started)) == ([201, 201, 201], 3)
