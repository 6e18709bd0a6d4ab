"""The actor that runs all commands: tell it a `CommandRun`, be told `Begun`, then `Replies`. It knows nothing of jobs, dialects or retries.

Each command is the process of a `cameron.otp.Port`, and in a group of its own with all that it starts. This actor owns the ports: they
end with it, and their processes with them, whatever its end. It never waits for a command; whatever becomes of one is that run's Reply.
"""

import logging
import os
import time
from typing import Any, ClassVar, NamedTuple

from cameron import fault
from cameron.activities.call import Begun, Cancel, CommandRun, Replies, ReplyTo, Report
from cameron.activities.receiver import inform
from cameron.activities.running_command import CANCELLED, TIMED_OUT, RunningCommand, cannot_run, environment, why_unfit
from cameron.activities.turn_taker import TurnTaker
from cameron.otp import (
    CannotRun,
    Down,
    Port,
    PortExit,
    PortInput,
    PortInputEnd,
    PortOutput,
    PortOutputCut,
    Reason,
    Ref,
    Shutdown,
    StartFailed,
    StartTimeout,
)

AFTER_KILL_S = 5.0  # so long the system may take over a SIGKILL

log = logging.getLogger(__name__)


class CommandPort(Port):
    """Its start is its actor's only wait; a program on a disk that hangs must not hold up all the others."""

    start_timeout_s: ClassVar[float | None] = 10.0


class TimeIsUp(NamedTuple):
    """A command has run as long as it may."""

    port: Ref[Any]


class PortGone(NamedTuple):
    """Sent to oneself when a port has ended: behind all that it told, which the news of its end overtakes."""

    port: Ref[Any]
    reason: Reason


class Commands(TurnTaker[CommandRun]):
    """Runs `CommandRun`s, at most `max_commands` at once, the rest in order; drops a task's at a `Cancel`.

    Of each of a command's two outputs `max_output_bytes` are kept; it may write more. When its time is over, or at a Cancel, it gets a
    SIGTERM and, where it lives on for `kill_after_s`, a SIGKILL; it keeps its place until it is gone. Let the child spec's `shutdown` be
    longer than that.
    """

    def __init__(self, max_commands: int, max_output_bytes: int, kill_after_s: float) -> None:
        super().__init__(max_commands)
        self._max_output_bytes, self._kill_after_s = max_output_bytes, kill_after_s
        self._running: dict[Ref[Any], RunningCommand] = {}

    def on_receive(self, message: Any) -> None:
        """Take a CommandRun, a Cancel or a Report, and what the ports tell."""
        match message:
            case PortOutput(port) | PortOutputCut(port) | PortExit(port):
                if port in self._running:
                    self._running[port].hear(message)
            case CommandRun():
                self._add(message)
            case Cancel(reply_to, task):
                self._cancel(reply_to, task)
            case TimeIsUp(port):
                port.exit(TIMED_OUT)
            case Down(port):  # it may have ended before it was monitored: the Down would not know why
                self.actor_ref.tell(PortGone(port, port.ended_with or message.reason))
            case PortGone(port, reason):
                self._end(port, reason)
            case Report(to, of):
                inform(to, self.occupancy(of))
            case _:
                super().on_receive(message)

    def taken(self) -> int:
        """One by each command until it is gone."""
        return len(self._running)

    def terminate(self, reason: Reason) -> None:
        """End all commands, and see them gone."""
        for port in self._running:
            port.exit(Shutdown("commands end with their node"))
        deadline_s = time.monotonic() + self._kill_after_s + AFTER_KILL_S
        while self._running and (left_s := deadline_s - time.monotonic()) > 0 and not self.is_fenced:
            message = self.receive(left_s)
            if isinstance(message, Down):
                self._running.pop(message.ref, None)

    def _add(self, run: CommandRun) -> None:
        try:
            self._waiting.put(run)
        except TypeError:
            log.exception("a CommandRun was dropped: its reply_to and task have to be hashable")

    def start_run(self, run: CommandRun) -> None:
        """As a process of a port's."""
        why = why_unfit(run)
        if why:
            inform(run.reply_to, Replies([cannot_run(run, why)]))
            return
        try:
            port = CommandPort.start(
                run.command,
                self.actor_ref,
                max_output_bytes=self._max_output_bytes,
                kill_after_s=self._kill_after_s,
                env=environment(run, os.environ),
            )
        except StartFailed as failed:
            inform(run.reply_to, Replies([cannot_run(run, _why_not(run.command[0], failed.reason))]))
            return
        fault.at("command.started")
        self._running[port] = RunningCommand(run, self.send_after(run.timeout_s, TimeIsUp(port)))
        inform(run.reply_to, Begun(run.task, run.attempt))
        self.monitor(port)
        if run.stdin:
            port.tell(PortInput(run.stdin))
        port.tell(PortInputEnd())

    def _cancel(self, reply_to: ReplyTo, task: str) -> None:
        self._waiting.drop(reply_to, task)
        for port, running in self._running.items():
            if (running.run.reply_to, running.run.task) == (reply_to, task) and not running.is_cancelled:
                running.is_cancelled = True
                port.exit(CANCELLED)

    def _end(self, port: Ref[Any], reason: Reason) -> None:
        running = self._running.pop(port)
        reply = running.reply(reason)
        if reply:
            fault.at("command.ended")
            inform(running.run.reply_to, Replies([reply]))


def _why_not(program: str, reason: Reason) -> str:
    """For a person."""
    if isinstance(reason, CannotRun):
        return str(reason)
    if reason == StartTimeout:
        return f"{program!r} can't be run: the system has not started it within {CommandPort.start_timeout_s:g} s; is its disk away?"
    return f"{program!r} can't be run ({reason}): see whether the node is short of memory or threads"
