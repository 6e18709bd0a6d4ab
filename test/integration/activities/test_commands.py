"""The actor that runs commands, with real ones: what they write, how they end, and that nothing is left of any."""

import os
import signal
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from cameron import fault
from cameron.activities.call import Cancel, CommandRun, Failure, Occupancy, Reply, Report
from cameron.activities.commands import CommandPort, Commands
from cameron.activities.running_command import HANDED_ON
from cameron.otp import Crash, Killed, PortInput, Ref, Shutdown, port
from cameron.otp.probe import end_of
from cameron.otp.process_group import ProcessGroup

from ...acceptance.support.gone import await_gone
from ...acceptance.support.waiting import eventually

PATIENCE_S = 30.0
MAX_OUTPUT_BYTES = 2_000_000
STUBBORN = "trap '' TERM; sleep 1000 & echo $$ $! >> $D/marks; echo so far; echo and so on >&2; while :; do wait; done"


class Desk:
    """Has commands run, and keeps what became of them. `folder` is where they leave marks."""

    def __init__(self, mailbox: Any, folder: Path) -> None:
        self.mailbox, self.folder = mailbox, folder
        self._started: list[Ref[Commands]] = []

    def open(self, max_commands: int = 8, kill_after_s: float = 0.1) -> Ref[Commands]:
        """The actor that runs them."""
        self.commands = Commands.start(max_commands, MAX_OUTPUT_BYTES, kill_after_s)
        self._started.append(self.commands)
        return self.commands

    def close(self) -> None:
        """End all that is left."""
        for ref in self._started:
            ref.exit()
            end_of(ref)

    def tell(self, *command: str, task: str = "t", **said: Any) -> None:
        """Have this run; the reply will come."""
        usual = CommandRun(self.mailbox, task, 1, command, b"", PATIENCE_S, (), False)
        self.commands.tell(usual._replace(**said))

    def shell(self, script: str, task: str = "t", **said: Any) -> None:
        """The same, of a shell's script, in which $D is the folder."""
        self.tell("sh", "-c", script, task=task, env=(("D", str(self.folder)),), **said)

    def run(self, *command: str, **said: Any) -> Reply:
        """Have it run, and await the reply."""
        self.tell(*command, **said)
        return self.reply()

    def reply(self) -> Reply:
        """The next reply."""
        reply: Reply = self.mailbox.take()
        return reply

    def gate(self) -> Callable[[], None]:
        """Commands that `read x < $D/gate` wait there; what is returned opens it for those who have come, and for good."""
        path = self.folder / "gate"
        os.mkfifo(path)

        def open_it() -> None:
            writer = os.open(path, os.O_WRONLY)
            path.unlink()
            os.close(writer)

        return open_it

    def marks(self, count: int = 0) -> list[str]:
        """The lines that commands have appended to $D/marks, once there are so many."""
        path = self.folder / "marks"
        return eventually(lambda: lines(path, count), f"{count} marks", PATIENCE_S) if count else lines(path, 0)

    def ports(self) -> list[Ref[Any]]:
        """Those of the commands that run."""
        actor = self.commands.actor_inbox.actor
        assert isinstance(actor, Commands)
        return list(actor._running)


def lines(path: Path, count: int) -> list[str]:
    """All whole lines of the file, if there are so many; else none."""
    found = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return found if len(found) >= count else []


@pytest.fixture
def desk(mailbox: Any, tmp_path: Path) -> Iterator[Desk]:
    """One that runs 8 commands at once."""
    made = Desk(mailbox, tmp_path)
    made.open()
    yield made
    made.close()


# what is told of it


def test_what_a_command_writes_and_how_it_ends_is_its_reply(desk: Desk) -> None:
    desk.tell("sh", "-c", "echo out; echo err >&2; exit 3", task="build", attempt=2)
    assert desk.reply() == Reply("build", 2, 3, b"out\n", "", None, "", b"err\n")


@pytest.mark.parametrize("status", [0, 1, 255])
def test_the_exit_code_is_the_status(desk: Desk, status: int) -> None:
    assert desk.run("sh", "-c", f"exit {status}") == Reply("t", 1, status, b"", "", None, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_command_that_a_signal_ends_has_minus_its_number_as_status(desk: Desk, number: signal.Signals) -> None:
    assert desk.run("sh", "-c", f"echo before; kill -{number.name[3:]} $$") == Reply("t", 1, -number, b"before\n", "", None, "")


def test_arguments_come_as_they_are_there_is_no_shell(desk: Desk) -> None:
    assert desk.run("printf", "%s|", "a b", "$HOME", "*", "; exit 1", "", "ü").body == "a b|$HOME|*|; exit 1||ü|".encode()


def test_a_megabyte_of_input_comes_through_whole_and_is_closed(desk: Desk) -> None:
    data = os.urandom(1_000_000)
    assert desk.run("cat", stdin=data).body == data


def test_a_command_without_input_finds_it_closed(desk: Desk) -> None:
    assert desk.run("wc", "-c").body.strip() == b"0"


def test_a_command_need_not_read_its_input(desk: Desk) -> None:
    assert desk.run("true", stdin=bytes(1_000_000)) == Reply("t", 1, 0, b"", "", None, "")


def test_it_sees_of_the_nodes_environment_what_is_no_secret_and_what_is_set_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERON_REDIS_URL", "redis://:password@host/0")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    reply = desk.run("env", env=(("TASK", "t"), ("TMPDIR", "/var/tmp")))
    seen = dict(line.split("=", 1) for line in reply.body.decode().splitlines())
    node = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    assert seen == node | {"TZ": "Europe/Berlin", "TASK": "t", "TMPDIR": "/var/tmp"}


def test_it_runs_where_the_node_does(desk: Desk) -> None:
    assert desk.run("pwd", "-P").body.decode().strip() == os.path.realpath(Path.cwd())


def test_each_command_is_said_to_have_begun_when_it_has_its_place(desk: Desk) -> None:
    desk.open(max_commands=1)
    open_gate = desk.gate()
    desk.shell("echo + >> $D/marks; read x < $D/gate; true", "first", attempt=3)
    desk.shell("true", "second")
    desk.marks(1)
    assert desk.mailbox.told == [("begun", "first", 3)]
    open_gate()
    assert (desk.reply().task, desk.reply().task) == ("first", "second")
    assert desk.mailbox.told[1:] == [("replied", "first", 3), ("begun", "second", 1), ("replied", "second", 1)]


def test_a_command_that_cannot_be_run_has_never_begun(desk: Desk) -> None:
    desk.run("/no/such/program")
    desk.run("true", timeout_s=0)
    assert desk.mailbox.told == [("replied", "t", 1)] * 2


# output


@pytest.mark.parametrize("to", ["body", "stderr"])
def test_100_mb_of_output_are_cut_cost_no_memory_and_no_error(desk: Desk, to: str) -> None:
    tracemalloc.start()
    try:
        reply = desk.run("sh", "-c", f"head -c 100000000 /dev/zero {'>&2' if to == 'stderr' else ''}; exit 7")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert (reply.status, reply.failure, reply.is_cut) == (7, None, True)
    assert Counter(map(len, (reply.body, reply.stderr))) == {MAX_OUTPUT_BYTES: 1, 0: 1}
    assert getattr(reply, to) == bytes(MAX_OUTPUT_BYTES)


def test_output_up_to_the_limit_is_not_cut(desk: Desk) -> None:
    reply = desk.run("head", "-c", str(MAX_OUTPUT_BYTES), "/dev/zero")
    assert (len(reply.body), reply.is_cut) == (MAX_OUTPUT_BYTES, False)


def test_a_cut_command_goes_on_to_its_end(desk: Desk) -> None:
    desk.shell("head -c 9000000 /dev/zero; echo end >> $D/marks")
    assert (desk.reply().is_cut, desk.marks(1)) == (True, ["end"])


# what cannot be run


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("/no/such/program",), "'/no/such/program' can't be run: there is no such program: install it, or give its full path"),
        (("no-such-program",), "there is no such program: install it, or give its full path"),
        (("$D/plain",), "it is no program, or may not be run by this user: see its permissions"),
        (("$D",), "it is no program, or may not be run by this user: see its permissions"),
        (("$D/nonsense",), "the system does not know how to run it: a script has to begin with #! and its interpreter"),
        ((), "the command is empty: name a program"),
        (("",), "the command is empty: name a program"),
        (("echo", "a\0b"), "a NUL character, which none may: take it out, or give it on stdin"),
        (("echo", "\ud800"), "a lone surrogate, which is no character: take it out"),
        (("echo", "x" * 131_072), "has 131,072 bytes, and may have 131,071: give it on stdin"),
        (("echo", *["x" * 131_000] * 100), "'echo' can't be run"),
    ],
)
def test_a_command_that_cannot_be_run_is_replied_with_what_to_do(desk: Desk, command: tuple[str, ...], text: str) -> None:
    (desk.folder / "plain").write_text("#!/bin/sh\n", encoding="utf-8")
    (desk.folder / "nonsense").write_text("nonsense", encoding="utf-8")
    (desk.folder / "nonsense").chmod(0o700)
    reply = desk.run(*(word.replace("$D", str(desk.folder)) for word in command))
    assert (reply.status, reply.body, reply.failure) == (0, b"", Failure.CANNOT_RUN)
    assert text in reply.error
    assert desk.run("echo", "next").body == b"next\n"


def test_the_longest_argument_that_is_let_through_is_one_that_the_system_takes(desk: Desk) -> None:
    assert len(desk.run("echo", "x" * 131_071).body) == 131_072


def test_a_program_that_does_not_start_in_time_is_given_up_and_gone_when_it_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_is_back, groups = threading.Event(), SimpleQueue[ProcessGroup]()

    def slow(*args: Any) -> ProcessGroup:
        disk_is_back.wait(PATIENCE_S)
        groups.put(group := ProcessGroup(*args))
        return group

    with monkeypatch.context() as patched:
        patched.setattr(port, "ProcessGroup", slow)
        patched.setattr(CommandPort, "start_timeout_s", 0.05)
        reply = desk.run("sleep", "1000")
    assert (reply.failure, "has not started it within 0.05 s" in reply.error) == (Failure.CANNOT_RUN, True)
    disk_is_back.set()
    await_gone([str(groups.get(timeout=PATIENCE_S).pid)])


# what does not end by itself


def test_at_its_timeout_a_command_is_killed_with_all_its_children_also_where_they_ignore_being_asked(desk: Desk) -> None:
    desk.shell(STUBBORN, "stubborn", timeout_s=2)
    desk.shell("echo $$ >> $D/marks; echo so far; echo and so on >&2; exec sleep 1000", "obedient", timeout_s=2)
    replies = {reply.task: reply for reply in (desk.reply(), desk.reply())}
    error = "timeout: 'sh' has not ended within 2 s, and was killed"
    assert replies == {
        "stubborn": Reply("stubborn", 1, -signal.SIGKILL, b"so far\n", "", Failure.TIMEOUT, error, b"and so on\n"),
        "obedient": Reply("obedient", 1, -signal.SIGTERM, b"so far\n", "", Failure.TIMEOUT, error, b"and so on\n"),
    }
    await_gone(" ".join(desk.marks(2)).split())


def test_children_that_outlive_a_command_are_killed_and_do_not_hold_up_its_reply(desk: Desk) -> None:
    desk.shell("for _ in 1 2 3; do (trap '' TERM; sleep 1000) & echo $!; done; exit 4")
    reply = desk.reply()
    assert (reply.status, reply.failure) == (4, None)
    await_gone(reply.body.decode().split())


def test_a_timeout_begins_with_the_command_not_with_its_wait_for_a_turn(desk: Desk) -> None:
    desk.open(max_commands=1)
    desk.tell("sleep", "2.5", task="first")
    desk.tell("true", task="second", timeout_s=2)
    assert [(reply.task, reply.failure) for reply in (desk.reply(), desk.reply())] == [("first", None), ("second", None)]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
def test_a_command_that_is_given_no_time_is_not_run(desk: Desk, timeout_s: float) -> None:
    desk.shell("echo ran >> $D/marks", timeout_s=timeout_s)
    reply = desk.reply()
    assert (reply.failure, "timeout_s must be above 0" in reply.error, desk.marks()) == (Failure.CANNOT_RUN, True, [])


def test_a_command_may_be_given_all_the_time_there_is(desk: Desk) -> None:
    assert desk.run("true", timeout_s=float("inf")).status == 0


# many


def test_of_200_commands_8_run_at_once_and_never_more(desk: Desk) -> None:
    open_gate = desk.gate()
    for number in range(200):
        desk.shell(f"echo + >> $D/marks; [ -p $D/gate ] && read x < $D/gate; echo {number}; echo - >> $D/marks", str(number))
    assert desk.marks(8) == ["+"] * 8
    eventually(lambda: len(desk.ports()) == 8, "all eight to be known", PATIENCE_S)  # a command may write before its start has returned
    open_gate()
    replies = [desk.reply() for _ in range(200)]
    assert {(reply.task, reply.body) for reply in replies} == {(str(number), b"%d\n" % number) for number in range(200)}
    at_once, most = 0, 0
    for mark in desk.marks(400):
        at_once += 1 if mark == "+" else -1
        most = max(most, at_once)
    assert (at_once, most) == (0, 8)


def test_commands_that_wait_go_in_the_order_they_came(desk: Desk) -> None:
    desk.open(max_commands=1)
    for number in range(20):
        desk.shell(f"echo {number} >> $D/marks")
    assert desk.marks(20) == [str(number) for number in range(20)]


def test_commands_are_replied_in_the_order_they_end(desk: Desk) -> None:
    open_gate = desk.gate()
    desk.shell("read x < $D/gate; true", "slow")
    assert desk.run("true", task="fast").task == "fast"
    open_gate()
    assert desk.reply().task == "slow"


# cancelled


def test_a_command_that_is_cancelled_while_it_waits_is_never_run(desk: Desk) -> None:
    desk.open(max_commands=1)
    open_gate = desk.gate()
    desk.shell("echo 1 >> $D/marks; read x < $D/gate; true", "first")
    desk.shell("echo 2 >> $D/marks", "second")
    desk.shell("echo 3 >> $D/marks", "third")
    desk.marks(1)
    desk.commands.tell(Cancel(desk.mailbox, "second"))
    open_gate()
    assert ([desk.reply().task, desk.reply().task], desk.marks(2)) == (["first", "third"], ["1", "3"])
    assert desk.mailbox.empty()


def test_a_command_that_is_cancelled_while_it_runs_is_killed_without_a_reply_and_makes_room(desk: Desk) -> None:
    desk.open(max_commands=1)
    desk.shell(STUBBORN, "first")
    desk.shell("true", "second")
    pids = desk.marks(1)[0].split()
    desk.commands.tell(Cancel(desk.mailbox, "first"))
    desk.commands.tell(Cancel(desk.mailbox, "first"))
    assert desk.reply().task == "second"
    await_gone(pids)
    assert desk.mailbox.empty()


def test_a_cancelled_command_is_first_asked_to_end(desk: Desk) -> None:
    desk.open(kill_after_s=PATIENCE_S)
    desk.shell("trap 'echo asked >> $D/marks; exit' TERM; echo ready >> $D/marks; while :; do sleep 0.01; done")
    desk.marks(1)
    desk.commands.tell(Cancel(desk.mailbox, "t"))
    assert desk.marks(2) == ["ready", "asked"]


def test_a_cancel_is_of_one_receivers_task_and_of_no_other(desk: Desk, mailbox: Any) -> None:
    open_gate = desk.gate()
    desk.shell("echo + >> $D/marks; read x < $D/gate; true", "t")
    desk.marks(1)
    for cancel in (Cancel(desk.mailbox, "another"), Cancel(type(mailbox)(), "t")):
        desk.commands.tell(cancel)
    assert desk.run("true", task="behind").task == "behind"
    open_gate()
    assert desk.reply() == Reply("t", 1, 0, b"", "", None, "")


def test_a_task_that_was_cancelled_may_be_run_again_at_once(desk: Desk) -> None:
    desk.tell("sleep", "1000")
    desk.commands.tell(Cancel(desk.mailbox, "t"))
    assert desk.run("echo", "again", attempt=2) == Reply("t", 2, 0, b"again\n", "", None, "")


@pytest.mark.parametrize("how", [lambda ref: ref.kill(), lambda ref: ref.tell(PortInput(None)), lambda ref: ref.exit()])  # type: ignore[arg-type]
def test_a_command_whose_port_fails_is_replied_as_broken_off_and_harms_no_other(desk: Desk, how: Callable[[Ref[Any]], None]) -> None:
    open_gate = desk.gate()
    desk.shell(STUBBORN, "broken")
    pids = desk.marks(1)[0].split()
    [lost] = desk.ports()
    desk.shell("echo + >> $D/marks; read x < $D/gate; true", "other")
    desk.marks(2)
    how(lost)
    reply = desk.reply()
    assert (reply.task, reply.failure) == ("broken", Failure.CONNECTION)
    assert reply.error.startswith("'sh' was killed by its node (")
    assert reply.error.endswith("); how far it had come is not known")
    await_gone(pids)
    open_gate()
    assert desk.reply() == Reply("other", 1, 0, b"", "", None, "")


def test_it_tells_how_many_run_and_how_many_wait(desk: Desk) -> None:
    desk.open(max_commands=2)
    open_it = desk.gate()
    reports: SimpleQueue[Any] = SimpleQueue()
    listener = SimpleNamespace(tell=reports.put)
    desk.commands.tell(Report(listener, "commands"))
    assert reports.get(timeout=PATIENCE_S) == Occupancy("commands", 0, 0, 2)
    for number in range(5):
        desk.shell("echo here >> $D/marks; read x < $D/gate", str(number))
    desk.marks(2)
    desk.commands.tell(Report(listener, "commands"))
    assert reports.get(timeout=PATIENCE_S) == Occupancy("commands", 2, 3, 2)
    for number in range(2, 5):
        desk.commands.tell(Cancel(desk.mailbox, str(number)))
    open_it()
    assert {desk.reply().task for _ in range(2)} == {"0", "1"}
    desk.commands.tell(Report(listener))
    assert reports.get(timeout=PATIENCE_S) == Occupancy("", 0, 0, 2)


@pytest.mark.parametrize(("how", "reason"), [(lambda ref: ref.exit(), Shutdown()), (lambda ref: ref.kill(), Killed)])
def test_the_end_of_the_actor_is_that_of_all_its_commands(desk: Desk, how: Callable[[Ref[Any]], None], reason: Any) -> None:
    desk.open(max_commands=2)
    for number in range(3):
        desk.shell(STUBBORN, str(number))
    pids = " ".join(desk.marks(2)).split()
    how(desk.commands)
    assert end_of(desk.commands) == reason
    await_gone(pids)
    assert (len(desk.marks()), desk.mailbox.empty()) == (2, True)


def test_when_the_actor_has_ended_in_order_its_commands_are_gone_already(desk: Desk) -> None:
    desk.shell(STUBBORN)
    [shell, child] = desk.marks(1)[0].split()
    desk.commands.exit()
    end_of(desk.commands)
    with pytest.raises(ProcessLookupError):
        os.kill(int(shell), 0)
    await_gone([child])


@pytest.mark.parametrize("point", ["command.started:2=raise", "command.ended=raise"])
def test_a_crash_of_the_actor_takes_its_commands_along(desk: Desk, point: str) -> None:
    fault.arm(point)
    try:
        desk.shell(STUBBORN, "stubborn")
        pids = desk.marks(1)[0].split()
        desk.tell("true", task="fatal")
        assert isinstance(end_of(desk.commands), Crash)
    finally:
        fault.arm("")
    await_gone(pids)
    assert desk.mailbox.empty()


def test_a_receiver_that_cannot_be_told_costs_the_others_nothing(desk: Desk) -> None:
    class Deaf:
        def tell(self, message: Any) -> None:
            raise OSError("deaf")

    desk.tell("true", reply_to=Deaf())
    desk.tell("true", reply_to=[])
    desk.commands.tell("what?")
    assert desk.run("echo", "fine").body == b"fine\n"


def test_no_descriptors_are_left_of_commands_that_have_ended(desk: Desk, open_files: Callable[[], list[str]]) -> None:
    desk.run("true")
    eventually(lambda: not desk.ports(), "the first to be gone")
    before = open_files()
    for turn in range(20):
        desk.run(sys.executable if turn == 0 else "true", "-c", "")
        desk.run("/no/such/program")
    eventually(lambda: open_files() == before, "its descriptors to be closed")
