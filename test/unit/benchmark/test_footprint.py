import pytest
from footprint import keys_by_uuid, kind

from cameron.store import keys

UUID, OTHER = "0123456789abcdef" * 2, "f" * 32
HASH = keys.job("foo", "(id,007)", UUID)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (HASH, "hash"),
        (keys.record("foo", UUID), "record"),
        (keys.events("foo", UUID), "events"),
        (keys.task_error(HASH, "act_1"), "others"),
        (keys.session("foo", UUID), "others"),
    ],
)
def test_each_key_of_a_job_is_of_a_kind(key: str, expected: str) -> None:
    assert kind(key) == expected


def test_keys_belong_to_the_job_whose_uuid_they_bear_and_the_others_to_all() -> None:
    of_other, shared = keys.record("foo", OTHER), [keys.jobs("foo", "done"), keys.queue("foo")]
    by_uuid, of_all = keys_by_uuid([HASH, shared[0], of_other, keys.events("foo", UUID), shared[1]])
    assert dict(by_uuid) == {UUID: [HASH, keys.events("foo", UUID)], OTHER: [of_other]}
    assert of_all == shared
