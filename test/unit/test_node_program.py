"""The actor of a node's program, with small programs in the place of nodes."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cameron.node_program import DidNotStart, Group, NodeProgram
from cameron.otp import CannotRun, ExitStatus, Killed, Ref, Shutdown, StartFailed
from cameron.otp.probe import end_of

from ..acceptance.support.gone import await_gone
from ..acceptance.support.waiting import eventually

# Writes its number to the file; then says that it has started, or ends, as it is told.
PROGRAM = """
import os, pathlib, signal, sys
from cameron.leash import Leash
file, how = sys.argv[1:3]
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif how == "orderly":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
elif how == "late":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
pathlib.Path(file + ".new").write_text(str(os.getpid()))
os.rename(file + ".new", file)
if how == "broken":
    sys.exit(3)
if how != "silent":
    Leash.taken_from(os.environ).say_started()
while True:
    signal.pause()
"""

Start = Callable[..., Ref[NodeProgram]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts such programs; what is left of them ends with the test."""
    started: list[Ref[NodeProgram]] = []

    def start_one(how: str, group: Group, stop_s: float = 60.0) -> Ref[NodeProgram]:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "pid"), how]
        started.append(NodeProgram.start(command, os.environ, stop_s, group))
        return started[-1]

    yield start_one
    for ref in started:
        ref.kill()


def pid_in(tmp_path: Path) -> int:
    """The number of the program, once it runs."""
    eventually((tmp_path / "pid").exists, "the program to run")
    return int((tmp_path / "pid").read_text())


def proven() -> Group:
    """A group in which a node has started."""
    group = Group()
    group.has_started = True
    return group


def test_the_first_start_returns_when_the_program_says_so(start: Start, tmp_path: Path) -> None:
    group = Group()
    ref = start("orderly", group)
    assert (tmp_path / "pid").exists()
    assert group.has_started
    assert ref.is_alive()


def test_it_is_told_which_program_an_actor_stands_for(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "cameron.nodes"):
        ref = start("orderly", Group())
    assert f"{ref.name} is process {pid_in(tmp_path)}" in caplog.text


def test_the_first_start_fails_with_its_program(start: Start) -> None:
    group = Group()
    with pytest.raises(StartFailed) as failed:
        start("broken", group)
    assert failed.value.reason == DidNotStart(3)
    assert "exit status 3" in str(failed.value.reason)
    assert not group.has_started


def test_a_later_start_waits_for_nothing_and_what_fails_then_is_an_end(start: Start, tmp_path: Path) -> None:
    assert start("silent", proven()).is_alive()
    assert end_of(start("broken", proven()), 30.0) == ExitStatus(3)


def test_the_end_of_the_program_is_a_failure_of_the_actor_whatever_its_status(start: Start, tmp_path: Path) -> None:
    ref = start("orderly", Group())
    os.kill(pid_in(tmp_path), signal.SIGTERM)
    assert end_of(ref, 30.0) == ExitStatus(0)


def test_a_killed_program_is_noticed(start: Start, tmp_path: Path) -> None:
    ref = start("deaf", Group())
    os.kill(pid_in(tmp_path), signal.SIGKILL)
    assert end_of(ref, 30.0) == ExitStatus(-signal.SIGKILL)


def test_a_program_is_told_to_end_and_has_its_time(start: Start, tmp_path: Path) -> None:
    group = Group()
    ref = start("orderly", group)
    ref.exit(Shutdown())
    assert end_of(ref, 30.0) == Shutdown()
    await_gone([pid_in(tmp_path)])
    assert not group.was_late


def test_one_that_does_not_end_in_its_time_is_killed_and_makes_the_stop_a_late_one(start: Start, tmp_path: Path) -> None:
    group = Group()
    ref = start("deaf", group, 0.1)
    ref.exit(Shutdown())
    assert end_of(ref, 30.0) == Shutdown()
    await_gone([pid_in(tmp_path)])
    assert group.was_late


def test_a_program_that_says_itself_that_it_was_late_makes_the_stop_a_late_one(start: Start) -> None:
    group = Group()
    ref = start("late", group)
    ref.exit(Shutdown())
    assert end_of(ref, 30.0) == Shutdown()
    assert group.was_late


def test_a_killed_actor_takes_its_program_along(start: Start, tmp_path: Path) -> None:
    ref = start("deaf", Group())
    ref.kill()
    assert end_of(ref, 30.0) == Killed
    await_gone([pid_in(tmp_path)])


def test_a_program_that_is_not_there_fails_the_start() -> None:
    with pytest.raises(StartFailed) as failed:
        NodeProgram.start(["/nowhere/python"], {}, 1.0, proven())
    assert isinstance(failed.value.reason, CannotRun)
    assert "/nowhere/python" in str(failed.value.reason)


def test_a_program_has_a_session_of_its_own(start: Start, tmp_path: Path) -> None:
    start("orderly", Group())
    pid = pid_in(tmp_path)
    assert os.getsid(pid) == os.getpgid(pid) == pid
