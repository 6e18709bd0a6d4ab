"""A job's writes: fenced, numbered, in order. What its runner decides becomes commits for job_data here.

The record's `owner` reads `node claim n`: the claim tells one runner of the job from the next, n counts its writes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cameron.core.event import Change
from cameron.core.job import Job
from cameron.core.status import Status
from cameron.definitions import Dialect
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
    crashes: int = 0  # of runners of this job on this node


def entry_fields(process: str, key: str, uuid: str) -> list[str]:
    """Fields and values of the queue's entry of a job that is to be read from Redis by whoever claims it."""
    return ["process", process, "key", key, "uuid", uuid]


class Ledger:
    """For one runner. `owner` is what the record says now: "" for a job that nobody has claimed yet."""

    def __init__(self, claim: Claim, dialect: Dialect, owner: str, sender: Sender) -> None:
        self._claim, self._dialect, self._sender = claim, dialect, sender
        self._owner = owner
        earlier = owner.split(" ")
        self._who = f"{claim.node} {int(earlier[1]) + 1 if len(earlier) == 3 else 1}"
        self._count = 0
        self._job_key = dialect.job_key(claim.process, claim.key, claim.uuid)
        self._record_key = keys.record(claim.process, claim.uuid)

    @property
    def claimed(self) -> bool:
        """Whether a write has gone out, which makes the job this runner's."""
        return self._count > 0

    def transition(self, job: Job, changes: Sequence[Change], stamp: str, release: Sequence[Any]) -> Commit:
        """The changes that led to `job`, and the calls that go out once they are recorded."""
        writes = self._dialect.writes(job, changes, stamp)
        errors = [keys.task_error(self._job_key, task) for task, _ in writes.errors]
        texts = [text for _, text in writes.errors]
        args: list[str | int] = [*self._fence(), len(writes.fields), *writes.fields, len(writes.record), *writes.record, *texts]
        return Commit("transition", [self._job_key, self._record_key, *errors], args, self._sender, release)

    def end(self, job: Job, changes: Sequence[Change], stamp: str, retention_ms: int) -> Commit:
        """The job's last changes; all its keys expire together after `retention_ms` (0: never)."""
        writes = self._dialect.writes(job, changes, stamp)
        new = dict(writes.errors)
        old = [name for name, task in job.tasks.items() if task.status is Status.ERROR and name not in new]
        errors = [keys.task_error(self._job_key, task) for task in (*new, *old)]
        args: list[str | int] = [*self._fence(), self._claim.entry, keys.GROUP, retention_ms]
        args += [len(writes.fields), *writes.fields, len(writes.record), *writes.record, *new.values()]
        queue = keys.queue(self._claim.process)
        return Commit("end", [self._job_key, self._record_key, queue, *errors], args, self._sender, confirm=True)

    def hand_back(self) -> Commit:
        """The job goes back into its queue as it stands."""
        claim = self._claim
        args: list[str | int] = [*self._fence(), claim.entry, keys.GROUP, *entry_fields(claim.process, claim.key, claim.uuid)]
        return Commit("hand_back", [self._job_key, self._record_key, keys.queue(claim.process)], args, self._sender, confirm=True)

    def _fence(self) -> tuple[str, str, int]:
        expected, self._count = self._owner, self._count + 1
        self._owner = f"{self._who} {self._count}"
        return expected, self._who, self._count
