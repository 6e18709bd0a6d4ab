"""The last write about a job that its node holds and cannot run: it is gone or has ended, or nobody can read it."""

from collections.abc import Mapping
from types import MappingProxyType

from cameron.clock import Moment
from cameron.core.event import JobChanged, JobEnded
from cameron.core.history import story
from cameron.core.job import Job
from cameron.core.process import Limits
from cameron.core.status import Status
from cameron.definitions import Dialect
from cameron.job_data import Commit, Sender
from cameron.job_ledger import Claim, GivenUp, Ledger, Step

NOTHING: Mapping[str, str] = MappingProxyType({})


def forget(claim: Claim, dialect: Dialect, sender: Sender) -> Commit:
    """There is nothing (left) to run: its entry leaves the queue."""
    return Ledger(claim, None, dialect, "", sender).forget()


def put_aside(
    claim: Claim, dialect: Dialect, sender: Sender, why: str, at: Moment, retention_ms: int, fields: Mapping[str, str] = NOTHING
) -> Commit:
    """It ends in error unread, and goes to the dead letter; `fields`: of its hash, where that could be read."""
    job = Job(claim.process, claim.key, claim.uuid, 0, Limits(), Status.ERROR, {}, {}, 0, 0)
    given_up = GivenUp("", claim.crashes, f"given up: {why}", claim.crash)
    end, changes = JobEnded(Status.ERROR, given_up.reason), [JobChanged(Status.ERROR)]
    step = Step(job, changes, at, story(job, end, changes, claim.node))
    return Ledger(claim, None, dialect, "", sender).end_held(step, retention_ms, given_up, dialect.layout.failed(fields))
