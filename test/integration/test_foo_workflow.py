"""The sample service foo, started as a person starts it and asked over real sockets."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import requests

FOLDER = Path(__file__).resolve().parent.parent / "foo_workflow"
DATA_OF_ACT = {
    "bar": "the likable bar",
    "baz": {"qux": "the awesome qux", "quux": "the amazing quux", "corge": "the great corge"},
}
PAYLOAD = {"key": "(id,007)", "data": "be careful with that data", "requestor": "bob_the_thin"}


class Foo:
    """A running foo, its printed lines as they come."""

    def __init__(self, command: list[str], **variables: str) -> None:
        environ = {**os.environ, "FOO_WORKFLOW_PORT": "0", **variables}
        self.process = subprocess.Popen(command, cwd=FOLDER, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.printed: Queue[str] = Queue()
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()
        self.url = self.line().removeprefix("foo listens on ").rstrip("\n")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.put(line)

    def line(self) -> str:
        return self.printed.get(timeout=20)

    def post(self, path: str, payload: object = PAYLOAD) -> Any:
        reply = requests.post(self.url + path, json=payload, timeout=20)
        assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
        return reply.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.reader.join(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture(scope="module")
def foo() -> Iterator[Foo]:
    with Foo(["./bin/run"]) as running:
        yield running


def test_start_answers_who_the_key_is_and_names_five_parallel_activities(foo: Foo) -> None:
    assert foo.post("/start") == {
        "process": "foo",
        "name": "whois",
        "data": {
            "who_id": "(id,007)",
            "who_name": "Leandro Silva",
            "who_login": "leandrosilva.codezone",
            "who_web_info": {"blog": "http://leandrosilva.com.br", "twitter": "codezone"},
            "who_dev_info": {"github": "http://github.com/leandrosilva"},
        },
        "next_activities": {
            "parallelizable": "yes",
            "definitions": [{"name": f"act_{number}", "url": f"{foo.url}/activity/act_{number}"} for number in range(1, 6)],
        },
    }


def test_urls_are_of_localhost_and_the_port_that_was_taken(foo: Foo) -> None:
    assert foo.url.startswith("http://localhost:")
    assert foo.url.endswith("/foo/v0.0.1")
    assert urlsplit(foo.url).port not in (0, None)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_first_four_activities_name_no_next_one(foo: Foo, number: int) -> None:
    assert foo.post(f"/activity/act_{number}") == {"process": "foo", "name": f"foo_act_{number}", "data": DATA_OF_ACT}


def test_the_fifth_activity_names_one_more(foo: Foo) -> None:
    assert foo.post("/activity/act_5") == {
        "process": "foo",
        "name": "foo_act_5",
        "data": DATA_OF_ACT,
        "next_activities": {
            "parallelizable": "yes",
            "definitions": [{"name": "act_5_sub_1", "url": f"{foo.url}/activity/act_5_sub_1"}],
        },
    }


def test_the_last_activity_names_no_next_one(foo: Foo) -> None:
    assert foo.post("/activity/act_5_sub_1") == {
        "process": "foo",
        "name": "foo_act_5_sub_1",
        "data": {
            "grault": "the likable grault",
            "garply": {"waldo": "the awesome waldo", "fred": "the amazing fred", "plugh": "the great plugh"},
        },
    }


def test_each_request_is_printed_on_a_line_of_its_own() -> None:
    with Foo(["./bin/run"]) as foo:
        foo.post("/activity/act_3", {"key": "é"})
        assert foo.line() == '[Request :: act_3] {"key": "\\u00e9"}\n'
        requests.post(f"{foo.url}/start", data=b'{"key":\n"k"}', timeout=20)
        assert foo.line() == '[Request :: start] {"key": "k"}\n'


def test_many_requests_at_once_are_all_answered_and_printed_apart() -> None:
    with Foo(["./bin/run"]) as foo:
        with ThreadPoolExecutor(40) as clients:
            names = [reply["name"] for reply in clients.map(lambda number: foo.post("/activity/act_1", {"key": str(number)}), range(400))]
        assert names == ["foo_act_1"] * 400
        printed = sorted(foo.line() for _ in range(400))
        assert printed == sorted(f'[Request :: act_1] {{"key": "{number}"}}\n' for number in range(400))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_allowed(foo: Foo, method: str) -> None:
    reply = requests.request(method, f"{foo.url}/start", timeout=20)
    assert (reply.status_code, reply.headers["Allow"]) == (405, "POST")
    assert list(reply.json()) == ["error"]


@pytest.mark.parametrize("path", ["/", "/activity/act_6", "/activity", "/start/x"])
def test_an_unknown_path_is_a_json_404(foo: Foo, path: str) -> None:
    reply = requests.post(foo.url + path, json=PAYLOAD, timeout=20)
    assert (reply.status_code, list(reply.json())) == (404, ["error"])


@pytest.mark.parametrize("body", [b"", b"{", b"no json", b"\xff", b"[1]", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_a_json_400(foo: Foo, body: bytes) -> None:
    reply = requests.post(f"{foo.url}/start", data=body, timeout=20)
    assert (reply.status_code, list(json.loads(reply.text))) == (400, ["error"])


def test_a_key_of_any_kind_comes_back_as_who_id(foo: Foo) -> None:
    assert foo.post("/start", {"key": ["ü", 7]})["data"]["who_id"] == ["ü", 7]
    assert foo.post("/start", {})["data"]["who_id"] is None


def test_a_terminate_signal_ends_it_well() -> None:
    assert Foo(["./bin/run"]).stop() == 0


def test_make_bin_run_starts_it() -> None:
    with Foo(["make", "--no-print-directory", "./bin/run"]) as foo:
        assert foo.post("/activity/act_2")["name"] == "foo_act_2"


def test_reached_from_other_machines_it_names_itself_as_it_was_addressed() -> None:
    with Foo(["./bin/run"], FOO_WORKFLOW_HOST="0.0.0.0") as foo:
        address = foo.url.replace("0.0.0.0", "127.0.0.1")
        reply = requests.post(f"{address}/start", json=PAYLOAD, timeout=20).json()
        assert reply["next_activities"]["definitions"][0]["url"] == f"{address}/activity/act_1"


def test_a_taken_port_ends_it_with_a_word_on_what_to_do(foo: Foo) -> None:
    port = str(urlsplit(foo.url).port)
    ended = subprocess.run(
        ["./bin/run"], cwd=FOLDER, env={**os.environ, "FOO_WORKFLOW_PORT": port}, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert "set FOO_WORKFLOW_HOST and FOO_WORKFLOW_PORT" in ended.stderr
