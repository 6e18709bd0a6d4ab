"""One job's life: a small actor that asks the core what is next, and has it done.

    for decision in decide(process, job, now, chance): enact(decision)

It holds nothing that Redis does not: killed at any moment, another runner rebuilds the job from its keys and goes on. All it writes goes
through job_data under a fence; a runner that is refused there has lost the job to another one and stops.
"""

import logging
from collections.abc import Mapping
from random import random
from typing import Any, NamedTuple

from cameron import fault
from cameron.activities.call import Call, CommandRun, Replies
from cameron.callbacks import Callbacks
from cameron.clock import Clock, Moment
from cameron.core.decider import decide
from cameron.core.event import (
    Change,
    CommandLine,
    Event,
    HttpRequest,
    JobChanged,
    JobEnded,
    JobStarted,
    Skip,
    TaskCalled,
    TaskChanged,
    TaskDelayed,
    TaskDue,
    TaskFailed,
    TaskInterrupted,
    TaskReplied,
    TaskSkipped,
    TaskWaits,
)
from cameron.core.job import SUSPICION, Job, Task, apply, suspicion
from cameron.core.process import Limits, Process
from cameron.core.status import Status
from cameron.definitions import Dialect
from cameron.job_calls import JobCalls
from cameron.job_data import Answers, Commands, Committed, Refused
from cameron.job_ledger import Claim, GivenUp, Ledger
from cameron.job_log import is_verbose, log_end, log_step
from cameron.job_orders import (
    NOT_BEGUN,
    NOT_HELD,
    Announce,
    CallbackCame,
    CancelJob,
    Cleared,
    CrashCounted,
    Drain,
    Drop,
    HandBack,
    Proceed,
    Stay,
    Suspected,
)
from cameron.job_reading import Found, Headless, LostWrites, NotHeld, NothingToRun, Outcome, Question, Reading, read_job
from cameron.job_returns import JobReturns, Settled
from cameron.otp import Actor, Address, Normal, Reason, Shutdown
from cameron.process_catalog import Catalog
from cameron.store import keys

log = logging.getLogger("cameron.job")


class Surroundings(NamedTuple):
    """What every runner of a node needs."""

    catalog: Catalog
    clock: Clock
    callbacks: Callbacks
    max_reply_bytes: int
    retention_ms: int  # 0: for ever
    max_crashes: int = 5  # of runners of a job on this node that cannot even read it, then it is given up


Called = list[tuple[Task, HttpRequest | CommandLine]]
NOTHING: Mapping[str, str] = {}
NO_MORE = ""  # in place of a callback, see callback.lua
_CANCELLED = JobEnded(Status.CANCELLED, "cancelled")


class _Due(NamedTuple):
    task: str


class _Deadline(NamedTuple):
    pass


class JobRunner(Actor):
    """Pooled; never blocks. Ends normally when its job has ended or was handed back."""

    _job: Job
    _process: Process
    _dialect: Dialect
    _ledger: Ledger | None = None  # None while the job is being read
    _reading: Reading | None = None

    def __init__(self, claim: Claim, around: Surroundings) -> None:
        super().__init__()
        self._claim, self._around = claim, around
        self._job_data, self._scheduler = Address("job_data"), Address("job_scheduler")
        self._calls = JobCalls(self.actor_ref, around.callbacks, around.max_reply_bytes)
        self._returns = JobReturns(self.actor_ref, self._calls)
        self._draining = False
        self._suspected = False  # with its tasks, runners or nodes have died
        self._held_up = False  # until the scheduler says that no other suspect runs here
        self._cancelled = False  # before the job was read
        self._counts_crash = False  # the next commit does
        self._handing_over = False  # the last commit is on its way
        self._is_verbose = is_verbose()

    def on_start(self) -> None:
        """Begin at once where the claim has all that is needed, else read the job first."""
        fault.at("runner.started")
        claim = self._claim
        if claim.crashes > self._around.max_crashes:
            self._put_aside(f"its runner has crashed {claim.crashes} times")
            return
        process = self._around.catalog.started_with(claim.definition)
        if claim.request is None or process is None:
            self._reading = read_job(claim, self._around.catalog)
            self._ask(next(self._reading))
        else:
            self._prepare(process, claim.request, owner="")
            self._go_on([JobStarted()])

    def on_receive(self, message: Any) -> None:
        """All that can happen to a job."""
        match message:
            case Replies(replies):
                self._go_on(self._returns.replied(self._job, replies))
            case _Due(task):
                self._due(task)
            case _Deadline():
                self._await_deadline()
                self._go_on([])
            case Answers(answers):
                self._answered(answers)
            case CallbackCame(task):
                self._returns.came(task)
            case Committed("callback") | Refused("late"):
                self._returns.is_closed(self._job)
                self._go_on([])
            case Refused("used"):
                self._returns.was_quicker()
            case Committed("transition"):
                self._scheduler.tell(CrashCounted(self.actor_ref))
            case Committed():
                self._quit_job(Normal)
            case Refused(why):
                self._refused(why)
            case Drain():
                self._draining = True
                self._leave_if_idle()
            case Stay():
                self._draining = False
                self._go_on([])
            case HandBack():
                self._leave()
            case CancelJob():
                self._cancel_job()
            case Announce():
                self._announce()
            case Proceed():
                self._held_up = False
                self._go_on([])
            case Drop():
                self._quit_job(Shutdown("lease lost"))

    # how it begins, for the first time or again

    def _prepare(self, process: Process, request: str, owner: str) -> None:
        claim, self._process = self._claim, process
        self._dialect = self._around.catalog.dialect(process)
        self._job = self._around.catalog.new_job(process, claim.key, claim.uuid, request, claim.deadline_ms)
        self._ledger = Ledger(claim, process, self._dialect, owner, self.actor_ref)
        self._returns.open(self._dialect, self._ledger)
        self._await_deadline()

    def _await_deadline(self) -> None:
        """Be told of it, and again where the clock was set back meanwhile; one that has passed is seen by the next decision."""
        left_ms = self._claim.deadline_ms - self._around.clock.now_ms()
        if left_ms > 0:
            self.send_after(left_ms / 1000, _Deadline())

    def _ask(self, commands: Question) -> None:
        self._job_data.tell(Commands(commands, self.actor_ref))

    def _answered(self, answers: list[Any]) -> None:
        if self._reading:
            self._read_on(answers)
        else:
            self._go_on(self._returns.read(self._job, answers))

    def _read_on(self, answers: list[Any]) -> None:
        assert self._reading is not None
        try:
            self._ask(self._reading.send(answers))
        except StopIteration as end:
            self._reading = None
            self._was_read(end.value)

    def _was_read(self, what: Outcome) -> None:
        match what:
            case Found():
                self._rebuild(what)
            case NotHeld():
                self.exit(NOT_HELD)
            case NothingToRun(gone):
                if gone:
                    log.warning("job %s of %s is queued, but no longer in Redis: dropped", self._claim.uuid, self._claim.process)
                self._forget()
            case Headless(fields):
                self._put_aside("its record is no longer in redis", fields)

    def _rebuild(self, found: Found) -> None:
        record = found.record
        accepted_ms = int(record.get("accepted", self._claim.accepted_ms))  # a job from before this was recorded has none
        self._claim = self._claim._replace(
            deadline_ms=int(record["deadline"]), entry=record["entry"], accepted_ms=accepted_ms, request=None
        )
        self._prepare(found.process, record["request"], record["owner"])
        self._job = self._dialect.layout.restore(self._job, found.fields, record)
        events: list[Event] = [] if self._job.status is Status.RUNNING else [JobStarted()]
        crashed = bool(self._claim.crash) and record.get("released") != record["owner"]
        self._calls.round = record.get("retries", "")
        callbacks = self._returns.recorded(self._job, record)
        interruptions = self._interruptions(callbacks) if crashed else []
        self._counts_crash = bool(interruptions and self._claim.crashes)
        if self._cancelled or "cancel" in record:
            events.append(_CANCELLED)
        elif self._claim.crashes >= self._around.max_crashes and not interruptions:  # no task is to blame
            events.append(JobEnded(Status.ERROR, f"given up: its runner has crashed {self._claim.crashes} times", ""))
        else:
            events += [*interruptions, *callbacks]
        self._begin_again(events)
        self._returns.read_early()

    def _interruptions(self, callbacks: list[Settled]) -> list[TaskInterrupted]:
        """The tasks whose calls were under way when whoever ran the job died; those that waited for something had no part in it."""
        tasks, settled = (self._job.tasks[name] for name in self._job.pending), {event.task for event in callbacks}
        running = (task for task in tasks if task.status is Status.RUNNING and not task.until_ms)
        return [TaskInterrupted(task.name) for task in running if task.name not in settled]

    def _begin_again(self, events: list[Event]) -> None:
        """Go on from where the record says that the job was; a suspected job only claims it, and waits for its turn."""
        job = self._job
        for event in events:
            job, _ = apply(job, event)
        self._suspected = self._held_up = suspicion(job) >= SUSPICION
        self._go_on(events)
        if self._suspected and not self._handing_over:
            log.warning("job %s of %s is a suspect: one at a time runs on a node", job.uuid, job.process)
            self._announce()

    def _announce(self) -> None:
        """The scheduler may have heard neither that the job is suspected, nor that it is no more."""
        word = Suspected if self._suspected and not self._handing_over else Cleared
        self._scheduler.tell(word(self.actor_ref, self._claim.uuid))

    def _forget(self) -> None:
        """There is nothing (left) to run."""
        self._handing_over = True
        dialect = self._around.catalog.dialect_of(self._claim.process)
        self._job_data.tell(Ledger(self._claim, None, dialect, "", self.actor_ref).forget())

    def _put_aside(self, why: str, fields: Mapping[str, str] = NOTHING) -> None:
        """A job that cannot be read, nor be given up as others are: it ends in error unread, and goes to the dead letter."""
        claim, around = self._claim, self._around
        log.error("job %s of %s cannot be read (%s): see %s", claim.uuid, claim.process, why, keys.dead(claim.process))
        self._handing_over = True
        dialect = around.catalog.dialect_of(claim.process)
        job = Job(claim.process, claim.key, claim.uuid, 0, Limits(), Status.ERROR, {}, (), 0, 0)
        given_up = GivenUp("", claim.crashes, f"given up: {why}", claim.crash)
        ledger = Ledger(claim, None, dialect, "", self.actor_ref)
        at, failed = around.clock.now(), dialect.layout.failed(fields)
        self._job_data.tell(ledger.end_held(job, [JobChanged(Status.ERROR)], at, around.retention_ms, given_up, failed))

    # how it goes on

    def _go_on(self, events: list[Event]) -> None:
        """Apply what happened, decide and enact until nothing is left to decide; then record it at once, and call what is to be called."""
        if self._handing_over or self._ledger is None:
            return
        changes: list[Change] = []
        called: Called = []
        at, is_verbose = self._around.clock.now(), self._is_verbose
        events = events or self._decisions(at.ms)
        while events:
            for event in events:
                if is_verbose:
                    log_step(self._job, event, at.ms)
                if isinstance(event, TaskCalled):
                    changes += self._begin(event.task, called)
                    continue
                self._job, more = apply(self._job, event)
                changes += more
                if isinstance(event, TaskDelayed | TaskWaits):
                    if isinstance(event, TaskDelayed):
                        fault.at("retry.scheduled")
                    self.send_after((event.until_ms - at.ms) / 1000, _Due(event.task))
                elif isinstance(event, JobEnded):
                    self._finish_job(self._ledger, changes, event, at)
                    return
            events = self._decisions(at.ms)
        self._record(self._ledger, changes, called, at)
        if self._suspected and not self._held_up and suspicion(self._job) < SUSPICION:
            self._suspected = False
            self._announce()
        if self._draining:
            self._leave_if_idle()

    def _begin(self, name: str, called: Called) -> list[Change]:
        """A task's attempt: what is to be called joins `called`; what comes of it otherwise is known at once."""
        attempt = self._dialect.prepare(self._job, self._job.tasks[name])
        if isinstance(attempt, Skip):
            self._job, changes = apply(self._job, TaskSkipped(name, attempt.why))
        elif isinstance(attempt, HttpRequest | CommandLine):
            self._job, changes = apply(self._job, TaskCalled(name, attempt.note))
            called.append((self._job.tasks[name], attempt))
        else:
            self._job, changes = apply(self._job, TaskCalled(name))
            self._job, more = apply(self._job, TaskReplied(name, attempt))
            changes += more
        return changes

    def _due(self, name: str) -> None:
        task = self._job.tasks[name]
        if task.crashes >= SUSPICION and not task.awaited and not self._suspected and not self._handing_over:
            self._suspected = self._held_up = True  # while it waited, it was not: others had the place
            self._announce()
        self._go_on([TaskDue(name)] if task.status is Status.RUNNING else [])

    def _decisions(self, now_ms: int) -> list[Event]:
        decisions = decide(self._process, self._job, now_ms, random())
        return [event for event in decisions if not self._is_put_off(event)]

    def _is_put_off(self, event: Event) -> bool:
        """Nothing is called for now; and no task fails as long as a callback of it may count."""
        if isinstance(event, TaskCalled):
            return self._draining or self._held_up
        return isinstance(event, TaskFailed) and not self._returns.may_fail(self._job.tasks[event.task])

    def _record(self, ledger: Ledger, changes: list[Change], called: Called, at: Moment) -> None:
        at_once = self._may_call_at_once(ledger, changes)
        calls, waiting = list[Call | CommandRun](), list[Call | CommandRun]()
        for task, attempt in called:
            call = self._calls.make(self._job, task, attempt)
            must_wait = call.fresh or task.activity.offers_callback  # a callback may come at once, so the call has to be on record before
            (calls if at_once and not must_wait else waiting).append(call)
        if changes or not ledger.claimed:
            commit = ledger.transition(self._job, changes, at, waiting, idle=self._held_up, confirm=self._counts_crash)
            self._counts_crash = False
            self._job_data.tell(commit)
        for call in calls:
            self._calls.send(call)

    def _may_call_at_once(self, ledger: Ledger, changes: list[Change]) -> bool:
        """Calls that follow from nothing unrecorded need not wait for their own mark; those of a job taken over wait for the claim."""
        if self._suspected or not (ledger.claimed or self._claim.request is not None):
            return False
        return all(not isinstance(change, TaskChanged) or change.status is Status.RUNNING for change in changes)

    # how it ends

    def _cancel_job(self) -> None:
        self._cancelled = True
        self._go_on([_CANCELLED])

    def _finish_job(self, ledger: Ledger, changes: list[Change], end: JobEnded, at: Moment) -> None:
        self._handing_over = True
        self._calls.drop_all()
        given_up = None
        if end.culprit is not None:
            crashes = max(self._claim.crashes, self._job.tasks[end.culprit].crashes if end.culprit else 0)
            given_up = GivenUp(end.culprit, crashes, end.text, self._claim.crash)
        self._job_data.tell(ledger.end(self._job, changes, at, self._around.retention_ms, given_up))
        log_end(self._job, end)

    def _leave_if_idle(self) -> None:
        if not self._calls and not self._returns.is_closing:
            self._leave()

    def _leave(self) -> None:
        """Hand the job back; a job that was not begun is the scheduler's to release."""
        if self._handing_over:
            return
        self._handing_over = True
        self._calls.drop_all()
        if self._ledger is None:
            self.exit(NOT_BEGUN)
        else:
            self._job_data.tell(self._ledger.hand_back())

    def _quit_job(self, reason: Reason) -> None:
        """Nobody waits for its calls any more: one that the last commit has released may have gone out since."""
        self._calls.drop_all()
        self.exit(reason)

    def _refused(self, why: str) -> None:
        if why in ("fenced", "lost", "gone", "moved"):  # should the node hold the job all the same, the scheduler has it rebuilt
            log.warning("job %s of %s is not as we left it in Redis (%s): stopped", self._claim.uuid, self._claim.process, why)
            self._quit_job(Shutdown(why))
            return
        raise LostWrites(f"job {self._claim.uuid} of {self._claim.process}: redis answers {why}")
