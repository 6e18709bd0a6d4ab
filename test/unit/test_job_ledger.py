"""A job's writes as commits: which keys, which owner, in which order, and every argument where its script looks for it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from cameron.clock import Moment
from cameron.core.event import Change, JobChanged, JobEnded, JobRetried, JobStarted, TaskCalled, TaskFailed
from cameron.core.job import Job, apply, new_job
from cameron.core.process import Process
from cameron.core.status import Status
from cameron.definitions.cameron import CameronDialect
from cameron.definitions.settings import Settings
from cameron.job_data import Commit
from cameron.job_ledger import Claim, GivenUp, Ledger, Step, entry_fields

DIALECT = CameronDialect(Settings())
FOO = DIALECT.process("foo", "http://service/start", "here")
UNIQUE = FOO._replace(unique=True)
CLAIM = Claim("foo", "(id,007)", "0f", "17-0", "host-1-ab", accepted_ms=1_700_000_000_123)
JOB_KEY, RECORD = "cameron:process:foo:key:(id,007):job:0f", "cameron:record:foo:0f"
EVENTS, SESSION = "cameron:events:foo:0f", "cameron:record:foo:0f:session"
COPY = f"{EVENTS}:copy"
QUEUE, DEAD = "cameron:queue:foo", "cameron:queue:foo:dead"
SCHEDULED, RUNNING, DONE = (f"cameron:jobs:foo:{status}" for status in ("scheduled", "running", "done"))
ONE_OF_ITS_KEY = "cameron:unique:foo:(id,007)"
MEMBER = "(id,007)\t1700000000123\t0f"
ENTRY = {"process": "foo", "key": "(id,007)", "uuid": "0f", "accepted": "1700000000123"}
AT = Moment(1_700_000_009_000, "now")
STORY = ("task.done", "a", "task.called", "b", "task.called", "c")
GIVEN_UP = GivenUp("start", 5, "it was given up", "node x died")


class Nobody:
    """Is told things."""

    def tell(self, message: Any) -> None:
        """Into the void."""


NOBODY = Nobody()


def ledger(owner: str = "", claim: Claim = CLAIM, process: Process | None = FOO) -> Ledger:
    """The ledger of a runner that found this owner in the record."""
    return Ledger(claim, process, DIALECT, owner, NOBODY)


def job_after(*events: Any, of: Process = FOO) -> tuple[Job, Sequence[Change]]:
    """The job after these events, and all that changed."""
    job, changes = new_job(of, "(id,007)", "0f", b"payload", 1), list[Change]()
    for event in events:
        job, more = apply(job, event)
        changes += more
    return job, changes


def two_failed() -> tuple[Job, Sequence[Change]]:
    """A job of which `old` has failed before, and `start` with the last event."""
    growing = FOO._replace(activities=(FOO.activities[0], FOO.activities[0]._replace(name="old")))
    job, _ = job_after(JobStarted(), TaskCalled("old"), TaskFailed("old", "before"), TaskCalled("start"), of=growing)
    return apply(job, TaskFailed("start", "it failed"))


def fence(commit: Commit) -> list[Any]:
    """The expected owner, the writer, the number of the write."""
    return list(commit.args[:3])


class Arguments:
    """A commit's arguments, taken one after another as the script's header tells."""

    def __init__(self, commit: Commit) -> None:
        self._left: Iterator[Any] = iter(commit.args)
        self.fence = self.take(3)

    def take(self, number: int) -> list[Any]:
        """The next ones."""
        return [next(self._left) for _ in range(number)]

    def counted(self) -> list[str]:
        """The next ones, after their number."""
        return self.take(int(next(self._left)))

    def fields(self) -> dict[str, str]:
        """The same as fields and values."""
        return pairs(self.counted())

    def rest(self) -> list[Any]:
        """All that are left."""
        return list(self._left)


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """Fields and values in turn."""
    assert all(isinstance(text, str) for text in flat)
    return dict(zip(flat[::2], flat[1::2], strict=True))


class End(NamedTuple):
    """The arguments of the scripts that end a job, by the names of their header."""

    entry: str
    group: str
    keep_ms: int
    member: str
    now_ms: int
    unique: str
    dead: dict[str, str]
    fields: dict[str, str]
    record: dict[str, str]
    story: list[str]
    texts: list[str]


def end_of(commit: Commit) -> End:
    """Read as the header of end.lua says."""
    args = Arguments(commit)
    entry, group, keep_ms, member, now_ms, unique = args.take(6)
    return End(entry, group, keep_ms, member, now_ms, unique, args.fields(), args.fields(), args.fields(), args.counted(), args.rest())


# the fence


@pytest.mark.parametrize(
    ("found", "writer"),
    [
        ("", "host-1-ab 1"),
        ("host-1-ab 1 5", "host-1-ab 2"),
        ("other-2-cd 7 300", "host-1-ab 8"),
        ("nobody 3 1", "host-1-ab 4"),  # cancelled or revived while no node held it
        ("host-1-ab 0", "host-1-ab 1"),  # ended unread
        ("no owner of ours", "host-1-ab 1"),
    ],
)
def test_the_first_write_expects_the_owner_found_and_claims_under_the_next_number(found: str, writer: str) -> None:
    job, changes = job_after(JobStarted())
    book = ledger(found)
    assert not book.claimed
    assert fence(book.transition(Step(job, changes, AT), ())) == [found, writer, 1]
    assert book.claimed


def test_each_further_write_expects_the_one_before_it() -> None:
    job, changes = job_after(JobStarted())
    book = ledger()
    commits = [book.transition(Step(job, changes, AT), ()), book.transition(Step(job, changes, AT), ()), book.hand_back()]
    assert [fence(commit) for commit in commits] == [
        ["", "host-1-ab 1", 1],
        ["host-1-ab 1 1", "host-1-ab 1", 2],
        ["host-1-ab 1 2", "host-1-ab 1", 3],
    ]


@pytest.mark.parametrize("script", ["end", "end_queued", "revive", "hand_back", "hand_over"])
def test_every_write_but_that_of_a_job_that_cannot_be_read_is_fenced(script: str) -> None:
    book, (job, changes) = ledger("host-1-ab 4 7"), job_after(JobStarted(), JobEnded(Status.DONE))
    commits = {
        "end": lambda: book.end(Step(job, changes, AT), 0),
        "end_queued": lambda: book.end_queued(Step(job, changes, AT), 0),
        "revive": lambda: book.revive(Step(*apply(job, JobRetried()), AT), Status.DONE, "", ()),
        "hand_back": book.hand_back,
        "hand_over": lambda: book.hand_over("host-2-cd"),
    }
    commit = commits[script]()
    assert (commit.script, fence(commit)) == (script, ["host-1-ab 4 7", "host-1-ab 5", 1])


# transition


def test_a_transition_names_its_keys_counts_its_fields_and_carries_the_calls_that_it_releases() -> None:
    job, changes = job_after(JobStarted(), TaskCalled("start"), TaskFailed("start", "it failed"))
    commit = ledger().transition(Step(job, changes, AT, STORY), ["a call"])
    assert (commit.script, commit.keys, commit.release, commit.confirm) == (
        "transition", [JOB_KEY, RECORD, EVENTS, f"{JOB_KEY}:start:error", SCHEDULED, RUNNING], ["a call"], False,
    )  # fmt: skip
    args = Arguments(commit)
    assert args.take(3) == [MEMBER, AT.ms, 0]
    fields = args.counted()
    assert fields[:4] == ["job.status.current", "running", "job.status.running.time", "now"]
    assert fields[-2:] == ["job.tasks", "start"]
    assert (args.counted(), args.counted(), args.rest()) == ([], list(STORY), ["it failed"])


def test_a_transition_of_a_job_that_has_begun_before_touches_no_list() -> None:
    job, _ = job_after(JobStarted(), TaskCalled("start"))
    commit = ledger().transition(Step(*apply(job, TaskFailed("start", "it failed")), AT), ())
    assert commit.keys == [JOB_KEY, RECORD, EVENTS, f"{JOB_KEY}:start:error"]
    assert Arguments(commit).take(2) == ["", AT.ms]


@pytest.mark.parametrize("idle", [False, True])
def test_a_transition_tells_whether_a_task_is_under_way_after_it(idle: bool) -> None:
    assert Arguments(ledger().transition(Step(*job_after(JobStarted()), AT), (), idle=idle)).take(3)[2] == int(idle)


def test_how_the_one_before_has_died_is_recorded_with_the_first_write_alone() -> None:
    book = ledger("other 1 1", CLAIM._replace(crash="node other died"))
    written = []
    for _ in range(2):
        args = Arguments(book.transition(Step(*job_after(JobStarted()), AT), ()))
        args.take(3)
        args.fields()
        written.append(args.fields())
    assert written == [{"crash": "node other died"}, {}]


def test_a_job_that_ends_with_its_first_write_records_how_the_one_before_has_died() -> None:
    book = ledger("other 1 1", CLAIM._replace(crash="node other died"))
    assert end_of(book.end(Step(*job_after(JobStarted(), JobEnded(Status.ERROR, "x")), AT), 0)).record == {"crash": "node other died"}


# end


def test_the_end_is_confirmed_and_names_old_error_keys_after_the_new_ones() -> None:
    job, changes = two_failed()
    job, more = apply(job, JobEnded(Status.DONE))
    commit = ledger().end(Step(job, [*changes, *more], AT, STORY), 5000)
    assert commit.keys == [
        JOB_KEY, RECORD, QUEUE, SCHEDULED, RUNNING, DONE, DEAD, ONE_OF_ITS_KEY, COPY, EVENTS, SESSION,
        f"{JOB_KEY}:start:error", f"{JOB_KEY}:old:error",
    ]  # fmt: skip
    assert (commit.script, commit.confirm) == ("end", True)
    end = end_of(commit)
    assert end[:7] == ("17-0", "cameron", 5000, MEMBER, AT.ms, "", {})
    assert end.fields == {
        "task.start.status.current": "error",
        "task.start.status.error.time": "now",
        "task.start.output.data": "it failed",
        "job.status.current": "done",
        "job.status.done.time": "now",
    }
    assert (end.record, end.story, end.texts) == ({}, list(STORY), ["it failed"])


@pytest.mark.parametrize("status", [Status.DONE, Status.ERROR, Status.CANCELLED])
def test_the_end_lists_the_job_under_the_status_that_it_ends_in(status: Status) -> None:
    commit = ledger().end(Step(*job_after(JobStarted(), JobEnded(status)), AT), 0)
    assert commit.keys[3:6] == [SCHEDULED, RUNNING, f"cameron:jobs:foo:{status.value}"]


@pytest.mark.parametrize(("process", "unique"), [(FOO, ""), (UNIQUE, "0f"), (None, "0f")])
def test_the_end_releases_the_key_where_the_process_wants_it_unique_or_cannot_be_read(process: Process | None, unique: str) -> None:
    assert end_of(ledger(process=process).end(Step(*job_after(JobStarted(), JobEnded(Status.DONE)), AT), 0)).unique == unique


def test_a_job_given_up_goes_to_the_dead_letter_with_all_that_tells_why() -> None:
    commit = ledger().end(Step(*job_after(JobStarted(), JobEnded(Status.ERROR, "x", "start")), AT), 0, GIVEN_UP)
    assert commit.keys[6] == DEAD
    why = {"task": "start", "crashes": "5", "reason": "it was given up", "crash": "node x died"}
    assert end_of(commit).dead == ENTRY | why


def test_a_waiting_job_is_ended_by_a_script_of_its_own_with_the_same_arguments() -> None:
    job, changes = job_after(JobEnded(Status.CANCELLED, "cancelled"))
    ends = ledger().end(Step(job, changes, AT), 9), ledger().end_queued(Step(job, changes, AT), 9)
    assert [commit.script for commit in ends] == ["end", "end_queued"]
    assert ends[1] == ends[0]._replace(script="end_queued")


def test_a_job_that_cannot_be_read_is_ended_in_the_nodes_name_whoever_owns_it() -> None:
    job = Job("foo", "(id,007)", "0f", 0, FOO.limits, Status.ERROR, {}, (), 0, 0)
    step = Step(job, [JobChanged(Status.ERROR)], AT, STORY)
    commit = ledger("whoever 9 9", process=None).end_held(step, 5000, GIVEN_UP._replace(task=""))
    assert (commit.script, commit.confirm, fence(commit)) == ("end_held", True, ["", "host-1-ab", 0])
    assert commit.keys == [
        JOB_KEY,
        RECORD,
        QUEUE,
        SCHEDULED,
        RUNNING,
        "cameron:jobs:foo:error",
        DEAD,
        ONE_OF_ITS_KEY,
        COPY,
        EVENTS,
        SESSION,
    ]
    end = end_of(commit)
    assert end.fields == {"job.status.current": "error", "job.status.error.time": "now"}
    assert (end.entry, end.keep_ms, end.unique, end.dead["task"], end.texts) == ("17-0", 5000, "0f", "", [])
    assert end.story == list(STORY)


# back into the queue, or out of it


def test_of_a_job_that_has_nothing_to_run_all_its_keys_are_named_in_case_somebody_has_deleted_it() -> None:
    commit = ledger().forget()
    by_key = "cameron:jobs:foo:key"
    assert commit.keys == [JOB_KEY, RECORD, QUEUE, SCHEDULED, RUNNING, by_key, ONE_OF_ITS_KEY, EVENTS, SESSION]
    assert (commit.script, commit.args, commit.confirm) == ("forget", ["17-0", "cameron", MEMBER, "0f"], True)


def test_a_job_handed_back_goes_into_its_queue_under_its_own_name() -> None:
    commit = ledger().hand_back()
    assert commit.keys == [JOB_KEY, RECORD, QUEUE, EVENTS]
    assert commit.args[3:7] == ["17-0", "cameron", "job.handed_back", "host-1-ab"]
    assert pairs(commit.args[7:]) == ENTRY  # type: ignore[arg-type]  # all text, as is asserted
    assert entry_fields("foo", "(id,007)", "0f", 1_700_000_000_123) == commit.args[7:]
    assert commit.confirm


def test_a_job_handed_over_names_the_other_node_besides() -> None:
    back, over = ledger().hand_back(), ledger().hand_over("host-2-cd")
    assert over.keys == [*back.keys, "cameron:node:host-2-cd", "cameron:node:host-2-cd:inbox"]
    assert (over.args, over.confirm) == ([*back.args, "0f", "host-2-cd"], True)


def test_a_revived_job_loses_its_errors_what_is_said_of_its_failed_tasks_and_its_place_in_the_dead_letter() -> None:
    job, _ = two_failed()
    job, _ = apply(job, JobEnded(Status.ERROR))
    commit = ledger("host-1-ab 1 3", process=UNIQUE).revive(Step(*apply(job, JobRetried()), AT), Status.ERROR, "9-1", ["deadline", "17"])
    errors = [f"{JOB_KEY}:start:error", f"{JOB_KEY}:old:error"]
    assert commit.keys == [
        JOB_KEY,
        RECORD,
        QUEUE,
        SCHEDULED,
        "cameron:jobs:foo:error",
        DEAD,
        ONE_OF_ITS_KEY,
        EVENTS,
        SESSION,
        *errors,
    ]
    args = Arguments(commit)
    assert args.take(6) == [MEMBER, AT.ms, "0f", "9-1", "job.retried", ""]
    assert args.fields() == {"job.status.current": "scheduled", "job.status.scheduled.time": "now"}
    assert args.fields() == {"deadline": "17"}
    of_a_task = ("status.current", "status.running.time", "status.error.time", "output.data", "output.next_activities")
    assert args.counted() == [f"task.{task}.{field}" for task in ("start", "old") for field in of_a_task]
    of_its_record = [
        f"task.{task}.{field}"
        for task in ("start", "old")
        for field in ("attempts", "failures", "begun", "until", "awaited", "note", "crashes", "callback", "callback.by")
    ]
    assert args.counted() == [*of_its_record, "cancel", "crash", "dead"]
    assert pairs(args.rest()) == ENTRY


def test_a_revived_job_whose_key_need_not_be_unique_takes_none() -> None:
    job, _ = job_after(JobStarted(), JobEnded(Status.CANCELLED))
    args = Arguments(ledger().revive(Step(*apply(job, JobRetried()), AT), Status.CANCELLED, "", ()))
    assert args.take(4) == [MEMBER, AT.ms, "", ""]
