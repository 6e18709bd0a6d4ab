"""A job's writes: fenced, numbered, in order. What is decided about it becomes commits for job_data here.

The record's `owner` reads `node claim n`: the claim tells one runner of the job from the next, n counts its writes. Where it equals the
record's `released`, no task was under way when the owner last wrote.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cameron.clock import Moment
from cameron.core.event import Change, JobChanged
from cameron.core.history import HANDED_BACK, RETRIED
from cameron.core.job import Job
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions import Dialect, Writes
from cameron.job_data import Commit, Sender
from cameron.store import keys


class Claim(NamedTuple):
    """A queue entry that this node holds: a job to run."""

    process: str
    key: str
    uuid: str
    entry: str
    node: str
    definition: str = ""
    deadline_ms: int = 0
    request: str | None = None  # the client's body, where it rides along with a new job; otherwise all is read from Redis
    accepted_ms: int = 0
    crashes: int = 0  # of runners of this job on this node, before it could be read
    crash: str = ""  # how whoever ran it before has died; "" where nobody has: it is new, or was handed back

    def without_request(self) -> "Claim":
        """The same to be kept: what rides along may be large, and is needed but once."""
        return self if self.request is None else self._replace(request=None, definition="")


def callback_field(task: str) -> str:
    """The field of the engine's record that holds the task's callback, as it came; absent or "": none has come."""
    return f"task.{task}.callback"


def entry_fields(process: str, key: str, uuid: str, accepted_ms: int) -> list[str]:
    """Fields and values of the queue's entry of a job that is to be read from Redis by whoever claims it."""
    return ["process", process, "key", key, "uuid", uuid, "accepted", str(accepted_ms)]


class GivenUp(NamedTuple):
    """Why a job goes to the dead letter."""

    task: str  # with which its runners or nodes have died; "" where they could not even read the job
    crashes: int
    reason: str  # the job's error
    crash: str  # the last one


class Step(NamedTuple):
    """What has happened to a job, to be written at once."""

    job: Job  # as it is now
    changes: Sequence[Change]  # that led to this
    at: Moment
    story: Sequence[str] = ()  # the same as words and texts in turn, see `core.history`


class Ledger:
    """For one writer. `owner` is what the record says now: "" for a job that nobody has claimed yet.

    It lasts as long as its job, and jobs may wait by the hundred thousand: so names of keys are made when they are used.
    """

    __slots__ = ("_count", "_dialect", "_number", "_owner", "_process", "_sender", "claim")

    def __init__(self, claim: Claim, process: Process | None, dialect: Dialect, owner: str, sender: Sender) -> None:
        self.claim, self._process, self._dialect, self._sender = claim, process, dialect, sender
        self._owner = owner
        earlier = owner.split(" ")
        self._number = int(earlier[1]) + 1 if len(earlier) == 3 else 1  # of the claim
        self._count = 0  # of writes

    @property
    def claimed(self) -> bool:
        """Whether a write has gone out, which makes the job this writer's."""
        return self._count > 0

    def transition(self, step: Step, release: Sequence[Any], *, idle: bool = False, confirm: bool = False) -> Commit:
        """The step, and the calls that go out once it is recorded.

        `idle`: no task is under way after it. `confirm`: the sender is told when it is recorded.
        """
        writes, process = self._writes(step), step.job.process
        job_key = self._job_key
        names = [job_key, self._record_key, self._events, *(keys.task_error(job_key, task) for task, _ in writes.errors)]
        begins = any(isinstance(change, JobChanged) for change in step.changes)
        if begins:
            names += (keys.jobs(process, Status.SCHEDULED), keys.jobs(process, Status.RUNNING))
        args: list[str | int] = [*self._fence(), self._member if begins else "", step.at.ms, int(idle), *self._counted(writes, step.story)]
        return Commit("transition", names, args, self._sender, release, confirm)

    def end(self, step: Step, retention_ms: int, given_up: GivenUp | None = None) -> Commit:
        """The job's last step; all its keys expire together. Given up, it goes to the dead letter.

        `retention_ms` (0: never) is the node's; what the process says itself wins.
        """
        return self._end("end", self._fence(), step, retention_ms, given_up)

    def end_queued(self, step: Step, retention_ms: int) -> Commit:
        """As `end`, for a job that waits in its queue; refused where a node has been given it."""
        return self._end("end_queued", self._fence(), step, retention_ms)

    def end_held(self, step: Step, retention_ms: int, given_up: GivenUp, failed: Sequence[str] = ()) -> Commit:
        """As `end`, whatever the record says, for a job that cannot be read; refused where the node does not hold its entry.

        `failed`: tasks that have an error key, as far as that is known.
        """
        return self._end("end_held", ("", self.claim.node, 0), step, retention_ms, given_up, failed)

    def close_to_callbacks(self, task: str) -> Commit:
        """The task's present attempt is to end without a callback, so none is taken any more; refused where one was before."""
        field, status = callback_field(task), (f"task.{task}.status.current", Status.RUNNING.value)
        args = [self.claim.entry, keys.GROUP, self.claim.node, field, "", *status, ""]
        return Commit("callback", [self._job_key, self._record_key, self._queue], args, self._sender, confirm=True)

    def hand_back(self) -> Commit:
        """The job goes back into its queue as it stands."""
        return Commit("hand_back", self._handing_keys, self._handing_args(), self._sender, confirm=True)

    def hand_over(self, node: str) -> Commit:
        """The job goes to that node as it stands, or back into its queue where that node has died."""
        names, args = [*self._handing_keys, keys.node(node), keys.inbox(node)], [*self._handing_args(), self.claim.uuid, node]
        return Commit("hand_over", names, args, self._sender, confirm=True)

    def forget(self) -> Commit:
        """The job has nothing (left) to run: its entry goes, and where somebody has deleted the job, what is left of it."""
        claim, process = self.claim, self.claim.process
        names = [self._job_key, self._record_key, self._queue]
        names += (keys.jobs(process, Status.SCHEDULED), keys.jobs(process, Status.RUNNING), keys.jobs_by_key(process))
        names += (keys.unique(process, claim.key), self._events, self._session)
        return Commit("forget", names, [claim.entry, keys.GROUP, self._member, claim.uuid], self._sender, confirm=True)

    def revive(self, step: Step, ended: Status, dead: str, record: Sequence[str]) -> Commit:
        """A job that had `ended` so goes back into its queue; `dead` is its entry in the dead letter, `record` what else is set there."""
        writes, job = self._writes(step), step.job
        process, job_key = job.process, self._job_key
        errors = [keys.task_error(job_key, task) for task in writes.removed_errors]
        names = [job_key, self._record_key, self._queue, keys.jobs(process, Status.SCHEDULED), keys.jobs(process, ended)]
        names += (keys.dead(process), keys.unique(process, job.key), self._events, self._session, *errors)
        removed = [*writes.removed_record, "cancel", "crash", "dead"]
        args: list[str | int] = [*self._fence(), self._member, step.at.ms, self._unique, dead, RETRIED, ""]
        args += (len(writes.fields), *writes.fields, len(writes.record) + len(record), *writes.record, *record)
        args += (len(writes.removed_fields), *writes.removed_fields, len(removed), *removed, *self._entry_fields())
        return Commit("revive", names, args, self._sender)

    def _end(
        self,
        script: str,
        fence: tuple[str, str, int],
        step: Step,
        retention_ms: int,
        given_up: GivenUp | None = None,
        failed: Sequence[str] = (),
    ) -> Commit:
        writes, job = self._writes(step), step.job
        process, job_key = job.process, self._job_key
        new = [task for task, _ in writes.errors]
        known = (name for name, task in job.tasks.items() if task.status is Status.ERROR)
        old = [name for name in (*known, *failed) if name not in new]
        names = [job_key, self._record_key, self._queue]
        names += (keys.jobs(process, status) for status in (Status.SCHEDULED, Status.RUNNING, job.status))
        names += (keys.dead(process), keys.unique(process, job.key), keys.events_copy(process, job.uuid), self._events, self._session)
        names += (keys.task_error(job_key, task) for task in (*new, *old))
        dead = self._dead_letter(given_up) if given_up else []
        own_ms = self._process.retention_ms if self._process else None
        kept_ms = retention_ms if own_ms is None else own_ms
        args: list[str | int] = [*fence, self.claim.entry, keys.GROUP, kept_ms, self._member, step.at.ms, self._unique]
        args += (len(dead), *dead, *self._counted(writes, step.story))
        return Commit(script, names, args, self._sender, confirm=True)

    def _writes(self, step: Step) -> Writes:
        return self._dialect.layout.writes(step.job, step.changes, step.at.stamp)

    def _dead_letter(self, why: GivenUp) -> list[str]:
        return [*self._entry_fields(), "task", why.task, "crashes", str(why.crashes), "reason", why.reason, "crash", why.crash]

    def _entry_fields(self) -> list[str]:
        claim = self.claim
        return entry_fields(claim.process, claim.key, claim.uuid, claim.accepted_ms)

    # names of keys

    @property
    def _job_key(self) -> str:
        return self._dialect.layout.job_key(self.claim.process, self.claim.key, self.claim.uuid)

    @property
    def _record_key(self) -> str:
        return keys.record(self.claim.process, self.claim.uuid)

    @property
    def _queue(self) -> str:
        return keys.queue(self.claim.process)

    @property
    def _events(self) -> str:
        return keys.events(self.claim.process, self.claim.uuid)

    @property
    def _session(self) -> str:
        return keys.session(self.claim.process, self.claim.uuid)

    @property
    def _handing_keys(self) -> list[str]:
        return [self._job_key, self._record_key, self._queue, self._events]

    # arguments

    @property
    def _member(self) -> str:
        return keys.job_member(self.claim.key, self.claim.accepted_ms, self.claim.uuid)

    def _handing_args(self) -> list[str | int]:
        return [*self._fence(), self.claim.entry, keys.GROUP, HANDED_BACK, self.claim.node, *self._entry_fields()]

    @property
    def _unique(self) -> str:
        """The process that cannot be read may have been unique; its key is released then too, if it is this job's."""
        return self.claim.uuid if self._process is None or self._process.unique else ""

    def _fence(self) -> tuple[str, str, int]:
        expected, who, self._count = self._owner, f"{self.claim.node} {self._number}", self._count + 1
        self._owner = f"{who} {self._count}"
        return expected, who, self._count

    def _counted(self, writes: Writes, story: Sequence[str]) -> list[str | int]:
        """What is written, by the write whose fence was made last: the first one tells how whoever ran the job before has died."""
        crash = ("crash", self.claim.crash) if self.claim.crash and self._count <= 1 else ()
        texts = (text for _, text in writes.errors)
        record_size = len(writes.record) + len(crash)
        return [len(writes.fields), *writes.fields, record_size, *writes.record, *crash, len(story), *story, *texts]
