"""Python activities in processes of their own: whatever they do is a reply, and nothing is left of any."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameron.activities.call import Cancel, Failure, Reply
from cameron.otp import Killed, Shutdown, zombies
from cameron.otp.probe import end_of
from cameron.store import keys

from ...acceptance.support.gone import await_gone
from ...acceptance.support.redis_server import RedisServer
from ...acceptance.support.waiting import eventually
from .python_desk import FOLDER, PATIENCE_S, PythonDesk, success

ROOT = Path(__file__).resolve().parent.parent.parent.parent
NODE = """
import json, sys
from pathlib import Path
from cameron.activities.call import PythonRun
from cameron.activities.commands import Commands
from cameron.activities.python import PythonActivities, PythonSettings
from cameron.activities.python_package import discover
from cameron.otp.probe import Probe

folder, path = sys.argv[1:]
settings = PythonSettings(1, 1, 60.0, 0, 1000, "redis://127.0.0.1:1", 1.0)
python = PythonActivities.start(lambda: discover("sample", Path(folder)), None, Commands.start(1, 100_000, 1.0), settings)
data = json.dumps(path).encode()
python.tell(PythonRun(Probe().ref, "t", 1, "stubborn", data, b"{}", 0.0, "", "foo", "k", "0123", False))
sys.stdin.read()
"""


@pytest.fixture
def desk(mailbox: Any) -> Iterator[PythonDesk]:
    """One with 4 processes."""
    made = PythonDesk(mailbox)
    made.open()
    yield made
    made.close()


class Gate:
    """Where `go_on` waits, and leaves its pid."""

    def __init__(self, folder: Path) -> None:
        self.pids, self._pipe = folder / "pids", folder / "pipe"
        os.mkfifo(self._pipe)

    @property
    def data(self) -> list[str]:
        """What the activity is given."""
        return [str(self.pids), str(self._pipe)]

    def open(self) -> None:
        """Let those through who have come."""
        self._pipe.open("w").close()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A closed one."""
    return Gate(tmp_path)


def pids_in(path: Path, count: int = 1) -> list[int]:
    """The pids in so many whole lines of the file, waited for."""

    def look() -> list[str]:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return lines if len(lines) >= count else []

    return [int(pid) for line in eventually(look, f"{count} lines of pids", PATIENCE_S) for pid in line.split()]


# what is told of a run


def test_it_runs_in_a_process_of_its_own_and_knows_whose_run_it_is(desk: PythonDesk) -> None:
    reply = desk.run("own", {"a": "ü"}, task="build", attempt=2, config=b'{"b":1}')
    told = json.loads(reply.body)
    assert told.pop("pid") != os.getpid()
    assert told == {"data": {"a": "ü"}, "config": {"b": 1}, "attempt": 2, "key": "0123/build"}
    assert reply._replace(body=b"") == Reply("build", 2, 0, b"", "", None, "")
    assert desk.mailbox.told == [("begun", "build", 2), ("replied", "build", 2)]


@pytest.mark.parametrize(("isolation", "is_own"), [("process", True), ("thread", False), ("", False)])
def test_a_definition_may_say_where_an_activity_runs(desk: PythonDesk, isolation: str, is_own: bool) -> None:
    assert (json.loads(desk.run("either", isolation=isolation).body) != os.getpid()) is is_own


def test_a_definition_goes_before_the_activity(desk: PythonDesk) -> None:
    assert json.loads(desk.run("own", isolation="thread").body)["pid"] == os.getpid()


def test_what_it_prints_is_no_part_of_its_reply_and_is_logged(desk: PythonDesk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cameron.activities"):
        assert desk.run("talk", 3) == success("xxx")
    [told] = [record for record in caplog.records if "wrote" in record.message]
    assert told.levelno == logging.INFO
    assert told.message.startswith("talk, task 't' of job 0123, wrote: ")
    for words in ("said on stdout", "written to it", "a child said", "said on stderr"):
        assert words in told.message


def test_it_sees_the_environment_of_its_node(desk: PythonDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_NODE", "x")
    desk.open()
    assert desk.run("surroundings", ["OF_THE_NODE", "OF_NOBODY"]) == success(["x", None])


def test_it_has_the_session_of_its_job(desk: PythonDesk, client: Any, redis: RedisServer) -> None:
    client.hset(keys.record("foo", "0123"), "entry", "1-1")
    desk.open(redis_url=redis.url)
    assert desk.run("remember", "ü") == success("ü")


def test_a_session_whose_redis_is_away_is_a_failure_for_now(desk: PythonDesk) -> None:
    assert desk.run("remember", "x").failure is Failure.TEMPORARY


# whatever it does


@pytest.mark.parametrize(
    ("how", "failure", "text"),
    [
        ("segfault", Failure.CRASHED, "the process of die was ended by signal 11 (SIGSEGV); the last it wrote: about to die"),
        ("kill", Failure.CRASHED, "the process of die was ended by signal 9 (SIGKILL); the last it wrote: about to die"),
        ("exit", Failure.CRASHED, "ended by itself, with status 3, before the activity was done; the last it wrote: about to die"),
        ("exit well", Failure.CRASHED, "ended by itself, with status 0, before the activity was done; the last it wrote: about to die"),
        ("sys.exit", Failure.EXCEPTION, "sys.exit(4)"),
    ],
)
def test_its_end_is_a_reply_and_harms_no_other(desk: PythonDesk, gate: Gate, how: str, failure: Failure, text: str) -> None:
    desk.tell("go_on", gate.data, task="other")
    pids_in(gate.pids)
    reply = desk.run("die", how)
    assert (reply.body, reply.failure, text in reply.error) == (b"", failure, True), reply.error
    gate.open()
    assert desk.reply() == success("went on", "other")


def test_at_its_timeout_it_is_killed_with_all_that_it_has_started(desk: PythonDesk, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    reply = desk.run("stubborn", str(path), timeout_s=5.0)
    text = "timeout: the process of stubborn has not ended within 5 s, and was killed with all that it had started"
    assert reply == Reply("t", 1, 0, b"", "", Failure.TIMEOUT, text)
    await_gone(pids_in(path))
    assert zombies() == []


def test_it_has_the_memory_that_it_may_have_and_no_more(desk: PythonDesk) -> None:
    desk.open(max_memory_bytes=1 << 28)
    assert desk.run("take_memory", 1 << 24) == success(1 << 24)
    reply = desk.run("take_memory", 1 << 29)
    assert (reply.failure, "MemoryError (its process may have 268,435,456 bytes)" in reply.error) == (Failure.EXCEPTION, True), reply.error


def test_what_is_larger_than_a_reply_may_be_is_none(desk: PythonDesk) -> None:
    assert desk.run("talk", 99_998) == success("x" * 99_998)
    assert desk.run("talk", 99_999).failure is Failure.TOO_LARGE


def test_an_unknown_activity_is_unknown_there_too(desk: PythonDesk) -> None:
    assert desk.run("nobody", isolation="process").failure is Failure.UNKNOWN_ACTIVITY


def test_where_no_process_can_be_had_it_is_not_run(desk: PythonDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    reply = desk.run("own")
    text = "the process of own could not be started: '/no/such/python' can't be run: there is no such program"
    assert (reply.failure, text in reply.error) == (Failure.CANNOT_RUN, True)


def test_a_process_that_its_node_has_lost_is_a_crash(desk: PythonDesk, gate: Gate) -> None:
    desk.tell("go_on", gate.data)
    [pid] = pids_in(gate.pids)
    [port] = desk.ports()
    port.kill()
    reply = desk.reply()
    assert (reply.failure, reply.error.startswith("the process of go_on was lost: ")) == (Failure.CRASHED, True)
    await_gone([pid])


# places, cancels, ends


def test_runs_that_wait_for_a_process_begin_when_there_is_one_and_hold_up_no_threads(desk: PythonDesk, gate: Gate) -> None:
    desk.open(max_processes=1, max_threads=1)
    desk.tell("go_on", gate.data, task="first")
    desk.tell("own", task="second")
    pids_in(gate.pids)
    assert desk.run("Fine", task="in a thread").task == "in a thread"
    assert ("begun", "second", 1) not in desk.mailbox.told
    gate.open()
    assert [desk.reply().task, desk.reply().task] == ["first", "second"]
    assert desk.mailbox.told[-3:] == [("replied", "first", 1), ("begun", "second", 1), ("replied", "second", 1)]


def test_a_run_that_is_cancelled_is_killed_or_never_begun(desk: PythonDesk, tmp_path: Path) -> None:
    desk.open(max_processes=1)
    path = tmp_path / "pids"
    desk.tell("stubborn", str(path), task="runs")
    desk.tell("stubborn", str(path), task="waits")
    pids = pids_in(path)
    for task in ("waits", "runs", "runs", "nobody's"):
        desk.python.tell(Cancel(desk.mailbox, task))
    assert json.loads(desk.run("own", attempt=2).body)["attempt"] == 2
    await_gone(pids)
    assert (pids_in(path), desk.mailbox.empty()) == (pids, True)


def test_a_task_that_was_cancelled_may_be_run_again_at_once(desk: PythonDesk, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    desk.tell("stubborn", str(path))
    pids = pids_in(path)
    desk.python.tell(Cancel(desk.mailbox, "t"))
    assert desk.run("talk", 1, attempt=2) == success("x", attempt=2)
    await_gone(pids)


@pytest.mark.parametrize(("how", "reason"), [(lambda ref: ref.exit(), Shutdown()), (lambda ref: ref.kill(), Killed)])
def test_the_end_of_the_actor_is_that_of_all_its_processes(desk: PythonDesk, tmp_path: Path, how: Any, reason: Any) -> None:
    desk.open(max_processes=2)
    path = tmp_path / "pids"
    for number in range(3):
        desk.tell("stubborn", str(path), task=str(number))
    pids = pids_in(path, 2)
    how(desk.python)
    assert end_of(desk.python) == reason
    await_gone(pids)
    eventually(lambda: not desk.ports(), "all places to be free")
    assert (pids_in(path, 2), desk.mailbox.empty()) == (pids, True)


def test_a_node_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    path = tmp_path / "pids"
    node = subprocess.Popen([sys.executable, "-c", NODE, str(FOLDER), str(path)], stdin=subprocess.PIPE, cwd=ROOT)
    with node:
        pids = pids_in(path)
        os.kill(node.pid, signal.SIGKILL)
    await_gone(pids)
