"""The actor that stands for one node's program, and takes it along when it ends."""

import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

from cameron import leash
from cameron.otp import CannotRun, ExitStatus, Reason, ThreadActor
from cameron.otp.node import STOP_TOOK_TOO_LONG

log = logging.getLogger("cameron.nodes")

START_S = 120.0  # for a node to start all its actors
REAP_S = 3.0  # that the system may take over a SIGKILL


@dataclass(frozen=True, slots=True)
class DidNotStart(Reason):
    """The first node's program ended before it had started."""

    status: int

    def __str__(self) -> str:
        return f"the first node did not start ({ExitStatus(self.status)}): what it said about that stands above"


@dataclass(frozen=True, slots=True)
class TookTooLong(Reason):
    """The first node's program had to be killed."""

    def __str__(self) -> str:
        return f"the first node has not started within {START_S:g} s, and was killed: look at its last lines above"


class Group:
    """What the programs of a group share: whether a node has ever started in it, and whether one's stop took too long."""

    def __init__(self) -> None:
        self.has_started = False
        self.was_late = False


class _Started(NamedTuple):
    """The node says so."""


class _Ended(NamedTuple):
    status: int


class NodeProgram(ThreadActor):
    """Runs `command` in a session of its own, so that Ctrl-C at a terminal reaches its parent alone; ends with it, as a failure.

    Until a node of the group has started, a start is waited for, and fails with the node; so what is wrong with all of them is told once.
    Later ones start beside one another, and what is wrong then counts as a crash. An orderly end is SIGTERM, and SIGKILL after `stop_s`:
    give its child specification a shutdown time of `stop_s` and REAP_S. Where the whole program is killed, the leash ends the node.
    """

    start_timeout_s = None  # on_start keeps to START_S

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], stop_s: float, group: Group) -> None:
        super().__init__()
        self._command, self._environ, self._stop_s, self._group = list(command), dict(environ), stop_s, group
        self._lock = threading.Lock()  # holds the program's end back while it is sent a signal: its number may be another's then
        self._has_ended = True

    def on_start(self) -> None:
        """Start the program; returns when it has started all its actors where that is waited for."""
        ours, theirs = leash.pair()
        environ = {**self._environ, leash.VARIABLE: str(theirs.fileno())}
        with theirs:
            try:
                self._child = subprocess.Popen(
                    self._command, env=environ, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
                )
            except OSError as error:
                ours.close()
                self.exit(CannotRun(self._command[0], str(error.strerror)))
                return
        self._has_ended = False
        log.info("%s is process %d", self.name, self._child.pid)
        self.actor_inbox.watch(self, lambda _reason: self._signal(signal.SIGKILL))  # for the ends without `terminate`
        threading.Thread(target=self._follow, args=(ours,), name=f"node-{self._child.pid}", daemon=True).start()
        if not self._group.has_started:
            self._await_start()

    def on_receive(self, message: Any) -> None:
        """The program's end is this actor's."""
        match message:
            case _Started():
                self._group.has_started = True
            case _Ended(status):
                self._has_ended = True
                self.exit(ExitStatus(status))

    def terminate(self, reason: Reason) -> None:
        """Have the program end in order, or else kill it."""
        if self._has_ended:
            return
        self._signal(signal.SIGTERM)
        if (status := self._ended_within(self._stop_s)) is None:
            log.error("%s (process %d) did not stop within %g s and is killed", self.name, self._child.pid, self._stop_s)
            self._signal(signal.SIGKILL)
            self._ended_within(REAP_S)
        if status is None or status == STOP_TOOK_TOO_LONG:
            self._group.was_late = True

    def _await_start(self) -> None:
        match self._next(monotonic() + START_S):
            case _Started():
                self._group.has_started = True
            case _Ended(status):
                self.exit(DidNotStart(status))
            case _:
                self.exit(TookTooLong())  # its watch kills it

    def _ended_within(self, timeout_s: float) -> int | None:
        """The program's status; None where it still runs then."""
        deadline = monotonic() + timeout_s
        while (message := self._next(deadline)) is not None:
            if isinstance(message, _Ended):
                self._has_ended = True
                return message.status
        return None

    def _next(self, deadline: float) -> Any:
        return self.receive(max(deadline - monotonic(), 0.0))

    def _follow(self, ours: socket.socket) -> None:
        """Thread of its own: tell of the program's start and end, and hold the leash as long as it runs."""
        with ours:
            if leash.await_start(ours):
                self.actor_ref.tell(_Started())
            os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            status = self._child.wait()
        self.actor_ref.tell(_Ended(status))

    def _signal(self, number: int) -> None:
        """Any thread."""
        with self._lock:
            if self._child.returncode is None:
                os.kill(self._child.pid, number)
