"""What holds for every command."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from .run import ROOT, cameron
from .server import Server

COMMANDS = ("serve", "check", "start", "job", "explain", "cancel", "retry", "jobs", "dead", "nodes", "drain", "tree", "health")


def test_help_names_every_command() -> None:
    status, out, _ = cameron("--help")
    assert status == 0
    assert [name for name in (*COMMANDS, "--version") if name not in out] == []


def test_help_needs_no_heavy_import() -> None:
    heavy = {"falcon", "pycurl", "redis", "requests", "structlog", "waitress", "pykka", "cameron.cli.screen", "cameron.config"}
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


@pytest.mark.parametrize("command", ["start", "explain", "cancel", "retry", "jobs", "dead", "nodes", "drain", "health"])
def test_nobody_at_the_url_is_a_1_that_says_how_to_start_one(here: Callable[..., tuple[int, str, str]], command: str) -> None:
    arguments = {"start": ["foo", "--key", "k"], "jobs": ["foo"], "dead": ["foo"], "nodes": [], "drain": [], "health": []}
    status, out, err = here(
        command, *arguments.get(command, ["/api/process/foo/key/k/job/63f44a1a36d8472a3c501b6fbc2e8825"]), "--url", "http://127.0.0.1:1"
    )
    assert (status, out) == (1, "")
    assert err.startswith("cameron: no Cameron answers at http://127.0.0.1:1 (connection refused): start one with `cameron serve`")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["jobs"], ["explain"], ["drain", "a", "b"], ["dead", "foo", "--limit", "0"], ["jobs", "foo", "--nope"]]
)
def test_a_command_used_wrongly_is_a_2(here: Callable[..., tuple[int, str, str]], command: list[str]) -> None:
    assert here(*command)[0] == 2


@pytest.mark.parametrize(
    "command", [["nodes"], ["jobs", "foo"], ["tree"], ["health"], ["job", "/api/process/foo/key/k/job/63f44a1a36d8472a3c501b6fbc2e8825"]]
)
def test_a_url_that_is_none_is_a_2_in_one_line(here: Callable[..., tuple[int, str, str]], command: list[str]) -> None:
    told = "cameron: 'localhost:8080' is no URL: give one such as http://localhost:8080\n"
    assert here(*command, "--url", "localhost:8080") == (2, "", told)


def test_what_the_server_refuses_as_wrong_is_a_2(server: Server, here: Callable[..., tuple[int, str, str]]) -> None:
    error = {"error": {"code": "status_invalid", "message": "'frob' is no status of a job"}}
    server.will("GET /api/process/foo/jobs", error, status="400 Bad Request")
    assert here("jobs", "foo", "--status", "frob") == (2, "", "cameron: 'frob' is no status of a job\n")
