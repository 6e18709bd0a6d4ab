"""The Python client, against a server on a real socket that answers from a script."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cameron.client import Client, Job, RequestFailed, ServerUnreachable
from cameron.errors import CameronError
from cameron.web.listener import Listener, listen


@dataclass
class Scripted:
    """A WSGI application that gives one answer after the other, the last one for ever, and keeps what it was asked."""

    answers: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["REQUEST_URI"], environ["wsgi.input"].read()))
        status, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        start_response(status, [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def will(self, status: str, body: Any, **headers: str) -> None:
        self.answers.append((status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.fixture
def server() -> Scripted:
    return Scripted()


@pytest.fixture
def client(server: Scripted) -> Iterator[Client]:
    listener = Listener(server, listen("127.0.0.1", 0), 2, 1 << 20, 5.0, lambda error: None)
    listener.start()
    with Client(f"http://127.0.0.1:{listener.address[1]}/", timeout_s=10) as client:
        yield client
    listener.stop()


def job(status: str, *tasks: str) -> dict[str, Any]:
    return {"status": {"current": status}, "tasks": [{"name": name, "status": {"current": "done"}} for name in tasks]}


def test_a_start_posts_the_documented_body_and_tells_the_location(client: Client, server: Scripted) -> None:
    server.will("201 Created", {"payload": "p"}, Location="http://h/api/process/foo/key/k/job/u")
    assert client.start("foo", "(id,007)", {"a": [1]}, "bob") == Job("http://h/api/process/foo/key/k/job/u", "p")
    ((method, uri, body),) = server.requests
    assert (method, uri) == ("POST", "/api/process/foo/start")
    assert json.loads(body) == {"key": "(id,007)", "data": {"a": [1]}, "requestor": "bob"}


def test_an_unknown_process_is_an_error_that_names_it(client: Client, server: Scripted) -> None:
    server.will("404 Not Found", {"payload": "p"})
    with pytest.raises(RequestFailed, match="no process named 'bar/x'") as failed:
        client.start("bar/x", "k", "", "")
    assert (failed.value.status, failed.value.code) == (404, "process_not_found")
    assert server.requests[0][1] == "/api/process/bar%2Fx/start"


def test_a_refusal_is_an_error_with_the_servers_words(client: Client, server: Scripted) -> None:
    server.will("400 Bad Request", {"error": {"code": "missing_key", "message": "send a key"}})
    with pytest.raises(RequestFailed, match=r"^send a key$") as failed:
        client.start("foo", "", "", "")
    assert (failed.value.status, failed.value.code) == (400, "missing_key")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"error": 1}', b"{}"])
def test_an_answer_of_another_program_is_told_as_such(client: Client, server: Scripted, body: bytes) -> None:
    server.will("200 OK", body)
    with pytest.raises(RequestFailed, match="not as a Cameron does: check the URL"):
        client.start("foo", "k", "", "")
    with pytest.raises(RequestFailed, match="not as a Cameron does: check the URL"):
        client.job("/api/process/foo/key/k/job/u")


def test_a_job_is_found_by_its_whole_location_and_by_its_path(client: Client, server: Scripted) -> None:
    server.will("200 OK", job("done"))
    path = "/api/process/foo/key/a%2Fb%20(id,007)/job/u"
    assert [client.job(client.base_url + path), client.job(path)] == [job("done"), job("done")]
    assert [uri for _, uri, _ in server.requests] == [path, path]


def test_following_tells_each_change_until_the_job_has_ended(client: Client, server: Scripted) -> None:
    states = [job("running"), job("running"), job("running", "a"), job("error", "a")]
    for state in states:
        server.will("200 OK", state)
    assert list(client.follow("/j", poll_s=0)) == [states[0], states[2], states[3]]


def test_a_server_that_is_not_there_is_told_with_how_to_start_it() -> None:
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    sock.close()
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ServerUnreachable) as failed:
        client.job("/j")
    told = f"no Cameron answers at http://127.0.0.1:{port} (connection refused): start one with `cameron serve`"
    assert str(failed.value).startswith(told)


@pytest.mark.parametrize("url", ["localhost:8080", "http://", "ftp://h", "http://[", "x"])
def test_what_is_no_url_is_told_with_an_example(url: str) -> None:
    with pytest.raises(CameronError, match="give a URL such as http://localhost:8080"):
        Client(url).start("foo", "k", "", "")


def test_data_that_is_no_json_is_told(client: Client) -> None:
    with pytest.raises(CameronError, match="cannot be written as JSON"):
        client.start("foo", "k", float("nan"), "")


def test_an_environments_proxy_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch, client: Client, server: Scripted) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.will("200 OK", job("done"))
    assert client.job("/j") == job("done")
