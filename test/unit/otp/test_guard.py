"""What a program has started under a port ends with it, also where it is killed and can see to nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from cameron.otp.guard import Guard

from ...acceptance.support.waiting import eventually

PROGRAM = """
import sys
from cameron.otp import Actor, Port
owner = Actor.start()
for command in (["/bin/sh", "-c", "sleep 1000 & echo $$ $!; wait"], ["/bin/sh", "-c", "echo $$ $$; exec sleep 1000"]):
    Port.start(command, owner)
print("started", flush=True)
sys.stdin.read()
"""


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def groups_of(parent: int) -> list[int]:
    """The groups that the process' children lead."""
    children = open(f"/proc/{parent}/task/{parent}/children", encoding="ascii")  # noqa: SIM115  read at once
    with children:
        found = [int(pid) for pid in children.read().split()]
    others = [int(name) for name in os.listdir(f"/proc/{parent}/task") if int(name) != parent]
    for thread in others:
        with suppress(FileNotFoundError), open(f"/proc/{parent}/task/{thread}/children", encoding="ascii") as file:
            found += [int(pid) for pid in file.read().split()]
    return found


@pytest.fixture
def program() -> Iterator["subprocess.Popen[bytes]"]:
    """A program with two commands under ports."""
    started = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert started.stdout.readline() == b"started\n"
    yield started
    started.kill()
    started.wait()
    for file in (started.stdin, started.stdout):
        if file is not None:
            file.close()


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(ProcessLookupError):
            if os.getpgid(int(name)) == group and lives(int(name)):
                found.append(int(name))
    return found


def test_a_killed_program_leaves_none_of_its_commands_nor_what_they_have_started(program: "subprocess.Popen[bytes]") -> None:
    eventually(lambda: len(groups_of(program.pid)) == 3, "two commands and the guard")
    groups = groups_of(program.pid)
    eventually(lambda: sum(len(members(group)) for group in groups) == 4, "the child of the first command")
    program.send_signal(signal.SIGKILL)
    program.wait()
    eventually(lambda: not any(members(group) for group in groups), "all of them, and the guard, to be gone")


def test_a_guard_that_is_killed_is_replaced_and_knows_all_groups() -> None:
    guard = Guard()
    sleepers = [subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True) for _ in range(3)]
    try:
        guard.add(sleepers[0].pid)
        guard.add(sleepers[1].pid)
        first = guard._process
        assert first is not None
        first.kill()
        first.wait()
        guard.remove(sleepers[1].pid)
        guard.add(sleepers[2].pid)
        second = guard._process
        assert second is not None
        assert second is not first
        assert second.stdin is not None
        second.stdin.close()
        assert second.wait(30) == 0
        assert [sleepers[0].wait(30), sleepers[2].wait(30)] == [-signal.SIGKILL] * 2
        assert sleepers[1].poll() is None
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
