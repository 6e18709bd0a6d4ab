"""A program that is a tree: its exit status, its signals, its bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from cameron.otp import Actor, ChildSpec, Killed, Node, Reason, Ref, StartFailed, Supervisor, ThreadActor, TreeNode, whereis
from cameron.otp.probe import PATIENCE_S, end_of

ROOT = Path(__file__).parents[3]


class Worker(Actor):
    def on_receive(self, message: Any) -> Any:
        return message(self)


def root(**options: Any) -> Ref[Any]:
    return Supervisor.start([ChildSpec("worker", lambda: Worker.start(name="node_worker"))], **options)


def in_thread(node: Node) -> SimpleQueue[int]:
    statuses: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=lambda: statuses.put(node.run()), daemon=True).start()
    return statuses


def test_a_node_that_is_stopped_returns_0_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    node = Node(root)
    node.stop()  # also before the root has started
    assert in_thread(node).get(timeout=PATIENCE_S) == 0
    assert whereis("node_worker") is None


def test_a_node_whose_root_gives_up_returns_1() -> None:
    node = Node(lambda: root(intensity=0, name="root"))
    statuses = in_thread(node)
    wait_for_worker().tell(lambda _: 1 / 0)
    assert statuses.get(timeout=PATIENCE_S) == 1


def wait_for_worker() -> Ref[Any]:
    ready = threading.Event()
    while (ref := whereis("node_worker")) is None:
        ready.wait(0.001)
    return ref


def test_a_node_whose_root_does_not_start_returns_1(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Ref[Any]:
        raise ValueError("no root today")

    assert in_thread(Node(fails)).get(timeout=PATIENCE_S) == 1
    assert "no root today" in caplog.text


class Stubborn(ThreadActor):
    gate = threading.Event()

    def terminate(self, reason: Reason) -> None:
        self.gate.wait(PATIENCE_S)


def test_a_stop_that_takes_too_long_ends_at_the_bound_with_2_and_names_the_zombies(caplog: pytest.LogCaptureFixture) -> None:
    node = Node(lambda: Supervisor.start([ChildSpec("stubborn", Stubborn.start, shutdown=None)]), shutdown_s=0.1)
    node.stop()
    assert in_thread(node).get(timeout=PATIENCE_S) == 2
    assert "left behind, as they did not come back: " in caplog.text
    Stubborn.gate.set()


def test_a_root_that_hangs_in_its_start_does_not_hang_the_stop() -> None:
    gate = threading.Event()
    late: SimpleQueue[Ref[Any]] = SimpleQueue()

    def hangs() -> Ref[Any]:
        gate.wait(PATIENCE_S)
        ref = Supervisor.start([])
        late.put(ref)
        return ref

    node = Node(hangs, shutdown_s=0.1)
    node.stop()
    assert in_thread(node).get(timeout=PATIENCE_S) == 2
    gate.set()
    assert end_of(late.get(timeout=PATIENCE_S)) == Killed  # it came too late


def test_a_node_is_a_context_manager_too() -> None:
    with Node(root) as node:
        assert node.root is not None
        tree = node.tree()
        assert isinstance(tree, TreeNode)
        assert [child.name for child in tree.children] == ["node_worker"]
        inside = node.root
    assert not inside.is_alive()
    assert whereis("node_worker") is None


def test_a_context_whose_root_does_not_start_raises() -> None:
    def fails() -> Ref[Any]:
        raise ValueError("no root today")

    with pytest.raises(StartFailed, match="no root today"), Node(fails):
        pass


PROGRAM = """
import sys
from cameron.otp import ChildSpec, Node, Supervisor, ThreadActor

class Worker(ThreadActor):
    def on_start(self):
        print("up", flush=True)
    def terminate(self, reason):
        print("stopping", flush=True)
        if "wait" in sys.argv:
            sys.stdin.readline()
        print("stopped", flush=True)

sys.exit(Node(lambda: Supervisor.start([ChildSpec("worker", Worker.start, shutdown=None)]), shutdown_s=20.0).run())
"""


ESCALATES = """
import logging, sys
from cameron.otp import ChildSpec, Node, Supervisor, ThreadActor

class Worker(ThreadActor):
    def on_start(self):
        print("up", flush=True)
        self.send_after(0, "work")
    def on_receive(self, message):
        if sys.stdin.readline() == "crash\\n":
            raise ValueError("no more")

def supervisor(name, *below):
    return lambda: Supervisor.start(below, intensity=1, period_s=1000.0, name=name)

logging.basicConfig(format="%(levelname)s %(message)s")
low = supervisor("low", ChildSpec("worker", Worker.start))
middle = supervisor("middle", ChildSpec("low", low, type="supervisor"))
root = supervisor("root", ChildSpec("middle", middle, type="supervisor"))
sys.exit(Node(root).run())
"""


@pytest.fixture
def program() -> Any:
    processes: list[subprocess.Popen[str]] = []

    def start(*args: str, text: str = PROGRAM) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, "-c", text, *args], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_program_in_order_with_status_0(program: Start, number: signal.Signals) -> None:
    process = program()
    process.send_signal(number)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert output == "stopping\nstopped\n"
    assert process.returncode == 0


def test_a_second_signal_during_the_stop_is_ignored(program: Start) -> None:
    process = program("wait")
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate("go on\n", timeout=PATIENCE_S)
    assert output == "stopped\n"
    assert process.returncode == 0


def test_rule_5_a_crash_too_many_escalates_through_three_levels_to_the_programs_exit_status(program: Start) -> None:
    process = program(text=ESCALATES)
    # Each level allows one restart: 2 starts of the worker by `low`, which is started twice by `middle`, and that one twice by `root`.
    output, errors = process.communicate("crash\n" * 8, timeout=PATIENCE_S)
    assert output == "up\n" * 7  # the first one was read by the fixture
    assert process.returncode == 1
    assert [line.split(";")[-1].strip() for line in errors.splitlines() if line.startswith("ERROR")] == [
        *["restarting", "giving up: too many restarts"] * 4
    ]
    assert errors.count("Traceback") == 8  # once for each crash
    assert "CRITICAL the root ended (shutdown), and the program with it: see the crash reports above" in errors


def test_rule_5_a_crash_less_does_not(program: Start) -> None:
    process = program(text=ESCALATES)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("crash\n" * 7)
    process.stdin.flush()
    assert [process.stdout.readline() for _ in range(7)] == ["up\n"] * 7
    process.send_signal(signal.SIGTERM)
    process.stdin.write("go on\n")
    process.stdin.flush()
    process.wait(PATIENCE_S)
    assert process.returncode == 0


HEARD_ELSEWHERE = """
import signal, sys, threading
from cameron.otp import ChildSpec, Node, Supervisor, ThreadActor

class Worker(ThreadActor):
    def on_start(self):
        print("up", flush=True)
        self.send_after(0.1, "go")

    def on_receive(self, message):
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

sys.exit(Node(lambda: Supervisor.start([ChildSpec("worker", Worker.start)])).run())
"""


def test_a_signal_that_another_thread_was_given_stops_the_program_too(program: Start) -> None:
    process = program(text=HEARD_ELSEWHERE)
    assert process.wait(PATIENCE_S) == 0
