"""What people may do to a job that exists: cancel it, or let it go on from what has failed.

Others may change the job at the same time. So each step reads it, has a script do the work if it is still as it was read, and reads it
again where it is not.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cameron.clock import Clock
from cameron.core.event import JobEnded, JobRetried, TaskChanged
from cameron.core.history import story
from cameron.core.job import apply
from cameron.core.status import ENDED, Status
from cameron.errors import JobFinished, JobNotFinished, KeyTaken, NothingToRetry, StoreUnavailable
from cameron.job_data import Commit
from cameron.job_ledger import Claim, Ledger, Step
from cameron.job_reader import JobReader, StoredJob
from cameron.store import keys

RunScript = Callable[[str, Sequence[str], Sequence[str | int]], Any]  # name, keys, arguments -> its answer; raises StoreUnavailable
ATTEMPTS = 5  # at a job that changes hands all the time
NOBODY = "nobody"  # the owner of a job that is changed while no node holds it


class Cancelling(NamedTuple):
    """How far a cancellation is."""

    status: str  # cancelled; or cancelling: the node that runs the job has been told


class _NoSender:
    def tell(self, message: Any) -> None:
        raise AssertionError(f"nobody is to be told {message!r}: the script's answer is asked for")


class JobControl:
    """For any thread. `retention_ms`: of jobs whose process says nothing else."""

    def __init__(self, jobs: JobReader, clock: Clock, run_script: RunScript, retention_ms: int) -> None:
        self._jobs, self._clock, self._run, self._retention_ms = jobs, clock, run_script, retention_ms

    def cancel(self, process: str, key: str, uuid: str) -> Cancelling:
        """End a job as cancelled. Raises JobNotFound, JobFinished, StoreUnavailable."""
        for _ in range(ATTEMPTS):
            stored = self._jobs.read(process, key, uuid)
            if stored.job.status is Status.CANCELLED:
                return Cancelling("cancelled")
            if stored.job.status in ENDED:
                raise JobFinished(stored.job.process, uuid, stored.job.status)
            holder = self._jobs.holder(stored)
            if holder and self._tell(stored, holder) == "told":
                return Cancelling("cancelling")
            if not holder and self._cancel_queued(stored) == "applied":
                return Cancelling("cancelled")
        raise StoreUnavailable(f"job {uuid} keeps changing hands")

    def retry(self, process: str, key: str, uuid: str) -> list[str]:
        """Put a finished job back into its queue: tasks that are done are kept, those that failed run again, and these are their names.

        A job that ended before all of its tasks had begun goes on with the rest as well. Raises JobNotFound, JobNotFinished,
        NothingToRetry, KeyTaken, StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            stored = self._jobs.read(process, key, uuid)
            ended, at = stored.job.status, self._clock.now()
            if ended not in ENDED:
                raise JobNotFinished(stored.job.process, uuid, ended)
            job, changes = apply(stored.job, JobRetried())
            failed = [change.task for change in changes if isinstance(change, TaskChanged)]
            if not failed and ended is Status.DONE:
                raise NothingToRetry(stored.job.process, uuid)
            deadline_ms = at.ms + int(stored.process.limits.timeout_s * 1000)
            dead = stored.record.get("dead", "")
            record = ["deadline", str(deadline_ms), "retries", str(int(stored.record.get("retries", 0)) + 1)]
            answer = self._commit(_ledger(stored).revive(Step(job, changes, at), ended, dead, record))
            if answer == "applied":
                return failed
            if isinstance(answer, list):
                raise KeyTaken(stored.job.process, stored.job.key, str(answer[1]))
        raise StoreUnavailable(f"job {uuid} keeps changing")

    def _tell(self, stored: StoredJob, holder: str) -> Any:
        job, entry = stored.job, stored.record["entry"]
        names = [stored.dialect.layout.job_key(job.process, job.key, job.uuid), keys.record(job.process, job.uuid), keys.queue(job.process)]
        inbox = ("signal", "cancel", "process", job.process, "uuid", job.uuid)
        args = (entry, keys.GROUP, holder, "cancel", str(self._clock.now_ms()), *inbox)
        return self._run("signal", [*names, keys.node(holder), keys.inbox(holder)], args)

    def _cancel_queued(self, stored: StoredJob) -> Any:
        end = JobEnded(Status.CANCELLED, "cancelled")
        job, changes = apply(stored.job, end)
        step = Step(job, changes, self._clock.now(), story(job, end, changes, NOBODY))
        return self._commit(_ledger(stored).end_queued(step, self._retention_ms))

    def _commit(self, commit: Commit) -> Any:
        return self._run(commit.script, commit.keys, commit.args)


def _ledger(stored: StoredJob) -> Ledger:
    """For one write to a job that no node holds; the record's count of claims goes on."""
    job, record = stored.job, stored.record
    claim = Claim(job.process, job.key, job.uuid, record["entry"], NOBODY, accepted_ms=stored.accepted_ms)
    return Ledger(claim, stored.process, stored.dialect, record["owner"], _NoSender())
