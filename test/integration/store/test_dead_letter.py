"""The dead letter: listed newest first, page by page, and emptied of what has expired."""

from typing import Any

import pytest

from cameron.errors import InvalidRequest
from cameron.store import keys
from cameron.store.dead_letter import DeadLetters

from ...acceptance.support.redis_server import RedisServer


@pytest.fixture
def letters(redis: RedisServer, client: Any) -> DeadLetters:
    return DeadLetters(redis.url, 10.0)


def put(client: Any, uuid: str, id: str = "*", **fields: str) -> str:
    """An entry, as the script `end` writes it, and its job's record."""
    client.hset(keys.record("foo", uuid), "dead", "x")
    return str(client.xadd(keys.dead("foo"), {"process": "foo", "key": "k", "uuid": uuid, "accepted": "1"} | fields, id=id))


def test_an_entry_says_what_the_job_was_given_up_for(letters: DeadLetters, client: Any) -> None:
    put(client, "u", "1700000000123-0", task="start", crashes="5", reason="given up: ...", crash="node n1 died")
    assert letters.page("foo") == {
        "process": "foo",
        "jobs": [
            {
                "uuid": "u",
                "key": "k",
                "task": "start",
                "crashes": 5,
                "reason": "given up: ...",
                "crash": "node n1 died",
                "time": "2023-11-14T22:13:20.123Z",
            }
        ],
        "next": None,
    }


def test_an_entry_of_which_little_is_known_is_listed_too(letters: DeadLetters, client: Any) -> None:
    client.xadd(keys.dead("foo"), {"crashes": "many"}, id="0-1")
    [row] = letters.page("foo")["jobs"]
    assert row == {"uuid": "", "key": "", "task": "", "crashes": 0, "reason": "", "crash": "", "time": "1970-01-01T00:00:00.000Z"}


def test_no_dead_letter_is_an_empty_one(letters: DeadLetters) -> None:
    assert letters.page("foo") == {"process": "foo", "jobs": [], "next": None}


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_come_newest_first_and_show_every_entry_once(letters: DeadLetters, client: Any, limit: int) -> None:
    made = [f"u{number}" for number in range(5)]
    for uuid in made:
        put(client, uuid)
    shown, cursor, last = list[str](), "", False
    while not last:
        page = letters.page("foo", limit, cursor)
        shown += [row["uuid"] for row in page["jobs"]]
        cursor, last = page["next"] or "", page["next"] is None
    assert shown == made[::-1]


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "(1-1", "1-1-1", "9" * 30 + "-0"])
def test_a_cursor_that_is_none_is_refused(letters: DeadLetters, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        letters.page("foo", 10, cursor)
    assert (refused.value.code, refused.value.field) == ("cursor_invalid", "cursor")


def test_entries_whose_jobs_have_expired_are_taken_out(letters: DeadLetters, client: Any) -> None:
    for number in range(450):
        put(client, f"u{number}")
    client.delete(*(keys.record("foo", f"u{number}") for number in range(430)))
    assert letters.prune("foo") == 430
    assert [row["uuid"] for row in letters.page("foo", 1000)["jobs"]] == [f"u{number}" for number in range(449, 429, -1)]
    assert letters.prune("foo") == 0
