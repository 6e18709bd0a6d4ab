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
from cameron.activities.call import Begun, GivenBack, Replies, Run
from cameron.callbacks import Callbacks
from cameron.clock import Clock, Moment
from cameron.core.advance import Holder, advance
from cameron.core.event import (
    Change,
    Event,
    JobEnded,
    JobStarted,
    Performed,
    TaskBegun,
    TaskCalled,
    TaskChanged,
    TaskDelayed,
    TaskDue,
    TaskFailed,
    TaskInterrupted,
)
from cameron.core.history import NOTHING_DUE, RESUMED, story
from cameron.core.job import Job, Task, apply, follow_on, own
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions import Dialect
from cameron.job_calls import JobCalls
from cameron.job_data import Answers, Commands, Committed, Refused
from cameron.job_ledger import Claim, GivenUp, Ledger, Step
from cameron.job_log import is_verbose, log_end, log_steps
from cameron.job_orders import (
    MADE_ROOM,
    NOT_BEGUN,
    NOT_HELD,
    Announce,
    CallbackCame,
    CancelJob,
    CrashCounted,
    Drain,
    Drop,
    HandBack,
    Proceed,
    Stay,
    WasRead,
)
from cameron.job_reading import Found, Headless, LostWrites, NotHeld, NothingToRun, Outcome, Question, Reading, read_job
from cameron.job_returns import JobReturns, Settled
from cameron.job_suspicion import JobSuspicion
from cameron.job_unread import NOTHING, forget, put_aside
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


Called = list[tuple[Task, Performed]]
_CANCELLED = JobEnded(Status.CANCELLED, "cancelled")
_JOB_DATA, _SCHEDULER = Address("job_data"), Address("job_scheduler")


class _Due(NamedTuple):
    task: str


class _Deadline(NamedTuple):
    pass


_DEADLINE = _Deadline()


class JobRunner(Actor):
    """Pooled; never blocks. Ends normally when its job has ended or was handed back."""

    __slots__ = (  # there may be a hundred thousand
        "_around", "_begins", "_calls", "_claim", "_dialect", "_handing_over", "_is_verbose", "_job", "_ledger", "_process", "_reading",
        "_returns", "_story", "_suspicion",
    )  # fmt: skip

    _job: Job
    _process: Process
    _dialect: Dialect

    # what few of them ever change
    _draining = False
    _cancelled = False  # before the job was read
    _counts_crash = False  # the next commit does
    _end: Reason = Normal  # when the last commit is recorded

    def __init__(self, claim: Claim, around: Surroundings) -> None:
        super().__init__()
        self._claim, self._around = claim, around
        self._calls = JobCalls(self.actor_ref, around.callbacks, around.max_reply_bytes)
        self._returns = JobReturns(self.actor_ref, self._calls)
        self._suspicion = JobSuspicion(self.actor_ref, claim.uuid)
        self._reading: Reading | None = None
        self._ledger: Ledger | None = None  # None while the job is being read
        self._story: tuple[str, ...] = ()  # what has happened since the last commit, as words and texts in turn
        self._begins = False  # nobody has run the job before
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
            self._claim, self._begins = claim.without_request(), True
            self._prepare(process, claim.request, owner="")
            self._go_on([JobStarted()])

    def on_receive(self, message: Any) -> None:
        """All that can happen to a job."""
        match message:
            case Replies(replies):
                self._go_on(self._returns.replied(self._job, replies))
            case Begun():
                self._begun(message)
            case GivenBack():
                self._given_back(message)
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
                _SCHEDULER.tell(CrashCounted(self.actor_ref))
            case Committed():
                self._quit_job(self._end)
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
                self._suspicion.announce(leaving=self._handing_over)
            case Proceed():
                self._suspicion.proceed()
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
            self.send_after(left_ms / 1000, _DEADLINE)

    def _ask(self, commands: Question) -> None:
        _JOB_DATA.tell(Commands(commands, self.actor_ref))

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
        _SCHEDULER.tell(WasRead(self._claim.uuid))
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
        known = self._claim.without_request()
        self._claim = known._replace(deadline_ms=int(record["deadline"]), entry=record["entry"], accepted_ms=accepted_ms)
        self._prepare(found.process, record["request"], record["owner"])
        self._job = self._dialect.layout.restore(self._job, found.fields, record)
        events: list[Event] = []
        if self._job.status is Status.RUNNING:
            self._story += (RESUMED, self._claim.node)
        else:
            events.append(JobStarted())
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
        job = own(self._job)
        for event in events:
            job, _ = follow_on(job, event)
        self._suspicion.raise_for(job)
        self._go_on(events)
        if self._suspicion.is_suspected and not self._handing_over:
            log.warning("job %s of %s is a suspect: one at a time runs on a node", job.uuid, job.process)
            self._suspicion.announce()

    def _forget(self) -> None:
        """There is nothing (left) to run."""
        self._handing_over = True
        claim = self._claim
        _JOB_DATA.tell(forget(claim, self._around.catalog.dialect_of(claim.process), self.actor_ref))

    def _put_aside(self, why: str, fields: Mapping[str, str] = NOTHING) -> None:
        """A job that cannot be read, nor be given up as others are."""
        claim, around = self._claim, self._around
        log.error("job %s of %s cannot be read (%s): see %s", claim.uuid, claim.process, why, keys.dead(claim.process))
        self._handing_over = True
        dialect, at = around.catalog.dialect_of(claim.process), around.clock.now()
        _JOB_DATA.tell(put_aside(claim, dialect, self.actor_ref, why, at, around.retention_ms, fields))

    # how it goes on

    def _go_on(self, events: list[Event]) -> None:
        """Apply what happened, decide and enact until nothing is left to decide; then record it at once, and call what is to be called."""
        if self._handing_over or self._ledger is None:
            return
        at = self._around.clock.now()
        holder = Holder(self._claim.node, self._dialect.prepare, random, self._is_put_off)
        made = advance(self._process, self._job, events, at.ms, holder)
        self._job = made.job
        self._story += tuple(made.story)
        if self._is_verbose:
            log_steps(self._job, made.steps, at.ms)
        if made.end:
            self._finish_job(self._ledger, made.changes, made.end, at)
            return
        for timer in made.timers:
            if isinstance(timer, TaskDelayed):
                fault.at("retry.scheduled")
            self.send_after((timer.until_ms - at.ms) / 1000, _Due(timer.task))
        if made.is_idle and not self._is_paused:
            self._story += NOTHING_DUE
        self._record(self._ledger, made.changes, made.called, at)
        self._suspicion.review(self._job)
        if self._draining:
            self._leave_if_idle()

    def _begun(self, begun: Begun) -> None:
        """Nothing follows from it: it is told, so that people see what runs and what waits for a free place."""
        task = self._job.tasks[begun.task]
        if self._ledger and not self._handing_over and task.status is Status.RUNNING and self._calls.is_awaited(begun, task):
            event = TaskBegun(begun.task)
            self._job, changes = apply(self._job, event)
            self._story += tuple(story(self._job, event, changes, self._claim.node))
            self._record(self._ledger, changes, [], self._around.clock.now())

    def _due(self, name: str) -> None:
        task = self._job.tasks[name]
        if not self._handing_over:
            self._suspicion.raise_by(task)
        self._go_on([TaskDue(name)] if task.status is Status.RUNNING else [])

    @property
    def _is_paused(self) -> bool:
        """Nothing is called for now."""
        return self._draining or self._suspicion.is_held_up

    def _is_put_off(self, job: Job, event: Event) -> bool:
        """A call while the job is paused, and the failure of a task of which a callback may still count."""
        if isinstance(event, TaskCalled):
            return self._is_paused
        return isinstance(event, TaskFailed) and not self._returns.may_fail(job.tasks[event.task])

    def _record(self, ledger: Ledger, changes: list[Change], called: Called, at: Moment) -> None:
        at_once = self._may_call_at_once(ledger, changes)
        calls, waiting = list[Run](), list[Run]()
        for task, attempt in called:
            call = self._calls.make(self._job, task, attempt)
            must_wait = call.fresh or task.activity.offers_callback  # a callback may come at once, so the call has to be on record before
            (calls if at_once and not must_wait else waiting).append(call)
        if changes or not ledger.claimed:
            step, is_idle = self._step(changes, at), self._suspicion.is_held_up
            _JOB_DATA.tell(ledger.transition(step, waiting, idle=is_idle, confirm=self._counts_crash))
            self._counts_crash = False
        for call in calls:
            self._calls.send(call)

    def _step(self, changes: list[Change], at: Moment) -> Step:
        told, self._story = self._story, ()
        return Step(self._job, changes, at, told)

    def _may_call_at_once(self, ledger: Ledger, changes: list[Change]) -> bool:
        """Calls that follow from nothing unrecorded need not wait for their own mark; those of a job taken over wait for the claim."""
        if self._suspicion.is_suspected or not (ledger.claimed or self._begins):
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
        _JOB_DATA.tell(ledger.end(self._step(changes, at), self._around.retention_ms, given_up))
        log_end(self._job, end)

    def _leave_if_idle(self) -> None:
        if not self._calls and not self._returns.is_closing:
            self._leave()

    def _leave(self, node: str = "") -> None:
        """Hand the job back, or over to that node; a job that was not begun is the scheduler's to release."""
        if self._handing_over:
            return
        self._handing_over = True
        self._calls.drop_all()
        if self._ledger is None:
            self.exit(NOT_BEGUN)
        else:
            _JOB_DATA.tell(self._ledger.hand_over(node) if node else self._ledger.hand_back())

    def _given_back(self, given: GivenBack) -> None:
        """Another node has places for these runs: the job goes there, where nothing of it has begun here."""
        stays = self._suspicion.is_suspected or self._returns.is_closing
        if self._calls and not self._handing_over and self._calls.are_over(given, self._job.tasks, stays=stays):
            self._end = MADE_ROOM
            self._leave(given.node)

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
