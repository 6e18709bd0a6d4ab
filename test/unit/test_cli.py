"""The command line: as a process where exit status and streams matter, against a scripted server."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cameron.web.listener import Listener, listen

ROOT = Path(__file__).parents[2]


def command(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CAMERON_")}
    return subprocess.Popen(
        [sys.executable, "-m", "cameron", *arguments],
        cwd=ROOT,
        env=inherited | {"NO_COLOR": "1"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def cameron(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    with command(*arguments, **environ) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@dataclass
class Server:
    """Takes every start and gives the scripted states of its job one after the other, the last one for ever."""

    states: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    polled: threading.Event = field(default_factory=threading.Event)
    last: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            self.bodies.append(environ["wsgi.input"].read())
            start_response("201 Created", [("Location", f"{self.url}/job")])
            return [b'{"payload": ""}']
        if not self.states:
            start_response("404 Not Found", [])
            return [b'{"error": {"code": "job_not_found", "message": "check the Location you were given"}}']
        start_response("200 OK", [])
        self.polled.set()
        if len(self.states) == 1:
            self.last.set()
        return [json.dumps(self.states.pop(0) if len(self.states) > 1 else self.states[0]).encode()]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    listener = Listener(server, listen("127.0.0.1", 0), 2, 1 << 20, 5.0, lambda error: None)
    listener.start()
    server.url = f"http://127.0.0.1:{listener.address[1]}"
    yield server
    listener.stop()


def job(status: str, **tasks: str) -> dict[str, Any]:
    shown = [{"name": name, "status": {"current": current, "time": "11-20-2026 10:11:12"}} for name, current in tasks.items()]
    return {"status": {"current": status}, "tasks": shown}


def test_help_names_every_command() -> None:
    status, out, _ = cameron("--help")
    assert status == 0
    assert [name for name in ("serve", "check", "start", "job", "tree", "--version") if name not in out] == []


def test_help_needs_no_heavy_import() -> None:
    heavy = {"falcon", "pycurl", "redis", "requests", "structlog", "waitress", "pykka"}
    code = "import cameron.cli, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert heavy.intersection(loaded) == set()


def test_version() -> None:
    status, out, _ = cameron("--version")
    assert (status, out.split()[0]) == (0, "cameron")


def test_an_unknown_environment_is_a_2_without_a_traceback() -> None:
    status, out, err = cameron("serve", "--env", "prod")
    assert (status, out) == (2, "")
    assert err.startswith("cameron: there is no environment 'prod'")
    assert "Traceback" not in err


def test_start_prints_the_location(server: Server) -> None:
    status, out, err = cameron("start", "foo", "--key", "k", "--data", '{"a": 1}', "--requestor", "bob", CAMERON_URL=server.url)
    assert (status, out, err) == (0, f"{server.url}/job\n", "")
    assert [json.loads(body) for body in server.bodies] == [{"key": "k", "data": {"a": 1}, "requestor": "bob"}]


@pytest.mark.parametrize("data", ["plain text", "{broken", "NaN", '"a" "b"', "[" * 100_000])
def test_data_that_is_no_json_is_sent_as_text(server: Server, data: str) -> None:
    status, _, _ = cameron("start", "foo", "--key", "k", f"--data={data}", "--url", server.url)
    assert status == 0
    assert json.loads(server.bodies[0])["data"] == data


def test_following_shows_each_change_and_ends_with_the_result(server: Server) -> None:
    last = job("done", start="done", act="done")
    server.states = [job("scheduled"), job("running", start="running"), job("running", start="done", act="running"), last]
    status, out, _ = cameron("start", "foo", "--key", "k", "--follow", "--url", server.url)
    lines = out.splitlines()
    assert lines[1:5] == ["10:11:12  start  running", "10:11:12  start  done", "10:11:12  act  running", "10:11:12  act  done"]
    assert json.loads("\n".join(lines[5:])) == last
    assert status == 0


@pytest.mark.parametrize("last", [job("done", start="done", act="error"), job("error", start="done"), job("cancelled", start="done")])
def test_following_a_job_that_failed_is_a_1(server: Server, last: dict[str, Any]) -> None:
    server.states = [last]
    assert cameron("start", "foo", "--key", "k", "--follow", "--url", server.url)[0] == 1


def test_ctrl_c_while_following_is_a_quiet_130(server: Server) -> None:
    server.states = [job("running", start="running")]
    with command("start", "foo", "--key", "k", "--follow", "--url", server.url) as process:
        assert server.polled.wait(30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_job_prints_the_job(server: Server) -> None:
    server.states = [job("done", start="done")]
    status, out, _ = cameron("job", f"{server.url}/job")
    assert (status, json.loads(out)) == (0, job("done", start="done"))


def test_an_unknown_job_is_a_1_with_the_servers_words(server: Server) -> None:
    assert cameron("job", f"{server.url}/job") == (1, "", "cameron: check the Location you were given\n")


def test_no_server_is_a_1_that_says_how_to_start_it() -> None:
    status, out, err = cameron("job", "/job", "--url", "http://127.0.0.1:1")
    assert (status, out) == (1, "")
    assert err.startswith("cameron: no Cameron answers at http://127.0.0.1:1 (connection refused): start one with `cameron serve`")
    assert "Traceback" not in err


def test_check_lists_the_processes(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text('{processes, [{foo, {start_activity_url, "http://localhost:9292/foo/v0.0.1/start"}}]}.\n')
    status, out, err = cameron("check", "--env", "test", CAMERON_PROCESSES_FILE=str(file))
    assert (status, err) == (0, "")
    assert "foo" in out
    assert "http://localhost:9292/foo/v0.0.1/start" in out
    assert "1 process, no problems" in out


def test_check_tells_a_problem_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "p.config"
    file.write_text("{processes,\n  [}.\n")
    status, out, err = cameron("check", "--env", "test", CAMERON_PROCESSES_FILE=str(file))
    assert (status, out) == (1, "")
    assert f"{file}:2:4" in err


def test_check_tells_a_bad_setting() -> None:
    status, _, err = cameron("check", CAMERON_WEB_PORT="lots")
    assert status == 1
    assert "CAMERON_WEB_PORT" in err


def tree(**fields: Any) -> dict[str, Any]:
    root = {"name": "root", "kind": "Supervisor", "state": "running", "restarts": 0, "mailbox": 0, "oldest_message_s": None, "handled": 0}
    return {"node": "web1-7-abc", "tree": {**root, "last_crash": None, "children": [], "more": 0, **fields}, "zombies": []}


def test_tree_prints_the_tree(server: Server) -> None:
    server.states = [tree(restarts=3, last_crash="crash: OSError: gone")]
    status, out, err = cameron("tree", "--url", server.url)
    lines = [line.split() for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert lines[0] == ["node", "web1-7-abc"]
    assert lines[2:] == [["root", "running", "3", "0", "0"], ["crash:", "OSError:", "gone"]]


def test_a_tree_of_a_server_that_is_none_of_ours_is_a_1_in_one_line(server: Server) -> None:
    server.states = [job("done")]
    status, out, err = cameron("tree", "--url", server.url)
    assert (status, out) == (1, "")
    assert "check the URL" in err


def test_a_tree_of_nobody_is_a_1_that_says_how_to_start_one() -> None:
    status, out, err = cameron("tree", "--watch", "--url", "http://127.0.0.1:1")
    assert (status, out) == (1, "")
    assert err.startswith("cameron: no Cameron answers at http://127.0.0.1:1 (connection refused): start one with `cameron serve`")


def test_watching_the_tree_goes_on_over_a_failure_until_ctrl_c(server: Server) -> None:
    server.states = [tree(), {"error": {}}, tree(), tree()]
    with command("tree", "--watch", "--url", server.url) as process:
        assert server.last.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert "root" in out
