"""Tasks of Mender's workflows that run programs: which are allowed, what is kept of them, and that none outlives its task."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support import mender
from .support.answer import http
from .support.mender import command, flow, start, task
from .support.node import Node
from .support.redis_server import RedisServer
from .support.service import Service
from .support.waiting import eventually

SH, PYTHON, ECHO = "/bin/sh", sys.executable, "/bin/echo"
FORKS = """
child='echo $$ >> "$1"; sleep 600'
sh -c "$child" child "$1" & sh -c "$child" child "$1" &
echo $$ >> "$1"
wait
"""
STUBBORN = "trap '' TERM; echo $$ > \"$1\"; sleep 600"
NOISY = "import sys\nfor _ in range(1600):\n    sys.stdout.write('x' * 65536)\n"
SAYS = "import os, sys; print(os.environ.get('CAMERON_TASK'), len(sys.argv), sys.stdin.read() == ''); print('oh', file=sys.stderr)"
FLAKY = """
import os, sys
with open(sys.argv[1], "a") as tries:
    tries.write("x")
    sys.exit(3 if tries.tell() < 3 else 0)
"""


def definitions(service: Service) -> dict[str, Any]:
    """All of this module's; `at` is an input of the test's own."""
    at = "${workflow.input.at}"
    return {
        **flow("echo", command("say", ECHO, "-n", at), inputs=("at",)),
        **flow("says", command("say", PYTHON, "-c", SAYS, "a b")),
        **flow("fails", command("fail", SH, "-c", "echo before; echo 'it is over' >&2; exit 7")),
        **flow("flaky", command("try", PYTHON, "-c", FLAKY, at, more={"retries": 4, "retryDelaySeconds": 0}), inputs=("at",)),
        **flow("forbidden", command("remove", "/bin/rm", "-rf", at), inputs=("at",)),
        **flow("chosen", command("any", at, "x"), inputs=("at",)),
        **flow("named", command("run", at, "-c", "exit 127"), inputs=("at",)),
        **flow("missing", command("run", "/no/such/program")),
        **flow("forks", command("fork", SH, "-c", FORKS, "forks", at, executionTimeOut=3000), inputs=("at",)),
        **flow("stubborn", command("stay", SH, "-c", STUBBORN, "stubborn", at, executionTimeOut=2000), inputs=("at",)),
        **flow("noisy", command("print", PYTHON, "-c", NOISY, executionTimeOut=120_000)),
        **flow("cancelled", command("stay", SH, "-c", STUBBORN, "stubborn", at), inputs=("at",)),
        **flow(
            "chain",
            command("make", ECHO, '{"id": 42}'),
            task("tell", service.url(at), payload={"id": "${make.json.id}", "text": "${make.output}", "status": "${make.status}"}),
            command("end", ECHO, "-n", "${tell.json.answer}"),
            inputs=("at",),
        ),
    }


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, service: Service) -> Iterator[Node]:
    with redis.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("definitions")
    mender.write(folder, definitions(service))
    settings = {
        "CAMERON_DEFINITIONS_DIR": str(folder),
        "CAMERON_COMMANDS_ALLOWED_BINARIES": f"{ECHO},{SH},{PYTHON},/no/such/program",
        "CAMERON_COMMANDS_MAX_OUTPUT_BYTES": "65536",
        "CAMERON_COMMANDS_KILL_AFTER_S": "0.5",
    }
    running = Node(tmp_path_factory.mktemp("node"), redis.url, {"scripted": service.url("start")}, settings)
    try:
        yield running.start()
    finally:
        running.stop()


def pids(file: Path) -> list[int]:
    """The processes that have written themselves down."""
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def lives(pid: int) -> bool:
    """Whether the process is there and no mere entry of one that has ended."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def all_gone(file: Path) -> None:
    """Wait until none of the processes lives that have written themselves down."""
    written = pids(file)
    assert written
    eventually(lambda: not any(lives(pid) for pid in written), "the processes to be gone")


# what is kept


def test_a_programs_output_and_exit_code_are_kept(node: Node) -> None:
    [result] = start(node, "says").done()
    assert (result["type"], result["success"], result["attempts"]) == ("cli", True, 1)
    assert result["request"] == {"command": [PYTHON, "-c", SAYS, "a b"]}
    assert result["response"] == {"exit_code": 0, "stdout": "say 2 True\n", "stderr": "oh\n", "truncated": False}


@pytest.mark.parametrize("text", ["$(id)", "`id`; id && id | id", "a 'b\" *", "-e \\n", "ä\n☃"])
def test_an_argument_is_no_shells_business(node: Node, text: str) -> None:
    [result] = start(node, "echo", at=text).done()
    assert result["response"]["stdout"] == text


def test_another_exit_code_than_0_is_a_failure_with_the_end_of_what_was_said(node: Node) -> None:
    [result] = start(node, "fails").failed()
    assert result["success"] is False
    assert "ended with status 7" in result["error"]
    assert "it is over" in result["error"]


def test_the_error_of_a_program_that_an_input_has_chosen_names_that_program(node: Node) -> None:
    [result] = start(node, "named", at=SH).failed()
    assert result["error"] == f"{SH} ended with status 127"


def test_a_program_is_run_again_as_often_as_the_task_says(node: Node, tmp_path: Path) -> None:
    [result] = start(node, "flaky", at=str(tmp_path / "tries")).done()
    assert result["attempts"] == 3
    assert (tmp_path / "tries").read_text() == "xxx"


def test_what_is_beyond_the_cap_is_read_and_thrown_away(node: Node) -> None:
    [result] = start(node, "noisy").done(timeout_s=120)
    assert result["response"]["truncated"] is True
    assert result["response"]["exit_code"] == 0
    assert re.fullmatch("x{1,65536}", result["response"]["stdout"])


def test_commands_and_calls_hand_on_what_they_came_to(node: Node, service: Service) -> None:
    service.on("mender/cli", http(200, b'{"answer": "thanks"}'))
    _, _, end = start(node, "chain", at="mender/cli").done()
    [call] = [call for call in service.all_calls() if call.activity == "mender/cli"]
    assert json.loads(call.body) == {"id": 42, "text": '{"id": 42}\n', "status": 0}
    assert end["response"]["stdout"] == "thanks"


# what is not run


def test_a_program_that_is_not_allowed_is_not_run(node: Node, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("x")
    [result] = start(node, "forbidden", at=str(kept)).failed()
    assert "'/bin/rm'" in result["error"]
    assert "allowed_binaries" in result["error"]
    assert kept.exists()


@pytest.mark.parametrize("program", ["echo", "/bin/../bin/echo", "/bin/echo ", "", "/usr/bin/touch"])
def test_a_program_is_allowed_as_it_is_written_and_no_other_way(node: Node, program: str) -> None:
    [result] = start(node, "chosen", at=program).failed()
    assert "allowed_binaries" in result["error"]


def test_a_program_that_is_not_there_is_a_failure(node: Node) -> None:
    [result] = start(node, "missing").failed()
    assert "/no/such/program" in result["error"]


# what does not end


def test_a_programs_children_end_with_it_when_its_time_is_up(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    workflow = start(node, "forks", at=str(file))
    eventually(lambda: len(pids(file)) == 3, "three processes")
    [result] = workflow.failed()
    assert "3 s" in result["error"]
    all_gone(file)


def test_a_program_that_ignores_sigterm_is_killed(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    [result] = start(node, "stubborn", at=str(file)).failed()
    assert "2 s" in result["error"]
    all_gone(file)


def test_the_program_of_a_cancelled_job_is_ended(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    workflow = start(node, "cancelled", at=str(file))
    eventually(lambda: pids(file), "the program to run")
    assert workflow.verb("cancel").status_code < 300
    workflow.failed()
    all_gone(file)
