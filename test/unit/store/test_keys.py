"""The names of Redis keys: a contract with operators, and no two things under one name."""

from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from cameron.store import keys

UUID = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
PROCESSES = st.sampled_from(["foo", "foo.bar", "key", "job", "workflow", "workflow:foo", "workflow:key"])
ANYTHING = st.text("ab:/ " + "keyjoberr", min_size=1, max_size=12) | st.just(f"42:job:{UUID}") | st.just(f"42:job:{UUID}:start:error")
UUIDS = st.sampled_from([UUID, OTHER])


def test_the_documented_names() -> None:
    job = keys.job("foo", "(id,007)", UUID)
    assert job == f"cameron:process:foo:key:(id,007):job:{UUID}"
    assert keys.task_error(job, "act_1") == f"cameron:process:foo:key:(id,007):job:{UUID}:act_1:error"


def test_the_documented_names_outside_the_main_name_space() -> None:
    job = keys.job_in("workflow", "foo", "ticket", UUID)
    assert job == f"cameron:workflow:foo:ticket:{UUID}"
    assert keys.task_error(job, "kar") == f"cameron:workflow:foo:ticket:{UUID}:kar:error"
    assert keys.queue("workflow:foo") == "cameron:workflow:foo:queue:incoming"
    assert keys.dead("workflow:foo") == "cameron:workflow:foo:queue:dead"


def test_the_engines_own_names_of_such_a_process_bear_its_qualified_name() -> None:
    assert keys.record("workflow:foo", UUID) == f"cameron:record:workflow:foo:{UUID}"
    assert keys.jobs("workflow:foo", "done") == "cameron:jobs:workflow:foo:done"
    assert keys.unique("workflow:foo", "k") == "cameron:unique:workflow/foo:k"
    assert keys.idempotency("workflow:foo", "t") == "cameron:idempotency:workflow/foo:t"


def test_the_engines_own_names_stay_clear_of_the_documented_pattern() -> None:
    own = {
        keys.record("foo", UUID): f"cameron:record:foo:{UUID}",
        keys.events("foo", UUID): f"cameron:events:foo:{UUID}",
        keys.session("foo", UUID): f"cameron:record:foo:{UUID}:session",
        keys.queue("foo"): "cameron:queue:foo",
        keys.dead("foo"): "cameron:queue:foo:dead",
        keys.jobs("foo", "running"): "cameron:jobs:foo:running",
        keys.jobs_by_key("foo"): "cameron:jobs:foo:key",
        keys.unique("foo", "k:1"): "cameron:unique:foo:k:1",
        keys.idempotency("foo", "t:1"): "cameron:idempotency:foo:t:1",
        keys.definition("foo", "0123"): "cameron:definition:foo:0123",
        keys.node("host-1-ab"): "cameron:node:host-1-ab",
        keys.inbox("host-1-ab"): "cameron:node:host-1-ab:inbox",
        keys.QUEUES: "cameron:queues",
        keys.NODES: "cameron:nodes",
    }
    assert [name for name, expected in own.items() if name != expected] == []
    assert not [name for name in own if name.startswith("cameron:process:")]


JOBS = st.tuples(PROCESSES, ANYTHING, UUIDS)
OF_A_PROCESS: dict[str, Callable[[str, str, str], str]] = {  # the engine's own names that bear something of a process's jobs
    "record": lambda process, key, uuid: keys.record(process, uuid),
    "events": lambda process, key, uuid: keys.events(process, uuid),
    "session": lambda process, key, uuid: keys.session(process, uuid),
    "queue": lambda process, key, uuid: keys.queue(process),
    "dead": lambda process, key, uuid: keys.dead(process),
    "by status": lambda process, key, uuid: keys.jobs(process, "done"),
    "by key": lambda process, key, uuid: keys.jobs_by_key(process),
    "unique": lambda process, key, uuid: keys.unique(process, key),
    "idempotency": lambda process, key, uuid: keys.idempotency(process, key),
    "definition": lambda process, key, uuid: keys.definition(process, uuid),
    "node": lambda process, key, uuid: keys.node(process),
    "inbox": lambda process, key, uuid: keys.inbox(process),
}


@given(JOBS, JOBS)
def test_things_of_different_kinds_never_share_a_name(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    names = {keys.job(*one), *(name(*one) for name in OF_A_PROCESS.values()), keys.QUEUES, keys.NODES}
    assert len(names) == len(OF_A_PROCESS) + 3
    for kind, name in OF_A_PROCESS.items():
        assert not {name(*one)} & {another(*other) for unlike, another in OF_A_PROCESS.items() if unlike != kind}


@given(JOBS, JOBS)
@example(("workflow", "foo:k", UUID), ("workflow:foo", "k", UUID))
def test_what_is_kept_for_one_key_is_not_another_ones(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    same = one[:2] == other[:2]
    assert (keys.unique(*one[:2]) == keys.unique(*other[:2])) == same
    assert (keys.idempotency(*one[:2]) == keys.idempotency(*other[:2])) == same


@given(st.lists(st.tuples(ANYTHING, st.integers(0, 4_102_444_800_000), UUIDS), max_size=8))
def test_the_members_of_a_list_of_jobs_tell_key_time_and_job_and_are_in_order_of_key_and_time(jobs: list[tuple[str, int, str]]) -> None:
    members = [keys.job_member(*job) for job in jobs]
    assert [(key, int(accepted_ms), uuid) for key, accepted_ms, uuid in (member.split("\t") for member in members)] == jobs
    by_key = [member.encode() for member in members if member.startswith("a\t")]
    assert sorted(by_key) == [keys.job_member(*job).encode() for job in sorted(job for job in jobs if job[0] == "a")]


@given(JOBS, JOBS, ANYTHING, ANYTHING)
def test_no_two_jobs_and_no_job_and_an_error_share_a_name(
    one: tuple[str, str, str], other: tuple[str, str, str], task: str, other_task: str
) -> None:
    job, another = keys.job(*one), keys.job(*other)
    assert (job == another) == (one == other)
    assert keys.task_error(job, task) != another
    if one == other:
        assert (keys.task_error(job, task) == keys.task_error(another, other_task)) == (task == other_task)
