"""What the end of a process comes to, and which runs are kept."""

import logging
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.call import Begun, Cancel, CommandRun, Failure, PythonRun, Reply
from cameron.activities.isolated_run import read_request, result_text
from cameron.activities.python_activity import PythonActivity, PythonTask, Result
from cameron.activities.python_processes import Around, PythonProcesses, node_environment, reply_of
from cameron.otp import Exit, Killed

CHARGE = PythonActivity("charge", "shop.orders", "charge", 0.0, "process", "shop/orders.py:12")
TASK = PythonTask("foo", "k", "0123", "t", 2, b"1", b"{}", 1000)
AROUND = Around("/project", "redis://here", 5.0, (("A", "1"),))


class Kept(list[Any]):
    """Stands for an actor: keeps what it is told."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def tell(self, message: Any) -> None:
        """Keep it."""
        self.append(message)


def a_run(reply_to: Any = "a runner", task: str = "t") -> PythonRun:
    return PythonRun(reply_to, task, 2, "charge", b"1", b"{}", 2.5, "process", "foo", "k", "0123", True)


def ended(**said: Any) -> Reply:
    """What the commands tell of run number 1."""
    return Reply("1", 2, 0, b"", "", None, "")._replace(**said)


WHOLE, FAILED = Result(b'{"a":1}'), Result(b"", Failure.TEMPORARY, "not yet")
CRASHED, STDERR = Failure.CRASHED, b"x" * 5_000 + b"the end\n"


@pytest.mark.parametrize(
    ("told", "body", "failure", "error"),
    [
        (ended(body=result_text(WHOLE)), WHOLE.body, None, ""),
        (ended(body=result_text(WHOLE), stderr=STDERR, is_cut=True), WHOLE.body, None, ""),
        (ended(body=result_text(FAILED)), b"", Failure.TEMPORARY, "not yet"),
        (ended(body=result_text(WHOLE)[:-1]), b"", CRASHED, "ended by itself, with status 0, before the activity was done"),
        (ended(body=b"[]\nno result"), b"", CRASHED, "ended by itself, with status 0, before the activity was done"),
        (ended(body=result_text(WHOLE), status=3), b"", CRASHED, "ended by itself, with status 3, before the activity was done"),
        (ended(status=-11), b"", CRASHED, "was ended by signal 11 (SIGSEGV)"),
        (ended(status=-64, stderr=b"why\xff\n"), b"", CRASHED, "was ended by signal 64 (SIGRTMAX); the last it wrote: why\ufffd"),
        (ended(status=1, stderr=STDERR), b"", CRASHED, f"; the last it wrote: …{'x' * 993}the end"),
        (
            ended(failure=Failure.TIMEOUT, error="timeout"),
            b"",
            Failure.TIMEOUT,
            "timeout: the process of charge has not ended within 2.5 s",
        ),
        (ended(failure=Failure.CANNOT_RUN, error="why"), b"", Failure.CANNOT_RUN, "the process of charge could not be started: why"),
        (ended(failure=Failure.CONNECTION, error="why"), b"", CRASHED, "the process of charge was lost: why"),
    ],
)
def test_the_end_of_a_process_as_the_runner_is_told_it(told: Reply, body: bytes, failure: Failure | None, error: str) -> None:
    reply = reply_of(a_run(), told)
    assert reply._replace(error="") == Reply("t", 2, 0, body, "", failure, "")
    assert (error in reply.error, bool(reply.error)) == (True, bool(error))


ABOUT = "charge, task 't' of job 0123"
DONE, WENT_WRONG = ended(body=result_text(WHOLE)), ended(body=result_text(FAILED))
DIED = f"{ABOUT}: the process of charge ended by itself, with status 1, before the activity was done"


@pytest.mark.parametrize(
    ("told", "level", "text"),
    [
        (DONE._replace(stderr=b"some words\n"), logging.INFO, f"{ABOUT}, wrote: some words"),
        (WENT_WRONG._replace(stderr=b"some words\n"), logging.WARNING, f"{ABOUT}, wrote: some words"),
        (ended(status=1), logging.WARNING, DIED),
        (ended(status=1, stderr=b"some words\n"), logging.WARNING, f"{DIED}; it wrote: some words"),
        (ended(failure=Failure.CONNECTION, error="why"), logging.WARNING, f"{ABOUT}: the process of charge was lost: why"),
    ],
)
def test_what_a_process_wrote_and_how_it_ended_is_one_record_of_the_log(
    told: Reply, level: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reply_of(a_run(), told)
    assert [(record.levelno, record.message) for record in caplog.records] == [(level, text)]


@pytest.mark.parametrize("told", [DONE, WENT_WRONG])
def test_what_has_told_itself_what_it_came_to_and_wrote_nothing_is_not_logged(told: Reply, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        reply_of(a_run(), told)
    assert caplog.records == []


def test_a_process_is_given_all_that_its_run_needs() -> None:
    commands = Kept()
    PythonProcesses(commands, "me", AROUND).begin(a_run(), CHARGE, TASK)  # type: ignore[arg-type]
    [run] = commands
    assert run._replace(stdin=b"") == CommandRun(
        "me", "1", 2, (sys.executable, "-P", "-m", "cameron.isolated_activity"), b"", 2.5, (("A", "1"),), True
    )
    assert read_request(run.stdin) == (CHARGE, TASK, "/project", "redis://here", 5.0)


def test_runs_are_told_apart_and_none_is_kept_longer_than_it_is_awaited() -> None:
    commands = Kept()
    processes = PythonProcesses(commands, "me", AROUND)  # type: ignore[arg-type]
    for reply_to, task in (("a", "t"), ("b", "t"), ("a", "t"), ("a", "u")):
        processes.begin(a_run(reply_to, task), CHARGE, TASK)
    assert [processes.begun(Begun(number, 2)) for number in ("2", "9")] == [a_run("b"), None]
    commands.clear()
    processes.cancel("a", "t")  # type: ignore[arg-type]
    processes.cancel("a", "none")  # type: ignore[arg-type]
    assert sorted(commands) == [Cancel("me", "1"), Cancel("me", "3")]  # type: ignore[arg-type]
    assert processes.begun(Begun("1", 2)) is None
    assert [processes.end(ended(task=number)) for number in "1234"] == [None, a_run("b"), None, a_run("a", "u")]


def test_with_its_owner_all_are_dropped_unless_that_was_killed_itself() -> None:
    class Fenced(Kept):
        def tell(self, message: Any) -> None:
            if isinstance(message, Cancel):
                raise Exit(Killed)
            super().tell(message)

    for commands, dropped in ((Kept(), [Cancel("me", "1"), Cancel("me", "2")]), (Fenced(), [])):  # type: ignore[arg-type]
        processes = PythonProcesses(commands, "me", AROUND)  # type: ignore[arg-type]
        for task in "tu":
            processes.begin(a_run("a", task), CHARGE, TASK)
        processes.leave()
        assert [message for message in commands if isinstance(message, Cancel)] == dropped


def test_a_process_imports_from_where_its_node_does(monkeypatch: pytest.MonkeyPatch) -> None:
    standard = [sysconfig.get_path("stdlib"), os.path.join(sysconfig.get_path("stdlib"), "lib-dynload"), sysconfig.get_path("purelib")]
    monkeypatch.setattr(sys, "path", ["/project", "", *standard, "/more", "/project"])
    monkeypatch.setenv("WORD", "1")
    found = dict(node_environment())
    assert (found["WORD"], found["PYTHONPATH"].split(os.pathsep)) == ("1", ["/project", str(Path.cwd()), "/more"])
