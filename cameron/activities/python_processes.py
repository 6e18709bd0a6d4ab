"""Runs of Python activities in processes of their own: what is started for one, and what its end comes to."""

import logging
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from cameron.activities.call import Begun, Cancel, CommandRun, Failure, PythonRun, Reply, ReplyTo
from cameron.activities.isolated_run import MODULE, IsolatedRun, read_result, request_text
from cameron.activities.process_end import ending, is_standard, last_words
from cameron.activities.python_activity import PythonActivity, PythonTask, Result
from cameron.activities.runs import Runs
from cameron.core.exit_status import end_of
from cameron.otp import Exit

LOGGED_MAX = 4000  # characters of what a process wrote that the log has: those at its end

log = logging.getLogger(__name__)


class Around(NamedTuple):
    """What each process is given besides its run."""

    path: str  # put first on its sys.path; "": nothing is
    redis_url: str  # of the sessions
    redis_timeout_s: float
    environment: tuple[tuple[str, str], ...]


class PythonProcesses:
    """Part of the actor that owns the runs; the processes are those of a `Commands`, which knows the runs by numbers alone."""

    def __init__(self, commands: ReplyTo, owner: ReplyTo, around: Around) -> None:
        self._commands, self._owner, self._around = commands, owner, around
        self._runs = Runs[PythonRun]()  # that wait for a process, or have one

    def begin(self, run: PythonRun, activity: PythonActivity, task: PythonTask) -> None:
        """Have it run as soon as there is a place."""
        number, around = self._runs.put(run), self._around
        stdin = request_text(IsolatedRun(activity, task, around.path, around.redis_url, around.redis_timeout_s))
        command = (sys.executable, "-P", "-m", MODULE)  # -P: where it stands, nothing is imported from
        told = (self._owner, str(number), run.attempt)
        self._commands.tell(CommandRun(*told, command, stdin, run.timeout_s, around.environment, run.fresh, run.stays))

    def begun(self, begun: Begun) -> PythonRun | None:
        """It has its place; None where nobody waits for it any more."""
        return self._runs.get(int(begun.task))

    def end(self, reply: Reply) -> PythonRun | None:
        """It has ended; None where nobody waits for it any more."""
        return self._runs.take(int(reply.task))

    def given_back(self, runs: Iterable[CommandRun | PythonRun]) -> list[PythonRun]:
        """Their processes will not start; those of them for which somebody waits."""
        taken = [self._runs.take(int(run.task)) for run in runs]
        return [run for run in taken if run is not None]

    def cancel(self, reply_to: ReplyTo, task: str) -> None:
        """Nobody waits for the task's runs any more: they are killed, or never begun."""
        for number in self._runs.drop(reply_to, task):
            self._drop(number)

    def leave(self) -> None:
        """Their owner has ended, in whatever way. Any thread; never blocks, never raises."""
        with suppress(Exit):  # whoever ends it was killed itself, and the processes end with the node
            for number in self._runs.numbers():
                self._drop(number)

    def _drop(self, number: int) -> None:
        self._commands.tell(Cancel(self._owner, str(number)))


def node_environment() -> tuple[tuple[str, str], ...]:
    """The whole of the node's own, and where it imports from: taken once, as activities that run in threads may change it."""
    places = os.pathsep.join(dict.fromkeys(place or os.getcwd() for place in sys.path if not is_standard(place)))
    return tuple((dict(os.environ) | {"PYTHONPATH": places}).items())


def reply_of(run: PythonRun, ended: Reply) -> Reply:
    """What the end of its process comes to, for the runner."""
    result, how = _outcome(run, ended)
    _log(run, ended, result, how)
    return Reply(run.task, run.attempt, 0, result.body, "", result.failure, result.error)


def _outcome(run: PythonRun, ended: Reply) -> tuple[Result, str]:
    """And how it has ended, where the activity has not told itself what it came to."""
    its_process = f"the process of {run.activity}"
    match ended.failure:
        case Failure.TIMEOUT:
            how = f"timeout: {its_process} has not ended within {run.timeout_s:g} s, and was killed with all that it had started"
            return Result(b"", Failure.TIMEOUT, how), how
        case Failure.CANNOT_RUN:
            how = f"{its_process} could not be started: {ended.error}"
            return Result(b"", Failure.CANNOT_RUN, how), how
        case Failure():
            how = f"{its_process} was lost: {ended.error}"
            return Result(b"", Failure.CRASHED, how), how
    result = read_result(ended.body) if ended.status == 0 else None
    if result is not None:
        return result, ""
    how = f"{its_process} {ending(ended.status)}" + (", before the activity was done" if ended.status >= 0 else "")
    words = last_words(ended.stderr.decode("utf-8", "replace"))
    return Result(b"", Failure.CRASHED, f"{how}; the last it wrote: {words}" if words else how), how


def _log(run: PythonRun, ended: Reply, result: Result, how: str) -> None:
    """One record, with all that was written: a traceback says what the error does. A failure without a word is its job's to tell."""
    wrote = end_of(ended.stderr.decode("utf-8", "replace"), LOGGED_MAX)
    about = f"{run.activity}, task {run.task!r} of job {run.job}"
    if how:
        log.warning("%s: %s%s", about, how, f"; it wrote: {wrote}" if wrote else "")
    elif wrote:
        log.log(logging.WARNING if result.failure else logging.INFO, "%s, wrote: %s", about, wrote)
