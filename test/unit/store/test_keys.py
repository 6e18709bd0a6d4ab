"""The names of Redis keys: a contract with operators, and no two things under one name."""

from hypothesis import given
from hypothesis import strategies as st

from cameron.store import keys

UUID = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
PROCESSES = st.sampled_from(["foo", "foo.bar", "key", "job"])
ANYTHING = st.text("ab:/ " + "keyjoberr", min_size=1, max_size=12) | st.just(f"42:job:{UUID}") | st.just(f"42:job:{UUID}:start:error")
UUIDS = st.sampled_from([UUID, OTHER])


def test_the_documented_names() -> None:
    job = keys.job("foo", "(id,007)", UUID)
    assert job == f"cameron:process:foo:key:(id,007):job:{UUID}"
    assert keys.task_error(job, "act_1") == f"cameron:process:foo:key:(id,007):job:{UUID}:act_1:error"


def test_the_engines_own_names_stay_clear_of_the_documented_pattern() -> None:
    own = [keys.record("foo", UUID), keys.queue("foo"), keys.definition("foo", "0123"), keys.node("host-1-ab"), keys.QUEUES]
    assert own == [
        f"cameron:record:foo:{UUID}",
        "cameron:queue:foo",
        "cameron:definition:foo:0123",
        "cameron:node:host-1-ab",
        "cameron:queues",
    ]
    assert not [name for name in own if name.startswith("cameron:process:")]


JOBS = st.tuples(PROCESSES, ANYTHING, UUIDS)


@given(JOBS, JOBS, ANYTHING, ANYTHING)
def test_no_two_jobs_and_no_job_and_an_error_share_a_name(
    one: tuple[str, str, str], other: tuple[str, str, str], task: str, other_task: str
) -> None:
    job, another = keys.job(*one), keys.job(*other)
    assert (job == another) == (one == other)
    assert keys.task_error(job, task) != another
    if one == other:
        assert (keys.task_error(job, task) == keys.task_error(another, other_task)) == (task == other_task)
