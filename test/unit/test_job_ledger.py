"""A job's writes as commits: which keys, which owner, in which order."""

from collections.abc import Sequence
from typing import Any

import pytest

from cameron.core.event import Change, JobStarted, TaskCalled, TaskFailed
from cameron.core.job import Job, apply, new_job
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.settings import Settings
from cameron.job_data import Commit
from cameron.job_ledger import Claim, Ledger, entry_fields

DIALECT = CameronDialect(Settings())
FOO = DIALECT.process("foo", "http://service/start", "here")
CLAIM = Claim("foo", "(id,007)", "0f", "17-0", "host-1-ab")
JOB_KEY, RECORD, QUEUE = "cameron:process:foo:key:(id,007):job:0f", "cameron:record:foo:0f", "cameron:queue:foo"


class Nobody:
    """Is told things."""

    def tell(self, message: Any) -> None:
        """Into the void."""


NOBODY = Nobody()


def ledger(owner: str = "") -> Ledger:
    """The ledger of a runner that found this owner in the record."""
    return Ledger(CLAIM, DIALECT, owner, NOBODY)


def job_after(*events: Any) -> tuple[Job, Sequence[Change]]:
    """The job after these events, and all that changed."""
    job, changes = new_job(FOO, "(id,007)", "0f", b"payload", 1), list[Change]()
    for event in events:
        job, more = apply(job, event)
        changes += more
    return job, changes


def fence(commit: Commit) -> list[Any]:
    """The expected owner, the writer, the number of the write."""
    return list(commit.args[:3])


@pytest.mark.parametrize(
    ("found", "writer"),
    [
        ("", "host-1-ab 1"),
        ("host-1-ab 1 5", "host-1-ab 2"),
        ("other-2-cd 7 300", "host-1-ab 8"),
        ("no owner of ours", "host-1-ab 1"),
    ],
)
def test_the_first_write_expects_the_owner_found_and_claims_under_the_next_number(found: str, writer: str) -> None:
    job, changes = job_after(JobStarted())
    book = ledger(found)
    assert not book.claimed
    assert fence(book.transition(job, changes, "now", ())) == [found, writer, 1]
    assert book.claimed


def test_each_further_write_expects_the_one_before_it() -> None:
    job, changes = job_after(JobStarted())
    book = ledger()
    commits = [book.transition(job, changes, "now", ()), book.transition(job, changes, "now", ()), book.hand_back()]
    assert [fence(commit) for commit in commits] == [
        ["", "host-1-ab 1", 1],
        ["host-1-ab 1 1", "host-1-ab 1", 2],
        ["host-1-ab 1 2", "host-1-ab 1", 3],
    ]


def test_a_transition_names_its_keys_counts_its_fields_and_carries_the_calls_that_it_releases() -> None:
    job, changes = job_after(JobStarted(), TaskCalled("start"), TaskFailed("start", "it failed"))
    commit = ledger().transition(job, changes, "now", ["a call"])
    assert (commit.script, commit.keys, commit.release, commit.confirm) == (
        "transition", [JOB_KEY, RECORD, f"{JOB_KEY}:start:error"], ["a call"], False,
    )  # fmt: skip
    many = int(commit.args[3])
    fields, rest = commit.args[4 : 4 + many], commit.args[4 + many :]
    assert fields[:4] == ["job.status.current", "running", "job.status.running.time", "now"]
    assert fields[-2:] == ["job.tasks", "start"]
    assert rest == [0, "it failed"]


def test_the_end_is_confirmed_and_names_old_error_keys_after_the_new_ones() -> None:
    growing = FOO._replace(activities=(FOO.activities[0], FOO.activities[0]._replace(name="old")))
    job = new_job(growing, "(id,007)", "0f", b"payload", 1)
    for event in (JobStarted(), TaskCalled("old"), TaskFailed("old", "before"), TaskCalled("start")):
        job, _ = apply(job, event)
    job, changes = apply(job, TaskFailed("start", "now"))
    commit = ledger().end(job, changes, "now", 5000)
    assert commit.keys == [JOB_KEY, RECORD, QUEUE, f"{JOB_KEY}:start:error", f"{JOB_KEY}:old:error"]
    assert commit.args[3:6] == ["17-0", "cameron", 5000]
    assert commit.args[-1] == "now"
    assert (commit.script, commit.confirm) == ("end", True)


def test_a_job_handed_back_goes_into_its_queue_under_its_own_name() -> None:
    commit = ledger().hand_back()
    assert commit.keys == [JOB_KEY, RECORD, QUEUE]
    assert commit.args[3:] == ["17-0", "cameron", "process", "foo", "key", "(id,007)", "uuid", "0f"]
    assert entry_fields("foo", "(id,007)", "0f") == commit.args[5:]
    assert commit.confirm
