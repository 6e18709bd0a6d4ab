"""One command under way: what it has written so far, and what is told once it has ended."""

import os
from collections.abc import Mapping

from cameron.activities.call import CommandRun, Failure, Reply
from cameron.otp import ExitStatus, Normal, PortExit, PortOutput, PortOutputCut, Reason, Shutdown, Timer

HANDED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")  # of the node's environment; whatever else it holds may be a secret
LONGEST_WORD = 131_071  # bytes of an argument that Linux takes (MAX_ARG_STRLEN), without the NUL at its end
TIMED_OUT = Shutdown("its time is over")
CANCELLED = Shutdown("nobody waits for it any more")


class RunningCommand:
    """Kept by the actor that owns the port."""

    def __init__(self, run: CommandRun, timer: Timer) -> None:
        self.run, self._timer = run, timer
        self._outputs = {"stdout": bytearray(), "stderr": bytearray()}
        self._is_cut = False
        self._status: int | None = None
        self.is_cancelled = False

    def hear(self, message: PortOutput | PortOutputCut | PortExit) -> None:
        """Take in what its port tells."""
        match message:
            case PortOutput(_, stream, data):
                self._outputs[stream] += data
            case PortOutputCut():
                self._is_cut = True
            case PortExit(_, status):
                self._status = status

    def reply(self, reason: Reason) -> Reply | None:
        """The Reply, now that its port has ended with that reason and all that it told is heard; None where nobody waits for it."""
        self._timer.cancel()
        if self.is_cancelled:
            return None
        run, program = self.run, self.run.command[0]
        failure: Failure | None = None
        error = ""
        if reason == TIMED_OUT:
            failure, error = Failure.TIMEOUT, f"timeout: {program!r} has not ended within {run.timeout_s:g} s, and was killed"
        elif not (reason == Normal or isinstance(reason, ExitStatus)):
            failure, error = Failure.CONNECTION, f"{program!r} was killed by its node ({reason}); how far it had come is not known"
        stdout, stderr = bytes(self._outputs["stdout"]), bytes(self._outputs["stderr"])
        return Reply(run.task, run.attempt, self._status or 0, stdout, "", failure, error, stderr, is_cut=self._is_cut)


def cannot_run(run: CommandRun, why: str) -> Reply:
    """The Reply where there was nothing to run."""
    return Reply(run.task, run.attempt, 0, b"", "", Failure.CANNOT_RUN, why)


def why_unfit(run: CommandRun) -> str:
    """Why no system could run it as it is, for a person; "" where nothing speaks against it."""
    if not run.command or not run.command[0]:
        return "the command is empty: name a program"
    if not run.timeout_s > 0:
        return f"{run.command[0]!r} can't be run: timeout_s must be above 0, not {run.timeout_s:g}"
    if any("=" in name or not name for name, _ in run.env):
        return f"{run.command[0]!r} can't be run: the name of an environment variable is empty or holds a '=': give it another one"
    for word in (*run.command, *map("=".join, run.env)):
        if why := _why_unfit(word):
            return f"{run.command[0]!r} can't be run: {why}"
    return ""


def _why_unfit(word: str) -> str:
    try:
        size = len(os.fsencode(word))
    except UnicodeEncodeError:
        return "an argument or environment variable holds a lone surrogate, which is no character: take it out"
    if "\0" in word:
        return "an argument or environment variable holds a NUL character, which none may: take it out, or give it on stdin"
    if size > LONGEST_WORD:
        return f"an argument or environment variable has {size:,} bytes, and may have {LONGEST_WORD:,}: give it on stdin"
    return ""


def environment(run: CommandRun, node: Mapping[str, str]) -> dict[str, str]:
    """All that the command sees of the environment of its node, and what is set for it."""
    return {name: node[name] for name in HANDED_ON if name in node} | dict(run.env)
