"""The list of a process's jobs: what is in it, in which order, and how it is walked while jobs come and go."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from cameron.errors import InvalidRequest
from cameron.store import keys
from cameron.store.job_index import PRUNE_PAGE, JobIndex, JobQuery

from ...acceptance.support.redis_server import RedisServer

T = 1_700_000_000_000
ALL = ("scheduled", "running", "done", "error", "cancelled")


class Book:
    """Writes what the scripts write."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._numbers = count(1)

    def add(self, status: str = "done", key: str = "k", accepted_ms: int = T, since_ms: int = T) -> str:
        """A job; its uuid."""
        return self.add_many(1, status, key, accepted_ms, since_ms)[0]

    def add_many(self, number: int, status: str = "done", key: str = "k", accepted_ms: int = T, since_ms: int = T) -> list[str]:
        """As many jobs at the same time."""
        uuids = [f"{next(self._numbers):032x}" for _ in range(number)]
        with self._client.pipeline(transaction=False) as pipeline:
            for uuid in uuids:
                member = keys.job_member(key, accepted_ms, uuid)
                pipeline.hset(keys.job("foo", key, uuid), "job.status.current", status)
                pipeline.zadd(keys.jobs("foo", status), {member: since_ms})
                pipeline.zadd(keys.jobs_by_key("foo"), {member: 0})
            pipeline.execute()
        return uuids

    def move(self, uuid: str, old: str, new: str, since_ms: int, key: str = "k", accepted_ms: int = T) -> None:
        """The job comes to another status."""
        member = keys.job_member(key, accepted_ms, uuid)
        self._client.zrem(keys.jobs("foo", old), member)
        self._client.zadd(keys.jobs("foo", new), {member: since_ms})

    def expire(self, *uuids: str, key: str = "k") -> None:
        """The jobs' keys are gone."""
        self._client.delete(*(keys.job("foo", key, uuid) for uuid in uuids))


@pytest.fixture
def book(client: Any) -> Book:
    return Book(client)


@pytest.fixture
def index(redis: RedisServer, client: Any) -> JobIndex:
    return JobIndex(redis.url, 10.0)


def found(page: dict[str, Any]) -> list[str]:
    """The uuids of a page."""
    return [row["uuid"] for row in page["jobs"]]


def pages(index: JobIndex, query: JobQuery) -> Iterator[dict[str, Any]]:
    """All pages of a query."""
    while True:
        page = index.page("foo", query)
        yield page
        if page["next"] is None:
            return
        query = query._replace(cursor=page["next"])


def walk(index: JobIndex, query: JobQuery) -> list[str]:
    """The uuids of all pages."""
    return [uuid for page in pages(index, query) for uuid in found(page)]


# what a page says


def test_a_process_without_jobs_has_an_empty_page(index: JobIndex) -> None:
    empty = {"process": "foo", "counts": dict.fromkeys(ALL, 0), "jobs": [], "next": None}
    assert index.page("foo", JobQuery()) == empty
    assert index.page("foo", JobQuery(key="k")) == empty


def test_a_row_has_all_that_the_index_knows(index: JobIndex, book: Book) -> None:
    uuid = book.add("error", "(id,007)", T, T + 1_234)
    row = {
        "uuid": uuid,
        "key": "(id,007)",
        "status": "error",
        "since": "2023-11-14T22:13:21.234Z",
        "accepted": "2023-11-14T22:13:20.000Z",
    }
    assert index.page("foo", JobQuery())["jobs"] == [row]
    assert index.page("foo", JobQuery(key="(id,007)"))["jobs"] == [row]


def test_the_counts_are_of_all_whatever_is_asked_for(index: JobIndex, book: Book) -> None:
    book.add_many(3, "done")
    book.add_many(2, "running")
    assert index.page("foo", JobQuery(("error",), limit=1))["counts"] == dict.fromkeys(ALL, 0) | {"done": 3, "running": 2}


def test_other_processes_have_their_own_lists(index: JobIndex, book: Book) -> None:
    book.add()
    assert index.page("bar", JobQuery())["jobs"] == []


# by status


def test_the_chosen_statuses_come_as_one_list_newest_first(index: JobIndex, book: Book) -> None:
    first, second, third, _ = (book.add(status, since_ms=T + at) for at, status in enumerate(["done", "error", "done", "running"]))
    assert walk(index, JobQuery(("error", "done"))) == [third, second, first]
    assert walk(index, JobQuery(("error",))) == [second]
    assert len(walk(index, JobQuery())) == 4


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_a_walk_shows_every_job_once_however_many_share_a_millisecond(index: JobIndex, book: Book, limit: int) -> None:
    made = [uuid for at in range(5) for status in ("done", "error") for uuid in book.add_many(4, status, since_ms=T + at // 2)]
    shown = walk(index, JobQuery(("done", "error"), limit=limit))
    assert sorted(shown) == sorted(made)
    assert all(len(found(page)) == limit for page in list(pages(index, JobQuery(limit=limit)))[:-1])


def test_a_full_last_page_is_the_last_one(index: JobIndex, book: Book) -> None:
    book.add_many(4)
    assert [len(found(page)) for page in pages(index, JobQuery(limit=2))] == [2, 2]


def test_jobs_that_come_and_end_meanwhile_neither_hide_others_nor_show_them_twice(index: JobIndex, book: Book) -> None:
    made = [book.add("done", since_ms=T + at) for at in range(6)]
    page = index.page("foo", JobQuery(("done",), limit=2))
    book.add_many(3, "done", since_ms=T + 100)
    book.expire(made[4])  # which was the last one shown
    book.expire(made[3])
    rest = walk(index, JobQuery(("done",), limit=2, cursor=page["next"]))
    assert (found(page), rest) == ([made[5], made[4]], [made[2], made[1], made[0]])


def test_expired_jobs_are_not_shown(index: JobIndex, book: Book) -> None:
    gone, kept = book.add_many(2)
    book.expire(gone)
    assert walk(index, JobQuery()) == [kept]
    assert walk(index, JobQuery(key="k")) == [kept]


def test_a_job_in_two_lists_is_shown_once_as_it_stands_last(index: JobIndex, book: Book, client: Any) -> None:
    uuid = book.add("running", since_ms=T)
    client.zadd(keys.jobs("foo", "done"), {keys.job_member("k", T, uuid): T + 5})
    [row] = index.page("foo", JobQuery())["jobs"]
    assert (row["status"], row["since"]) == ("done", "2023-11-14T22:13:20.005Z")


def test_a_page_looks_at_so_many_and_then_goes_on_in_the_next(index: JobIndex, book: Book) -> None:
    gone = book.add_many(30, since_ms=T + 1)
    book.expire(*gone)
    kept = book.add(since_ms=T)
    answers = list(pages(index, JobQuery(limit=2)))
    assert [found(page) for page in answers] == [[], [], [], [kept]]


def test_a_time_from_which_on_and_one_before_which(index: JobIndex, book: Book) -> None:
    made = [book.add("done", since_ms=T + at) for at in range(5)]
    assert walk(index, JobQuery(since_ms=T + 1, until_ms=T + 3)) == [made[2], made[1]]
    assert walk(index, JobQuery(since_ms=T + 1, until_ms=T + 3, limit=1)) == [made[2], made[1]]
    assert walk(index, JobQuery(since_ms=T + 4)) == [made[4]]
    assert walk(index, JobQuery(until_ms=T + 1)) == [made[0]]


# by key


def test_a_key_finds_its_own_jobs_alone_newest_first(index: JobIndex, book: Book) -> None:
    first, second, third = (book.add(status, "a", T + at) for at, status in enumerate(["running", "done", "error"]))
    for neighbour in ("a b", "aa", "a!", "A", "", "ä", "b", "a/"):
        book.add("done", neighbour or "b", T)
    assert walk(index, JobQuery(key="a")) == [third, second, first]
    assert walk(index, JobQuery(key="a", limit=1)) == [third, second, first]


def test_keys_of_any_characters_are_found(index: JobIndex, book: Book) -> None:
    for key in ("ключ", "🔑 / %", "[a", "(a", "-", "+", "*"):
        uuid = book.add("done", key)
        assert walk(index, JobQuery(key=key)) == [uuid]


def test_a_keys_jobs_may_be_of_a_status_and_a_time(index: JobIndex, book: Book) -> None:
    made = [book.add(status, "k", T + at, T + 10 * at) for at, status in enumerate(["done", "error", "done", "done"])]
    assert walk(index, JobQuery(("done",), "k")) == [made[3], made[2], made[0]]
    assert walk(index, JobQuery(("done",), "k", T + 20, T + 30)) == [made[2]]


def test_few_that_fit_among_many_of_a_key_are_found_page_by_page(index: JobIndex, book: Book) -> None:
    wanted = book.add("error", "k", T)
    book.add_many(100, "done", "k", T + 1)
    answers = list(pages(index, JobQuery(("error",), "k", limit=4)))
    assert [found(page) for page in answers] == [[]] * 5 + [[wanted]]


# cursors


@pytest.mark.parametrize("cursor", ["x", "é", "!!!!", "MTIz", "eAl5CXoJdw", "A" * 3000])
def test_a_cursor_that_is_none_is_refused(index: JobIndex, cursor: str) -> None:
    for query in (JobQuery(cursor=cursor), JobQuery(key="k", cursor=cursor)):
        with pytest.raises(InvalidRequest) as refused:
            index.page("foo", query)
        assert (refused.value.code, refused.value.field) == ("cursor_invalid", "cursor")


def test_a_cursor_of_another_key_is_refused(index: JobIndex, book: Book) -> None:
    book.add_many(2, key="other")
    cursor = index.page("foo", JobQuery(key="other", limit=1))["next"]
    with pytest.raises(InvalidRequest):
        index.page("foo", JobQuery(key="k", cursor=cursor))


def test_a_cursor_can_stand_in_a_url(index: JobIndex, book: Book) -> None:
    book.add_many(2, key="🔑?&=/ ÿ")
    cursor = index.page("foo", JobQuery(limit=1))["next"]
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()


# pruning


def test_pruning_takes_out_the_expired_and_no_others(index: JobIndex, book: Book, client: Any) -> None:
    gone = book.add_many(3 * PRUNE_PAGE + 5, "done") + book.add_many(2, "error")
    kept = book.add_many(2, "done", since_ms=T + 1) + book.add_many(1, "running")
    book.expire(*gone)
    assert index.prune("foo") == len(gone)
    assert sorted(walk(index, JobQuery())) == sorted(kept)
    assert client.zcard(keys.jobs_by_key("foo")) == len(kept)
    assert (index.prune("foo"), index.prune("bar")) == (0, 0)


def test_the_expired_behind_those_that_are_kept_for_longer_are_found_in_time(index: JobIndex, book: Book, client: Any) -> None:
    book.add_many(2 * PRUNE_PAGE, "done", since_ms=T)
    gone = book.add_many(PRUNE_PAGE + 50, "done", since_ms=T + 1)
    book.expire(*gone)
    assert sum(index.prune("foo") for _ in range(8)) == len(gone)
    assert client.zcard(keys.jobs("foo", "done")) == 2 * PRUNE_PAGE
