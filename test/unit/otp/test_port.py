"""Ports: real processes, their input and output, their ends and the ends of their children."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.otp import (
    Actor,
    CannotRun,
    ChildSpec,
    Crash,
    ExitStatus,
    Killed,
    Normal,
    Port,
    PortExit,
    PortInput,
    PortInputEnd,
    PortOutput,
    PortOutputCut,
    Ref,
    Restart,
    Shutdown,
    StartFailed,
    StartTimeout,
    Supervisor,
    port,
    zombies,
)
from cameron.otp.port_output import MAX_LINE_BYTES, OutputStream
from cameron.otp.probe import PATIENCE_S, Probe, end_of
from cameron.otp.process_group import ProcessGroup

STUBBORN = r"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.write(1, b"%d\n" % os.getpid())
    while True:
        time.sleep(60)
os.write(1, b"%d\n" % os.getpid())
while True:
    time.sleep(60)
"""


class Ports:
    """Starts ports owned by the probe, and kills those that are left."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._refs: list[Ref[Any]] = []

    def start(self, *command: str, **options: Any) -> Ref[Any]:
        ref = Port.start(command, self._probe.ref, **options)
        self._refs.append(ref)
        return ref

    def python(self, program: str, **options: Any) -> Ref[Any]:
        return self.start(sys.executable, "-c", program, **options)

    def end(self) -> None:
        for ref in self._refs:
            ref.kill()


@pytest.fixture
def ports(probe: Probe) -> Iterator[Ports]:
    ports = Ports(probe)
    yield ports
    ports.end()


def told(probe: Probe, ref: Ref[Any]) -> tuple[dict[str, bytes], int]:
    """All output by stream, and the exit status."""
    output = {"stdout": b"", "stderr": b""}
    while True:
        match probe.next():
            case PortOutput(port, stream, data):
                assert port is ref
                output[stream] += data
            case PortExit(port, status):
                assert port is ref
                return output, status


def process_ids(probe: Probe, count: int) -> list[int]:
    """The numbers that a program printed, one a line."""
    text = b""
    while text.count(b"\n") < count:
        message = probe.next()
        assert isinstance(message, PortOutput)
        text += message.data
    return [int(line) for line in text.split()]


def await_gone(pid: int) -> None:
    """Wait until a process that may be nobody's child any more has ended."""
    try:
        end_fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([end_fd], [], [], PATIENCE_S)[0], f"process {pid} is still there"
    finally:
        os.close(end_fd)


def test_output_comes_first_and_then_the_exit_status(ports: Ports, probe: Probe) -> None:
    ref = ports.python("import sys; print('out'); print('err', file=sys.stderr)")
    assert told(probe, ref) == ({"stdout": b"out\n", "stderr": b"err\n"}, 0)
    assert end_of(ref) == Normal


@pytest.mark.parametrize(("program", "status"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_another_status_than_0_is_a_failure_of_the_port(ports: Ports, probe: Probe, program: str, status: int) -> None:
    ref = ports.python(program)
    assert told(probe, ref)[1] == status
    assert end_of(ref) == ExitStatus(status)


def test_input_is_written_and_ended_by_messages(ports: Ports, probe: Probe) -> None:
    ref = ports.start("cat")
    assert ref.ask(PortInput(b"hello ")) is True
    ref.tell(PortInput(b"world"))
    ref.tell(PortInputEnd())
    assert told(probe, ref) == ({"stdout": b"hello world", "stderr": b""}, 0)


def test_more_input_than_a_pipe_holds_waits_for_the_process(ports: Ports, probe: Probe) -> None:
    ref = ports.start("wc", "-c")
    assert ref.ask(PortInput(bytes(3_000_000)), timeout=PATIENCE_S) is True
    ref.tell(PortInputEnd())
    assert told(probe, ref)[0]["stdout"].strip() == b"3000000"


def test_input_to_a_process_that_reads_no_more_is_answered_with_false(ports: Ports, probe: Probe) -> None:
    ref = ports.python(
        "import os, sys; os.close(0); print('closed', flush=True); sys.stdout.close(); import signal; signal.pause()", lines=True
    )
    assert probe.next() == PortOutput(ref, "stdout", b"closed\n")
    assert ref.ask(PortInput(b"anybody?")) is False


def test_lines_come_one_by_one(ports: Ports, probe: Probe) -> None:
    ref = ports.start("printf", r"one\ntwo\nthree", lines=True)
    assert [probe.next() for _ in range(4)] == [
        PortOutput(ref, "stdout", b"one\n"),
        PortOutput(ref, "stdout", b"two\n"),
        PortOutput(ref, "stdout", b"three"),
        PortExit(ref, 0),
    ]


def test_output_above_the_limit_is_cut_with_a_clear_word(ports: Ports, probe: Probe) -> None:
    ref = ports.start("head", "-c", "5000000", "/dev/zero", max_output_bytes=100_000)
    messages = []
    while not isinstance(message := probe.next(), PortExit):
        messages.append(message)
    assert sum(len(message.data) for message in messages[:-1]) == 100_000
    assert messages[-1] == PortOutputCut(ref, "stdout", 100_000)
    assert str(messages[-1]) == "stdout was cut after 100,000 bytes: raise max_output_bytes to see more"
    assert message.status == 0


class Slow(Actor):
    """Counts what it is sent, and looks at a chunk for a while."""

    def __init__(self, done: Probe) -> None:
        super().__init__()
        self.done, self.bytes = done, 0

    def on_receive(self, message: Any) -> None:
        match message:
            case PortOutput(_, _, data):
                self.bytes += sum(data[:20_000]) + len(data)  # a while
            case PortExit():
                self.done.ref.tell(self.bytes)


@pytest.mark.parametrize("limit", [None, 1_000])
def test_100_mb_of_output_do_not_grow_memory(probe: Probe, limit: int | None) -> None:
    owner = Slow.start(probe)
    tracemalloc.start()
    try:
        ref = Port.start(["head", "-c", "100000000", "/dev/zero"], owner, max_output_bytes=limit)
        assert probe.next(60) == (100_000_000 if limit is None else limit)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert end_of(ref) == Normal
    owner.exit()


@pytest.mark.parametrize(
    ("command", "options", "text"),
    [
        (["/no/such/program"], {}, "'/no/such/program' can't be run: there is no such program: install it, or give its full path"),
        (["true"], {"cwd": "/no/such/folder"}, "its working directory '/no/such/folder' can't be entered"),
        (["/etc/passwd"], {}, "see its permissions"),
    ],
)
def test_a_command_that_cant_be_run_fails_the_start_and_says_why(
    ports: Ports, command: list[str], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(StartFailed) as caught:
        ports.start(*command, **options)
    assert isinstance(caught.value.reason, CannotRun)
    assert text in str(caught.value)


@pytest.mark.parametrize("command", ["echo no shell", [], ["echo", 3]])
def test_a_command_is_a_list_of_strings(probe: Probe, command: Any) -> None:
    with pytest.raises(StartFailed, match="a list of strings") as caught:
        Port.start(command, probe.ref)
    assert isinstance(caught.value.reason, Crash)


def test_a_port_that_is_told_to_end_asks_its_process_to(ports: Ports, probe: Probe) -> None:
    ref = ports.python(
        "import signal, sys\n"
        "def end(*_):\n    print('last words', flush=True)\n    sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\nsignal.pause()",
        lines=True,
    )
    assert probe.next() == PortOutput(ref, "stdout", b"ready\n")
    ref.exit()
    assert told(probe, ref) == ({"stdout": b"last words\n", "stderr": b""}, 7)
    assert end_of(ref) == Shutdown()


Cause = Callable[[Ref[Any]], None]


@pytest.mark.parametrize("cause", [lambda ref: ref.exit(), lambda ref: ref.kill(), lambda ref: ref.tell(PortInput(None))])  # type: ignore[arg-type]
def test_the_whole_group_ends_with_the_port_also_where_it_ignores_sigterm(ports: Ports, probe: Probe, cause: Cause) -> None:
    ref = ports.python(STUBBORN, kill_after_s=0.05)
    pids = process_ids(probe, 2)
    cause(ref)
    end_of(ref)
    for pid in pids:
        await_gone(pid)


def test_children_are_killed_when_the_process_itself_has_ended(ports: Ports, probe: Probe) -> None:
    ref = ports.start("sh", "-c", "sleep 1000 & echo $!; exit 0")
    (pid,) = process_ids(probe, 1)
    assert probe.next() == PortExit(ref, 0)
    await_gone(pid)


def test_the_group_may_end_in_order_after_the_process_itself_has(ports: Ports, probe: Probe, tmp_path: Path) -> None:
    child = f"trap 'echo done > {tmp_path}/word; exit' TERM; echo ready; while :; do sleep 0.01; done"
    ref = ports.start("sh", "-c", f"({child}) & wait", kill_after_s=PATIENCE_S, lines=True)  # the outer shell ends at SIGTERM at once
    assert probe.next() == PortOutput(ref, "stdout", b"ready\n")
    ref.exit()
    assert told(probe, ref)[1] == -signal.SIGTERM
    assert (tmp_path / "word").read_text() == "done\n"


def test_a_port_ends_with_its_owner(probe: Probe) -> None:
    owner = Probe()
    ref = Port.start(["sleep", "1000"], owner.ref)
    owner.stop()
    assert end_of(ref) == Shutdown("the owner of this port has ended")


def await_clearing_away() -> None:
    """Wait until what follows the kill of a port is done, also that of the tests before."""
    for thread in threading.enumerate():
        if thread.name.endswith("-killed"):
            thread.join(PATIENCE_S)


def test_a_port_that_is_killed_leaves_neither_files_nor_processes(ports: Ports, probe: Probe) -> None:
    await_clearing_away()
    files = set(os.listdir("/proc/self/fd"))
    killed: list[Port] = []
    for _ in range(5):
        ref = ports.start("sleep", "1000")
        actor = ref.actor_inbox.actor
        assert isinstance(actor, Port)
        killed.append(actor)
        ref.kill()
        assert end_of(ref) == Killed
    await_clearing_away()
    for actor in killed:
        assert actor._group.status() == -signal.SIGKILL
        assert actor.actor_ref not in zombies()
    assert set(os.listdir("/proc/self/fd")) <= files


def test_a_port_that_can_open_no_more_files_says_so_and_leaves_none(probe: Probe) -> None:
    await_clearing_away()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = set(os.listdir("/proc/self/fd"))
    limit = min(set(range(len(files) + 1)) - set(map(int, files)))
    words: list[str] = []
    try:
        for _ in range(8):  # it fails at another file each time
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                Port.start(["true"], probe.ref)
            except StartFailed as failed:
                words.append(str(failed))
            limit = min(number for number in range(limit + 1, limit + 1_000) if str(number) not in files)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (
        words
        == ["the actor did not start: 'true' can't be run: too many files are open: raise the limit (ulimit -n), or run fewer at a time"]
        * 8
    )
    assert set(os.listdir("/proc/self/fd")) <= files


def test_fifty_ports_at_once_are_told_apart(ports: Ports, probe: Probe) -> None:
    refs = [ports.start("sh", "-c", f"read word; echo {number} $word") for number in range(50)]
    for ref in refs:
        ref.tell(PortInput(b"hello\n"))
    output: dict[Ref[Any], bytes] = dict.fromkeys(refs, b"")
    ended = 0
    while ended < 50:
        match probe.next():
            case PortOutput(port, _, data):
                output[port] += data
            case PortExit(_, 0):
                ended += 1
    assert list(output.values()) == [b"%d hello\n" % number for number in range(50)]


def test_a_port_that_is_killed_while_it_starts_takes_its_process_along(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    groups: SimpleQueue[ProcessGroup] = SimpleQueue()

    def slow(*args: Any) -> ProcessGroup:
        gate.wait(PATIENCE_S)
        group = ProcessGroup(*args)
        groups.put(group)
        return group

    monkeypatch.setattr(port, "ProcessGroup", slow)
    monkeypatch.setattr(Port, "start_timeout_s", 0.05)
    with pytest.raises(StartFailed) as caught:
        Port.start(["sleep", "1000"], probe.ref)
    assert caught.value.reason == StartTimeout
    gate.set()
    group = groups.get(timeout=PATIENCE_S)
    await_gone(group.pid)


def test_a_port_under_a_supervisor_is_restarted_where_its_process_failed(probe: Probe) -> None:
    spec = ChildSpec("job", lambda: Port.start(["sh", "-c", "exit 1"], probe.ref), Restart.TRANSIENT)
    supervisor = Supervisor.start([spec], intensity=2)
    assert end_of(supervisor) == Shutdown()
    assert [probe.next().status for _ in range(3)] == [1, 1, 1]


# What is told, and in what pieces


def test_a_line_above_the_limit_comes_in_pieces() -> None:
    stream = OutputStream("stdout", by_lines=True, max_bytes=None)
    pieces = stream.feed(b"x" * (2 * MAX_LINE_BYTES + 3)) + stream.feed(b"y\nz") + stream.end()
    assert [len(piece) for piece in pieces] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 5, 1]
    assert pieces[2:] == [b"xxxy\n", b"z"]


@pytest.mark.parametrize(
    ("by_lines", "fed", "expected", "is_cut"),
    [
        (False, [b"abc", b"", b"de"], [b"abc", b"de"], False),
        (False, [b"abcde", b"f"], [b"abcde"], True),
        (False, [b"abc", b"def", b"ghi"], [b"abc", b"de"], True),
        (True, [b"a\nb", b"c", b"def"], [b"a\n", b"bcd"], True),
        (True, [b"ab\r", b"\nc"], [b"ab\r\n", b"c"], False),
    ],
)
def test_what_is_above_the_limit_is_left_out(by_lines: bool, fed: list[bytes], expected: list[bytes], is_cut: bool) -> None:
    stream = OutputStream("stdout", by_lines=by_lines, max_bytes=5)
    assert [piece for data in fed for piece in stream.feed(data)] + stream.end() == expected
    assert stream.is_cut is is_cut
