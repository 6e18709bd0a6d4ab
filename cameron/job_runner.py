"""One job's life: a small actor that asks the core what is next, and has it done.

    for decision in decide(process, job, now, chance): enact(decision)

It holds nothing that Redis does not: killed at any moment, another runner rebuilds the job from its keys and goes on. All it writes goes
through job_data under a fence; a runner that is refused there has lost the job to another one and stops.
"""

import logging
from collections.abc import Callable, Mapping
from random import random
from typing import Any, NamedTuple

from cameron.activities.call import Call, Cancel, Replies, Reply
from cameron.activities.task_call import job_headers, task_call
from cameron.clock import Clock
from cameron.core.decider import decide
from cameron.core.event import Change, Event, JobChanged, JobEnded, JobStarted, TaskCalled, TaskChanged, TaskDelayed, TaskDue, TaskReplied
from cameron.core.job import Job, apply, new_job
from cameron.core.process import Limits, Process
from cameron.core.status import Status
from cameron.definitions import Dialect
from cameron.job_data import Answers, Commands, Committed, Refused
from cameron.job_ledger import Claim, Ledger, entry_fields
from cameron.otp import Actor, Address, Normal, Shutdown
from cameron.process_catalog import Catalog
from cameron.store import keys

log = logging.getLogger("cameron.job")


NOT_BEGUN = Shutdown("not begun")  # the exit reason of a runner that was stopped before it had read its job
NOT_HELD = Shutdown("not held")  # the exit reason of a runner whose node does not hold its job's entry any more


class Surroundings(NamedTuple):
    """What every runner of a node needs."""

    catalog: Catalog
    clock: Clock
    max_reply_bytes: int
    retention_ms: int  # 0: for ever
    max_crashes: int = 5  # of runners of one job on this node, then it is given up


class Drain(NamedTuple):
    """Told by the scheduler: call nothing new; when the calls under way have ended, hand the job back."""


class HandBack(NamedTuple):
    """Told by the scheduler: hand the job back now, whatever is under way."""


class Drop(NamedTuple):
    """Told by the scheduler: the node's lease is lost, and the job with it; write nothing more."""


def runner_name(uuid: str) -> str:
    """The registered name of a job's runner: one at a time, and found again by a restarted scheduler."""
    return f"job {uuid}"


class LostWrites(Exception):
    """What Redis holds of the job, or says to a write, is not what it can be."""


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

    def __init__(self, claim: Claim, around: Surroundings) -> None:
        super().__init__()
        self._claim, self._around = claim, around
        self._job_data, self._calls = Address("job_data"), Address("http")
        self._under_way: set[str] = set()  # tasks whose calls have not come back
        self._draining = False
        self._handing_over = False  # the last commit is on its way

    def on_start(self) -> None:
        """Begin at once where the claim has all that is needed, else read the job first."""
        claim = self._claim
        if claim.crashes > self._around.max_crashes:
            self._put_aside()
            return
        process = self._around.catalog.started_with(claim.definition)
        if claim.request is None or process is None:
            queue, record = keys.queue(claim.process), keys.record(claim.process, claim.uuid)
            held = ("XPENDING", queue, keys.GROUP, claim.entry, claim.entry, 1, claim.node)
            self._ask((held, ("HGETALL", record)), self._record_was_read)
        else:
            self._prepare(process, claim.request, owner="")
            self._go_on([JobStarted()])

    def on_receive(self, message: Any) -> None:
        """All that can happen to a job."""
        match message:
            case Replies(replies):
                self._replied(replies)
            case _Due(task):
                self._go_on([TaskDue(task)] if self._job.tasks[task].status is Status.RUNNING else [])
            case _Deadline():
                self._await_deadline()
                self._go_on([])
            case Answers(answers):
                self._on_answers(answers)
            case Committed():
                self.exit(Normal)
            case Refused(why):
                self._refused(why)
            case Drain():
                self._draining = True
                self._leave_if_idle()
            case HandBack():
                self._leave()
            case Drop():
                self._cancel_calls()
                self.exit(Shutdown("lease lost"))

    # how it begins, for the first time or again

    def _prepare(self, process: Process, request: str, owner: str) -> None:
        claim, self._process = self._claim, process
        self._dialect = self._around.catalog.dialect(process)
        payload = self._dialect.read_request(process, request.encode()).payload
        self._job = new_job(process, claim.key, claim.uuid, payload, claim.deadline_ms)
        self._headers = job_headers(self._job)
        self._ledger = Ledger(claim, self._dialect, owner, self.actor_ref)
        self._await_deadline()

    def _await_deadline(self) -> None:
        """Be told of it, and again where the clock was set back meanwhile; one that has passed is seen by the next decision."""
        left_ms = self._claim.deadline_ms - self._around.clock.now_ms()
        if left_ms > 0:
            self.send_after(left_ms / 1000, _Deadline())

    def _ask(self, commands: tuple[Any, ...], then: Callable[[list[Any]], None]) -> None:
        self._on_answers = then
        self._job_data.tell(Commands(commands, self.actor_ref))

    def _record_was_read(self, answers: list[Any]) -> None:
        held, (record,), claim = answers[0], _checked(answers[1:]), self._claim
        if held == []:  # another node has taken it over, while this one slept, say: read now, its record would let us take it back
            self.exit(NOT_HELD)
            return
        if not record:
            log.warning("job %s of %s is in the queue, but no longer in Redis: dropped", claim.uuid, claim.process)
            self._forget()
            return
        stored = keys.definition(claim.process, record["definition"])
        self._ask((("GET", stored),), lambda answers: self._definition_was_read(record, _checked(answers)[0]))

    def _definition_was_read(self, record: Mapping[str, str], document: str | None) -> None:
        claim, catalog = self._claim, self._around.catalog
        process = catalog.started_with(record["definition"]) or (catalog.meet(document) if document else None)
        if process is None:
            raise LostWrites(f"the definition {record['definition']} that job {claim.uuid} started with is no longer in Redis")
        job_key = catalog.dialect(process).job_key(claim.process, claim.key, claim.uuid)
        self._ask((("HGETALL", job_key),), lambda answers: self._job_was_read(process, record, _checked(answers)[0]))

    def _job_was_read(self, process: Process, record: Mapping[str, str], fields: Mapping[str, str]) -> None:
        if fields.get("job.status.current") not in (Status.SCHEDULED, Status.RUNNING):
            self._forget()
            return
        self._claim = self._claim._replace(deadline_ms=int(record["deadline"]), entry=record["entry"], request=None)
        self._prepare(process, record["request"], record["owner"])
        self._job = self._dialect.restore(self._job, fields, record)
        events: list[Event] = [] if self._job.status is Status.RUNNING else [JobStarted()]
        if self._claim.crashes >= self._around.max_crashes:
            events.append(JobEnded(Status.ERROR, f"given up: its runner has crashed {self._claim.crashes} times"))
        self._go_on(events)

    def _forget(self, *first: tuple[Any, ...]) -> None:
        """Take the entry out of the queue, after the `first` commands, and end: there is nothing (left) to run."""
        queue, entry = keys.queue(self._claim.process), self._claim.entry
        self._ask((*first, ("XACK", queue, keys.GROUP, entry), ("XDEL", queue, entry)), lambda _: self.exit(Normal))

    def _put_aside(self) -> None:
        """Even to give the job up, a runner has crashed: it ends in error unread, and its entry is kept where operators find it."""
        claim, around = self._claim, self._around
        log.error("job %s of %s cannot be read, nor be ended as others are: see %s", claim.uuid, claim.process, keys.dead(claim.process))
        dialect = around.catalog.dialect_of(claim.process)
        job = Job(claim.process, claim.key, claim.uuid, 0, Limits(), Status.ERROR, {}, (), 0, 0)
        fields = dialect.writes(job, [JobChanged(Status.ERROR)], around.clock.stamp()).fields
        job_key, record_key = dialect.job_key(claim.process, claim.key, claim.uuid), keys.record(claim.process, claim.uuid)
        reason = f"its runner has crashed {claim.crashes} times"
        expiries = [("PEXPIRE", key, around.retention_ms) for key in (job_key, record_key) if around.retention_ms]
        self._forget(
            ("XADD", keys.dead(claim.process), "*", *entry_fields(claim.process, claim.key, claim.uuid), "reason", reason),
            ("HSET", job_key, *fields),
            *expiries,
        )

    # how it goes on

    def _replied(self, replies: list[Reply]) -> None:
        events: list[Event] = []
        for reply in replies:
            task = self._job.tasks[reply.task]
            if task.status is Status.RUNNING and task.attempts == reply.attempt:
                self._under_way.discard(reply.task)
                events.append(TaskReplied(reply.task, self._dialect.outcome(self._job, task, reply)))
        self._go_on(events)

    def _go_on(self, events: list[Event]) -> None:
        """Apply what happened, decide and enact until nothing is left to decide; then record it at once, and call what is to be called."""
        if self._handing_over or self._ledger is None:
            return
        changes: list[Change] = []
        called: list[str] = []
        now_ms = self._around.clock.now_ms()
        events = events or self._decisions(now_ms)
        while events:
            for event in events:
                self._job, more = apply(self._job, event)
                changes += more
                if isinstance(event, TaskCalled):
                    called.append(event.task)
                elif isinstance(event, TaskDelayed):
                    self.send_after((event.until_ms - now_ms) / 1000, _Due(event.task))
            events = self._decisions(now_ms)
        self._record(self._ledger, changes, called)
        if self._draining:
            self._leave_if_idle()

    def _decisions(self, now_ms: int) -> list[Event]:
        decisions = decide(self._process, self._job, now_ms, random())
        return [event for event in decisions if not isinstance(event, TaskCalled)] if self._draining else decisions

    def _record(self, ledger: Ledger, changes: list[Change], called: list[str]) -> None:
        if self._job.status is not Status.RUNNING:
            self._finish_job(ledger, changes)
            return
        calls = [self._call(task) for task in called]
        self._under_way.update(called)
        at_once = self._may_call_at_once(ledger, changes)
        if changes or not ledger.claimed:
            waiting = [call for call in calls if call.fresh or not at_once]
            self._job_data.tell(ledger.transition(self._job, changes, self._around.clock.stamp(), waiting))
        for call in calls:
            if at_once and not call.fresh:
                self._calls.tell(call)

    def _may_call_at_once(self, ledger: Ledger, changes: list[Change]) -> bool:
        """Calls that follow from nothing unrecorded need not wait for their own mark; those of a job taken over wait for the claim."""
        begun_here = ledger.claimed or self._claim.request is not None
        return begun_here and all(not isinstance(change, TaskChanged) or change.status is Status.RUNNING for change in changes)

    def _call(self, name: str) -> Call:
        return task_call(self._job, self._headers, self._job.tasks[name], self.actor_ref, self._around.max_reply_bytes)

    # how it ends

    def _finish_job(self, ledger: Ledger, changes: list[Change]) -> None:
        self._handing_over = True
        self._cancel_calls()
        self._job_data.tell(ledger.end(self._job, changes, self._around.clock.stamp(), self._around.retention_ms))
        if log.isEnabledFor(logging.INFO):
            job, failed = self._job, sum(task.status is Status.ERROR for task in self._job.tasks.values())
            log.info("job %s of %s is %s: %d tasks, %d failed", job.uuid, job.process, job.status.value, len(job.tasks), failed)

    def _cancel_calls(self) -> None:
        for task in self._under_way:
            self._calls.tell(Cancel(self.actor_ref, task))

    def _leave_if_idle(self) -> None:
        if not self._under_way:
            self._leave()

    def _leave(self) -> None:
        """Hand the job back; a job that was not begun is the scheduler's to release."""
        if self._handing_over:
            return
        self._handing_over = True
        self._cancel_calls()
        if self._ledger is None:
            self.exit(NOT_BEGUN)
        else:
            self._job_data.tell(self._ledger.hand_back())

    def _refused(self, why: str) -> None:
        if why in ("fenced", "lost", "gone"):  # should the node hold the job all the same, the scheduler has it rebuilt
            log.warning("job %s of %s is not as we left it in Redis (%s): stopped", self._claim.uuid, self._claim.process, why)
            self._cancel_calls()
            self.exit(Shutdown(why))
            return
        raise LostWrites(f"job {self._claim.uuid} of {self._claim.process}: redis answers {why}")


def _checked(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
