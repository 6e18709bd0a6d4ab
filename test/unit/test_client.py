"""The Python client, against a server on a real socket that answers from a script."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import cameron.client
from cameron.client import Client, RequestFailed, ServerUnreachable, StartedJob
from cameron.errors import CameronError, WrongUse
from cameron.web.listener import Listener, listen


@dataclass
class Scripted:
    """A WSGI application that gives one answer after the other, the last one for ever, and keeps what it was asked."""

    answers: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["REQUEST_URI"], environ["wsgi.input"].read()))
        self.tokens.append(environ.get("HTTP_IDEMPOTENCY_KEY"))
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
    assert client.start("foo", "(id,007)", {"a": [1]}, "bob") == StartedJob("http://h/api/process/foo/key/k/job/u", "p")
    ((method, uri, body),) = server.requests
    assert (method, uri) == ("POST", "/api/process/foo/start")
    assert json.loads(body) == {"key": "(id,007)", "data": {"a": [1]}, "requestor": "bob"}


def test_a_whole_body_that_would_start_many_jobs_is_not_sent(client: Client, server: Scripted) -> None:
    with pytest.raises(WrongUse, match="start_all"):
        client.start_with("foo", b' \n[{"key": "k"}]')
    assert server.requests == []


@pytest.mark.parametrize("body", [{"path": "/"}, b'{"path": 1.0, "path": "/"}'])
def test_a_start_with_a_whole_body_posts_that(client: Client, server: Scripted, body: Any) -> None:
    server.will("201 Created", {"payload": "p"}, Location="http://h/j")
    assert client.start_with("disk_space", body) == StartedJob("http://h/j", "p")
    ((method, uri, sent),) = server.requests
    assert (method, uri) == ("POST", "/api/process/disk_space/start")
    assert sent == body if isinstance(body, bytes) else json.loads(sent) == body


def test_many_jobs_are_started_by_one_request_and_each_is_told_by_itself(client: Client, server: Scripted) -> None:
    refused = {"code": "key_missing", "message": "name a key", "field": "key"}
    jobs = [{"status": 201, "location": "http://h/1", "uuid": "1", "key": "é"}, {"status": 400, "error": refused}]
    server.will("200 OK", {"jobs": [*jobs, {"status": 200, "location": "http://h/3", "uuid": "3", "key": "k"}]})
    first, second, third = client.start_all("foo", [{"key": "é"}, {}, {"key": "k", "data": 1.0}], "order 7")
    assert (first, third) == (
        StartedJob("http://h/1", '{"key": "\\u00e9"}'),
        StartedJob("http://h/3", '{"key": "k", "data": 1.0}', existing=True),
    )
    assert isinstance(second, RequestFailed)
    assert (second.status, second.code, str(second)) == (400, "key_missing", "name a key")
    assert server.requests == [("POST", "/api/process/foo/start", b'[{"key": "\\u00e9"},{},{"key": "k", "data": 1.0}]')]
    assert server.tokens == ["order 7"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        ("400 Bad Request", {"error": {"code": "batch_empty", "message": "it is empty"}}, "batch_empty"),
        ("404 Not Found", {"payload": "[]"}, "process_not_found"),
        ("200 OK", {"payload": "of another program"}, ""),
    ],
)
def test_a_batch_that_is_refused_as_a_whole_is_an_error(client: Client, server: Scripted, status: str, body: Any, code: str) -> None:
    server.will(status, body)
    with pytest.raises(RequestFailed) as failed:
        client.start_all("foo", [])
    assert (failed.value.status, failed.value.code, server.requests) == (int(status[:3]), code, [("POST", "/api/process/foo/start", b"[]")])


def test_an_unknown_process_is_an_error_that_names_it(client: Client, server: Scripted) -> None:
    server.will("404 Not Found", {"payload": "p"})
    with pytest.raises(RequestFailed, match="no process named 'bar/x' on this node; GET /status lists those there are") as failed:
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


@pytest.mark.parametrize("last", [job("error", "a"), {"status": "failed", "results": []}, {"status": "cancelled", "services": []}])
def test_following_tells_each_change_until_the_job_is_explained_as_ended(client: Client, server: Scripted, last: dict[str, Any]) -> None:
    states = [job("running"), job("running"), job("running", "a"), last]
    for word, state in zip(["scheduled", "running", "running", "error"], states, strict=True):
        server.will("200 OK", {"status": word, "sentence": "It is."})
        server.will("200 OK", state)
    assert list(client.follow("/j", poll_s=0)) == [states[0], states[2], last]
    assert [uri for _, uri, _ in server.requests] == ["/j/explain", "/j"] * 4


def test_a_job_that_ends_between_the_two_looks_of_following_is_told_once(client: Client, server: Scripted) -> None:
    for answer in ({"status": "running", "sentence": "-"}, job("done", "a"), {"status": "done", "sentence": "-"}, job("done", "a")):
        server.will("200 OK", answer)
    assert list(client.follow("/j", poll_s=0)) == [job("done", "a")]


def events(*ids: str, next: str | None = None, last: str = "task.done") -> dict[str, Any]:
    told = [{"id": id, "time": "t", "event": "task.done"} for id in ids]
    return {"events": [*told[:-1], *({**event, "event": last} for event in told[-1:])], "next": next, "dropped": False}


def test_the_events_of_a_job_come_one_after_the_other_whatever_pages_they_stand_in(client: Client, server: Scripted) -> None:
    for answer in (events("0-0", "5-0", next="5-0"), events("6-1", "6-1", next="6-1"), events("7-0")):
        server.will("200 OK", answer)
    assert [event["id"] for event in client.events("/j")] == ["0-0", "5-0", "6-1", "6-1", "7-0"]
    assert [uri for _, uri, _ in server.requests] == ["/j/events", "/j/events?after=5-0", "/j/events?after=6-1"]


def test_events_after_one_are_asked_for_by_its_id(client: Client, server: Scripted) -> None:
    server.will("200 OK", events())
    assert list(client.events(client.base_url + "/j", after="7-0")) == []
    assert [uri for _, uri, _ in server.requests] == ["/j/events?after=7-0"]


def test_events_are_followed_until_the_last_one_is_the_end_of_the_job(client: Client, server: Scripted) -> None:
    retried = events("5-0", "6-0", last="job.retried")  # it had ended before
    for answer in (events("0-0"), retried, events("7-0", next="7-0", last="job.ended"), events("8-0", last="job.ended")):
        server.will("200 OK", answer)
    pages = list(client.event_pages("/j", follow=True, poll_s=0))
    assert [event["id"] for page in pages for event in page["events"]] == ["0-0", "5-0", "6-0", "7-0", "8-0"]
    assert [uri for _, uri, _ in server.requests] == [
        "/j/events", "/j/events?after=0-0", "/j/events?after=6-0", "/j/events?after=7-0",
    ]  # fmt: skip


def test_where_no_new_events_come_the_explanation_says_whether_any_will(client: Client, server: Scripted) -> None:
    running, done = ({"status": word, "sentence": "It is."} for word in ("running", "done"))
    for answer in (events("0-0"), events(), running, events(), done, events("9-0", last="job.ended")):
        server.will("200 OK", answer)
    pages = list(client.event_pages("/j", follow=True, poll_s=0))
    assert [event["id"] for page in pages for event in page["events"]] == ["0-0", "9-0"]
    asked = [uri.partition("?")[0] for _, uri, _ in server.requests]
    assert asked == ["/j/events", "/j/events", "/j/explain", "/j/events", "/j/explain", "/j/events"]


def test_a_server_that_is_not_there_is_told_with_how_to_start_it() -> None:
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    sock.close()
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ServerUnreachable) as failed:
        client.job("/j")
    told = f"no Cameron answers at http://127.0.0.1:{port} (connection refused): start one with `cameron serve`"
    assert str(failed.value).startswith(told)


@pytest.mark.parametrize("url", ["localhost:8080", "http://", "ftp://h", "http://[", "x", "", "http://h:port", "http://h:0", "//h"])
def test_what_is_no_url_is_told_at_once_with_an_example(url: str) -> None:
    with pytest.raises(WrongUse) as told:
        Client(url)
    assert str(told.value) == f"{url!r} is no URL: give one such as http://localhost:8080"


def test_a_location_elsewhere_is_asked_there_and_who_is_not_there_is_told_with_the_way_back(client: Client, server: Scripted) -> None:
    server.will("200 OK", job("done"))
    with Client("http://127.0.0.1:1") as other:
        assert other.job(client.base_url + LOCATION) == job("done")
    with pytest.raises(ServerUnreachable) as failed:
        client.job("http://127.0.0.1:1" + LOCATION)
    assert "http://127.0.0.1:1 (connection refused)" in str(failed.value)
    assert str(failed.value).endswith("give the path alone to ask the one at --url")


def test_a_location_whose_url_is_none_is_told(client: Client) -> None:
    with pytest.raises(WrongUse, match="'ftp://h/api' is no URL"):
        client.job("ftp://h/api")


@pytest.mark.parametrize("data", [float("nan"), {1, 2}, b"bytes"])
def test_data_that_is_no_json_is_told(client: Client, server: Scripted, data: Any) -> None:
    with pytest.raises(WrongUse, match="cannot be written as JSON"):
        client.start("foo", "k", data, "")
    assert server.requests == []


@pytest.mark.parametrize("said", [{"error": "Job not found: u"}, {"message": "Job not found: u"}])
def test_a_refusal_in_a_dialects_own_form_is_told_in_its_words(client: Client, server: Scripted, said: Any) -> None:
    server.will("404 Not Found", said)
    with pytest.raises(RequestFailed, match=r"^Job not found: u$") as failed:
        client.job("/api/workflow/foo/u")
    assert (failed.value.status, failed.value.code) == (404, "")


def test_an_environments_proxy_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch, client: Client, server: Scripted) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.will("200 OK", job("done"))
    assert client.job("/j") == job("done")


LOCATION = "/api/process/foo/key/a%2Fb%20(id,007)/job/u"


def test_a_start_with_an_idempotency_key_says_whether_the_job_was_there(client: Client, server: Scripted) -> None:
    server.will("201 Created", {"payload": "p"}, Location=LOCATION)
    server.will("200 OK", {"payload": "p"}, Location=LOCATION)
    assert client.start("foo", "k", "", "", idempotency_key="9f3a") == StartedJob(LOCATION, "p", existing=False)
    assert client.start("foo", "k", "", "", idempotency_key="9f3a") == StartedJob(LOCATION, "p", existing=True)
    assert server.tokens == ["9f3a", "9f3a"]


@pytest.mark.parametrize("key", ["", "é", "a\nb", " a", "k" * 256])
def test_an_idempotency_key_that_fits_no_header_is_told(client: Client, server: Scripted, key: str) -> None:
    with pytest.raises(CameronError, match="1 to 255 printable ASCII characters"):
        client.start("foo", "k", "", "", idempotency_key=key)
    assert server.requests == []


class Dropping:
    """A server that closes the first connections after it has read their request, in the middle of an answer or before it."""

    def __init__(self, drops: int, midway: bool = False) -> None:
        self._drops, self._midway = drops, midway
        self._socket = listen("127.0.0.1", 0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests = 0

    def __enter__(self) -> "Dropping":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # the test is over
                return
            with connection, connection.makefile("rb") as stream:
                head = iter(stream.readline, b"\r\n")
                length = next(int(line.split(b":")[1]) for line in list(head) if line.lower().startswith(b"content-length"))
                stream.read(length)
                self.requests += 1
                if self.requests > self._drops or self._midway:
                    connection.sendall(f"HTTP/1.1 200 OK\r\nLocation: {LOCATION}\r\nContent-Length: 16\r\n\r\n".encode())
                if self.requests > self._drops:
                    connection.sendall(b'{"payload": "p"}')


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameron.client, "SENT_AGAIN_AFTER_S", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("midway", [False, True])
def test_a_start_with_an_idempotency_key_is_sent_again_where_the_connection_is_lost(midway: bool) -> None:
    with Dropping(3, midway) as server, Client(server.url, timeout_s=10) as client:
        assert client.start("foo", "k", "", "", idempotency_key="9f3a") == StartedJob(LOCATION, "p", existing=True)
        assert server.requests == 4


@pytest.mark.usefixtures("no_pauses")
def test_it_is_sent_again_a_few_times_only() -> None:
    with Dropping(100) as server, Client(server.url, timeout_s=10) as client:
        with pytest.raises(ServerUnreachable):
            client.start("foo", "k", "", "", idempotency_key="9f3a")
        assert server.requests == 4


def test_a_start_without_an_idempotency_key_is_not_sent_again() -> None:
    with Dropping(1) as server, Client(server.url, timeout_s=10) as client:
        with pytest.raises(ServerUnreachable):
            client.start("foo", "k", "", "")
        assert server.requests == 1


@pytest.mark.parametrize("whole", [True, False])
def test_the_verbs_of_a_job_go_to_its_location(client: Client, server: Scripted, whole: bool) -> None:
    location = client.base_url + LOCATION if whole else LOCATION
    server.will("202 Accepted", {"status": "cancelling"})
    server.will("202 Accepted", {"status": "scheduled", "tasks": ["a", "b"]})
    server.will("200 OK", {"sentence": "It waits."})
    assert client.cancel(location) == "cancelling"
    assert client.retry(location) == ["a", "b"]
    assert client.explain(location) == {"sentence": "It waits."}
    asked = [("POST", f"{LOCATION}/cancel", b""), ("POST", f"{LOCATION}/retry", b""), ("GET", f"{LOCATION}/explain", b"")]
    assert server.requests == asked


def test_a_verb_that_cannot_be_is_an_error_with_its_code(client: Client, server: Scripted) -> None:
    server.will("409 Conflict", {"error": {"code": "job_finished", "message": "it has ended"}})
    for verb in (client.cancel, client.retry):
        with pytest.raises(RequestFailed, match=r"^it has ended$") as failed:
            verb(LOCATION)
        assert (failed.value.status, failed.value.code) == (409, "job_finished")


def test_jobs_are_listed_page_by_page_until_there_is_no_next(client: Client, server: Scripted) -> None:
    pages = [{"jobs": [1], "next": "a:b/c"}, {"jobs": [2], "next": None}]
    for page in pages:
        server.will("200 OK", page)
    found = client.jobs("f/o", ["error", "done"], key="a b", since="2026-11-21T00:47:00+02:00", until="2026-11-22T00:00:00Z", page=7)
    assert list(found) == pages
    first = "status=error%2Cdone&key=a+b&since=2026-11-21T00%3A47%3A00%2B02%3A00&until=2026-11-22T00%3A00%3A00Z&limit=7"
    paths = [f"/api/process/f%2Fo/jobs?{first}", f"/api/process/f%2Fo/jobs?{first}&cursor=a%3Ab%2Fc"]
    assert [uri for _, uri, _ in server.requests] == paths


def test_nothing_is_asked_for_that_nobody_named(client: Client, server: Scripted) -> None:
    server.will("200 OK", {"jobs": [], "next": None})
    assert [list(client.jobs("foo")), list(client.jobs("foo", [], None)), list(client.dead("foo"))] == [[{"jobs": [], "next": None}]] * 3
    assert [uri for _, uri, _ in server.requests] == ["/api/process/foo/jobs?limit=100"] * 2 + ["/api/process/foo/dead?limit=100"]


def test_an_empty_filter_is_sent_for_the_server_to_refuse(client: Client, server: Scripted) -> None:
    server.will("200 OK", {"jobs": [], "next": None})
    list(client.jobs("foo", [""], key="", since="", until=""))
    assert server.requests[0][1] == "/api/process/foo/jobs?status=&key=&since=&until=&limit=100"


def test_the_processes_of_a_node_are_told(client: Client, server: Scripted) -> None:
    server.will("200 OK", {"status": "ok", "processes": ["bar", "foo"]})
    assert client.processes() == ["bar", "foo"]
    assert server.requests[0][1] == "/status"


def test_nodes_are_listed_and_drained(client: Client, server: Scripted) -> None:
    server.will("200 OK", {"nodes": [{"node": "a"}]})
    server.will("202 Accepted", {"node": "a", "state": "draining"})
    server.will("202 Accepted", {"node": "a", "state": "running"})
    assert client.nodes() == [{"node": "a"}]
    assert client.drain("a/b")["state"] == "draining"
    assert client.drain("a/b", resume=True)["state"] == "running"
    asked = [("GET", "/api/system/nodes"), ("POST", "/api/system/nodes/a%2Fb/drain"), ("POST", "/api/system/nodes/a%2Fb/resume")]
    assert [(method, uri) for method, uri, _ in server.requests] == asked


@pytest.mark.parametrize(("status", "fit"), [("200 OK", True), ("503 Service Unavailable", False)])
def test_health_is_told_whether_good_or_bad(client: Client, server: Scripted, status: str, fit: bool) -> None:
    server.will(status, {"status": "whatever", "problems": []})
    assert client.health() == (fit, {"status": "whatever", "problems": []})


def test_a_server_without_health_is_an_error(client: Client, server: Scripted) -> None:
    server.will("503 Service Unavailable", {"error": {"code": "store_unavailable", "message": "try again"}})
    with pytest.raises(RequestFailed, match=r"^try again$"):
        client.health()
