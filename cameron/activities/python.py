"""The actor that runs the activities of the node's Python package: tell it a `PythonRun`, be told `Begun`, then `Replies`.

An activity runs in a thread, or in a process of its own where it or its definition says so. This actor runs none itself, and waits for
none: a thread that has not come back when its time is over is left behind and replaced, a process is killed. Whatever becomes of a run is
its Reply.
"""

import logging
import os
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from cameron.activities.call import (
    Begun,
    Cancel,
    Failure,
    GivenBack,
    PythonReport,
    PythonRun,
    Replies,
    Reply,
    ReplyTo,
    Report,
)
from cameron.activities.missing_activity import missing_on_node
from cameron.activities.package_introduction import introduce
from cameron.activities.package_loader import LOAD_S, loaded
from cameron.activities.python_activity import PythonActivity, PythonTask
from cameron.activities.python_package import PythonPackage
from cameron.activities.python_processes import Around, PythonProcesses, node_environment, reply_of
from cameron.activities.python_threads import PythonThreads, TimeIsUp, left_behind
from cameron.activities.python_worker import Performed, PythonWorker
from cameron.activities.receiver import give_back, inform
from cameron.activities.revocable_session import RevocableSession
from cameron.activities.session import Sessions
from cameron.activities.turn_taker import TurnTaker
from cameron.core.process import ISOLATIONS
from cameron.otp import Down, Reason, Ref, StartFailed

THREADS = "python_threads"  # whose Occupancy it is

log = logging.getLogger(__name__)


class PythonSettings(NamedTuple):
    """How runs are bounded, and where a process finds its session."""

    max_threads: int
    max_zombies: int
    timeout_s: float  # of a run for which neither its definition nor the activity says anything else
    max_memory_bytes: int  # of a process; 0: no bound
    max_bytes: int  # of what an activity returns, as JSON
    redis_url: str
    redis_timeout_s: float


class PythonActivities(TurnTaker[PythonRun]):
    """Runs `PythonRun`s, `max_threads` in threads at once and the rest in order; drops a task's at a `Cancel`.

    Those that want processes go to `processes`, a `Commands` that has a bound of its own: it gives each of the two outputs of a process
    `max_bytes` + `isolated_run.ENVELOPE_BYTES` or more. `load` imports the package, in a thread of its own.
    """

    start_timeout_s: ClassVar[float | None] = LOAD_S + 10

    def __init__(self, load: Callable[[], PythonPackage], sessions: Sessions, processes: ReplyTo, settings: PythonSettings) -> None:
        super().__init__(settings.max_threads)
        self._load, self._sessions, self._commands, self._settings = load, sessions, processes, settings
        self._threads = PythonThreads(self._new_worker, self.send_after)

    def on_start(self) -> None:
        """Import the package."""
        self._package = package = loaded(self._load)
        self._found = introduce(package)
        path = "" if package.path is None else os.fspath(package.path)
        around = Around(path, self._settings.redis_url, self._settings.redis_timeout_s, node_environment())
        self._processes = PythonProcesses(self._commands, self.actor_ref, around)
        self.actor_inbox.watch(self, self._take_along)

    def on_receive(self, message: Any) -> None:
        """Take a PythonRun, a Cancel or a Report, and what threads and processes tell."""
        match message:
            case PythonRun():
                self._add(message)
            case Performed(number, result):
                self._reply(self._threads.end(number), *result)
            case TimeIsUp(number):
                self._give_up(number)
            case Begun():
                self._begun(self._processes.begun(message))
            case Replies(replies):
                for reply in replies:
                    if run := self._processes.end(reply):
                        inform(run.reply_to, Replies([reply_of(run, reply)]))
            case GivenBack(runs, node):
                give_back(self._processes.given_back(runs), node)
            case Cancel(reply_to, task):
                self._waiting.drop(reply_to, task)
                self._threads.cancel(reply_to, task)
                self._processes.cancel(reply_to, task)
            case Down(worker, reason):
                if lost := self._threads.lost(worker):
                    self._reply(lost, b"", Failure.CRASHED, f"the thread that ran {lost.activity} has ended ({reason}): see the log")
            case Report(to, _):
                inform(to, self._report())
            case _:
                super().on_receive(message)

    def taken(self) -> int:
        """One by each thread that runs something."""
        return len(self._threads)

    def may_start(self) -> bool:
        """With too many zombies a run does not wait either: it is answered at once."""
        return super().may_start() or self._has_too_many_zombies()

    def _has_too_many_zombies(self) -> bool:
        return left_behind() > self._settings.max_zombies

    def _report(self) -> PythonReport:
        zombies, most = left_behind(), self._settings.max_zombies
        return PythonReport(self._found, self.occupancy(THREADS), zombies, _too_many(zombies, most) if zombies > most else "")

    # A run's way

    def _add(self, run: PythonRun) -> None:
        try:
            hash((run.reply_to, run.task))
        except TypeError:
            log.exception("a PythonRun was dropped: its reply_to and task have to be hashable")
            return
        activity = self._package.activities.get(run.activity)
        if activity is None:
            self._reply(run, b"", Failure.UNKNOWN_ACTIVITY, missing_on_node(run.activity, self._package))
            return
        run = self._settled(run, activity)
        if why := _why_unfit(run):
            self._reply(run, b"", Failure.CANNOT_RUN, f"{run.activity} was not run: {why}")
        elif run.isolation == "process":
            self._processes.begin(run, activity, self._task(run))
        else:
            self._waiting.put(run)

    def _settled(self, run: PythonRun, activity: PythonActivity) -> PythonRun:
        """What its definition does not say is as the activity says, or else the node is set."""
        timeout_s = run.timeout_s or activity.timeout_s or self._settings.timeout_s
        return run._replace(timeout_s=timeout_s, isolation=run.isolation or activity.isolation or ISOLATIONS[0])

    def start_run(self, run: PythonRun) -> None:
        """In a thread."""
        if self._has_too_many_zombies():
            self._reply(run, b"", Failure.CANNOT_RUN, f"{run.activity} was not run: {_too_many(left_behind(), self._settings.max_zombies)}")
            return
        activity = self._package.activities[run.activity]
        session = RevocableSession(self._sessions.of(run.process, run.job))
        inform(run.reply_to, Begun(run.task, run.attempt))
        try:
            self._threads.begin(run, activity, self._task(run), session)
        except StartFailed as failed:
            why = f"{run.activity} was not run: there is no thread for it ({failed.reason}); is the node short of memory or threads?"
            self._reply(run, b"", Failure.CANNOT_RUN, why)

    def _give_up(self, number: int) -> None:
        given_up = self._threads.give_up(number)
        if given_up is None:
            return
        run, place = given_up
        where = f"it is at {place}" if place else self._package.activities[run.activity].source
        why = f"timeout: {run.activity} has not come back within {run.timeout_s:g} s, and nobody waits for its thread any more ({where})"
        log.warning("task %r of job %s: %s", run.task, run.job, why)
        self._reply(run, b"", Failure.TIMEOUT, why)

    def _begun(self, run: PythonRun | None) -> None:
        if run is not None:
            inform(run.reply_to, Begun(run.task, run.attempt))

    def _reply(self, run: PythonRun | None, body: bytes, failure: Failure | None, error: str) -> None:
        if run is not None:
            inform(run.reply_to, Replies([Reply(run.task, run.attempt, 0, body, "", failure, error)]))

    def _task(self, run: PythonRun) -> PythonTask:
        settings = self._settings
        about = (run.process, run.key, run.job, run.task, run.attempt)
        return PythonTask(*about, run.data, run.config, settings.max_bytes, settings.max_memory_bytes)

    # Threads and processes

    def _new_worker(self) -> Ref[PythonWorker]:
        worker = PythonWorker.start(self.actor_ref)
        self.monitor(worker)
        return worker

    def _take_along(self, reason: Reason) -> None:
        """This actor has ended: nothing of it goes on. Any thread; must neither block nor raise."""
        self._threads.leave()
        self._processes.leave()


def _why_unfit(run: PythonRun) -> str:
    """For a person; "" where it can be run."""
    if not run.timeout_s > 0:
        return f"timeout_s must be above 0, not {run.timeout_s:g}"
    if run.isolation not in ISOLATIONS:
        return f"isolation is {' or '.join(map(repr, ISOLATIONS))}, not {run.isolation!r}"
    return ""


def _too_many(zombies: int, most: int) -> str:
    """For a person."""
    away = f"{zombies} threads of Python activities have not come back when their time was over, and {most} may (python.max_zombies)"
    return f"{away}; restart this node, and give what does not come back the isolation 'process'"
